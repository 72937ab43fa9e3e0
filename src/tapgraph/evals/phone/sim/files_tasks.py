"""Files: names, folders, the trash, and questions about what lies where."""

from typing import Final

from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import (
    all_of,
    did,
    kept,
    tells,
    there_are,
    there_is,
    there_is_no,
    value_is,
)
from tapgraph.evals.phone.sim.spelling import spelled_count
from tapgraph.evals.phone.sim.ways import do, look_at, tell
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["FILES_TASKS"]

COLUMNS: Final = ("name", "folder", "is_trashed", "is_starred")


def _files(draw: Draw) -> list[Record]:
    """Those that are not in the trash."""
    return [one for one in draw.all("Files", "file") if not one.flag("is_trashed")]


def _rest(draw: Draw, *files: Record) -> list[Record]:
    return [one for one in draw.all("Files", "file") if one not in files]


def _stem(file: Record) -> str:
    return file.title.rpartition(".")[0].removesuffix(" (1)")


def _twin(draw: Draw, file: Record) -> Record:
    """Another file, whose name begins alike where there is one."""
    others = [one for one in _files(draw) if one.id != file.id]
    alike = [one for one in others if one.title.split()[0] == file.title.split()[0]]
    return draw.one(alike or others)


def _put(file: Record, folder: int) -> Aim:
    return do("Files", "move", "move_here", file, settings={"folder": str(folder)})


def rename_a_file(draw: Draw) -> Sketch:
    """A file gets another name, of the same ending."""
    file = draw.one(_files(draw))
    twin = _twin(draw, file)
    name = f"{draw.one(('For Maria', 'To print', 'Keep this', 'Old version'))}"
    new = f"{name}.{file.title.rpartition('.')[2]}"
    rename = {"name": new}
    return Sketch(
        says=(
            f'Rename the file "{file.title}" to "{new}".',
            f'In Files, give "{file.title}" the name "{new}".',
        ),
        rubrics=(
            value_is("the file has the new name", "Files", file, "name", new),
            all_of(
                "and no other file was touched",
                value_is("the file", "Files", file, "name", new),
                kept("the rest", "Files", _rest(draw, file), *COLUMNS),
                kept("its place", "Files", [file], "folder", "is_trashed"),
            ),
        ),
        aims=(do("Files", "rename", "save", file, settings=rename),),
        wrong={"another file": (do("Files", "rename", "save", twin, settings=rename),),
               "without its ending": (do("Files", "rename", "save", file,
                                         settings={"name": name}),)},
    )  # fmt: skip


def move_a_file(draw: Draw) -> Sketch:
    """A file goes to another folder."""
    folders = draw.all("Files", "folder")
    file = draw.one(_files(draw))
    others = [one for one in folders if one.id != file.number("folder")]
    folder, wrong = draw.some(others, 2)
    return Sketch(
        says=(
            f'Move "{file.title}" to the folder {folder.title}.',
            f'The file "{file.title}" belongs into {folder.title}. Put it there.',
        ),
        rubrics=(
            value_is("the file is in the folder", "Files", file, "folder", folder.id),
            all_of(
                "and no other file was touched",
                value_is("the file", "Files", file, "folder", folder.id),
                kept("its name", "Files", [file], "name", "is_trashed"),
                kept("the rest", "Files", _rest(draw, file), *COLUMNS),
            ),
        ),
        aims=(_put(file, folder.id),),
        wrong={"to another folder": (_put(file, wrong.id),),
               "another file too": (_put(file, folder.id), _put(_twin(draw, file), wrong.id))},
    )  # fmt: skip


def tell_the_largest_file(draw: Draw) -> Sketch:
    """The largest of a folder, whose size differs clearly from the next."""
    folder = draw.one(draw.all("Files", "folder"))
    inside = sorted(
        (one for one in _files(draw) if one.number("folder") == folder.id),
        key=lambda one: one.number("kilobytes"),
    )
    everywhere = sorted(_files(draw), key=lambda one: one.number("kilobytes"))
    draw.demand(len(inside) > 1 and inside[-1].text("size") != inside[-2].text("size"))
    file = inside[-1]
    wrong = everywhere[-1] if everywhere[-1].id != file.id else inside[-2]
    return Sketch(
        says=(
            f"Which is the largest file in my {folder.title} folder? Tell me its full name.",
            f"Find the file that takes most room in {folder.title} and tell me its "
            "full name, with the ending.",
        ),
        rubrics=(
            did("the folder was opened", "Files", "folder_opened", folder),
            tells("the name is told", file.title, but_not=(wrong.title,)),
        ),
        aims=(look_at("Files", "folder", folder, settings={"sort": "Size"}),
              tell(f'It is "{file.title}".')),
        wrong={"another one": (look_at("Files", "folder", folder),
                               tell(f'It is "{wrong.title}".'))},
    )  # fmt: skip


def count_files_of_a_folder(draw: Draw) -> Sketch:
    """How many files of a kind are in a folder."""
    folder = draw.one(draw.all("Files", "folder"))
    kind = draw.one(("Document", "Image"))
    inside = [one for one in _files(draw) if one.number("folder") == folder.id]
    count = sum(one.text("kind") == kind for one in inside)
    total = sum(one.text("kind") == kind for one in draw.all("Files", "file"))
    draw.demand(0 < count < total)
    return Sketch(
        says=(
            f"How many {kind.lower()}s are there in the folder {folder.title}? Just the number.",
            f"Count the {kind.lower()}s in {folder.title}, in the app Files.",
        ),
        rubrics=(
            did("the folder was opened", "Files", "folder_opened", folder),
            tells(f"the answer is {count}", spelled_count(count)),
        ),
        aims=(look_at("Files", "folder", folder, settings={f"{kind}s": "on"}),
              tell(f"There are {count}.")),
        wrong={"all folders": (look_at("Files", "recent"), tell(f"There are {total}."))},
    )  # fmt: skip


def star_the_files_of_a_folder(draw: Draw) -> Sketch:
    """All files of a folder but those of one kind get a star."""
    folder = draw.one(draw.all("Files", "folder"))
    kind = draw.one(("Document", "Image", "Audio"))
    inside = [one for one in _files(draw) if one.number("folder") == folder.id]
    meant = [one for one in inside if one.text("kind") == kind]
    todo = [one for one in meant if not one.flag("is_starred")]
    draw.demand(1 < len(todo) < 6)
    outside = [one for one in _files(draw) if one not in meant and not one.flag("is_starred")]
    starred = [value_is(one.title, "Files", one, "is_starred", 1) for one in meant]
    star = [do("Files", "file", "add_star", one) for one in todo]
    what = {"Document": "document", "Image": "picture", "Audio": "recording"}[kind]
    return Sketch(
        says=(
            f"Star every {what} in the folder {folder.title}, and nothing else.",
            f"All {what}s that lie in {folder.title} should have a star. Leave the other files as "
            "they are.",
        ),
        rubrics=(
            starred[meant.index(todo[0])],
            all_of("all of them have a star", *starred),
            all_of("and no others were touched", *starred,
                   kept("the rest", "Files", _rest(draw, *meant), *COLUMNS)),
        ),
        aims=star,
        wrong={"all but one": star[1:],
               "one more": (*star, do("Files", "file", "add_star", draw.one(outside)))},
    )  # fmt: skip


def delete_an_old_copy(draw: Draw) -> Sketch:
    """Of two files with nearly equal names, one goes into the trash."""
    files = _files(draw)
    file = draw.one(files)
    alike = [one for one in files if one.id != file.id and _stem(one).split()[0] == _stem(
        file).split()[0]]  # fmt: skip
    twin = draw.one(alike)
    return Sketch(
        says=(
            f'Delete the file "{file.title}".',
            f'I do not need "{file.title}" any longer. Put it into the trash, only that file.',
        ),
        rubrics=(
            value_is("the file is in the trash", "Files", file, "is_trashed", 1),
            all_of(
                "that file, and no other",
                value_is("the file", "Files", file, "is_trashed", 1),
                kept("the rest", "Files", _rest(draw, file), *COLUMNS),
            ),
        ),
        aims=(do("Files", "file", "delete", file),),
        wrong={"that with nearly the name": (do("Files", "file", "delete", twin),),
               "both": [do("Files", "file", "delete", one) for one in (file, twin)]},
    )  # fmt: skip


def throw_away_and_bring_back(draw: Draw) -> Sketch:
    """One file goes into the trash; one that is there comes back, or another one gets a star."""
    trashed = [one for one in draw.all("Files", "file") if one.flag("is_trashed")]
    back = draw.one(trashed or _files(draw))
    away = draw.one([one for one in _files(draw) if one.id != back.id])
    is_there = bool(trashed)
    restore = [do("Files", "file", "restore", back)] if is_there else [
        do("Files", "file", "add_star", back)]  # fmt: skip
    draw.demand(is_there or not back.flag("is_starred"))
    column, wanted = ("is_trashed", 0) if is_there else ("is_starred", 1)
    ending = f'bring back "{back.title}" from there' if is_there else f'star "{back.title}"'
    throw = do("Files", "file", "delete", away)
    return Sketch(
        says=(
            f'Put the file "{away.title}" into the trash and {ending}.',
            f'In Files: delete "{away.title}" to the trash, then {ending}.',
        ),
        rubrics=(
            value_is("the one is in the trash", "Files", away, "is_trashed", 1),
            value_is("the other is as wanted", "Files", back, column, wanted),
            all_of(
                "both, and no more",
                value_is("the one", "Files", away, "is_trashed", 1),
                value_is("the other", "Files", back, column, wanted),
                kept("the rest", "Files", _rest(draw, away, back), *COLUMNS),
            ),
        ),
        aims=(throw, *restore),
        wrong={"only half of it": (throw,)},
    )


def file_things_in_a_new_folder(draw: Draw) -> Sketch:
    """A new folder, and two files that go there."""
    name = draw.one(("Taxes", "Summer", "For Dana", "Flat"))
    folders = draw.all("Files", "folder")
    first, second, third = draw.some(_files(draw), 3)
    new = max(one.id for one in folders) + 1
    create = do("Files", "new", "create", settings={"name": name})
    is_made = there_are("the folder", "Files", "folder", 1, name=name)
    inside = [value_is(one.title, "Files", one, "folder", new) for one in (first, second)]
    return Sketch(
        says=(
            f'Make a folder "{name}" and move "{first.title}" and "{second.title}" into it.',
            f'I want "{first.title}" and "{second.title}" in a new folder called "{name}", and '
            "nothing else in there.",
        ),
        rubrics=(
            there_is("there is the folder", "Files", "folder", name=name),
            all_of("the first is in it", is_made, inside[0]),
            all_of("both are in it, and nothing else", is_made, *inside,
                   there_are("files there", "Files", "file", 2, folder=new)),
        ),
        aims=(create, _put(first, new), _put(second, new)),
        wrong={"the first only": (create, _put(first, new)),
               "one more": (create, *(_put(one, new) for one in (first, second, third)))},
    )  # fmt: skip


def rename_a_file_that_is_gone(draw: Draw) -> Sketch:
    """A file that is nowhere, not in the trash either."""
    files = draw.all("Files", "file")
    near = draw.one(_files(draw))
    ending = near.title.rpartition(".")[2]
    name = f"{_stem(near)} {draw.one(('final', 'scan', 'v3'))}.{ending}"
    draw.demand(all(one.title != name for one in files))
    new = f"Archive 2026.{ending}"
    return Sketch(
        says=(
            f'Rename the file "{name}" to "{new}".',
            f'Give my file "{name}" the new name "{new}".',
        ),
        rubrics=(
            did("the files were looked at", "Files", "folders_opened"),
            all_of(
                "no file was renamed",
                there_is_no("the name", "Files", "file", name=new),
                kept("all files", "Files", files, "name"),
            ),
        ),
        aims=(look_at("Files", "recent", settings={"query": _stem(near)}),
              look_at("Files", "trash")),
        right_end="cannot",
        wrong={"that with nearly the name": (do("Files", "rename", "save", near,
                                                settings={"name": new}),)},
    )  # fmt: skip


FILES_TASKS = (
    Kind(rename_a_file, "easy"),
    Kind(move_a_file, "easy"),
    Kind(tell_the_largest_file, "easy"),
    Kind(count_files_of_a_folder, "easy"),
    Kind(star_the_files_of_a_folder, "hard"),
    Kind(delete_an_old_copy, "medium"),
    Kind(throw_away_and_bring_back, "medium"),
    Kind(file_things_in_a_new_folder, "hard"),
    Kind(rename_a_file_that_is_gone, "medium"),
)

"""Files: folders, what lies in them, and what can be done with a file."""

from collections.abc import Mapping
from datetime import timedelta
from random import Random

from tapgraph.tools.mobile.simulator import kit

__all__ = ["FILES"]

FOLDER = kit.Entity("folder", {"name": "text", "glyph": "text"})
FILE = kit.Entity(
    "file",
    {"name": "text", "folder": "folder", "kind": "text", "glyph": "text", "size": "text",
     "kilobytes": "number", "changed": "when", "is_starred": "flag", "is_trashed": "flag"},
)  # fmt: skip
FOLDERS = {"Downloads": "download", "Documents": "file-document-outline",
           "Pictures": "image-outline", "Recordings": "microphone-outline"}  # fmt: skip
STEMS: Mapping[str, tuple[str, ...]] = {
    "pdf": ("Invoice {n}", "Ticket Chicago", "Lease", "Lease signed", "Manual", "Report {n}"),
    "jpg": ("IMG_20260{n}", "Lake", "Lake 2", "Receipt {n}"),
    "txt": ("Packing list", "Notes", "Notes old", "Recipe"),
    "m4a": ("Interview", "Interview part 2", "Idea {n}"),
}
KINDS = {
    "pdf": ("Document", "file-pdf-box"),
    "jpg": ("Image", "file-image-outline"),
    "txt": ("Document", "file-document-outline"),
    "m4a": ("Audio", "file-music-outline"),
}
RENAME = (kit.FormField("name", "Name|File name"),)
NEW = (kit.FormField("name", "Name|Folder name"),)
MOVE = (kit.FormField("folder", "Folder|Move to", kind="thing", of="folder"),)


def _fill(app: kit.KitApp, random: Random) -> None:
    folders = [app.store.add("folder", name=name, glyph=glyph) for name, glyph in FOLDERS.items()]
    for number, (ending, stems) in enumerate(STEMS.items()):
        for stem in stems:
            for copy in range(random.choice((1, 1, 2))):
                name = stem.format(n=random.randrange(100, 999)) + (f" ({copy})" if copy else "")
                kilobytes = random.randrange(4, 9000)
                changed = app.phone.clock - timedelta(hours=random.randrange(1, 900))
                kind, glyph = KINDS[ending]
                app.store.add(
                    "file", name=f"{name}.{ending}", kind=kind, glyph=glyph, kilobytes=kilobytes,
                    size=f"{kilobytes / 1000:.1f} MB" if kilobytes > 999 else f"{kilobytes} kB",
                    folder=random.choice((folders[0], folders[number])),
                    changed=changed.isoformat(timespec="minutes"), is_starred=random.random() < 0.1,
                    is_trashed=random.random() < 0.12,
                )  # fmt: skip


def _files(where: kit.Where, *filters: kit.Filter) -> kit.Rows:
    return kit.Rows(
        entity="file", opens="file", where=where, looks=("list", "list", "cards"),
        face=kit.Face(title="{name}", lines=("{size}, {changed:near}",), glyph="{glyph}"),
        find=kit.Find(
            search=("{name}",), hint="Search files|Find a file", filters=filters,
            sorts=(kit.Sort("Newest|Last changed", "changed", is_descending=True),
                   kit.Sort("Name|A to Z", "name"),
                   kit.Sort("Size|Largest", "kilobytes", is_descending=True)),
        ),
        empty="No files|This folder is empty",
    )  # fmt: skip


def _trash(is_trashed: int) -> tuple[kit.Effect, ...]:
    return (kit.Change(lambda _: {"is_trashed": is_trashed}),)


def _is_in_trash(at: kit.At) -> bool:
    return at.record.flag("is_trashed")


def _is_inside(at: kit.At, file: kit.Record) -> bool:
    return file.number("folder") == at.record.id and not file.flag("is_trashed")


KIND_FILTERS = tuple(kit.Filter(f"{kind}s", kit.equals("kind", kind))
                     for kind in ("Document", "Image"))  # fmt: skip
PAGES = (
    kit.Page(
        "folders", "Folders|Browse|Files", glyph="folder",
        blocks=(kit.Rows(entity="folder", opens="folder",
                         face=kit.Face(title="{name}", glyph="{glyph}")),),
        main=kit.Act("New folder|Create folder", glyph="folder-plus", opens="new", creates=True),
    ),
    kit.Page("recent", "Recent|Latest", glyph="history",
             blocks=(_files(kit.lacks("is_trashed"), *KIND_FILTERS),)),
    kit.Page("starred", "Starred|Favorites", glyph="star",
             blocks=(_files(kit.has("is_starred")),)),
    kit.Page("trash", "Trash|Bin", glyph="trash-can-outline",
             blocks=(_files(kit.has("is_trashed")),)),
    kit.Page("folder", "{name}", entity="folder",
             blocks=(_files(_is_inside, *KIND_FILTERS),)),
    kit.Page(
        "file", "File|Details", entity="file",
        blocks=(
            kit.Headline("{name}", ("{kind}",)),
            kit.Facts((("folder-outline", "Folder", "{folder}"),
                       ("database-outline", "Size", "{size}"),
                       ("clock-outline", "Changed|Last changed", "{changed}"))),
            kit.Buttons((
                kit.Act("Rename", glyph="form-textbox", opens="rename"),
                kit.Act("Move|Move to", glyph="folder-move-outline", opens="move"),
                kit.Act("Delete|Move to trash", glyph="trash-can-outline", effects=_trash(1),
                        confirm="Move {name} to the trash?", leaves=True,
                        is_there=lambda at: not _is_in_trash(at)),
                kit.Act("Restore", glyph="restore", effects=_trash(0), leaves=True,
                        is_there=_is_in_trash),
                kit.Act("Delete forever", glyph="delete-forever-outline", effects=(kit.Remove(),),
                        confirm="Delete {name} for good?", leaves=True, is_there=_is_in_trash),
            )),
        ),
        acts=(kit.Flip("Add star|Star", glyph="star-outline", column="is_starred",
                       on_words="Remove star|Unstar", on_glyph="star"),),
    ),
    kit.Page("rename", "Rename", (kit.Form(RENAME),), entity="file",
             main=kit.Act("Save|OK|Rename", event="renamed", glyph="check", leaves=True,
                          effects=(kit.SaveForm("file", RENAME),))),
    kit.Page("move", "Move|Move to folder", (kit.Form(MOVE),), entity="file",
             main=kit.Act("Move here|Move", event="moved", glyph="check", leaves=True,
                          effects=(kit.SaveForm("file", MOVE),))),
    kit.Page("new", "New folder", (kit.Form(NEW),),
             main=kit.Act("Create|OK", event="folder_created", glyph="check", leaves=True,
                          effects=(kit.SaveForm("folder", NEW, lambda _: {"glyph": "folder"}),))),
)  # fmt: skip

FILES = kit.AppSpec(
    package="com.google.android.apps.nbu.files", label="Files", glyph="folder", color="#1A73E8",
    entities=(FOLDER, FILE), fill=_fill, pages=PAGES, needs_network=False,
    tabs=("folders", "recent", "starred", "trash"), permissions=("photos",),
    looks=kit.Looks(accents=("#1A73E8", "#137333", "#B06000"), rows=("list", "cards")),
)  # fmt: skip

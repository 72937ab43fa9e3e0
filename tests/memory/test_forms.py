"""Files in and out: what is written is read back as the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from tapgraph.errors import UsageError
from tapgraph.memory import (
    Condition,
    MemoryStore,
    Scope,
    Shortcut,
    ShortcutDraft,
    ShortcutStep,
    StepTarget,
)
from tapgraph.memory.forms.json_lines import written_lines
from tapgraph.memory.forms.original import (
    read_shortcuts,
    read_tips,
    written_shortcuts,
    written_tips,
)
from tapgraph.memory.forms.skill import read_skill, write_skills
from tapgraph.memory.forms.take_in import take_in
from tapgraph.memory.shortcut_check import ActionArguments

POINT = frozenset({"x", "y"})
ACTIONS = {
    "Tap": ActionArguments(required=POINT, types=dict.fromkeys(POINT, "number")),
    "Type": ActionArguments(required=frozenset({"text"})),
    "Enter": ActionArguments(),
}
FIELD = StepTarget(role="input", resource_id="com.x:id/search", place=(0.5, 0.1))
DRAFT = ShortcutDraft(
    name="Search_For",
    arguments=("query",),
    description='Searches: with a colon, "quotes" and 東京.',
    precondition="The field is shown.",
    steps=(
        ShortcutStep(action_name="Tap", target=FIELD),
        ShortcutStep(action_name="Type", arguments_map={"text": "query"}),
        ShortcutStep(action_name="Enter"),
    ),
    requires=Condition(app="com.x", shows=(FIELD,)),
    ensures=Condition(app="com.x"),
)


def content(shortcut: ShortcutDraft) -> dict[str, Any]:
    return {
        name: getattr(shortcut, name)
        for name in ShortcutDraft.model_fields
        if name not in {"example", "reached_by"}
    }


def kept(store: MemoryStore, scope: Scope | None = None) -> Shortcut:
    key = store.add_shortcut(DRAFT, actions=ACTIONS, scope=scope)
    entry = store.get(key)
    assert isinstance(entry, Shortcut)
    return entry


def test_a_skill_is_read_back_as_the_same_shortcut(store: MemoryStore, tmp_path: Path) -> None:
    shortcut = kept(store)
    (file,) = write_skills([shortcut], tmp_path)
    assert file == tmp_path / "search-for" / "SKILL.md"
    assert content(read_skill(file)) == content(shortcut)
    text = file.read_text(encoding="utf-8")
    assert text.startswith("---\nname: search-for\ndescription: ")
    assert "2. Type text=query" in text


def test_two_skills_of_one_name_have_folders_of_their_own(
    store: MemoryStore, tmp_path: Path
) -> None:
    shortcut = kept(store)
    other = shortcut.model_copy(update={"name": "Search__For"})
    assert len(set(write_skills([shortcut, other], tmp_path))) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# no head", "does not begin with its name"),
        ("---\nname: x\n---\n\nDo it by hand.\n", "no steps that a phone agent could carry out"),
        ("---\nname: x\n---\n```json tapgraph-shortcut\n{}\n```\n", "Field required"),
    ],
)
def test_a_skill_of_something_else_is_refused(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "SKILL.md"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        read_skill(file)


def test_json_lines_carry_everything_into_another_memory(
    store: MemoryStore, tmp_path: Path
) -> None:
    scope = Scope(app="com.x", language="de", screen_size=(720, 1280))
    shortcut = kept(store, scope)
    store.add_tip("Look.", polarity="avoid", scope=scope)
    file = tmp_path / "memory.jsonl"
    lines = written_lines([*store.tips(), *store.shortcuts()])
    file.write_text("".join(lines), encoding="utf-8")
    with MemoryStore.open(tmp_path / "other.db") as other:
        taken = take_in(other, file, ACTIONS, vouched=True)
        assert list(taken.rejected) == ["Tap_Type_and_Enter"]
        assert "in this scope" in taken.rejected["Tap_Type_and_Enter"]
        (again,) = [one for one in other.shortcuts() if one.name == "Search_For"]
        assert (content(again), again.scope, again.status) == (content(shortcut), scope, "verified")
        assert ("Look.", "avoid") in {(one.text, one.polarity) for one in other.tips()}


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085"])
def test_a_separator_of_lines_inside_words_parts_no_entry(
    separator: str, store: MemoryStore, tmp_path: Path
) -> None:
    words = f"Look{separator}twice."
    store.add_tip(words)
    file = tmp_path / "memory.jsonl"
    file.write_text("".join(written_lines(store.tips())), encoding="utf-8")
    with MemoryStore.open(tmp_path / "other.db") as other:
        take_in(other, file, ACTIONS, vouched=True)
        assert words in {one.text for one in other.tips()}


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"kind": "tip"}', '{"text": "x"}', '{"kind": "tip", "text": 5}', "null"]
)
def test_a_line_that_is_no_entry_is_named(line: str, store: MemoryStore, tmp_path: Path) -> None:
    file = tmp_path / "memory.jsonl"
    file.write_text(f"\n{line}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="line 2 is no entry"):
        take_in(store, file, ACTIONS)


def test_the_original_tips_are_read_and_written(store: MemoryStore) -> None:
    lines = "0. Do not pay. \n1. Close pop-ups, e.g. at 9.30 a.m.\n2. Rest.\n"
    assert [tip.text for tip in read_tips(lines)] == [
        "Do not pay.", "Close pop-ups, e.g. at 9.30 a.m.", "Rest.",
    ]  # fmt: skip
    assert [tip.text for tip in read_tips(lines.replace("\n", " "))] == [
        tip.text for tip in read_tips(lines)
    ]
    tips = store.tips()
    assert [tip.text for tip in read_tips(written_tips(tips))] == [tip.text for tip in tips]


def test_the_original_shortcuts_are_read_and_written(store: MemoryStore) -> None:
    (initial,) = store.shortcuts()
    written = written_shortcuts([initial, kept(store)])
    assert list(json.loads(written)) == ["Tap_Type_and_Enter"]
    drafts, rejected = read_shortcuts(written)
    again = drafts["Tap_Type_and_Enter"]
    assert (again.steps, again.arguments) == (initial.steps, initial.arguments)
    assert rejected == {}


@pytest.mark.parametrize("text", ["{", "[]", '"x"', ""])
def test_what_is_no_file_of_shortcuts_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"shortcuts\.json"):
        read_shortcuts(text)


def test_what_a_file_gives_is_a_draft_that_nobody_is_shown(
    store: MemoryStore, tmp_path: Path
) -> None:
    file = tmp_path / "tips.txt"
    file.write_text("0. Look first. 1. Then act.", encoding="utf-8")
    taken = take_in(store, file, ACTIONS)
    for key in taken.entries:
        tip = store.get(key)
        assert (tip.status, tip.provenance.origin) == ("draft", "import")
        assert tip.provenance.quotes == ("the file tips.txt",)
        assert tip.is_unvouched
        store.verify(key, reason="read")
        assert not store.get(key).is_unvouched


@pytest.mark.parametrize("name", ["memory.xyz", "there is none.txt", "folder"])
def test_a_file_that_cannot_be_read_is_told(name: str, store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "memory.xyz").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=name):
        take_in(store, tmp_path / name, ACTIONS)

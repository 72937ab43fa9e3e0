"""The six shortcuts that Mobile-Agent-E learnt in its paper, as its file would hold them.

Each has what a reading of the paper found wrong with it: it is rejected, repaired, or retired by
its record, for a stated reason.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tapgraph.memory import MemoryStore, Shortcut
from tapgraph.memory.forms.take_in import TakenIn, take_in
from tapgraph.memory.shortcut_check import ActionArguments

POINT = frozenset({"x", "y"})
NUMBERS: Any = dict.fromkeys(POINT, "number")
ACTIONS = {
    "Tap": ActionArguments(required=POINT, types=NUMBERS),
    "Type": ActionArguments(required=frozenset({"text"})),
    "Swipe": ActionArguments(required=frozenset({"direction"})),
    "Enter": ActionArguments(),
    "Home": ActionArguments(),
    "Switch_App": ActionArguments(),
}


def atomic(name: str, **arguments: str) -> dict[str, Any]:
    return {"name": name, "arguments_map": arguments}


@pytest.fixture
def take(store: MemoryStore, tmp_path: Path) -> Any:
    """Takes in one shortcut of such a file."""

    def read(name: str, arguments: list[str], *steps: dict[str, Any]) -> TakenIn:
        value = {
            "name": name, "arguments": arguments, "description": f"{name}.",
            "precondition": "It can be done.", "atomic_action_sequence": list(steps),
        }  # fmt: skip
        file = tmp_path / "shortcuts.json"
        file.write_text(json.dumps({name: value}), encoding="utf-8")
        return take_in(store, file, ACTIONS)

    return read


def test_the_pixel_of_one_phone_is_rejected(take: Any, store: MemoryStore) -> None:
    taken = take(
        "Create_New_Note", ["text"], atomic("Tap", x="929", y="2053"), atomic("Type", text="text")
    )
    assert "right on one screen only" in taken.rejected["Create_New_Note"]
    assert [one.name for one in store.shortcuts()] == ["Tap_Type_and_Enter"]


def test_a_touch_that_is_repeated_at_the_end_is_taken_off(take: Any, store: MemoryStore) -> None:
    bar = {"x": "x", "y": "y"}
    taken = take(
        "Search_Location_in_Maps",
        ["x", "y", "text"],
        atomic("Tap", **bar),
        atomic("Type", text="text"),
        atomic("Enter"),
        atomic("Tap", **bar),
    )
    assert taken.rejected == {}
    assert "touches again what was touched before" in taken.repaired["Search_Location_in_Maps"][0]
    kept = store.get(taken.entries[0])
    assert isinstance(kept, Shortcut)
    assert [one.action_name for one in kept.steps] == ["Tap", "Type", "Enter"]


def test_one_action_by_another_name_is_rejected(take: Any) -> None:
    taken = take("Swipe_to_Reveal_Content", ["way"], atomic("Swipe", direction="way"))
    assert "is one action by another name" in taken.rejected["Swipe_to_Reveal_Content"]


def test_what_can_be_carried_out_and_does_not_help_is_retired_by_its_record(
    take: Any, store: MemoryStore
) -> None:
    taken = take(
        "Clear_Search_And_Type",
        ["x", "y", "text"],
        atomic("Tap", x="x", y="y"),
        atomic("Type", text="text"),
    )
    (kept,) = taken.entries
    assert store.get(kept).status == "draft"
    store.verify(kept, reason="a person vouched for it")
    for _ in range(4):
        store.record("failed", [kept], why="the field was not empty")
    assert store.get(kept).status == "retired"
    assert store.get(kept).reason == "worked in 0 of 4 uses, surely in 0% of them"


def test_places_on_screens_that_are_not_yet_seen_are_rejected(take: Any) -> None:
    names = ["x1", "y1", "x2", "y2", "x3", "y3"]
    taps = [atomic("Tap", x=f"x{n}", y=f"y{n}") for n in (1, 2, 3)]
    taken = take("Save_Note_As_File", names, *taps)
    assert "on a screen that is not yet seen" in taken.rejected["Save_Note_As_File"]


def test_an_argument_that_nothing_uses_is_rejected(take: Any) -> None:
    taken = take(
        "Switch_App_And_Search",
        ["app_name", "text"],
        atomic("Switch_App"),
        atomic("Type", text="text"),
        atomic("Enter"),
    )
    assert "no step uses the arguments ['app_name']" in taken.rejected["Switch_App_And_Search"]

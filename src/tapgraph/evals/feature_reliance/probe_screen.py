"""Screens of a simulated phone that differ in one feature only.

Each shows six entries of a menu; every cue of the target (its words, its icon, its id, the accent
colour) says that it is the one. A counterfactual screen gives one cue to another entry, the rival,
or changes what should not matter. The screens are drawn by the phone itself, so that its view tree,
its picture and an agent that works on it see the same.
"""

import csv
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from random import Random
from typing import Final, TypeAlias

from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.screen import Screen
from tapgraph.tools.mobile.simulator.app import Activity, App
from tapgraph.tools.mobile.simulator.builder import DEFAULT_CLOCK
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.views import Column, Icon, Label, Row, ScrollColumn, View

__all__ = [
    "FEATURES",
    "GIVEN_TO_RIVAL",
    "Entry",
    "Menu",
    "Probe",
    "Slot",
    "draw_probe",
    "open_menu",
    "slot_at",
]

Slot: TypeAlias = str
"""What is touched: `target`, `rival`, `other N`, or `nothing`."""

_ENTRIES: Final = 6
_ACCENT: Final = "#D3E3FD"
_PLAIN: Final = "#F1F3F4"
_LOWERED_DP: Final = 260


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an entry can mean, with words, a picture and an id for it."""

    label: str
    synonym: str
    goal: str
    glyph: str
    icon: str
    id: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu; `slot` is who it is, wherever and however it stands."""

    slot: Slot
    label: str
    glyph: str
    icon: str
    id: str
    is_accented: bool = False


@dataclass(frozen=True, slots=True)
class Menu:
    """A screen: its entries from top to bottom, and the room above them."""

    entries: tuple[Entry, ...]
    lowered_dp: int = 0

    def index(self, slot: Slot) -> int:
        """The place of an entry from 0."""
        return next(place for place, one in enumerate(self.entries) if one.slot == slot)


@dataclass(frozen=True, slots=True)
class Probe:
    """A goal, the screen on which all cues agree, and its counterfactuals by feature."""

    number: int
    goal: str
    base: Menu
    changed: Mapping[str, Menu]

    def menu(self, feature: str) -> Menu:
        """The counterfactual screen of a feature; the base for the empty one."""
        return self.changed[feature] if feature else self.base

    def right(self, feature: str) -> Slot:
        """Whom the goal means: the meaning is with the words, and all else is a cue."""
        return "rival" if feature == "words" else "target"


class _MenuPage(Activity["_MenuApp"]):
    def build(self) -> View:
        shown = self.app.menu
        lines = [_line(entry, self.app.touched) for entry in shown.entries]
        title = Label("Note", size_sp=22, padding=(20, 16))
        return ScrollColumn([title, Column([], height=shown.lowered_dp), *lines])


class _OpenedPage(Activity["_MenuApp"]):
    def __init__(self, app: "_MenuApp", entry: Entry) -> None:
        super().__init__(app)
        self._entry = entry

    def build(self) -> View:
        entry = self._entry
        picture = Icon(entry.glyph, desc=entry.icon, margin=(20, 8))
        name = Label(entry.label, size_sp=22, padding=(20, 16), id=f"{entry.id}_title")
        ready = Label("Ready", padding=(20, 8))
        return Column([picture, name, ready], background=_ACCENT if entry.is_accented else "")


class _MenuApp(App):
    package, label, glyph, color = "org.example.probe", "Notebook", "notebook", "#1A73E8"

    def __init__(self, menu: Menu) -> None:
        self.menu = menu

    def first_activity(self) -> Activity["_MenuApp"]:
        return _MenuPage(self)

    def touched(self, entry: Entry) -> Callable[[], None]:
        return lambda: self.open(_OpenedPage(self, entry))


def _line(entry: Entry, touched: Callable[[Entry], Callable[[], None]]) -> View:
    return Row(
        [
            Icon(entry.glyph, desc=entry.icon, margin=(8, 0)),
            Label(entry.label, size_sp=18, padding=(12, 18), decorative=not entry.label),
        ],
        id=entry.id,
        key=entry.slot,
        background=_ACCENT if entry.is_accented else _PLAIN,
        corner_dp=12,
        margin=(12, 4),
        on_click=touched(entry),
    )


@contextmanager
def open_menu(menu: Menu, *, clock: datetime = DEFAULT_CLOCK) -> Iterator[Phone]:
    """A phone that shows the menu."""
    with Phone([_MenuApp(menu)], clock=clock) as phone:
        phone.open_app(_MenuApp.package)
        yield phone


def slot_at(menu: Menu, screen: Screen, point: Point) -> Slot:
    """Which entry of the menu is touched at a point of its screen."""
    lines = [one for one in screen.elements if one.clickable]
    for entry, line in zip(menu.entries, lines, strict=True):
        if line.bounds.contains(point):
            return entry.slot
    return "nothing"


def draw_probe(number: int, *, seed: int = 0) -> Probe:
    """The probe of a number; equal for equal numbers and seeds."""
    dice = Random(f"reliance/{seed}/{number}")
    chosen = dice.sample(_meanings(), _ENTRIES)
    target, rival = dice.sample(range(_ENTRIES), 2)
    slots = {target: "target", rival: "rival"}
    entries = tuple(
        Entry(slots.get(place, f"other {place}"), one.label, one.glyph, one.icon, one.id)
        for place, one in enumerate(chosen)
    )
    accented = dataclasses.replace(entries[target], is_accented=True)
    base = Menu(tuple(accented if place == target else one for place, one in enumerate(entries)))
    synonym = chosen[target].synonym
    changed = {name: edit(base, synonym) for name, edit in FEATURES.items()}
    return Probe(number, chosen[target].goal, base, changed)


def _exchanged(menu: Menu, *names: str) -> Menu:
    """Target and rival with some of what they have exchanged."""
    entries = list(menu.entries)
    one, other = menu.index("target"), menu.index("rival")
    held = {name: getattr(entries[one], name) for name in names}
    taken = {name: getattr(entries[other], name) for name in names}
    entries[one] = dataclasses.replace(entries[one], **taken)
    entries[other] = dataclasses.replace(entries[other], **held)
    return dataclasses.replace(menu, entries=tuple(entries))


def _reordered(menu: Menu) -> Menu:
    entries = list(menu.entries)
    one, other = menu.index("target"), menu.index("rival")
    entries[one], entries[other] = entries[other], entries[one]
    return dataclasses.replace(menu, entries=tuple(entries))


def _renamed(menu: Menu, label: str) -> Menu:
    place = menu.index("target")
    entries = list(menu.entries)
    entries[place] = dataclasses.replace(entries[place], label=label)
    return dataclasses.replace(menu, entries=tuple(entries))


FEATURES: Final[Mapping[str, Callable[[Menu, str], Menu]]] = {
    "nothing": lambda menu, _: menu,
    "words": lambda menu, _: _exchanged(menu, "label"),
    "rename": _renamed,
    "wordless": lambda menu, _: _renamed(menu, ""),
    "reorder": lambda menu, _: _reordered(menu),
    "move": lambda menu, _: dataclasses.replace(menu, lowered_dp=_LOWERED_DP),
    "recolour": lambda menu, _: _exchanged(menu, "is_accented"),
    "icon": lambda menu, _: _exchanged(menu, "glyph", "icon"),
    "resource id": lambda menu, _: _exchanged(menu, "id"),
}
"""What is done to the screen. `words` gives the target's words to the rival, whom the goal means
from then on; after all others the goal means the target still. `rename` calls it by a synonym,
`wordless` leaves it only its icon. `nothing` is the control."""

GIVEN_TO_RIVAL: Final = frozenset({"words", "reorder", "recolour", "icon", "resource id"})
"""Features whose cue says `rival` on the counterfactual screen while the others say `target`."""


@cache
def _meanings() -> Sequence[Meaning]:
    text = resources.files(__package__).joinpath("meanings.tsv").read_text("utf-8")
    return tuple(Meaning(**row) for row in csv.DictReader(text.splitlines(), delimiter="\t"))

"""What an app knows about: kinds of things, and the things themselves."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeAlias

from tapgraph.tools.mobile.simulator.speech import Speech

__all__ = ["KINDS", "Entity", "Record", "Value", "shown"]

Value: TypeAlias = str | int | float

KINDS: Final[Mapping[str, str]] = {
    "text": "TEXT",
    "when": "TEXT",
    "number": "INTEGER",
    "money": "INTEGER",
    "flag": "INTEGER",
    "rating": "REAL",
}
"""Kinds of columns and how SQLite stores them; `when` is ISO 8601, `money` is in cents."""

_NAME: Final = re.compile(r"[a-z][a-z_]*")


@dataclass(frozen=True)
class Entity:
    """A kind of thing with its typed columns; it is a table of that name.

    A column is of one of `KINDS`, or refers to another entity by that one's name. The first
    column of text is what a thing is called.

    Attributes:
        is_trace: whether its things tell only what the user looked at, as a history does; that
            they change is no side effect.

    Raises:
        ValueError: a name is no plain word, which SQL could misread.
    """

    name: str
    columns: Mapping[str, str]
    is_trace: bool = False
    blank: Mapping[str, Value | None] = field(init=False, repr=False, compare=False)
    """What a new thing has where nothing is given, its number first."""

    def __post_init__(self) -> None:
        for word in (self.name, *self.columns, *self.columns.values()):
            if not _NAME.fullmatch(word):
                raise ValueError(f"{word!r} is no lower-case word; entity {self.name!r} has it")
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))
        blank: dict[str, Value | None] = {"id": None}
        for name, kind in self.columns.items():
            blank[name] = "" if KINDS.get(kind) == "TEXT" else 0
        object.__setattr__(self, "blank", MappingProxyType(blank))

    @property
    def title(self) -> str:
        """The column that names a thing; empty where it has no text."""
        return next((name for name, kind in self.columns.items() if kind == "text"), "")


@dataclass(frozen=True)
class Record:
    """A thing: a row of its entity's table as it was when it was read."""

    entity: Entity
    id: int
    values: Mapping[str, Value]

    def text(self, column: str) -> str:
        """A column as text."""
        return str(self.values[column])

    def number(self, column: str) -> int:
        """A column of whole numbers; for a reference the number of the other thing."""
        return int(self.values[column])

    def flag(self, column: str) -> bool:
        """A column that says yes or no."""
        return bool(self.values[column])

    def when(self, column: str) -> datetime:
        """A column of moments."""
        return datetime.fromisoformat(str(self.values[column]))

    @property
    def title(self) -> str:
        """What it is called; empty for a thing without text, such as a place in a cart."""
        return self.text(self.entity.title) if self.entity.title else ""


def shown(value: Value, kind: str, form: str, now: datetime, speech: Speech) -> str:
    """A value as a person reads it.

    Args:
        value: what a column of `kind` holds.
        kind: of the column.
        form: of moments `day`, `time`, `ago`, `near` (the time today, else the day) or empty for
            both; of numbers `short`; of texts `first`, the first letter.
        now: what moments are compared with.
        speech: the language.

    >>> shown(125000, "money", "", datetime.min, Speech())
    '$1,250.00'
    """
    match kind:
        case "money":
            return speech.money(int(value))
        case "number":
            return speech.short_number(int(value)) if form == "short" else speech.number(int(value))
        case "rating":
            return speech.number(float(value), 1)
        case "when":
            return _moment(datetime.fromisoformat(str(value)), form, now, speech)
        case _:
            return str(value)[:1].upper() if form == "first" else str(value)


def _moment(moment: datetime, form: str, now: datetime, speech: Speech) -> str:
    time = f"{moment:%H:%M}"
    day = speech.day(moment)
    if form == "ago":
        return speech.ago(int((now - moment).total_seconds()))
    if form == "near":
        return time if moment.date() == now.date() else speech.short_date(moment)
    return {"time": time, "day": day}.get(form, f"{day}, {time}")

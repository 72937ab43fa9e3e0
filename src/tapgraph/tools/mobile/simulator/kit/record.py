"""What an app knows about: kinds of things, and the things themselves."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeAlias

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
_HOUR_S: Final = 3600


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

    def __post_init__(self) -> None:
        for word in (self.name, *self.columns, *self.columns.values()):
            if not _NAME.fullmatch(word):
                raise ValueError(f"{word!r} is no lower-case word; entity {self.name!r} has it")
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))

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


def shown(value: Value, kind: str, form: str, now: datetime) -> str:
    """A value as a person reads it.

    Args:
        value: what a column of `kind` holds.
        kind: of the column.
        form: of moments `day`, `time`, `ago`, `near` (the time today, else the day) or empty for
            both; of numbers `short`; of texts `first`, the first letter.
        now: what moments are compared with.

    >>> shown(125000, "money", "", datetime.min), shown(27820, "number", "short", datetime.min)
    ('$1,250.00', '27.8K')
    """
    match kind:
        case "money":
            cents = int(value)
            return f"{'-' if cents < 0 else ''}${abs(cents) / 100:,.2f}"
        case "number":
            return _short(int(value)) if form == "short" else f"{value:,}"
        case "rating":
            return f"{value:.1f}"
        case "when":
            return _moment(datetime.fromisoformat(str(value)), form, now)
        case _:
            return str(value)[:1].upper() if form == "first" else str(value)


def _short(count: int) -> str:
    if count >= 1_000_000:
        return f"{count / 1_000_000:.1f}M"
    return f"{count:,}" if count < 10_000 else f"{count / 1000:.1f}K"


def _moment(moment: datetime, form: str, now: datetime) -> str:
    time = f"{moment:%H:%M}"
    day = f"{moment:%a, %b} {moment.day}"
    if form == "ago":
        return _ago(int((now - moment).total_seconds()))
    if form == "near":
        return time if moment.date() == now.date() else f"{moment:%b} {moment.day}"
    return {"time": time, "day": day}.get(form, f"{day}, {time}")


def _ago(seconds: int) -> str:
    hours = seconds // _HOUR_S
    if hours < 1:
        return f"{max(1, seconds // 60)} min ago"
    if hours < 24:
        return f"{hours} h ago"
    days = hours // 24
    return f"{days} d ago" if days < 60 else f"{days // 30} months ago"

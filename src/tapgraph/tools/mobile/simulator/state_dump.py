"""What is stored on a phone, row by row, and what has changed between two moments."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, NamedTuple, TypeAlias

__all__ = [
    "Change",
    "Row",
    "RowKey",
    "StateDump",
    "Value",
    "difference",
    "dump_state",
    "unexpected",
]

Value: TypeAlias = str | int | float | bytes | None
Row: TypeAlias = Mapping[str, Value]
"""A row by the names of its columns."""
_SHOWN_CHARACTERS: Final = 60


class RowKey(NamedTuple):
    """Which row: the app's package, the table, and the primary key, else the rowid."""

    app: str
    table: str
    key: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class StateDump:
    """Everything in the databases of a phone at one moment.

    Attributes:
        rows: all rows.
        bookkeeping: those of them that tell only what was looked at.
    """

    rows: Mapping[RowKey, Row]
    bookkeeping: frozenset[RowKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """A row that was made, changed or deleted; its `str()` is one line for a report.

    Attributes:
        before: the row as it was, None where it was made.
        after: the row as it is, None where it was deleted.
        bookkeeping: whether it tells only what was looked at, so that it is no side effect.
    """

    app: str
    table: str
    key: tuple[Value, ...]
    before: Row | None
    after: Row | None
    bookkeeping: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that differ: all of them where a row was made or deleted."""
        before, after = self.before or {}, self.after or {}
        return tuple(
            name
            for name in dict.fromkeys([*before, *after])
            if name not in before or name not in after or not _is_same(before[name], after[name])
        )

    def matches(self, pattern: str) -> bool:
        """Whether a pattern such as `com.example.notes/notes/*` covers every column that differs.

        Patterns are those of `fnmatch` over `app/table/column`, in which `*` also stands for
        slashes: `com.example.notes/*` covers the whole app.

        >>> edit = Change("org.notes", "notes", (1,), {"title": "a"}, {"title": "b"})
        >>> edit.matches("org.notes/notes/title"), edit.matches("org.notes/notes/body")
        (True, False)
        """
        return self._is_covered([pattern])

    def _is_covered(self, patterns: Sequence[str]) -> bool:
        return all(
            any(fnmatchcase(f"{self.app}/{self.table}/{name}", pattern) for pattern in patterns)
            for name in self.columns
        )

    def __str__(self) -> str:
        place = f"{self.app}/{self.table}/{','.join(str(part) for part in self.key)}"
        before, after = self.before or {}, self.after or {}
        if self.before is None or self.after is None:
            deed = "made" if self.before is None else "deleted"
            held = after or before
            return f"{place} {deed}: " + ", ".join(
                f"{name}={_shown(value)}" for name, value in held.items()
            )
        return f"{place}: " + ", ".join(
            f"{name} {_shown(before.get(name))} -> {_shown(after.get(name))}"
            for name in self.columns
        )


def difference(before: StateDump, after: StateDump) -> tuple[Change, ...]:
    """The rows that differ, by app, table and key in the order of the dumps, the made ones last."""
    changes = []
    for key in dict.fromkeys([*before.rows, *after.rows]):
        old, new = before.rows.get(key), after.rows.get(key)
        is_bookkeeping = (old is None or key in before.bookkeeping) and (
            new is None or key in after.bookkeeping
        )
        change = Change(*key, old, new, is_bookkeeping)
        if change.columns:
            changes.append(change)
    return tuple(changes)


def unexpected(changes: Iterable[Change], allowed: Sequence[str]) -> tuple[Change, ...]:
    """The side effects: changes with a column that no allowed pattern covers; bookkeeping is none.

    >>> made = Change("org.notes", "notes", (2,), None, {"title": "b"})
    >>> looked = Change("org.notes", "events", (7,), None, {"kind": "search"}, bookkeeping=True)
    >>> unexpected([made, looked], ["org.notes/notes/*"]), len(unexpected([made, looked], []))
    ((), 1)
    """
    return tuple(
        change for change in changes if not change.bookkeeping and not change._is_covered(allowed)
    )


def dump_state(
    databases: Iterable[tuple[str, sqlite3.Connection, Callable[[str, Row], bool]]],
) -> StateDump:
    """All tables of databases, each with its owner's package and its owner's word on bookkeeping.

    Left out are SQLite's own tables and those behind a virtual table.
    """
    rows: dict[RowKey, Row] = {}
    bookkeeping: set[RowKey] = set()
    for app, database, is_bookkeeping in databases:
        for key, row in _rows(app, database):
            rows[key] = row
            if is_bookkeeping(key.table, row):
                bookkeeping.add(key)
    return StateDump(rows, frozenset(bookkeeping))


def _rows(app: str, database: sqlite3.Connection) -> Iterator[tuple[RowKey, Row]]:
    cursor = database.cursor()
    cursor.row_factory = None
    tables = cursor.execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')"
        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    ).fetchall()
    for (table,) in tables:
        names = cursor.execute(
            "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table,)
        ).fetchall()
        key_names = [name for (name,) in names] or ["rowid"]
        wanted = ", ".join(_quoted(name) for name in key_names)
        # A table's name cannot be a parameter; these come from the schema and are quoted.
        found = cursor.execute(f"SELECT {wanted}, * FROM {_quoted(table)} ORDER BY {wanted}")  # noqa: S608
        columns = [column[0] for column in found.description[len(key_names) :]]
        for values in found:
            row = dict(zip(columns, values[len(key_names) :], strict=True))
            yield RowKey(app, table, values[: len(key_names)]), row


def _is_same(one: Value, other: Value) -> bool:
    """SQL tells 1 from 1.0, Python does not."""
    return type(one) is type(other) and one == other


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _shown(value: Value) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
        return repr(value[: _SHOWN_CHARACTERS - 1] + "…")
    return repr(value)

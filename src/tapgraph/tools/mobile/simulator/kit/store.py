"""The things of an app in its database, and what the user did with them."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from tapgraph.tools.mobile.simulator.kit.record import KINDS, Entity, Record, Value

__all__ = ["Store"]


class Store:
    """Tables of an app, one for each entity, and the table `events` of what the user did.

    Names of tables and columns stand in the SQL as they are: `Entity` lets only plain words pass.

    Raises:
        ValueError: a column is of no known kind.
    """

    def __init__(self, database: sqlite3.Connection, entities: Iterable[Entity]) -> None:
        self._database = database
        self.entities = {entity.name: entity for entity in entities}
        for entity in self.entities.values():
            unknown = set(entity.columns.values()) - KINDS.keys() - self.entities.keys()
            if unknown:
                raise ValueError(f"entity {entity.name!r} has columns of unknown kind {unknown!r}")
        self._insertions = {entity.name: _insertion(entity) for entity in self.entities.values()}

    def create(self) -> None:
        """Make the empty tables."""
        self._database.execute(
            "CREATE TABLE events (id INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL,"
            " subject TEXT NOT NULL, detail TEXT NOT NULL)"
        )
        for entity in self.entities.values():
            columns = "".join(
                f', "{name}" {KINDS.get(kind, "INTEGER")} NOT NULL'
                for name, kind in entity.columns.items()
            )
            query = f'CREATE TABLE "{entity.name}" (id INTEGER PRIMARY KEY{columns})'
            self._database.execute(query)

    def add(self, entity_name: str, **values: Value) -> int:
        """Make a thing and give its number; columns that are not given are empty or zero.

        `id` may give the number that it is to have.

        Raises:
            ValueError: the entity has no such column.
        """
        blank = self.entities[entity_name].blank
        row = {**blank, **values}
        if len(row) > len(blank):
            unknown = sorted(values.keys() - blank.keys())
            raise ValueError(f"entity {entity_name!r} has no columns {unknown!r}")
        cursor = self._database.execute(self._insertions[entity_name], tuple(row.values()))
        return int(cursor.lastrowid or 0)

    def all(self, entity_name: str) -> tuple[Record, ...]:
        """All things of a kind, in the order in which they were made."""
        entity = self.entities[entity_name]
        query = f'SELECT * FROM "{entity.name}" ORDER BY id'  # noqa: S608
        return tuple(
            Record(entity, row[0], dict(zip(entity.columns, row[1:], strict=True)))
            for row in self._database.execute(query)
        )

    def get(self, entity_name: str, number: int) -> Record:
        """One thing.

        Raises:
            KeyError: there is none of that number.
        """
        entity = self.entities[entity_name]
        query = f'SELECT * FROM "{entity.name}" WHERE id = ?'  # noqa: S608
        row = self._database.execute(query, (number,)).fetchone()
        if row is None:
            raise KeyError(f"{entity_name} {number}")
        return Record(entity, row[0], dict(zip(entity.columns, row[1:], strict=True)))

    def holds(self, record: Record) -> bool:
        """Whether it is still there."""
        query = f'SELECT 1 FROM "{record.entity.name}" WHERE id = ?'  # noqa: S608
        return self._database.execute(query, (record.id,)).fetchone() is not None

    def change(self, record: Record, **values: Value) -> None:
        """Give columns of a thing new values.

        Raises:
            ValueError: it has no such column.
        """
        for name, value in values.items():
            if name not in record.entity.columns:
                raise ValueError(f"entity {record.entity.name!r} has no column {name!r}")
            query = f'UPDATE "{record.entity.name}" SET "{name}" = ? WHERE id = ?'  # noqa: S608
            self._database.execute(query, (value, record.id))

    def remove(self, record: Record) -> None:
        """Take a thing away for good."""
        query = f'DELETE FROM "{record.entity.name}" WHERE id = ?'  # noqa: S608
        self._database.execute(query, (record.id,))

    def note(self, kind: str, subject: str | int, detail: str, at: datetime) -> None:
        """Remember that the user did something."""
        self._database.execute(
            "INSERT INTO events (at, kind, subject, detail) VALUES (?, ?, ?, ?)",
            (at.isoformat(timespec="milliseconds"), kind, str(subject), detail),
        )

    def has_noted(self, kind: str) -> bool:
        """Whether the user ever did that."""
        query = "SELECT 1 FROM events WHERE kind = ?"
        return self._database.execute(query, (kind,)).fetchone() is not None


def _insertion(entity: Entity) -> str:
    names = ", ".join(f'"{name}"' for name in ("id", *entity.columns))
    marks = ", ".join("?" * (1 + len(entity.columns)))
    return f'INSERT INTO "{entity.name}" ({names}) VALUES ({marks})'  # noqa: S608

"""What a checker reads of a phone: the databases of its apps and of the system."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tapgraph.errors import UsageError
from tapgraph.tools.mobile.simulator.system_database import SYSTEM_DATABASE

__all__ = ["Foreground", "HasDatabases", "PhoneRecords"]


class HasDatabases(Protocol):
    """A phone in this process."""

    def database(self, package: str) -> sqlite3.Connection:
        """The database of an app."""
        ...


@dataclass(frozen=True, slots=True)
class Foreground:
    """What is in front; `dialog` is empty where none covers the page."""

    package: str
    activity: str
    dialog: str = ""


class PhoneRecords:
    """A reader of databases, from a phone in this process or from a served phone's state folder."""

    def __init__(self, source: HasDatabases | Path) -> None:
        """Read from a phone, or from the folder that `tapgraph sim serve` keeps its state in.

        Raises:
            UsageError: the folder holds no phone's databases.
        """
        if isinstance(source, Path) and not (source / f"{SYSTEM_DATABASE}.db").is_file():
            raise UsageError(f"{str(source)!r} does not hold the databases of a simulated phone")
        self._source = source

    def rows(
        self, package: str, query: str, parameters: Sequence[str | int] = ()
    ) -> list[tuple[str | int, ...]]:
        """What a query finds in the database of an app."""
        if isinstance(self._source, Path):
            uri = f"{(self._source / f'{package}.db').absolute().as_uri()}?mode=ro"
            connection = sqlite3.connect(uri, uri=True)
            try:
                return connection.execute(query, parameters).fetchall()
            finally:
                connection.close()
        return self._source.database(package).execute(query, parameters).fetchall()

    def events(self, package: str, kind: str) -> list[tuple[str, str]]:
        """Subject and detail of all events of a kind that an app recorded, the last one last."""
        rows = self.rows(
            package, "SELECT subject, detail FROM events WHERE kind = ? ORDER BY id", (kind,)
        )
        return [(str(subject), str(detail)) for subject, detail in rows]

    def foreground(self) -> Foreground:
        """What is in front."""
        rows = self.rows(SYSTEM_DATABASE, "SELECT package, activity, dialog FROM screen")
        package, activity, dialog = rows[0]
        return Foreground(str(package), str(activity), str(dialog))

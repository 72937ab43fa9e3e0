"""The databases of the phone: one for each app, and the system's own."""

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Final, NamedTuple, Self

from tapgraph.errors import UsageError
from tapgraph.tools.mobile.simulator.app import DeviceStatus
from tapgraph.tools.mobile.simulator.distractions import DistractionRow, is_deed
from tapgraph.tools.mobile.simulator.state_dump import Row

__all__ = ["SYSTEM_DATABASE", "Databases", "ScreenRow", "is_system_bookkeeping"]

SYSTEM_DATABASE: Final = "com.android.systemui"
_PACKAGE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")
_SCHEMA: Final = """
CREATE TABLE screen (
    package TEXT NOT NULL, activity TEXT NOT NULL, dialog TEXT NOT NULL, toast TEXT NOT NULL,
    keyboard_shown INTEGER NOT NULL, inputs INTEGER NOT NULL, clock TEXT NOT NULL
);
INSERT INTO screen VALUES ('', '', '', '', 0, 0, '');
CREATE TABLE permissions (
    package TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (package, name)
);
CREATE TABLE device (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE distractions (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, came_at TEXT NOT NULL,
    answer TEXT NOT NULL
);
"""


class ScreenRow(NamedTuple):
    """The only row of the table `screen`: what is in front.

    Attributes:
        dialog: title of the visible dialog, its message where it has no title, else empty.
        inputs: how many inputs the phone has taken.
        clock: simulated time in ISO 8601.
    """

    package: str
    activity: str
    dialog: str
    toast: str
    keyboard_shown: bool
    inputs: int
    clock: str


class Databases:
    """All databases of one phone: files in a folder, or in memory.

    Files that an earlier phone left under the same names are replaced.

    Raises:
        UsageError: a package name is not one, or two apps have the same.
    """

    def __init__(self, packages: Iterable[str], folder: Path | None) -> None:
        self._connections: dict[str, sqlite3.Connection] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        for package in (*packages, SYSTEM_DATABASE):
            if not _PACKAGE.fullmatch(package):
                raise UsageError(f"{package!r} is not an Android package name")
            if package in self._connections:
                raise UsageError(f"two apps have the package {package!r}")
            self._connections[package] = _fresh(folder, package)
        self._connections[SYSTEM_DATABASE].executescript(_SCHEMA)
        self._images: dict[str, bytes] = {}
        self._written: tuple[object, ...] = ()

    @classmethod
    def from_images(cls, images: Mapping[str, bytes]) -> Self:
        """New databases in memory that hold what others held."""
        databases = cls((package for package in images if package != SYSTEM_DATABASE), None)
        for package, image in images.items():
            databases[package].deserialize(image)
        return databases

    @property
    def connections(self) -> Mapping[str, sqlite3.Connection]:
        """By package, the system's last."""
        return self._connections

    def __getitem__(self, package: str) -> sqlite3.Connection:
        return self._connections[package]

    def images(self) -> dict[str, bytes]:
        """Each database as SQLite would write it to a file; equal ones are the same object."""
        self.commit()
        for package, connection in self._connections.items():
            image = connection.serialize()
            if self._images.get(package) != image:
                self._images[package] = image
        return dict(self._images)

    def restore(self, images: Mapping[str, bytes]) -> None:
        """Make each database hold what an image holds; connections stay as they are.

        Raises:
            UsageError: the images are of other apps.
        """
        if set(images) != set(self._connections):
            raise UsageError(
                f"the snapshot is of a phone with the apps {', '.join(sorted(images))}; this one "
                f"has {', '.join(sorted(self._connections))}"
            )
        now = self.images()
        for package, image in images.items():
            if image != now[package]:
                with closing(sqlite3.connect(":memory:")) as source:
                    source.deserialize(image)
                    source.backup(self._connections[package])
        self._written = ()

    def record(
        self,
        screen: ScreenRow,
        permissions: Mapping[tuple[str, str], str],
        status: DeviceStatus,
        distractions: Sequence[DistractionRow],
    ) -> None:
        """Write down what is in front and commit every database."""
        device = asdict(status)
        rest = (dict(permissions), device, distractions)
        system = self._connections[SYSTEM_DATABASE]
        system.execute(
            "UPDATE screen SET package = ?, activity = ?, dialog = ?, toast = ?, "
            "keyboard_shown = ?, inputs = ?, clock = ?",
            screen,
        )
        if rest != self._written:
            self._written = rest
            system.execute("DELETE FROM permissions")
            system.executemany(
                "INSERT INTO permissions VALUES (?, ?, ?)",
                [(*key, state) for key, state in permissions.items()],
            )
            system.execute("DELETE FROM device")
            system.executemany("INSERT INTO device VALUES (?, ?)", list(device.items()))
            system.execute("DELETE FROM distractions")
            system.executemany("INSERT INTO distractions VALUES (?, ?, ?, ?, ?)", distractions)
        self.commit()

    def commit(self) -> None:
        """Make all changes visible to readers outside."""
        for connection in self._connections.values():
            if connection.in_transaction:
                connection.commit()

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.close()


def is_system_bookkeeping(table: str, row: Row) -> bool:
    """As `App.is_bookkeeping`, for the system's database: what no user does is no deed.

    That is what is in front, how full the battery is, and a distraction that was sent away.
    """
    if table == "device":
        return row["name"] == "battery_percent"
    return table == "screen" or (table == "distractions" and not is_deed(str(row["answer"])))


def _fresh(folder: Path | None, package: str) -> sqlite3.Connection:
    if folder is None:
        connection = sqlite3.connect(":memory:", check_same_thread=False)
    else:
        path = folder / f"{package}.db"
        path.unlink(missing_ok=True)
        connection = sqlite3.connect(path, check_same_thread=False)
        # The state can be made again by replaying the inputs, so no commit needs to wait for the
        # disk.
        connection.execute("PRAGMA synchronous = OFF")
    # Writes the first page, without which SQLite cannot give an image.
    connection.execute("PRAGMA user_version = 0")
    return connection

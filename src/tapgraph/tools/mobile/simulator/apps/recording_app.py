"""An app that remembers what its user did, for those who check a task."""

from fnmatch import fnmatchcase
from typing import Final

from tapgraph.tools.mobile.simulator.app import App
from tapgraph.tools.mobile.simulator.state_dump import Row
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["RecordingApp"]

_LOOKS: Final = ("search", "*_opened", "*_shown")


class RecordingApp(App):
    """An app that shows a part of the world.

    Its table `events` gets a row for each thing that the user did (`kind`, `subject`, `detail`),
    its table `marks` holds what the user keeps: saved places, liked posts, followed accounts.
    Events whose kind is `search` or ends in `_opened` or `_shown` tell what was looked at; all
    others, such as `order` and `call`, are deeds.
    """

    needs_network = True

    def __init__(self, world: World) -> None:
        self.world = world

    def create(self) -> None:
        """Make the tables."""
        self.database.execute(
            "CREATE TABLE events (id INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL,"
            " subject TEXT NOT NULL, detail TEXT NOT NULL)"
        )
        self.database.execute(
            "CREATE TABLE marks (kind TEXT NOT NULL, subject TEXT NOT NULL, at TEXT NOT NULL,"
            " PRIMARY KEY (kind, subject))"
        )

    def is_bookkeeping(self, table: str, row: Row) -> bool:
        """Events that tell what was looked at."""
        kind = str(row.get("kind"))
        return table == "events" and any(fnmatchcase(kind, pattern) for pattern in _LOOKS)

    def record(self, kind: str, subject: str | int, detail: str = "") -> None:
        """Remember that the user did something."""
        self.database.execute(
            "INSERT INTO events (at, kind, subject, detail) VALUES (?, ?, ?, ?)",
            (self._now(), kind, str(subject), detail),
        )

    def is_marked(self, kind: str, subject: str | int) -> bool:
        """Whether the user keeps it."""
        row = self.database.execute(
            "SELECT 1 FROM marks WHERE kind = ? AND subject = ?", (kind, str(subject))
        ).fetchone()
        return row is not None

    def toggle_mark(self, kind: str, subject: str | int) -> None:
        """Keep it, or no longer."""
        if self.is_marked(kind, subject):
            self.database.execute(
                "DELETE FROM marks WHERE kind = ? AND subject = ?", (kind, str(subject))
            )
        else:
            self.database.execute(
                "INSERT INTO marks (kind, subject, at) VALUES (?, ?, ?)",
                (kind, str(subject), self._now()),
            )

    def _now(self) -> str:
        return self.phone.clock.isoformat(timespec="milliseconds")

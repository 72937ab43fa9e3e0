"""An app that remembers what its user did, for those who check a task."""

from tapgraph.tools.mobile.simulator.app import App
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["RecordingApp"]


class RecordingApp(App):
    """An app that shows a part of the world.

    Its table `events` gets a row for each thing that the user did (`kind`, `subject`, `detail`),
    its table `marks` holds what the user keeps: saved places, liked posts, followed accounts.
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

"""Clock: the time and alarms that can be switched."""

from functools import partial

from tapgraph.tools.mobile.simulator.app import Activity, App
from tapgraph.tools.mobile.simulator.apps.parts import GREY, section
from tapgraph.tools.mobile.simulator.views import Card, Column, Label, ScrollColumn, Switch, View

__all__ = ["CLOCK_PACKAGE", "ClockApp"]

CLOCK_PACKAGE = "com.google.android.deskclock"


class ClockApp(App):
    """The app; its table `alarms` holds `at`, `label` and `is_on`."""

    package, label = CLOCK_PACKAGE, "Clock"
    glyph, color = "clock-outline", "#1A73E8"

    def create(self) -> None:
        """Make the table, with three alarms."""
        self.database.execute(
            "CREATE TABLE alarms (at TEXT PRIMARY KEY, label TEXT NOT NULL, is_on INTEGER NOT NULL)"
        )
        self.database.executemany(
            "INSERT INTO alarms (at, label, is_on) VALUES (?, ?, ?)",
            [("06:45", "Weekdays", 1), ("08:30", "Saturday", 0), ("21:00", "Water the plants", 1)],
        )

    def first_activity(self) -> "ClockHome":
        """Time and alarms."""
        return ClockHome(self)

    def alarms(self) -> list[tuple[str, str, int]]:
        """Time, label and state of each alarm."""
        rows: list[tuple[str, str, int]] = self.database.execute(
            "SELECT at, label, is_on FROM alarms ORDER BY at"
        ).fetchall()
        return rows

    def toggle(self, at: str) -> None:
        """Turn an alarm on or off."""
        self.database.execute("UPDATE alarms SET is_on = 1 - is_on WHERE at = ?", (at,))


class ClockHome(Activity[ClockApp]):
    """Time and alarms."""

    def build(self) -> View:
        """The time in large digits above the alarms."""
        now = self.app.phone.clock
        return Column(
            [
                Label(f"{now:%H:%M}", id="digital_clock", size_sp=64, padding=(24, 32, 24, 0)),
                Label(f"{now:%A, %d %B}", id="date", color=GREY, padding=(24, 0)),
                section("Alarms"),
                ScrollColumn(
                    [self._alarm(*alarm) for alarm in self.app.alarms()],
                    weight=1,
                    gap=10,
                    padding=16,
                ),
            ],
            height="match",
        )

    def _alarm(self, at: str, label: str, is_on: int) -> View:
        return Card(
            [
                Switch(
                    at, checked=bool(is_on), width="match", size_sp=24,
                    on_click=partial(self.app.toggle, at),
                ),
                Label(label, color=GREY),
            ],
            key=at,
            gap=4,
        )  # fmt: skip

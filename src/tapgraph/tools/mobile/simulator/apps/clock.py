"""Clock: the time and alarms that can be switched."""

from random import Random

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.views import Label, View

__all__ = ["CLOCK"]

ALARM = kit.Entity("alarms", {"at": "text", "label": "text", "is_on": "flag"})
FIRST_ALARMS = (
    ("06:45", "Weekdays", 1),
    ("08:30", "Saturday", 0),
    ("21:00", "Water the plants", 1),
)


def _fill(app: kit.KitApp, random: Random) -> None:
    del random
    for at, label, is_on in FIRST_ALARMS:
        app.store.add("alarms", at=at, label=label, is_on=is_on)


class TimeOfDay(kit.Block):
    """The time in large digits, and the date."""

    def body(self, at: kit.At) -> list[View]:
        """Two lines."""
        now, style = at.scene.now, at.style
        return [
            Label(f"{now:%H:%M}", id="digital_clock", size_sp=64, color=style.ink, padding=(24, 8)),
            Label(style.speech.long_day(now), id="date", color=style.muted, padding=(24, 0)),
        ]


CLOCK = kit.AppSpec(
    package="com.google.android.deskclock", label="Clock", glyph="clock-outline", color="#1A73E8",
    entities=(ALARM,), fill=_fill, tabs=("alarms",), needs_network=False,
    looks=kit.Looks(accents=("#1A73E8", "#00796B"), rows=("cards", "list")),
    pages=(kit.Page(
        "alarms", "Clock",
        (TimeOfDay(), kit.Rows(
            entity="alarms", heading="Alarms", find=kit.Find(sorts=(kit.Sort("Time", "at"),)),
            face=kit.Face(title="{at}", lines=("{label}",), is_on="is_on"),
            switch=kit.Flip("Switch", column="is_on", event="alarm_switched"),
        )),
    ),),
)  # fmt: skip

"""A calendar's line of days."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from tapgraph.tools.mobile.simulator.kit.block import Block
from tapgraph.tools.mobile.simulator.kit.scene import At
from tapgraph.tools.mobile.simulator.kit.setting import Setting, Touch
from tapgraph.tools.mobile.simulator.views import Column, IconButton, Label, Row, View

__all__ = ["Days", "chosen_day"]


def chosen_day(at: At) -> date:
    """The day that the user chose on the page, today at first."""
    return date.fromisoformat(at.held("day", at.scene.now.date().isoformat()))


@dataclass(frozen=True)
class Days(Block):
    """Chooses a day: from a week, or one after the other, as the style has it."""

    def head(self, at: At) -> list[View]:
        """Arrows with the day or the week between them."""
        day = chosen_day(at)
        if not self._is_week(at):
            title = Label(
                at.style.speech.long_day(day),
                id="day",
                size_sp=17,
                bold=True,
                color=at.style.ink,
                align="center",
                weight=1,
            )
            return [Row([self._arrow(at, -1), title, self._arrow(at, 1)], padding=(4, 4))]
        monday = day - timedelta(days=day.weekday())
        week = [self._day(at, monday + timedelta(days=number)) for number in range(7)]
        month = Label(
            f"{at.style.speech.month(day)} {day.year}",
            size_sp=15,
            color=at.style.muted,
            weight=1,
            align="center",
        )
        return [
            Row([self._arrow(at, -7), month, self._arrow(at, 7)], padding=(4, 0)),
            Row(week, padding=(4, 4), id="week"),
        ]

    def settings(self, at: At) -> Iterator[Setting]:
        """`day`, as an ISO date."""
        yield Setting("day", chosen_day(at).isoformat(), partial(self._toward, at))

    def _toward(self, at: At, wanted: str) -> Touch:
        shown, day = chosen_day(at), date.fromisoformat(wanted)
        is_near = shown - timedelta(days=shown.weekday()) == day - timedelta(days=day.weekday())
        if is_near and self._is_week(at):
            return Touch(id="day", key=wanted)
        return Touch(id="next" if day > shown else "previous")

    def _is_week(self, at: At) -> bool:
        return at.style.choose("days", ("week", "day")) == "week"

    def _arrow(self, at: At, days: int) -> View:
        span = "week" if abs(days) > 1 else "day"
        words = at.style.say(f"Next {span}" if days > 0 else f"Previous {span}")
        return IconButton(
            "chevron-right" if days > 0 else "chevron-left",
            id="next" if days > 0 else "previous",
            desc=words if at.style.speaks else "",
            color=at.style.ink,
            on_click=partial(self._choose, at, chosen_day(at) + timedelta(days=days)),
        )

    def _day(self, at: At, day: date) -> View:
        style, is_chosen = at.style, day == chosen_day(at)
        ink = style.tint if is_chosen else style.ink
        return Column(
            [
                Label(style.speech.short_weekday(day), size_sp=12, color=style.muted),
                Label(str(day.day), size_sp=18, bold=is_chosen, color=ink),
            ],
            id="day",
            key=day.isoformat(),
            desc=style.speech.long_day(day),
            align="center",
            weight=1,
            padding=(0, 6),
            corner_dp=style.corner_dp,
            border=style.tint if is_chosen else "",
            background=style.paper if is_chosen else "",
            selected=is_chosen,
            on_click=partial(self._choose, at, day),
        )

    def _choose(self, at: At, day: date) -> None:
        at.scene.hold("day", day.isoformat())

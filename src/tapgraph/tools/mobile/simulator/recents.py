"""The overview of recently used apps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PIL import Image

from tapgraph.tools.mobile.simulator.back_stack import Task
from tapgraph.tools.mobile.simulator.speech import Speech
from tapgraph.tools.mobile.simulator.views import (
    Button,
    Column,
    Direction,
    Label,
    Picture,
    Row,
    ScrollRow,
    Snapshot,
    Spacer,
    View,
)

__all__ = ["RecentsActions", "recents_view"]


@dataclass(frozen=True, slots=True)
class RecentsActions:
    """What can be done in the overview; `draw` gives a task's image in a size."""

    open: Callable[[Task], None]
    remove: Callable[[Task], None]
    clear: Callable[[], None]
    close: Callable[[], None]
    draw: Callable[[Task, int, int], Image.Image]


def recents_view(
    tasks: Sequence[Task], screen_dp: tuple[int, int], speech: Speech, actions: RecentsActions
) -> View:
    """A card for each running app, the last used first; a swipe up on a card ends the app."""
    if not tasks:
        return Column(
            [
                Label(
                    speech.say("No recent items"), id="no_recent_items", size_sp=18, color="#FFFFFF"
                )
            ],
            id="overview_panel",
            height="match",
            align="center",
            arrange="center",
            on_click=actions.close,
        )
    wide_dp, high_dp = screen_dp
    width_dp = round(wide_dp * (0.72 if wide_dp < high_dp else 0.45))
    height_dp = min(round(width_dp * high_dp / wide_dp * 0.92), round(high_dp * 0.7))
    side = round((wide_dp - width_dp) / 2)
    cards: list[View] = [_card(task, width_dp, height_dp, actions) for task in tasks]
    return Column(
        [
            Spacer(weight=1),
            ScrollRow(
                [Spacer(width=side), *cards, Spacer(width=side)],
                id="overview_panel",
                height=height_dp + 52,
                gap=12,
            ),
            Spacer(weight=1),
            Row(
                [
                    Button(
                        speech.say("Clear all"),
                        id="clear_all",
                        style="filled",
                        color="#E9EEF8",
                        on_click=actions.clear,
                    )
                ],
                arrange="center",
                padding=(0, 12),
            ),
        ],
        height="match",
    )


def _card(task: Task, width_dp: int, height_dp: int, actions: RecentsActions) -> View:
    app = task.app

    def swiped(direction: Direction) -> bool:
        if direction == "up":
            actions.remove(task)
        return direction == "up"

    return Column(
        [
            Row(
                [
                    Picture(app.glyph, style="app", color=app.color, width=32, height=32),
                    Label(app.label, id="title", color="#FFFFFF", size_sp=16),
                ],
                gap=10,
                height=48,
                padding=(8, 0),
            ),
            Snapshot(
                id="snapshot",
                draw=partial(actions.draw, task),
                width="match",
                height=height_dp,
                corner_dp=20,
            ),
        ],
        id="task",
        key=app.package,
        desc=app.label,
        width=width_dp,
        on_click=partial(actions.open, task),
        on_swipe=swiped,
        class_name="android.widget.FrameLayout",
    )

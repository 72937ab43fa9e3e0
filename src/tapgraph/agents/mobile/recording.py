"""A run folder as a device that shows it again."""

from collections.abc import Iterator
from pathlib import Path

from tapgraph.agents.run.events import ActionDone, ActionFailed, ScreenSeen
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import ToolError
from tapgraph.tools.mobile.actions import action_from_wire
from tapgraph.tools.mobile.replay_device import Moment, ReplayDevice

__all__ = ["replay_device"]


def replay_device(run: Path) -> ReplayDevice:
    """The screens of a run and the actions between them.

    Raises:
        UnreadableRun: it is no run folder, or a screen of it is damaged.
        UsageError: it holds no screens.
    """
    folder = RunFolder.open(run)
    return ReplayDevice(list(_moments(folder)), name=f"replay:{run}")


def _moments(folder: RunFolder) -> Iterator[Moment]:
    screen = None
    for event in folder.events():
        if isinstance(event, ScreenSeen):
            screen = folder.load_screen(event.screen_id)
        elif isinstance(event, ActionDone | ActionFailed) and screen is not None:
            try:
                action = action_from_wire(event.action)
            except ToolError:
                # A call of a tool, which no device was asked for.
                continue
            yield Moment(screen, action, event.error if isinstance(event, ActionFailed) else "")
    if screen is not None:
        yield Moment(screen, None)

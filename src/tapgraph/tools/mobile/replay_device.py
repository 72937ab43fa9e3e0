"""A device that shows again what was recorded, as long as the same is done on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from PIL import Image

from tapgraph.errors import DeviceLost, ToolError, UnreadableTree, UsageError
from tapgraph.tools.mobile.actions import (
    Action,
    Answer,
    AskUser,
    DoubleTap,
    LongPress,
    ShowRest,
    Tap,
    Wait,
    action_to_wire,
)
from tapgraph.tools.mobile.device import ActionReceipt, AppInfo, Capability
from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.screen import Screen
from tapgraph.tools.mobile.ui_tree import UiTree, parse_ui_tree

__all__ = ["Moment", "ReplayDevice"]


@dataclass(frozen=True, slots=True)
class Moment:
    """A screen, and what was done on it.

    Attributes:
        action: None at the end of a recording.
        error: what the device said where it could not be done.
    """

    screen: Screen
    action: Action | None
    error: str = ""


class ReplayDevice:
    """Goes on to the next screen when the action that was recorded is performed.

    A touch of the element that was touched is the same action, wherever in it. Another action is
    refused, with the words of what was recorded; waiting and talking are no matter. It never waits,
    and it tells no apps but those in front.
    """

    capabilities: frozenset[Capability] = frozenset({
        Capability.UI_TREE,
        Capability.KEYS,
        Capability.TEXT,
        Capability.VIRTUAL_TIME,
    })

    def __init__(self, moments: Sequence[Moment], *, name: str = "recording") -> None:
        """Begin with the first moment.

        Raises:
            UsageError: there is none.
        """
        if not moments:
            raise UsageError(f"{name} holds no screens to show")
        self.name = name
        self._moments: Sequence[Moment] | None = moments
        self._place = 0

    @property
    def moment(self) -> Moment:
        """Where the recording is.

        Raises:
            DeviceLost: the device was closed.
        """
        if self._moments is None:
            raise DeviceLost("the recording was closed")
        return self._moments[self._place]

    def screenshot(self) -> Image.Image:
        """The picture of the screen; a white one where none was kept."""
        screen = self.moment.screen
        if screen.screenshot is not None:
            return screen.screenshot
        return Image.new("RGB", (screen.size.width_px, screen.size.height_px), "white")

    def ui_tree(self) -> UiTree:
        """The hierarchy of the screen.

        Raises:
            UnreadableTree: none was kept.
        """
        xml = self.moment.screen.tree_xml
        if not xml:
            raise UnreadableTree("the recording holds no view hierarchy of this screen")
        return parse_ui_tree(xml)

    def size(self) -> Size:
        """The size of the picture."""
        return self.moment.screen.size

    def perform(self, action: Action) -> ActionReceipt:
        """Go on with the recording.

        Raises:
            ToolError: something else was done there, or it could not be done.
        """
        moment = self.moment
        if moment.action is None or not _is_same(action, moment.action, moment.screen):
            if isinstance(action, Wait | Answer | AskUser | ShowRest):
                return ActionReceipt(action, 0.0, "nothing happens in a recording")
            recorded = "the recording ends here"
            if moment.action is not None:
                recorded = f"in the recording comes {action_to_wire(moment.action)}"
            raise ToolError(f"{recorded}, not {action_to_wire(action)}")
        self._place += 1
        if moment.error:
            raise ToolError(moment.error)
        return ActionReceipt(action, 0.0)

    def current_app(self) -> AppInfo:
        """The app that was in front."""
        return self.moment.screen.app

    def installed_apps(self) -> Sequence[AppInfo]:
        """None: a recording does not tell."""
        return ()

    def keyboard_shown(self) -> bool:
        """Whether it was shown."""
        return self.moment.screen.keyboard_shown

    def local_time(self) -> datetime | None:
        """What the phone told then."""
        told = self.moment.screen.local_time.partition(" ")[2]
        return datetime.fromisoformat(told) if told else None

    def close(self) -> None:
        """End it."""
        self._moments = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _is_same(action: Action, recorded: Action, screen: Screen) -> bool:
    if type(action) is not type(recorded):
        return False
    if isinstance(action, Tap | DoubleTap | LongPress) and isinstance(
        recorded, Tap | DoubleTap | LongPress
    ):
        touched = screen.element_at(Point(recorded.x, recorded.y))
        if touched is not None:
            return screen.element_at(Point(action.x, action.y)) is touched
    return action == recorded

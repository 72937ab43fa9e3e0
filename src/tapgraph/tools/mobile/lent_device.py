"""A phone that somebody else's program drives: it is lent one action at a time.

Benchmarks such as AndroidWorld and MobileGym run a loop of their own: they show an agent what is on
the screen and take an action back. An agent here asks its device for the screen and performs
actions on it. `LentDevice` turns the one round into the other::

    device = LentDevice(name="mobilegym")
    with device.lend(lambda: agent.run(task)) as loan:
        while (action := loan.next_action(Sight(picture, tree_xml))) is not None:
            ...  # the foreign loop carries it out
    result = loan.result
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from PIL import Image

from tapgraph.errors import DeviceLost, ToolError, UnreadableTree
from tapgraph.tools.mobile.actions import Action, Answer, AskUser, ShowRest
from tapgraph.tools.mobile.device import ActionReceipt, AppInfo, Capability
from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.text_fields import focused_field
from tapgraph.tools.mobile.ui_tree import UiTree, parse_ui_tree

__all__ = ["LentDevice", "Loan", "Sight"]

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Sight:
    """What the foreign program shows of the phone.

    Attributes:
        picture: the screen.
        tree_xml: its view hierarchy as UiAutomator2 writes it; empty where there is none.
        app: what is in front, as far as it is known.
        error: why the last action could not be carried out; empty where it was.
        reply: what the user answered, where the last action was a question.
        local_time: the phone's date and time, where they are known.
    """

    picture: Image.Image
    tree_xml: str = ""
    app: AppInfo = field(default_factory=lambda: AppInfo("", "unknown"))
    error: str = ""
    reply: str = ""
    local_time: datetime | None = None


class LentDevice:
    """A `Device` whose screen is the last `Sight` and whose actions are handed out.

    It shows one sight for each action, so that looking again gives the same and is not waited for.
    Answers are not handed out; what the work gives at its end holds them. Questions to the user are
    where `ask` is what answers them.
    """

    def __init__(self, *, name: str = "lent", apps: Sequence[AppInfo] = ()) -> None:
        self.name = name
        self.capabilities = frozenset({
            Capability.UI_TREE,
            Capability.KEYS,
            Capability.TEXT,
            Capability.VIRTUAL_TIME,
            *([Capability.APPS] if apps else []),
        })
        self._apps = tuple(apps)
        self._actions: queue.SimpleQueue[Action | None] = queue.SimpleQueue()
        self._sights: queue.SimpleQueue[Sight | None] = queue.SimpleQueue()
        self._sight: Sight | None = None
        self._is_closed = False

    @contextmanager
    def lend(self, work: Callable[[], Result]) -> Iterator["Loan[Result]"]:
        """Do the work in a thread of its own, from the first sight on.

        When the block is left, the device is lost to work that is still going on.
        """
        loan = Loan(self, work)
        try:
            yield loan
        finally:
            self.close()
            loan.join()

    def screenshot(self) -> Image.Image:
        """The picture of the last sight."""
        return self._now().picture.convert("RGB")

    def ui_tree(self) -> UiTree:
        """The hierarchy of the last sight.

        Raises:
            UnreadableTree: it has none.
        """
        xml = self._now().tree_xml
        if not xml:
            raise UnreadableTree(f"{self.name} shows pictures only")
        return parse_ui_tree(xml)

    def size(self) -> Size:
        """The size of the picture."""
        return Size(*self._now().picture.size)

    def perform(self, action: Action) -> ActionReceipt:
        """Hand the action out and return when the next sight is there.

        Raises:
            ToolError: the foreign program could not carry it out.
            DeviceLost: it has ended.
        """
        if isinstance(action, ShowRest | Answer | AskUser):
            return ActionReceipt(action, 0.0, "nothing happens on the phone")
        started = time.monotonic()
        if error := self._handed_out(action).error:
            raise ToolError(error)
        return ActionReceipt(action, time.monotonic() - started)

    def ask(self, question: str) -> str:
        """Hand a question to the user out; the user's words.

        Raises:
            DeviceLost: the foreign program has ended.
        """
        return self._handed_out(AskUser(question)).reply

    def current_app(self) -> AppInfo:
        """What is in front."""
        return self._now().app

    def installed_apps(self) -> Sequence[AppInfo]:
        """What the foreign program said there is."""
        return self._apps

    def keyboard_shown(self) -> bool:
        """Whether a text field has the focus; where there is no hierarchy, it is taken to have."""
        try:
            return focused_field(self.ui_tree()) is not None
        except UnreadableTree:
            return True

    def local_time(self) -> datetime | None:
        """What the last sight tells."""
        return self._now().local_time

    def close(self) -> None:
        """Take the phone away: whatever waits for it hears that it is lost."""
        self._is_closed = True
        self._sights.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _handed_out(self, action: Action) -> Sight:
        self._now()
        self._actions.put(action)
        self._sight = self._sights.get()
        return self._now()

    def _show(self, sight: Sight) -> None:
        self._sights.put(sight)

    def _begin(self) -> None:
        self._sight = self._sights.get()

    def _wanted(self) -> Action | None:
        return self._actions.get()

    def _end(self) -> None:
        self._actions.put(None)

    def _now(self) -> Sight:
        if self._is_closed or self._sight is None:
            raise DeviceLost(f"{self.name} was taken away")
        return self._sight


class Loan(Generic[Result]):
    """Work that goes on beside a foreign loop."""

    def __init__(self, device: LentDevice, work: Callable[[], Result]) -> None:
        self._device = device
        self._work = work
        self._thread: threading.Thread | None = None
        self._outcome: list[Result] = []
        self._failure: BaseException | None = None
        self._is_over = False

    def next_action(self, sight: Sight) -> Action | None:
        """What is to be done on what is seen; None when the work is over.

        Raises:
            BaseException: whatever the work raised.
        """
        if self._is_over:
            return None
        self._device._show(sight)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="lent-device", daemon=True)
            self._thread.start()
        action = self._device._wanted()
        if action is None:
            self._is_over = True
            if self._failure is not None:
                raise self._failure
        return action

    @property
    def result(self) -> Result | None:
        """What the work gave; None while it goes on, and where it failed."""
        return self._outcome[0] if self._outcome else None

    def join(self) -> None:
        """Wait until the work has ended."""
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> Any:
        try:
            self._device._begin()
            self._outcome.append(self._work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the loop asks
            self._failure = error
        finally:
            self._device._end()

"""A phone that is waited for while the run may go on."""

from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

from PIL import Image

from tapgraph.agents.run.patience import Patience
from tapgraph.tools.mobile.actions import Action
from tapgraph.tools.mobile.device import ActionReceipt, AppInfo, Capability, Device
from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.ui_tree import UiTree

__all__ = ["PatientDevice"]

Given = TypeVar("Given")


class PatientDevice:
    """A `Device`; each question and action raises `BudgetExhausted` when the time is up."""

    def __init__(self, device: Device, patience: Patience) -> None:
        self._device = device
        self._patience = patience

    @property
    def name(self) -> str:
        """What to call this phone in reports."""
        return self._device.name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do beyond pictures and touches."""
        return self._device.capabilities

    def screenshot(self) -> Image.Image:
        """The screen now."""
        return self._asked(self._device.screenshot)

    def ui_tree(self) -> UiTree:
        """The view hierarchy now."""
        return self._asked(self._device.ui_tree)

    def size(self) -> Size:
        """The size of the screenshot."""
        return self._asked(self._device.size)

    def perform(self, action: Action) -> ActionReceipt:
        """Carry out one action."""
        return self._asked(lambda: self._device.perform(action))

    def current_app(self) -> AppInfo:
        """The app in front."""
        return self._asked(self._device.current_app)

    def installed_apps(self) -> Sequence[AppInfo]:
        """The apps that can be opened."""
        return self._asked(self._device.installed_apps)

    def keyboard_shown(self) -> bool:
        """Whether the soft keyboard is on the screen."""
        return self._asked(self._device.keyboard_shown)

    def local_time(self) -> datetime | None:
        """The phone's date and time."""
        return self._asked(self._device.local_time)

    def close(self) -> None:
        """End the connection."""
        self._device.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _asked(self, question: Callable[[], Given]) -> Given:
        return self._patience.wait_for(question, whom=self._device.name)

"""What every phone offers an agent, whatever is behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from PIL import Image

from tapgraph.tools.mobile.actions import Action
from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.ui_tree import UiTree

__all__ = [
    "SIMULATED_CAPABILITY",
    "ActionReceipt",
    "AppInfo",
    "Capability",
    "Device",
    "RunsCommands",
]


SIMULATED_CAPABILITY = "tapgraph:simulated"
"""How the simulated phone says in its session's capabilities what it is."""


class Capability(StrEnum):
    """What a device can do beyond pictures and touches."""

    UI_TREE = "ui_tree"
    KEYS = "keys"
    """Back, Home, Enter and the recent apps."""
    TEXT = "text"
    """Typing that is read back."""
    APPS = "apps"
    """Listing and starting apps."""
    VIRTUAL_TIME = "virtual_time"
    """Time passes by actions and looks only, so that waiting for the clock is of no use."""
    SIMULATED = "simulated"
    """The simulated phone: nothing on it is real, and reference solutions exist for it."""


@runtime_checkable
class RunsCommands(Protocol):
    """A device that runs commands of the phone's shell where its server allows that."""

    def shell(self, command: str, *arguments: str) -> str:
        """What a command prints; for words of one's own, never for those of a screen or a model.

        Raises:
            ToolError: the server runs no commands, or this one failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class AppInfo:
    """An app on a phone.

    Attributes:
        package: its identity, such as `com.android.settings`.
        label: what a person reads under its icon; the package where the label is not known.
        activity: the screen in front, empty where it is not known.
    """

    package: str
    label: str
    activity: str = ""


@dataclass(frozen=True, slots=True)
class ActionReceipt:
    """A device's word that an action was carried out.

    Attributes:
        action: what was carried out.
        elapsed_s: how long the device took.
        detail: what a person should know, such as the label that `Open_App` chose.
    """

    action: Action
    elapsed_s: float
    detail: str = ""


class Device(Protocol):
    """A phone.

    Every method raises `DeviceLost` when the connection breaks and cannot be repaired.
    """

    @property
    def name(self) -> str:
        """What to call this phone in reports."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do beyond pictures and touches."""
        ...

    def screenshot(self) -> Image.Image:
        """The screen now, as an RGB picture."""
        ...

    def ui_tree(self) -> UiTree:
        """The view hierarchy now.

        Raises:
            UnreadableTree: the phone gave none that can be read.
        """
        ...

    def size(self) -> Size:
        """The size of the screenshot, which every coordinate refers to."""
        ...

    def perform(self, action: Action) -> ActionReceipt:
        """Carry out one action and return when the phone has taken it.

        Raises:
            ToolError: it cannot be done; nothing happened, or the text says what did.
        """
        ...

    def current_app(self) -> AppInfo:
        """The app in front."""
        ...

    def installed_apps(self) -> Sequence[AppInfo]:
        """The apps that can be opened."""
        ...

    def keyboard_shown(self) -> bool:
        """Whether the soft keyboard is on the screen."""
        ...

    def local_time(self) -> datetime | None:
        """The phone's date and time; None where it cannot tell."""
        ...

    def close(self) -> None:
        """End the connection; the phone itself stays as it is."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

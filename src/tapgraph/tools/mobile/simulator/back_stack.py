"""Which apps run, and which pages each of them has open."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tapgraph.tools.mobile.simulator.app import Activity, App, Dialog

__all__ = ["BackStack", "OpenDialog", "Page", "PermissionPrompt", "Task"]


@dataclass(eq=False)
class Page:
    """An activity on a back stack.

    Attributes:
        serial: unique on this phone; part of its views' identities.
        loading_s: simulated seconds until it shows anything but a progress circle.
        lacks_network: it shows "No connection" until Retry is tapped with a network.
        dialogs: over it, the visible one last.
    """

    activity: Activity[Any]
    serial: int
    loading_s: float = 0.0
    lacks_network: bool = False
    dialogs: list["OpenDialog"] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class OpenDialog:
    """A dialog on the screen; the serial is part of its views' identities."""

    dialog: Dialog
    serial: int


@dataclass(frozen=True, slots=True)
class PermissionPrompt:
    """A permission that the user is being asked for."""

    name: str
    then: Callable[[bool], None]
    serial: int


@dataclass(eq=False)
class Task:
    """A running app.

    Attributes:
        pages: its back stack, the visible one last.
        prompts: permissions asked for, the visible one first.
    """

    app: App
    pages: list[Page]
    prompts: list[PermissionPrompt] = field(default_factory=list)

    @property
    def top(self) -> Page:
        """The page in front."""
        return self.pages[-1]


class BackStack:
    """All running apps, the most recent first, above the launcher.

    Attributes:
        home: the launcher's task; it never ends.
        tasks: the others, most recently used first.
        at_home: whether the launcher is in front.
    """

    def __init__(self, home: Task) -> None:
        self.home = home
        self.tasks: list[Task] = []
        self.at_home = True

    @property
    def front(self) -> Task:
        """The task in front."""
        return self.home if self.at_home or not self.tasks else self.tasks[0]

    def task_of(self, app: App) -> Task | None:
        """The task of an app, where it runs."""
        if app is self.home.app:
            return self.home
        return next((task for task in self.tasks if task.app is app), None)

    def bring_forward(self, task: Task) -> None:
        """Put a task in front; a new one is added."""
        self.at_home = task is self.home
        if not self.at_home:
            if task in self.tasks:
                self.tasks.remove(task)
            self.tasks.insert(0, task)

    def remove(self, task: Task) -> None:
        """End a task; the launcher comes to the front when it was there."""
        if task is self.front:
            self.at_home = True
        self.tasks.remove(task)

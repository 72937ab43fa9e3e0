"""One action while it runs: its parameters, read in its handler's words, and how it ends a run.

The exceptions are caught by the runtime, never by handlers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from tapgraph.errors import NotExecutable, ToolError
from tapgraph.tools.api.shortcuts.content import (
    Content,
    items_of,
    to_boolean,
    to_date,
    to_dictionary,
    to_number,
    to_text,
)
from tapgraph.tools.api.shortcuts.session import Session
from tapgraph.tools.api.shortcuts.system import SimulatedSystem

__all__ = ["ActionCall", "Cancelled", "Handler", "Stopped"]


@dataclass(frozen=True, slots=True)
class ActionCall:
    """An action's parameters in a session."""

    identifier: str
    parameters: Mapping[str, object]
    session: Session

    @property
    def system(self) -> SimulatedSystem:
        """What the action acts on."""
        return self.session.system

    def has(self, name: str) -> bool:
        """Whether the parameter is given and not empty."""
        return self.parameters.get(name) not in (None, "", {})

    def value(self, name: str) -> Content:
        """What a parameter is worth; None when it is not given."""
        return self.session.value(self.parameters.get(name))

    def input(self, name: str = "WFInput") -> Content:
        """The input; where none is given, the output of the action before (implicit piping)."""
        if not self.has(name):
            return self.session.previous
        return self.session.content(self.parameters[name])

    def date(self, name: str) -> datetime:
        """A parameter as a date.

        Raises:
            ToolError: it says none.
        """
        found = self.session.content(self.parameters.get(name))
        return to_date(found, self.system.clock())

    def text(self, name: str, default: str = "") -> str:
        """A parameter as text."""
        return to_text(self.value(name)) if self.has(name) else default

    def number(self, name: str, default: float | None = None) -> float:
        """A parameter as a number; the default too where it is a variable that holds nothing.

        Raises:
            ToolError: it is not given and has no default, or is no number.
        """
        found = self.value(name) if self.has(name) else None
        if found not in (None, ""):
            return to_number(found)
        if default is None:
            raise ToolError(f"{self.identifier} needs the number {name}")
        return default

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A parameter as yes or no."""
        return to_boolean(self.value(name)) if self.has(name) else default

    def dictionary(self, name: str) -> dict[str, Content]:
        """A parameter as a dictionary; empty when it is not given."""
        return to_dictionary(self.value(name)) if self.has(name) else {}

    def items(self, name: str = "WFInput") -> list[Content]:
        """The input's items."""
        return items_of(self.input(name))

    def refused(self, why: str) -> NotExecutable:
        """The error for a variant of the action that is not known here."""
        return NotExecutable(f"{self.identifier}: {why}")


Handler: TypeAlias = Callable[[ActionCall], Content]


class Stopped(Exception):
    """`Stop This Shortcut` or `Stop and Output` was reached."""

    def __init__(self, output: Content = None) -> None:
        super().__init__()
        self.output = output


class Cancelled(Exception):
    """The person cancelled a question."""

"""What the Operator may do in a step."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tapgraph.memory import Shortcut
from tapgraph.tools.api.calls import ApiRunner
from tapgraph.tools.mobile.actions import ACTION_TYPES, Action

__all__ = ["PUBLISHED_ACTIONS", "Offer"]

PUBLISHED_ACTIONS = (
    "Open_App", "Tap", "Swipe", "Type", "Enter", "Switch_App", "Back", "Home", "Wait",
)  # fmt: skip
"""The nine of Mobile-Agent-E."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Actions, shortcuts and tools, by the names that the Operator calls them by.

    Attributes:
        actions: by wire name.
        shortcuts: chains of actions.
        tools: APIs of the user's own; None for none.
        apps: labels of the installed apps; empty where they are not known.
    """

    actions: Mapping[str, type[Action]] = dataclasses.field(default_factory=lambda: ACTION_TYPES)
    shortcuts: Sequence[Shortcut] = ()
    tools: ApiRunner | None = None
    apps: Sequence[str] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that may be called."""
        tools = [api.identifier for api in self.tools.catalog] if self.tools is not None else []
        return (*self.actions, *(each.name for each in self.shortcuts), *tools)

    def shortcut(self, name: str) -> Shortcut | None:
        """The shortcut of that name, if there is one."""
        return next((each for each in self.shortcuts if each.name == name), None)

    def is_tool(self, name: str) -> bool:
        """Whether a tool is called so."""
        return self.tools is not None and any(api.identifier == name for api in self.tools.catalog)

    def without(self, *actions: str) -> "Offer":
        """The same but for some actions."""
        kept = {name: kind for name, kind in self.actions.items() if name not in actions}
        return dataclasses.replace(self, actions=kept)

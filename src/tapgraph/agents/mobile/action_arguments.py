"""What each action of a phone takes, for whoever checks shortcuts."""

import dataclasses
from collections.abc import Mapping

from tapgraph.memory.models import ArgumentType
from tapgraph.memory.shortcut_check import ActionArguments
from tapgraph.tools.mobile.actions import ACTION_TYPES, STEP_TYPES, Action

__all__ = ["ACTION_ARGUMENTS", "PUBLISHED_ARGUMENTS"]

_OFF_PHONE = ("Answer", "Ask_User")


def _arguments(kind: type[Action]) -> ActionArguments:
    fields = dataclasses.fields(kind)
    names = {one.name for one in fields if one.default is dataclasses.MISSING}
    optional = {one.name for one in fields} - names
    types: dict[str, ArgumentType] = {
        one.name: "text" if one.type is str else "number" for one in fields
    }
    if kind.wire_name == "Swipe":
        # Two points fit one screen only.
        return ActionArguments(required=frozenset({"direction"}))
    return ActionArguments(required=frozenset(names), optional=frozenset(optional), types=types)


ACTION_ARGUMENTS: Mapping[str, ActionArguments] = {
    name: _arguments(kind) for name, kind in STEP_TYPES.items() if name not in _OFF_PHONE
}
"""All actions that a shortcut may have."""

_ENDS = frozenset({"x1", "y1", "x2", "y2"})
PUBLISHED_ARGUMENTS: Mapping[str, ActionArguments] = {
    **{name: one for name, one in ACTION_ARGUMENTS.items() if name in ACTION_TYPES},
    "Swipe": ActionArguments(required=_ENDS, types=dict.fromkeys(_ENDS, "number")),
}
"""The same as in Mobile-Agent-E, where a swipe goes from one pixel to another."""

"""Turns what a dialect read into an action of the phone."""

from collections.abc import Callable

import pytest

from tapgraph.llm_backend.dialects.gui_call import GuiCall
from tapgraph.tools.mobile.actions import Action, action_from_wire


def _as_action(call: GuiCall) -> Action:
    arguments = dict(call.arguments)
    if "direction" in arguments:
        assert arguments.pop("direction") in {"up", "down", "left", "right"}
        assert set(arguments) in ({"x", "y"}, set())
        arguments = {"x1": 1, "y1": 2, "x2": 3, "y2": 4}
    return action_from_wire({"name": call.action, "arguments": arguments})


@pytest.fixture
def as_action() -> Callable[[GuiCall], Action]:
    """The action of a call, with two points in place of a direction."""
    return _as_action

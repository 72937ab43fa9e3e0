"""What a reference reflector says about an action, from the screens before and after it."""

import re
from dataclasses import dataclass
from typing import Literal

from tapgraph.evals.phone.glance import Glance
from tapgraph.tools.mobile.actions import Action, Home, OpenApp, SwitchApp, Wait

__all__ = ["StepCheck", "check_step"]

_TROUBLE = (
    (r".* (?:keeps stopping|has stopped)", "the app crashed"),
    (r"No connection", "the network is gone"),
    (
        r"Enjoying .*\?|Update available|Turn on notifications\?|What's new in .*",
        "a pop-up came up",
    ),
)

_PROMPTER = "com.android.permissioncontroller"
"""Asks for permissions on behalf of the app in front."""


@dataclass(frozen=True, slots=True)
class StepCheck:
    """An outcome and, where it is not A, what went wrong.

    A: it did what it should, at least in part. B: it led somewhere else. C: nothing changed.
    """

    outcome: Literal["A", "B", "C"]
    error: str = ""


def check_step(before: Glance, after: Glance, action: Action) -> StepCheck:
    """What a careful person would say who saw both screens."""
    for pattern, error in _TROUBLE:
        if after.shows(pattern) and not before.shows(pattern):
            return StepCheck("B", f"{error} instead of what I expected")
    is_same = (before.elements, before.app, before.keyboard_shown) == (
        after.elements,
        after.app,
        after.keyboard_shown,
    )
    if is_same and not isinstance(action, Wait):
        return StepCheck("C", "nothing changed on the screen")
    if _PROMPTER in {before.app, after.app}:
        return StepCheck("A")
    if isinstance(action, OpenApp):
        if not re.search(re.escape(action.app_name), after.app, re.I):
            return StepCheck("B", f"{after.app} is in front instead of {action.app_name}")
    elif after.app != before.app and not isinstance(action, Home | SwitchApp):
        return StepCheck("B", f"{after.app} is in front now instead of {before.app}")
    return StepCheck("A")

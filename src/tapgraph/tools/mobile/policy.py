"""Which actions a person must confirm, decided below the model and without one.

A touch is judged by the words on what it touches: whatever a model was talked into by a page, a
button that pays, sends, deletes, grants or installs is not pressed without a yes.
"""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tapgraph.tools.mobile.actions import Action, DoubleTap, LongPress, Tap
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.screen import Role, Screen

__all__ = ["Risk", "RiskyAction", "assess"]

Risk: TypeAlias = Literal["pay", "send", "delete", "grant", "install"]

_WORDS: dict[Risk, str] = {
    "pay": r"pay( now| with .*)?|buy now|place (your )?order|check ?out|purchase|subscribe|donate",
    "send": r"send( message| email| money)?|post|tweet|publish|reply",
    "delete": r"(permanently )?(delete|erase|remove)( (all|note|account|everything|forever).*)?"
    r"|factory reset|uninstall|format",
    "grant": r"(always )?allow( all the time| access| full access)?|grant|share (my )?location",
    "install": r"install( anyway)?|update all",
}
_PATTERNS = {risk: re.compile(words, re.IGNORECASE) for risk, words in _WORDS.items()}


@dataclass(frozen=True, slots=True)
class RiskyAction:
    """What kind of harm an action could do, and the words on what it touches."""

    risk: Risk
    label: str


def assess(action: Action, screen: Screen) -> RiskyAction | None:
    """The risk of a touch, None when the policy has nothing against it.

    The whole label must be one of the risky wordings, so that a list row that merely mentions a
    payment is free to be opened. "While using the app" is no risk: it ends with the app.
    """
    if not isinstance(action, Tap | LongPress | DoubleTap):
        return None
    element = screen.element_at(Point(action.x, action.y))
    if element is None or element.role is Role.INPUT:
        return None
    label = " ".join(element.text.split())
    for risk, pattern in _PATTERNS.items():
        if pattern.fullmatch(label):
            return RiskyAction(risk, label)
    return None

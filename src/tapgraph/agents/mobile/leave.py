"""Leave to act on a phone: judged on the screen as it is just before the touch."""

import dataclasses
import time

from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.errors import UnreadableTree
from tapgraph.tools.mobile.actions import (
    Action,
    DoubleTap,
    LongPress,
    OpenApp,
    OpenLink,
    StartActivity,
    Tap,
    Type,
    action_to_wire,
)
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.policy import assess, may_touch
from tapgraph.tools.mobile.screen import Screen
from tapgraph.tools.mobile.target import target_at
from tapgraph.tools.mobile.tree_elements import elements_from_tree
from tapgraph.tools.mobile.ui_tree import UiTree
from tapgraph.tools.policy.plain_label import matter_of
from tapgraph.tools.policy.risk import RiskyDeed
from tapgraph.tools.policy.rules import Deed, amounts_in

__all__ = ["ask_leave_to"]


def ask_leave_to(team: PhoneTeam, action: Action, seen: Screen, part: int) -> None:
    """Return when the action, at that place of a shortcut, may go ahead.

    The hierarchy is read again, because a page may have put another button under the finger since
    the model saw it. A yes holds for what was asked: when the page has changed once more while the
    user thought, it is asked about again.

    Raises:
        ToolError: a rule of the user forbids it, or the user said no.
        NobodyThere: the user cannot be asked.
    """
    now, tree = _as_it_is(team, seen) if may_touch(action) else (seen, None)
    risky = assess(action, now, tree)
    if risky is None and now is not seen and seen.source != "tree":
        # What was read from the picture stands in no hierarchy.
        risky = assess(action, seen)
    label = risky.label if risky is not None else _words_on_target(action, now)
    deed = Deed(
        app=(now.app.label, now.app.package),
        target=label,
        amounts=amounts_in(" ".join([label, *(risky.details if risky is not None else ())])),
        risk=risky.risk if risky is not None else None,
    )
    words = _question(action, risky, now)
    team.run.ask_leave(deed, words, matter=matter_of(words), part=part)


def _as_it_is(team: PhoneTeam, seen: Screen) -> tuple[Screen, UiTree | None]:
    """The screen now, as far as the hierarchy tells; what was seen where it cannot be read."""
    began_s = time.monotonic()
    try:
        tree = team.device.ui_tree()
    except UnreadableTree:
        return seen, None
    finally:
        team.run.timer.add("device", time.monotonic() - began_s)
    if tree.xml == seen.tree_xml and seen.source == "tree":
        return seen, tree
    elements = elements_from_tree(tree, seen.size, front_package=seen.app.package)
    return dataclasses.replace(seen, elements=elements, tree_xml=tree.xml), tree


def _question(action: Action, risky: RiskyDeed | None, now: Screen) -> str:
    """What the user is asked, whole: what is touched, then recipient and amount."""
    if risky is None:
        return f"{action_to_wire(action)} in {now.app.label}"
    about = f"; the screen shows {', '.join(map(repr, risky.details))}" if risky.details else ""
    return f"{risky.risk}: touch {risky.label!r} in {now.app.label}{about}"


def _words_on_target(action: Action, now: Screen) -> str:
    match action:
        case Type(text):
            return text
        case OpenApp(words) | OpenLink(words) | StartActivity(words):
            return words
        case Tap(x, y) | LongPress(x, y) | DoubleTap(x, y):
            return target_at(now, Point(x, y)).text
    return ""

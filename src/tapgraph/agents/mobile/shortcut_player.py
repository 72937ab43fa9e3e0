"""Plays a shortcut action by action, looking at the screen in between.

Mobile-Agent-E plays shortcuts blind (its code, `execute_action`): every action runs on the
coordinates of the first screen, and an error in the middle ends the task. Here a target is found
again on the screen as it is, and a failure is a result that says how far the shortcut came.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tapgraph.agents.mobile.ledger import perform
from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.mobile.team import Team
from tapgraph.errors import ToolError
from tapgraph.memory.store import Shortcut, ShortcutStep
from tapgraph.tools.mobile.actions import Action, Enter, Wait, action_from_wire
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.screen import Element, Screen

__all__ = ["Played", "grounded_action", "play"]


@dataclass(frozen=True, slots=True)
class Played:
    """How far a shortcut came; `error` is empty when it was played to its end."""

    done: int
    total: int
    error: str = ""


def play(
    shortcut: Shortcut,
    arguments: Mapping[str, object],
    team: Team,
    state: PhoneState,
    *,
    ask_leave: Callable[[Action, Screen, int], None],
) -> Played:
    """Carry out the shortcut's actions until one fails or changes nothing.

    Actions that were sent before, by a run that was stopped or that waited for the user, are taken
    for what the ledger says of them. `ask_leave` is called with the action, its screen and its
    place in the shortcut before each other action, and may raise `ToolError`.
    """
    first = screen = team.screens[state["screen"]]
    total = len(shortcut.steps)
    was_sent = False
    for part, shortcut_step in enumerate(shortcut.steps):
        name = shortcut_step.action_name
        try:
            if team.ledger.was_sent(state["step"], part):
                team.ledger.raise_failure(state["step"], part)
                was_sent = True
                continue
            if was_sent:
                was_sent, screen = False, _look_between(team, state, before=None)
            action = grounded_action(shortcut_step, arguments, first=first, now=screen)
            ask_leave(action, screen, part)
            team.timer.add_device(
                perform(team.ledger, team.device, action, step=state["step"], part=part)
            )
        except ToolError as error:
            return Played(part, total, _failure(shortcut, part, name, str(error)))
        if part == total - 1:
            break
        is_change_due = not isinstance(action, Wait | Enter)
        after = _look_between(team, state, before=screen if is_change_due else None)
        if is_change_due and after.fingerprint == screen.fingerprint:
            return Played(
                part, total, _failure(shortcut, part, name, "nothing changed on the screen")
            )
        screen = after
    return Played(total, total)


def _look_between(team: Team, state: PhoneState, *, before: Screen | None) -> Screen:
    _, screen = team.screens.look(state["step"], before=before)
    team.timer.add_device(screen.device_s)
    team.timer.add_picture(screen.picture_s + screen.ocr_s)
    return screen


def _failure(shortcut: Shortcut, part: int, name: str, reason: str) -> str:
    return (
        f"{shortcut.name} stopped at its action {part + 1} of {len(shortcut.steps)} ({name}): "
        f"{reason}; the {part} actions before it were carried out"
    )


def grounded_action(
    step: ShortcutStep, arguments: Mapping[str, object], *, first: Screen, now: Screen
) -> Action:
    """The action of one step, its target found again on the screen as it is now.

    The target is what stood at the point on the first screen, which the arguments were chosen on.

    Raises:
        ToolError: an argument cannot be used, or the target is gone.
    """
    values: dict[str, object] = {}
    for name, value in step.arguments_map.items():
        values[name] = arguments.get(value, value) if isinstance(value, str) else value
    x, y = values.get("x"), values.get("y")
    if now is not first and isinstance(x, int | float) and isinstance(y, int | float):
        point = _found_again(Point(round(x), round(y)), first, now)
        values |= {"x": point.x, "y": point.y}
    return action_from_wire({"name": step.action_name, "arguments": values})


def _found_again(point: Point, first: Screen, now: Screen) -> Point:
    target = first.element_at(point)
    if target is None or now.fingerprint == first.fingerprint:
        return point
    alike = [element for element in now.elements if _identity(element) == _identity(target)]
    if not alike:
        raise ToolError(f"its target {target.text or target.role!r} is no longer on the screen")
    nearest = min(
        alike,
        key=lambda element: (
            abs(element.bounds.center.x - point.x) + abs(element.bounds.center.y - point.y)
        ),
    )
    return nearest.bounds.center


def _identity(element: Element) -> tuple[str, ...]:
    if element.resource_id and element.role == "input":
        return (element.role, element.resource_id)
    return (element.role, element.resource_id, element.text)

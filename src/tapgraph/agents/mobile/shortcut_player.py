"""Plays a shortcut action by action, looking at the screen in between.

Mobile-Agent-E plays shortcuts blind (its code, `execute_action`): every action runs on the
coordinates of the first screen, and an error in the middle ends the task. Here a target is found
again on the screen as it is, and a failure is a result that says how far the shortcut came.
"""

from collections.abc import Callable, Mapping

from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.errors import ToolError
from tapgraph.memory import Shortcut, ShortcutStep
from tapgraph.tools.mobile.actions import Action, Enter, Wait, action_from_wire
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.screen import Screen
from tapgraph.tools.mobile.target import found_again

__all__ = ["grounded_action", "play_shortcut"]


def play_shortcut(
    shortcut: Shortcut,
    arguments: Mapping[str, object],
    team: PhoneTeam,
    state: PhoneState,
    *,
    ask_leave: Callable[[Action, Screen, int], None],
) -> str:
    """Carry out the shortcut's actions until one fails or changes nothing.

    Gives how far it came and why not farther; empty when it was played to its end. Actions that
    were sent before, by a run that was stopped or that waited for the user, are taken for what the
    ledger says of them. `ask_leave` is called with the action, its screen and its place in the
    shortcut before each other action, and may raise `ToolError`.
    """
    first = screen = team.screens[state["screen"]]
    ledger, step = team.run.ledger, state["step"]
    was_sent = False
    for part, shortcut_step in enumerate(shortcut.steps):
        try:
            if ledger.was_sent(step, part):
                ledger.raise_failure(step, part)
                was_sent = True
                continue
            if was_sent:
                was_sent, (_, screen) = False, team.look(step)
            action = grounded_action(shortcut_step, arguments, first=first, now=screen)
            ask_leave(action, screen, part)
            team.run.perform(team.device, action, step=step, part=part)
        except ToolError as error:
            return _failure(shortcut, part, str(error))
        if part == len(shortcut.steps) - 1:
            break
        is_change_due = not isinstance(action, Wait | Enter)
        _, after = team.look(step, before=screen if is_change_due else None)
        if is_change_due and after.fingerprint == screen.fingerprint:
            return _failure(shortcut, part, "nothing changed on the screen")
        screen = after
    return ""


def _failure(shortcut: Shortcut, part: int, reason: str) -> str:
    name = shortcut.steps[part].action_name
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
        touched = Point(round(x), round(y))
        point = found_again(touched, first, now)
        if point is None:
            target = first.element_at(touched)
            name = (target.text or target.role.value) if target is not None else ""
            raise ToolError(f"its target {name!r} is no longer on the screen")
        values |= {"x": point.x, "y": point.y}
    return action_from_wire({"name": step.action_name, "arguments": values})

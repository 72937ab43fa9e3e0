"""Plays a shortcut action by action, looking at the screen in between.

Mobile-Agent-E plays shortcuts blind (its code, `execute_action`): every action runs on the
coordinates of the first screen, and an error in the middle ends the task. Here a target is found
again on the screen as it is, and a failure is a result that says how far the shortcut came.
"""

from collections.abc import Callable, Mapping

from tapgraph.agents.mobile.shortcut_targets import grounded_action, is_change_due, missing_of
from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.errors import ToolError
from tapgraph.memory import Shortcut
from tapgraph.tools.mobile.actions import Action
from tapgraph.tools.mobile.screen import Screen

__all__ = ["play_shortcut"]


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
    if shortcut.requires is not None and (why := missing_of(shortcut.requires, arguments, first)):
        return f"{shortcut.name} cannot begin here: {why}; nothing was done"
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
        if part == len(shortcut.steps) - 1 and shortcut.ensures is None:
            break
        must_change = is_change_due(action, screen)
        _, after = team.look(step, before=screen if must_change else None)
        if must_change and after.fingerprint == screen.fingerprint:
            return _failure(shortcut, part, "nothing changed on the screen")
        screen = after
    if shortcut.ensures is None:
        return ""
    if was_sent:
        _, screen = team.look(step)
    why = missing_of(shortcut.ensures, arguments, screen)
    return f"{shortcut.name} was played to its end, and {why}" if why else ""


def _failure(shortcut: Shortcut, part: int, reason: str) -> str:
    name = shortcut.steps[part].action_name
    return (
        f"{shortcut.name} stopped at its action {part + 1} of {len(shortcut.steps)} ({name}): "
        f"{reason}; the {part} actions before it were carried out"
    )

"""The hands: carries out what the Operator decided, with the user's leave where that is needed."""

from typing import Any

from langgraph.runtime import Runtime
from pydantic import ValidationError

from tapgraph.agents.mobile.ledger import perform
from tapgraph.agents.mobile.perceptor import perceptor
from tapgraph.agents.mobile.shortcut_player import play
from tapgraph.agents.mobile.state import Decision, PhoneState, Stop
from tapgraph.agents.mobile.team import Team
from tapgraph.agents.run.interrupts import NobodyThere, ask_leave, ask_question
from tapgraph.agents.run.outcome import Outcome
from tapgraph.errors import ToolError
from tapgraph.tools.mobile.actions import Action, Answer, AskUser, action_from_wire
from tapgraph.tools.mobile.policy import assess
from tapgraph.tools.mobile.screen import Screen

__all__ = ["actor"]


def actor(state: PhoneState, runtime: Runtime[Team]) -> dict[str, Any]:
    """What became of the decision, and the screen that it led to; or a stop.

    Acting and looking are one node, so that a step costs one checkpoint less. Questions and risky
    touches are LangGraph interrupts: the node runs again from its start when the user has spoken,
    and the ledger keeps it from sending anything twice.
    """
    decision = state.get("decision")
    if decision is None:
        raise TypeError("actor must run after operator")
    try:
        update = _carry_out(decision, state, runtime.context)
    except ToolError as error:
        update = {"tool_error": str(error)}
    except NobodyThere as error:
        return {"stop": Stop(Outcome.NEEDS_HUMAN, str(error))}
    acted: PhoneState = {**state, **update}  # type: ignore[typeddict-item]  # keys of the state
    return update | perceptor(acted, runtime)


def _carry_out(decision: Decision, state: PhoneState, team: Team) -> dict[str, Any]:
    if decision.problem:
        raise ToolError(decision.problem)
    shortcut = next((each for each in team.shortcuts if each.name == decision.name), None)
    if shortcut is not None:
        played = play(shortcut, decision.arguments, team, state, ask_leave=_ask_leave)
        return {"tool_error": played.error}
    action = action_from_wire({"name": decision.name, "arguments": decision.arguments})
    match action:
        case Answer():
            _check_answer(action, team)
            return {"answer": action.text}
        case AskUser():
            return _ask_user(action, state)
    if not team.ledger.was_sent(state["step"]):
        _ask_leave(action, team.screens[state["screen"]], 0)
    team.timer.add_device(perform(team.ledger, team.device, action, step=state["step"]))
    return {}


def _check_answer(action: Answer, team: Team) -> None:
    if team.answer_type is None:
        return
    try:
        team.answer_type.model_validate_json(action.text)
    except ValidationError as error:
        raise ToolError(
            f"Answer: text must be JSON for {team.answer_type.__name__}: {error}"
        ) from error


def _ask_user(action: AskUser, state: PhoneState) -> dict[str, Any]:
    said = ask_question(action.question)
    line = f"The user was asked {action.question!r} and said: {said}"
    return {"notes": "\n".join(part for part in (state["notes"], line) if part)}


def _ask_leave(action: Action, screen: Screen, part: int) -> None:
    """Return when the action, at that place of a shortcut, may go ahead.

    Raises:
        ToolError: the user said no.
        NobodyThere: the user cannot be asked.
    """
    risky = assess(action, screen)
    if risky is not None:
        text = f"{risky.risk}: touch {risky.label!r} in {screen.app.label}"
        ask_leave(text, part=part)

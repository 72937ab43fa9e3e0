"""The hands and the eyes: carries out what was decided, and looks at the phone once it is still.

The Perceptor (Mobile-Agent-E, section 3.2) asks no model. Deviation from the paper: the UI tree is
read where it is useful, and text is recognised in the picture only where it is not.
"""

from functools import partial
from typing import Any

from langgraph.runtime import Runtime
from pydantic import ValidationError

from tapgraph.agents.mobile.leave import ask_leave_to
from tapgraph.agents.mobile.shortcut_player import play_shortcut
from tapgraph.agents.mobile.state import Decision, Judgement, PhoneState
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.agents.mobile.wording import deed_words
from tapgraph.agents.run.human import NobodyThere, ask_question
from tapgraph.errors import ToolError
from tapgraph.llm_backend.prompt import fenced
from tapgraph.tools.api.json_value import excerpt, json_line
from tapgraph.tools.mobile.actions import (
    ACTION_TYPES,
    Action,
    Answer,
    AskUser,
    Enter,
    ShowRest,
    Type,
    action_from_wire,
)
from tapgraph.tools.mobile.outcome import CHANGES_TOKENS, StepWords
from tapgraph.tools.mobile.screen_text import describe_difference, without_places

__all__ = ["actor", "perceptor"]

_LONGEST_RESULT = 1500
_OFF_PHONE = frozenset({"Answer", "Ask_User", "Show_Rest"})
_CHANGES_NOTHING = _OFF_PHONE | {"Wait"}


def perceptor(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """The first screen."""
    team = runtime.context
    screen_id, screen = team.look(state["step"])
    for warning in screen.warnings:
        team.run.warn(state["step"], warning)
    return {"screen": screen_id}


def actor(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """What became of the decision, and the screen that it led to.

    Acting and looking are one node, so that a step costs one checkpoint less. Questions and risky
    touches are LangGraph interrupts: the node runs again from its start when the user has spoken,
    and the ledger keeps it from sending anything twice.
    """
    team, decision = runtime.context, state["decision"]
    if decision is None:
        raise TypeError("actor must run after operator")
    update: dict[str, Any] = {"tool_error": ""}
    try:
        update |= _carry_out(decision, state, team)
    except ToolError as error:
        update["tool_error"] = str(error)
    except NobodyThere as error:
        return {"unanswered": str(error)}
    return update | _looked_at(state, decision, team, tool_error=update["tool_error"])


def _looked_at(
    state: PhoneState, decision: Decision, team: PhoneTeam, *, tool_error: str
) -> dict[str, Any]:
    """The screen after an action, and the judgement where it needs no model.

    An action that changed nothing on the screen is judged C; one that does not touch the phone, A.
    An answer ends its subgoal, whatever the Operator said of that. An Operator that only waits as
    the subgoal is done is left to the Reflector.
    """
    is_off_phone = decision.name in _OFF_PHONE or team.offer.is_tool(decision.name)
    before = team.screens[state["screen_before"]]
    waits = not tool_error and not is_off_phone and decision.name not in _CHANGES_NOTHING
    screen_id, screen = team.look(state["step"], before=before if waits else None)
    for warning in screen.warnings:
        team.run.warn(state["step"], warning)
    update: dict[str, Any] = {"screen": screen_id}
    progress = state["progress"]
    is_unchanged = screen.fingerprint == before.fingerprint
    if is_off_phone and not tool_error:
        is_done = decision.completes_subgoal or decision.name == "Answer"
        update["judgement"] = Judgement("A", "", progress, is_done, "tool")
    elif tool_error and (is_unchanged or is_off_phone):
        update["judgement"] = Judgement("C", tool_error, progress, judged_by="tool")
    elif is_unchanged and not team.pipeline.judges_unchanged_screens:
        if not (decision.name == "Wait" and decision.completes_subgoal):
            error = "nothing changed on the screen"
            update["judgement"] = Judgement("C", error, progress, judged_by="unchanged screen")
    elif not tool_error:
        told = _told_without_a_model(state, decision, team, screen_id)
        update |= {"judgement": told} if told is not None else {}
    return update


def _told_without_a_model(
    state: PhoneState, decision: Decision, team: PhoneTeam, screen_id: int
) -> Judgement | None:
    """What the agent's own judge says of one action; None where the Reflector must be asked."""
    judge, is_one_action = team.outcome_judge, decision.name in ACTION_TYPES
    if judge is None or decision.completes_subgoal or not is_one_action:
        return None
    changes = describe_difference(
        team.screens[state["screen_before"]],
        team.screens[screen_id],
        budget_tokens=CHANGES_TOKENS,
    )
    words = deed_words(decision, team.traits("reflector"))
    found = judge.judge(StepWords(words, decision.description, without_places(changes)))
    if found is None:
        return None
    return Judgement(found.verdict, found.error, state["progress"], judged_by="outcome judge")


def _carry_out(decision: Decision, state: PhoneState, team: PhoneTeam) -> dict[str, Any]:
    if decision.problem:
        raise ToolError(decision.problem)
    step = state["step"]
    shortcut = team.shortcut(decision.name)
    if shortcut is not None:
        return {
            "tool_error": play_shortcut(
                shortcut, decision.arguments, team, state, ask_leave=partial(ask_leave_to, team)
            )
        }
    if team.offer.is_tool(decision.name):
        return _use_tool(decision, state, team)
    action = action_from_wire({"name": decision.name, "arguments": decision.arguments})
    match action:
        case Answer():
            return _answered(action, state, team)
        case ShowRest():
            return {}
        case AskUser():
            said = ask_question(action.question)
            return _noted(state, f"The user was asked {action.question!r} and said: {said}")
    for part, one in enumerate(_keystrokes(action)):
        if not team.run.ledger.was_sent(step, part):
            ask_leave_to(team, one, team.screens[state["screen"]], part)
        team.run.perform(team.device, one, step=step, part=part)
    return {}


def _keystrokes(action: Action) -> tuple[Action, ...]:
    """The action; a line break at the end of typed text is the Enter key, as GUI models mean it."""
    if not isinstance(action, Type) or not action.text.endswith("\n"):
        return (action,)
    text = action.text.removesuffix("\n")
    return (Type(text), Enter()) if text else (Enter(),)


def _use_tool(decision: Decision, state: PhoneState, team: PhoneTeam) -> dict[str, Any]:
    """Call a tool; what it gave stands in the notes, where the other roles read it too."""
    if team.offer.tools is None:
        raise TypeError("a tool must be on offer before it is used")
    arguments: dict[str, Any] = decision.arguments
    team.run.call_api(team.offer.tools, state["step"], decision.name, arguments)
    gave = excerpt(json_line(team.run.folder.load_result(state["step"])), _LONGEST_RESULT)
    called = f"{decision.name} {json_line(arguments)}" if arguments else decision.name
    return _noted(state, fenced(f"{excerpt(called, _LONGEST_RESULT)} gave: {gave}"))


def _noted(state: PhoneState, line: str) -> dict[str, Any]:
    return {"notes": "\n".join(part for part in (state["notes"], line) if part)}


def _answered(action: Answer, state: PhoneState, team: PhoneTeam) -> dict[str, Any]:
    """What the user is told.

    GUI models end every subgoal with an answer, often an empty one: what they say before the last
    subgoal is a note.
    """
    is_result = bool(action.text) and state["plan"].is_last
    if team.traits("operator").dialect and not is_result:
        return _noted(state, fenced(action.text))
    _check_answer(action, team)
    return {"answer": action.text}


def _check_answer(action: Answer, team: PhoneTeam) -> None:
    wanted = team.run.answer_type
    if wanted is None:
        return
    try:
        wanted.model_validate_json(action.text)
    except ValidationError as error:
        raise ToolError(f"Answer: text must be JSON for {wanted.__name__}: {error}") from error

"""The hands: carries out what the Chooser decided, with the user's leave where that is needed."""

from collections.abc import Mapping
from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.api.state import ApiState, Decision
from tapgraph.agents.api.team import ApiTeam
from tapgraph.agents.run.interrupts import NobodyThere, ask_leave, ask_question
from tapgraph.agents.run.ledger import Acknowledged
from tapgraph.agents.run.outcome import Outcome, Stop
from tapgraph.errors import ToolError
from tapgraph.tools.api.json_value import Json, excerpt, json_text
from tapgraph.tools.api.policy import assess_call

__all__ = ["caller"]

_LONGEST_RECORDED = 8000


def caller(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """What became of the decision: an error, an answer, or a stop.

    What it gave lies in the run folder under the number of the step.
    """
    team = runtime.context
    decision = state.get("decision")
    if decision is None:
        raise TypeError("caller must run after chooser")
    if decision.problem:
        return {"error": decision.problem}
    try:
        return _carry_out(decision, state["step"], team)
    except ToolError as error:
        return {"error": str(error)}
    except NobodyThere as error:
        return {"error": str(error), "stop": Stop(Outcome.NEEDS_HUMAN, str(error))}


def _carry_out(decision: Decision, step: int, team: ApiTeam) -> dict[str, Any]:
    match decision.action:
        case "call":
            _call(decision, step, team)
        case "read":
            team.folder.save_result(step, decision.arguments)
        case "ask_user":
            team.folder.save_result(step, ask_question(decision.subject))
        case "finish":
            return {"answer": decision.answer}
        case "give_up":
            return {"stop": Stop(Outcome.GAVE_UP, decision.answer or "the agent saw no way")}
    return {}


def _call(decision: Decision, step: int, team: ApiTeam) -> None:
    def act() -> Acknowledged:
        result = team.runner.call(decision.subject, decision.arguments)
        team.folder.save_result(step, result.value)
        return Acknowledged(result.elapsed_s, result.text)

    if not team.ledger.was_sent(step):
        risky = assess_call(team.runner.catalog[decision.subject], decision.arguments)
        if risky is not None:
            ask_leave(f"{risky.risk}: {risky.label}")
    wire = {"name": decision.subject, "arguments": _recorded(decision.arguments)}
    answer = team.ledger.once(step, 0, wire, act)
    if answer is not None:
        team.timer.add_device(answer.elapsed_s)
    elif not team.folder.has_result(step):
        raise ToolError(
            "the run was interrupted while this was called: it may or may not have been carried "
            "out; check before repeating it"
        )


def _recorded(arguments: Mapping[str, Json]) -> dict[str, Json]:
    """The arguments as the events keep them: where they are long, only their beginnings."""
    if len(json_text(arguments)) <= _LONGEST_RECORDED:
        return dict(arguments)
    return {
        name: excerpt(json_text(value), _LONGEST_RECORDED // len(arguments))
        for name, value in arguments.items()
    }

"""The hands: carries out what the Chooser decided, with the user's leave where that is needed."""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.api.state import ApiState, ApiTeam, Choice
from tapgraph.agents.run.human import NobodyThere, ask_question
from tapgraph.errors import ToolError

__all__ = ["caller"]


def caller(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """What became of the choice: an error, an answer, or why the run cannot go on.

    What it gave lies in the run folder under the number of the step.
    """
    choice = state["choice"]
    if choice is None:
        raise TypeError("caller must run after chooser")
    if choice.problem:
        return {"error": choice.problem}
    try:
        return _carry_out(choice, state, runtime.context)
    except ToolError as error:
        return {"error": str(error)}
    except NobodyThere as error:
        return {"error": str(error), "unanswered": str(error)}


def _carry_out(choice: Choice, state: ApiState, team: ApiTeam) -> dict[str, Any]:
    step = state["step"]
    match choice.action:
        case "call":
            if state["pending"]:
                chosen = enumerate([choice, *state["pending"]], step)
                calls = {
                    place: (one.subject, one.arguments)
                    for place, one in chosen
                    if not one.problem
                    and team.run.is_free(team.runner.catalog[one.subject], one.arguments)
                }
                team.run.call_together(team.runner, calls)
            team.run.call_api(team.runner, step, choice.subject, choice.arguments)
        case "read":
            team.run.folder.save_result(step, choice.arguments)
        case "ask_user":
            team.run.folder.save_result(step, ask_question(choice.subject))
        case "finish":
            return {"answer": choice.answer}
        case "give_up":
            return {"given_up": choice.answer or "the agent saw no way"}
    return {}

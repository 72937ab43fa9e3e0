"""The Reflector judges the last action by the screens around it (Mobile-Agent-E, section 3.2).

Deviation from the paper: in the default pipeline it is told what changed and shown the new screen
once, instead of two pictures and two whole screens; the text of a failed tool is always passed on.
"""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.prompts import conversation
from tapgraph.agents.mobile.replies import ReflectorReply
from tapgraph.agents.mobile.state import Judgement, PhoneState
from tapgraph.agents.mobile.team import Team
from tapgraph.agents.mobile.wording import wire_text
from tapgraph.agents.run.events import Reflected, Warned
from tapgraph.errors import InvalidReply
from tapgraph.tools.mobile.screen_text import describe_difference

__all__ = ["reflector"]


def reflector(state: PhoneState, runtime: Runtime[Team]) -> dict[str, Any]:
    """The verdict on the last action; an invalid reply counts as a failed action."""
    team = runtime.context
    decision = state.get("decision")
    if decision is None:
        raise TypeError("reflector must run after operator")
    fields = {
        "instruction": state["instruction"],
        "subgoal": state["plan"].current_subgoal,
        "progress": state["progress"] or "none yet",
        "notes": state["notes"] or "none yet",
        "action": wire_text(decision.name, decision.arguments),
        "description": decision.description,
        "tool_error": f"The phone reported: {state['tool_error']}\n" if state["tool_error"] else "",
        "screens": _screens(state, team),
    }
    try:
        reply = team.ask(
            "reflector", state, conversation("reflector", {}, "reflector", fields), ReflectorReply
        )
    except InvalidReply as error:
        team.folder.record(Warned(step=state["step"], text=f"Reflector: {error}"))
        judgement = Judgement("C", "the action could not be judged", state["progress"])
    else:
        judgement = Judgement(
            reply.outcome,
            reply.error if reply.outcome != "A" else "",
            reply.progress if reply.outcome == "A" and reply.progress else state["progress"],
            reply.outcome == "A" and reply.subgoal_done,
        )
    team.folder.record(
        Reflected(
            step=state["step"],
            outcome=judgement.grade,
            error=judgement.error,
            progress=judgement.progress,
            judged_by="model",
        )
    )
    return {"judgement": judgement}


def _screens(state: PhoneState, team: Team) -> str:
    before, after = state["screen_before"], state["screen"]
    if team.pipeline.reads_whole_screens:
        shown = team.screens.to_act_on(before), team.screens.to_act_on(after)
        return f"## Before\n{shown[0]}\n\n## After\n{shown[1]}"
    changes = describe_difference(team.screens[before], team.screens[after], budget_tokens=200)
    return f"## Changes\n{changes}\n\n## After\n{team.screens.to_read(after)}"

"""The Reflector judges the last action by the screens around it (Mobile-Agent-E, section 3.2).

Deviation from the paper: in the default pipeline it is told what changed and shown the new screen
once, instead of two pictures and two whole screens; the text of a failed tool is always passed on.
"""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.replies import ReflectorReply
from tapgraph.agents.mobile.state import Judgement, PhoneState
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.agents.mobile.wording import deed_words
from tapgraph.errors import InvalidReply
from tapgraph.tools.mobile.screen_text import describe_difference, without_places

__all__ = ["reflector"]


def reflector(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """What is found about the last action; a reply that cannot be used counts as its failure."""
    team, decision = runtime.context, state["decision"]
    if decision is None:
        raise TypeError("reflector must run after operator")
    fields = {
        "subgoal": state["plan"].current_subgoal,
        "progress": state["progress"] or "none yet",
        "notes": state["notes"] or "none yet",
        "action": deed_words(decision, team.traits("reflector")),
        "description": decision.description or "not said",
        "tool_error": f"The phone reported: {state['tool_error']}\n" if state["tool_error"] else "",
    }
    blocks = {"instruction": state["instruction"], "screens": _screens(state, team)}
    asked = team.run.prompts.conversation("reflector", {}, fields, blocks=blocks)
    try:
        reply = team.ask("reflector", state, asked, ReflectorReply)
    except InvalidReply as error:
        team.run.warn(state["step"], f"Reflector: {error}")
        judgement = Judgement("C", "the action could not be judged", state["progress"])
    else:
        worked = reply.verdict == "A"
        judgement = Judgement(
            reply.verdict,
            "" if worked else reply.error,
            reply.progress if worked and reply.progress else state["progress"],
            worked and reply.subgoal_done and team.pipeline.wiring == "side by side",
        )
    return {"judgement": judgement}


def _screens(state: PhoneState, team: PhoneTeam) -> str:
    before, after = state["screen_before"], state["screen"]
    if team.pipeline.reads_whole_screens:
        shown = team.screens.to_act_on(before), team.screens.to_act_on(after)
        return f"## Before\n{shown[0]}\n\n## After\n{shown[1]}"
    changes = describe_difference(team.screens[before], team.screens[after], budget_tokens=200)
    return f"## Changes\n{without_places(changes)}\n\n## After\n{team.screens.to_read(after)}"

"""The reflector on experience, after the task; what it proposes is recorded only."""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.api.prompts import conversation
from tapgraph.agents.api.replies import ApiTipsReply
from tapgraph.agents.api.state import ApiState
from tapgraph.agents.api.team import ApiTeam
from tapgraph.agents.api.wording import steps_block, tip_lines
from tapgraph.agents.run.events import LearntTips, Warned
from tapgraph.errors import BudgetExhausted, InvalidReply, ModelUnavailable

__all__ = ["tips_reflector"]


def tips_reflector(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """Records what would have helped to know before."""
    team = runtime.context
    stop = state.get("stop")
    fields = {
        "instruction": state["instruction"],
        "steps": steps_block(state["history"], team.folder),
        "ending": f"{stop.outcome}: {stop.reason}" if stop else "success",
    }
    asked = conversation("tips_reflector", {"tips": tip_lines(team.tips)}, "experience", fields)
    try:
        reply = team.ask("tips_reflector", state, asked, ApiTipsReply)
    except (BudgetExhausted, InvalidReply, ModelUnavailable) as error:
        team.folder.record(Warned(step=state["step"], text=f"Tips reflector: {error}"))
        return {}
    team.folder.record(LearntTips(step=state["step"], tips=tuple(filter(None, reply.tips))))
    return {}

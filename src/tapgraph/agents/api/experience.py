"""The reflector on experience, after the task; what it proposes is recorded only."""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.api.state import ApiState
from tapgraph.agents.api.team import ApiTeam
from tapgraph.agents.api.wording import steps_block
from tapgraph.agents.run.replies import TipsReply
from tapgraph.agents.run.wording import tip_lines

__all__ = ["tips_reflector"]


def tips_reflector(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """Records what would have helped to know before."""
    run = runtime.context.run
    fields = {
        "instruction": state["instruction"],
        "steps": steps_block(state["history"], run.folder),
        "ending": run.ending(state),
    }
    asked = run.prompts.conversation(
        "tips_reflector", {"tips": tip_lines(run.tips)}, fields, asks="experience"
    )
    return run.learn_tips(
        state, lambda: run.ask("tips_reflector", asked, TipsReply, step=state["step"])
    )

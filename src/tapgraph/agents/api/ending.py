"""What a task ends with: a check of all of it, and what was learnt.

What is learnt is recorded only.
"""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.api.state import ApiState, ApiTeam
from tapgraph.agents.api.wording import result_line, steps_block
from tapgraph.agents.run.agent_run import AgentRun
from tapgraph.agents.run.replies import TipsReply, VerifierReply

__all__ = ["tips_reflector", "verifier"]

_LONGEST_ANSWER = 6000


def verifier(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """Success, or what is missing; the run's limits say how often that may be."""
    run = runtime.context.run
    fields = {
        "started_at": state["started_at"],
        "answer": result_line(state["answer"], max_characters=_LONGEST_ANSWER),
    }
    asked = run.prompts.conversation("verifier", {}, fields, blocks=_blocks(state, run))
    return run.verify(state, lambda: run.ask("verifier", asked, VerifierReply, step=state["step"]))


def tips_reflector(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """Records what would have helped to know before."""
    run = runtime.context.run
    asked = run.prompts.conversation(
        "tips_reflector",
        {"tips": run.tip_lines},
        {"ending": run.ending(state)},
        blocks=_blocks(state, run),
        asks="experience",
    )
    return run.learn_tips(
        state, lambda: run.ask("tips_reflector", asked, TipsReply, step=state["step"])
    )


def _blocks(state: ApiState, run: AgentRun) -> dict[str, str]:
    steps = steps_block(state["history"], run.folder)
    return {"instruction": state["instruction"], "steps": steps}

"""The check of a whole task."""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.api.state import ApiState, ApiTeam
from tapgraph.agents.api.wording import result_line, steps_block
from tapgraph.agents.run.agent_run import AgentRun
from tapgraph.agents.run.replies import VerifierReply

__all__ = ["verifier", "whole_run"]

_LONGEST_ANSWER = 6000


def verifier(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """Success, or what is missing; the run's limits say how often that may be."""
    run = runtime.context.run
    fields = {
        "started_at": state["started_at"],
        "answer": result_line(state["answer"], max_characters=_LONGEST_ANSWER),
    }
    asked = run.prompts.conversation("verifier", {}, fields, blocks=whole_run(state, run))
    return run.verify(state, lambda: run.ask("verifier", asked, VerifierReply, step=state["step"]))


def whole_run(state: ApiState, run: AgentRun) -> dict[str, str]:
    """The task and all steps, as both who look at the whole run are shown them."""
    steps = steps_block(state["history"], run.folder)
    return {"instruction": state["instruction"], "steps": steps}

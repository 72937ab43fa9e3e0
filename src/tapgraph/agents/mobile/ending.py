"""The check of a whole task.

Mobile-Agent-E takes the Manager's word for the end; the Verifier is ours and only in the default
pipeline.
"""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.agents.mobile.wording import history_lines, plan_lines
from tapgraph.agents.run.replies import VerifierReply

__all__ = ["verifier"]


def verifier(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """Success, or what is missing; the run's limits say how often that may be."""
    team = runtime.context
    history = state["history"][-team.pipeline.history_window :]
    fields = {
        "plan": plan_lines(state["plan"]),
        "history": history_lines(history, team.traits("verifier")),
        "progress": state["progress"] or "none yet",
        "notes": state["notes"] or "none yet",
        "answer": state["answer"] or "none",
    }
    blocks = {
        "instruction": state["instruction"],
        "screen": team.screens.to_read(state["screen"]),
    }
    asked = team.run.prompts.conversation("verifier", {}, fields, blocks=blocks)
    return team.run.verify(state, lambda: team.ask("verifier", state, asked, VerifierReply))

"""The Verifier checks the whole task before success is declared.

Mobile-Agent-E takes the Manager's word for it; this role is ours and only in the default pipeline.
"""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.prompts import conversation
from tapgraph.agents.mobile.replies import VerifierReply
from tapgraph.agents.mobile.state import PhoneState, Stop
from tapgraph.agents.mobile.team import Team
from tapgraph.agents.mobile.wording import history_lines, plan_lines
from tapgraph.agents.run.events import Verified
from tapgraph.agents.run.outcome import Outcome
from tapgraph.errors import InvalidReply

__all__ = ["verifier"]

_MOST_VERIFICATIONS = 3


def verifier(state: PhoneState, runtime: Runtime[Team]) -> dict[str, Any]:
    """Success, or what is missing; after three refusals the task has failed."""
    team = runtime.context
    fields = {
        "instruction": state["instruction"],
        "plan": plan_lines(state["plan"]),
        "history": history_lines(state["history"][-team.pipeline.history_window :]),
        "progress": state["progress"] or "none yet",
        "notes": state["notes"] or "none yet",
        "answer": state["answer"] or "none",
        "screen": team.screens.to_read(state["screen"]),
    }
    try:
        reply = team.ask(
            "verifier", state, conversation("verifier", {}, "verifier", fields), VerifierReply
        )
        complete, missing = reply.complete, reply.missing or "the check gave no reason"
    except InvalidReply as error:
        complete, missing = False, f"the check itself failed: {error}"
    team.folder.record(
        Verified(step=state["step"], complete=complete, missing="" if complete else missing)
    )
    if complete:
        return {"stop": Stop(Outcome.SUCCESS, "the whole task was verified"), "missing": ""}
    count = state["verifications"] + 1
    update: dict[str, Any] = {"verifications": count, "missing": missing}
    if count >= _MOST_VERIFICATIONS:
        reason = f"{count} checks found the task undone: {missing}"
        update["stop"] = Stop(Outcome.FAILED, reason)
    return update

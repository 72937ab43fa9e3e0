"""The Verifier checks the whole task before success is declared."""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.api.prompts import conversation
from tapgraph.agents.api.replies import ApiVerifierReply
from tapgraph.agents.api.state import ApiState
from tapgraph.agents.api.team import ApiTeam
from tapgraph.agents.api.wording import steps_block
from tapgraph.agents.run.events import Verified
from tapgraph.agents.run.outcome import Outcome, Stop
from tapgraph.errors import InvalidReply

__all__ = ["verifier"]

_MOST_VERIFICATIONS = 3


def verifier(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """Success, or what is missing; after three refusals the task has failed."""
    team = runtime.context
    fields = {
        "instruction": state["instruction"],
        "started_at": state["started_at"],
        "steps": steps_block(state["history"], team.folder),
        "answer": state["answer"] or "none",
    }
    try:
        reply = team.ask(
            "verifier", state, conversation("verifier", {}, "verifier", fields), ApiVerifierReply
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

"""The Verifier checks the whole task before success is declared."""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.api.prompts import conversation
from tapgraph.agents.api.replies import ApiVerifierReply
from tapgraph.agents.api.state import ApiState
from tapgraph.agents.api.team import ApiTeam
from tapgraph.agents.api.wording import result_text, steps_block
from tapgraph.agents.run.events import Verified
from tapgraph.agents.run.outcome import Outcome, Stop
from tapgraph.errors import InvalidReply
from tapgraph.tools.api.json_value import one_line

__all__ = ["verifier"]

_MOST_VERIFICATIONS = 3
_LONGEST_ANSWER = 6000


def verifier(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """Success, or what is missing; after three refusals the task has failed."""
    team = runtime.context
    fields = {
        "instruction": state["instruction"],
        "started_at": state["started_at"],
        "steps": steps_block(state["history"], team.folder),
        "answer": result_text(state["answer"], max_characters=_LONGEST_ANSWER),
    }
    try:
        reply = team.ask(
            "verifier", state, conversation("verifier", {}, "verifier", fields), ApiVerifierReply
        )
        complete, missing = reply.complete, one_line(reply.missing, 800) or "no reason was given"
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

"""The Observer ends a step: turns what happened into history, and looks for loops."""

import hashlib
from typing import Any, Literal

from langgraph.runtime import Runtime

from tapgraph.agents.api.state import ApiState, Decision, StepRecord
from tapgraph.agents.api.stuck import reason_to_stop
from tapgraph.agents.api.team import ApiTeam
from tapgraph.agents.run.events import Reflected
from tapgraph.tools.api.json_value import json_text

__all__ = ["observer"]


def observer(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """The state after the step; a `stop` when the run goes in circles or fails again and again."""
    team = runtime.context
    decision, error = state.get("decision"), state["error"]
    if decision is None:
        raise TypeError("observer must run after chooser")
    grade: Literal["A", "C"] = "C" if error else "A"
    record = StepRecord(
        step=state["step"],
        action=decision.action,
        subject=decision.subject,
        written=decision.written,
        grade=grade,
        error=error,
        fingerprint=_fingerprint(decision, error or _given(state["step"], team)),
    )
    team.folder.record(
        Reflected(step=state["step"], outcome=grade, error=error, progress="", judged_by="tool")
    )
    team.folder.record(team.timer.close(state["step"]))
    stop = state.get("stop") or reason_to_stop([*state["history"], record])
    return {"history": [record], "stop": stop}


def _given(step: int, team: ApiTeam) -> str:
    return json_text(team.folder.load_result(step)) if team.folder.has_result(step) else ""


def _fingerprint(decision: Decision, result: str) -> str:
    done = json_text([decision.action, decision.subject, decision.arguments, decision.answer])
    return hashlib.sha256(f"{done}\n{result}".encode(errors="replace")).hexdigest()[:16]

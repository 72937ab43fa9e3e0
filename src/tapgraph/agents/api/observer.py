"""The Observer ends a step: turns what happened into history."""

import hashlib
from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.api.state import ApiState, ApiStep, ApiTeam, Choice
from tapgraph.tools.api.json_value import json_text

__all__ = ["observer"]


def observer(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """The state after the step."""
    run, choice, error = runtime.context.run, state["choice"], state["error"]
    if choice is None:
        raise TypeError("observer must run after chooser")
    gave = error
    if not error and run.folder.has_result(state["step"]):
        gave = json_text(run.folder.load_result(state["step"]))
    record = ApiStep(
        step=state["step"],
        name=choice.action,
        arguments=choice.written,
        verdict="C" if error else "A",
        error=error,
        after=_fingerprint(choice, gave),
        subject=choice.subject,
    )
    used = None
    if choice.action == "call":
        known = run.recall.for_subgoal(state["instruction"], step=state["step"]).shortcuts
        used = next((one for one in known if one.name == choice.subject), None)
    run.recall.followed(
        choice.follows, state["instruction"], worked=not error, step=state["step"], why=error
    )
    if used is not None:
        run.recall.used(used.id, worked=not error, step=state["step"], why=error)
    return run.close_step(record, "tool")


def _fingerprint(choice: Choice, result: str) -> str:
    done = json_text([choice.action, choice.subject, choice.arguments, choice.answer])
    return hashlib.sha256(f"{done}\n{result}".encode(errors="replace")).hexdigest()[:16]

"""The Perceptor looks at the phone once it is still (Mobile-Agent-E, section 3.2, without models).

Deviation from the paper: the UI tree is read where it is useful, and text is recognised in the
picture only where it is not.
"""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.state import Decision, Judgement, PhoneState
from tapgraph.agents.mobile.team import PhoneTeam

__all__ = ["looked_at", "perceptor"]

_OFF_PHONE = frozenset({"Answer", "Ask_User"})
_CHANGES_NOTHING = _OFF_PHONE | {"Wait"}


def perceptor(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """The first screen."""
    team = runtime.context
    screen_id, screen = team.look(state["step"])
    for warning in screen.warnings:
        team.run.warn(state["step"], warning)
    return {"screen": screen_id}


def looked_at(
    state: PhoneState, decision: Decision, team: PhoneTeam, *, tool_error: str
) -> dict[str, Any]:
    """The screen after an action, and the judgement where it needs no model.

    An action that changed nothing on the screen is judged C; one that does not touch the phone, A.
    An answer ends its subgoal, whatever the Operator said of that.
    """
    is_off_phone = decision.name in _OFF_PHONE or team.offer.is_tool(decision.name)
    before = team.screens[state["screen_before"]]
    waits = not tool_error and not is_off_phone and decision.name not in _CHANGES_NOTHING
    screen_id, screen = team.look(state["step"], before=before if waits else None)
    for warning in screen.warnings:
        team.run.warn(state["step"], warning)
    update: dict[str, Any] = {"screen": screen_id}
    progress = state["progress"]
    is_unchanged = screen.fingerprint == before.fingerprint
    if is_off_phone and not tool_error:
        is_done = decision.completes_subgoal or decision.name == "Answer"
        update["judgement"] = Judgement("A", "", progress, is_done, "tool")
    elif tool_error and (is_unchanged or is_off_phone):
        update["judgement"] = Judgement("C", tool_error, progress, judged_by="tool")
    elif is_unchanged and not team.pipeline.judges_unchanged_screens:
        error = "nothing changed on the screen"
        update["judgement"] = Judgement("C", error, progress, judged_by="unchanged screen")
    return update

"""The Perceptor looks at the phone once it is still (Mobile-Agent-E, section 3.2, without models).

Deviation from the paper: the UI tree is read where it is useful, and text is recognised in the
picture only where it is not.
"""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.state import Judgement, PhoneState
from tapgraph.agents.mobile.team import Team
from tapgraph.agents.run.events import Reflected, Warned

__all__ = ["perceptor"]

_OFF_PHONE = frozenset({"Answer", "Ask_User"})
_CHANGES_NOTHING = _OFF_PHONE | {"Wait"}


def perceptor(state: PhoneState, runtime: Runtime[Team]) -> dict[str, Any]:
    """The screen after an action, and the verdict where it needs no model.

    An action that changed nothing on the screen is judged C; one that does not touch the phone, A.
    An answer ends its subgoal, whatever the Operator said of that.
    """
    team = runtime.context
    decision = state.get("decision")
    before = None
    if decision is not None and not state["tool_error"] and decision.name not in _CHANGES_NOTHING:
        before = team.screens[state["screen_before"]]
    screen_id, screen = team.screens.look(state["step"], before=before)
    team.timer.add_device(screen.device_s)
    team.timer.add_picture(screen.picture_s + screen.ocr_s)
    for warning in screen.warnings:
        team.folder.record(Warned(step=state["step"], text=warning))
    update: dict[str, Any] = {"screen": screen_id}
    if decision is None:
        return update
    unchanged = screen.fingerprint == team.screens[state["screen_before"]].fingerprint
    if not state["tool_error"] and decision.name in _OFF_PHONE:
        is_done = decision.completes_subgoal or decision.name == "Answer"
        judgement = Judgement("A", "", state["progress"], is_done)
    elif unchanged and state["tool_error"]:
        judgement = Judgement("C", state["tool_error"], state["progress"])
    elif unchanged and not team.pipeline.judges_unchanged_screens:
        judgement = Judgement("C", "nothing changed on the screen", state["progress"])
    else:
        return update
    team.folder.record(
        Reflected(
            step=state["step"],
            outcome=judgement.grade,
            error=judgement.error,
            progress=judgement.progress,
            judged_by="tool"
            if state["tool_error"] or decision.name in _OFF_PHONE
            else "unchanged screen",
        )
    )
    return update | {"judgement": judgement}

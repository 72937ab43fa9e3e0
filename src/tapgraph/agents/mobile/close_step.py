"""Ends a step: turns what the roles proposed into history, notes and plan, and finds trouble."""

import dataclasses
from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.state import Judgement, PhoneState, Plan, StepRecord
from tapgraph.agents.mobile.stuck import failures_in_a_row, reason_to_stop, trouble
from tapgraph.agents.mobile.team import Team
from tapgraph.agents.run.events import Escalated, Noted

__all__ = ["close_step"]


def close_step(state: PhoneState, runtime: Runtime[Team]) -> dict[str, Any]:
    """The state after the step; a `stop` when the run goes in circles or fails again and again."""
    team = runtime.context
    decision, judgement = state.get("decision"), state.get("judgement")
    if decision is None or judgement is None:
        raise TypeError("close_step must run after a judgement")
    before, after = team.screens[state["screen_before"]], team.screens[state["screen"]]
    record = StepRecord(
        name=decision.name,
        arguments=decision.arguments,
        description=decision.description,
        grade=judgement.grade,
        error=judgement.error,
        progress=judgement.progress,
        screen_before=before.fingerprint,
        screen_after=after.fingerprint,
    )
    history = [*state["history"], record]
    update: dict[str, Any] = {
        "history": [record],
        "progress": judgement.progress,
        "decision": None,
        "judgement": None,
        "notes_proposed": None,
        "plan_proposed": None,
        "stop": reason_to_stop(history, team.pipeline),
    }
    notes = state.get("notes_proposed")
    if judgement.grade == "A" and notes is not None and notes != state["notes"]:
        update["notes"] = notes
        team.folder.record(Noted(step=state["step"], notes=notes))
    update["plan"] = _next_plan(state, judgement)
    update["reviews_plan"] = judgement.subgoal_done and state.get("plan_proposed") is None
    escalation = trouble(history, team.pipeline)
    if escalation:
        update["escalation"] = escalation
        team.folder.record(Escalated(step=state["step"], failures=failures_in_a_row(history)))
    used = next((each for each in team.shortcuts if each.name == decision.name), None)
    if used is not None:
        team.memory.record_use(used.id, succeeded=judgement.grade == "A")
    team.folder.record(team.timer.close(state["step"]))
    return update


def _next_plan(state: PhoneState, judgement: Judgement) -> Plan:
    """The Manager's newest plan, or the old one; moved on where the judged subgoal is done."""
    old = state["plan"]
    proposed = state.get("plan_proposed")
    plan = proposed if judgement.grade == "A" and proposed is not None else old
    if not judgement.subgoal_done or plan.current_subgoal != old.current_subgoal:
        return plan
    if plan.is_last:
        return dataclasses.replace(plan, status="finished")
    return dataclasses.replace(plan, current=plan.current + 1)

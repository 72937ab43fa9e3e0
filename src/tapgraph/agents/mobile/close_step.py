"""Ends a step: turns what the roles proposed into history, notes and plan, and finds trouble."""

import dataclasses
from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.state import Judgement, PhoneState, PhoneStep, Plan
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.agents.mobile.wording import deed_words
from tapgraph.agents.run.events import Escalated, Noted, Planned
from tapgraph.agents.run.history import failures_in_a_row, loop_warning

__all__ = ["DELEGATE", "close_step", "plan_taken"]

DELEGATE = "Delegate"
"""The name under which a subgoal of another agent stands in the history."""


def close_step(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """The state after the step."""
    team = runtime.context
    decision, judgement = state["decision"], state["judgement"]
    if decision is None or judgement is None:
        raise TypeError("close_step must run after a judgement")
    record = PhoneStep(
        step=state["step"],
        name=decision.name,
        arguments=decision.arguments,
        verdict=judgement.verdict,
        error=judgement.error,
        before=team.screens[state["screen_before"]].fingerprint,
        after=team.screens[state["screen"]].fingerprint,
        description=decision.description,
        target=decision.target,
        direction=decision.direction,
        progress=judgement.progress,
    )
    worked = judgement.verdict == "A"
    update: dict[str, Any] = {
        "progress": judgement.progress,
        "decision": None,
        "judgement": None,
        "notes_proposed": None,
        "plan_proposed": None,
        "owes_notes": worked and _is_without_notes(judgement, team),
    }
    notes = state["notes_proposed"]
    if worked and notes is not None and notes != state["notes"]:
        update["notes"] = notes
        team.run.folder.record(Noted(step=state["step"], notes=notes))
    update |= _planned(state, judgement, team)
    update["escalation"] = _trouble([*state["history"], record], team)
    if update["escalation"]:
        failures = failures_in_a_row([*state["history"], record])
        team.run.folder.record(Escalated(step=state["step"], failures=failures))
    team.run.recall.followed(
        decision.follows,
        state["plan"].current_subgoal,
        worked=worked,
        step=state["step"],
        why=judgement.error,
    )
    used = team.shortcut(decision.name)
    if used is not None:
        is_whole = worked and not state["tool_error"]
        why = state["tool_error"] or judgement.error
        team.run.recall.used(used.id, worked=is_whole, step=state["step"], why=why)
    return update | team.run.close_step(record, judgement.judged_by, progress=judgement.progress)


def _is_without_notes(judgement: Judgement, team: PhoneTeam) -> bool:
    """Whether nobody was asked for notes, as nobody was asked for the verdict."""
    is_beside = team.pipeline.wiring == "side by side"
    return is_beside and judgement.judged_by == "outcome judge"


def plan_taken(plan: Plan, step: int, team: PhoneTeam) -> dict[str, Any]:
    """A plan that holds from now on: recorded as it is, with what it says of the task's end."""
    team.run.folder.record(
        Planned(
            step=step,
            thought=plan.thought,
            subgoals=plan.subgoals,
            current_subgoal=plan.current_subgoal,
            status=plan.status,
        )
    )
    update: dict[str, Any] = {"plan": plan}
    if plan.status == "impossible":
        update["given_up"] = "the Manager holds the task for impossible"
    if plan.status == "finished" and team.pipeline.wiring == "in order":
        update["done"] = "the Manager declared the task finished"
    return update


def _planned(state: PhoneState, judgement: Judgement, team: PhoneTeam) -> dict[str, Any]:
    """The plan after the step.

    A plan that was made in the belief that the action succeeds is taken only when it did. A judged
    subgoal that is done is passed, unless the new plan has passed it already.
    """
    old, proposal = state["plan"], state["plan_proposed"]
    is_taken = proposal is not None and (judgement.verdict == "A" or not proposal.is_foreseen)
    plan = proposal.plan if proposal is not None and is_taken else old
    is_done = judgement.verdict == "A" and judgement.subgoal_done
    if is_done and plan.current_subgoal == old.current_subgoal and plan.status == "working":
        plan = _moved_on(plan)
    # What another agent did shows on no screen that the Manager could look at.
    is_own = state["decision"] is not None and state["decision"].name != DELEGATE
    update: dict[str, Any] = {"plan": plan, "reviews_plan": is_done and not is_taken and is_own}
    return update | (plan_taken(plan, state["step"], team) if is_taken else {})


def _moved_on(plan: Plan) -> Plan:
    if plan.is_last:
        return dataclasses.replace(plan, status="finished")
    return dataclasses.replace(plan, current=plan.current + 1)


def _trouble(history: list[PhoneStep], team: PhoneTeam) -> str:
    """What the Manager must be told, empty when all is well."""
    if history[-1].name == DELEGATE and history[-1].verdict != "A":
        return history[-1].error
    latest = history[-team.pipeline.escalate_after :]
    if failures_in_a_row(history) >= team.pipeline.escalate_after:
        traits = team.traits("manager")
        lines = "\n".join(
            f"- {deed_words(record, traits)}: {record.description} -> "
            f"{record.verdict}, {record.error}"
            for record in latest
        )
        return f"The Operator may be stuck; the last actions failed:\n{lines}"
    warning = loop_warning(history, team.run.limits)
    return "" if loop_warning(history[:-1], team.run.limits) else warning

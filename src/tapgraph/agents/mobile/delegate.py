"""Hands a subgoal that needs no screen to the API agent; ours, only in the default pipeline."""

import dataclasses
from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.handover import hand_over
from tapgraph.agents.mobile.state import PhoneState, Plan, StepRecord
from tapgraph.agents.mobile.stuck import reason_to_stop
from tapgraph.agents.mobile.team import Team
from tapgraph.agents.run.events import Noted
from tapgraph.agents.run.outcome import Outcome

__all__ = ["delegate"]


def delegate(state: PhoneState, runtime: Runtime[Team]) -> dict[str, Any]:
    """The current subgoal done by the API agent and its answer noted, or trouble for the Manager.

    Handing over counts as a step, and so does each step of the API agent.
    """
    team, plan, step = runtime.context, state["plan"], state["step"] + 1
    if team.api_agent is None:
        raise TypeError("delegate must run with an API agent")
    done = hand_over(
        team.api_agent,
        "api",
        plan.current_subgoal,
        folder=team.folder,
        meter=team.meter,
        step=step,
    )
    succeeded = done.outcome is Outcome.SUCCESS
    error = "" if succeeded else f"the API agent did not do it: {done.outcome}: {done.reason}"
    before = team.screens[state["screen"]].fingerprint
    screen_id, screen = team.screens.look(step)
    record = StepRecord(
        name="Delegate",
        arguments={"subgoal": plan.current_subgoal},
        description="The API agent did the subgoal.",
        grade="A" if succeeded else "C",
        error=error,
        progress=state["progress"],
        screen_before=before,
        screen_after=screen.fingerprint,
    )
    update: dict[str, Any] = {
        "step": step,
        "screen": screen_id,
        "history": [record],
        "stop": reason_to_stop([*state["history"], record], team.pipeline),
        "escalation": error,
    }
    if succeeded:
        line = f"The API agent did {plan.current_subgoal!r} and says: {done.answer or 'done'}"
        update["notes"] = "\n".join(part for part in (state["notes"], line) if part)
        update["plan"] = _moved_on(plan)
        team.folder.record(Noted(step=step, notes=update["notes"]))
    return update


def _moved_on(plan: Plan) -> Plan:
    if plan.is_last:
        return dataclasses.replace(plan, status="finished")
    return dataclasses.replace(plan, current=plan.current + 1)

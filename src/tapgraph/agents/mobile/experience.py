"""The two reflectors on experience, after the task (Mobile-Agent-E, section 3.3).

What they propose is recorded in the run folder with its source; the store of memory takes nothing
from here yet. Deviations from the paper: they also run after a failed task in the default
pipeline, and neither is shown the instructions of tasks to come.
"""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.prompts import conversation
from tapgraph.agents.mobile.replies import ShortcutReply, TipsReply
from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.mobile.team import Team
from tapgraph.agents.mobile.wording import (
    ATOMIC_ACTIONS,
    history_lines,
    plan_lines,
    shortcut_lines,
    tip_lines,
)
from tapgraph.agents.run.events import LearntShortcut, LearntTips, Warned
from tapgraph.errors import BudgetExhausted, InvalidReply, ModelUnavailable

__all__ = ["shortcut_reflector", "tips_reflector"]


def shortcut_reflector(state: PhoneState, runtime: Runtime[Team]) -> dict[str, Any]:
    """Records at most one new shortcut that the run suggests."""
    team = runtime.context
    known = {shortcut.name for shortcut in team.shortcuts}
    fields = {
        "actions": ", ".join(ATOMIC_ACTIONS),
        "shortcuts": shortcut_lines(team.shortcuts),
    }
    asked = conversation("shortcut_reflector", fields, "experience", _experience(state))
    try:
        reply = team.ask("shortcut_reflector", state, asked, ShortcutReply)
    except (BudgetExhausted, InvalidReply, ModelUnavailable) as error:
        team.folder.record(Warned(step=state["step"], text=f"Shortcut reflector: {error}"))
        return {}
    is_usable = (
        reply.worth_keeping
        and reply.name not in known
        and len(reply.steps) > 1
        and all(step.action in ATOMIC_ACTIONS for step in reply.steps)
    )
    shortcut = reply.model_dump(exclude={"worth_keeping"}) if is_usable else None
    team.folder.record(LearntShortcut(step=state["step"], shortcut=shortcut))
    return {}


def tips_reflector(state: PhoneState, runtime: Runtime[Team]) -> dict[str, Any]:
    """Records what would have helped to know before."""
    team = runtime.context
    asked = conversation(
        "tips_reflector", {"tips": tip_lines(team.tips)}, "experience", _experience(state)
    )
    try:
        reply = team.ask("tips_reflector", state, asked, TipsReply)
    except (BudgetExhausted, InvalidReply, ModelUnavailable) as error:
        team.folder.record(Warned(step=state["step"], text=f"Tips reflector: {error}"))
        return {}
    team.folder.record(LearntTips(step=state["step"], tips=tuple(filter(None, reply.tips))))
    return {}


def _experience(state: PhoneState) -> dict[str, str]:
    stop = state.get("stop")
    return {
        "instruction": state["instruction"],
        "plan": plan_lines(state.get("plan")),
        "progress": state["progress"] or "none",
        "history": history_lines(state["history"]),
        "ending": f"{stop.outcome}: {stop.reason}" if stop else "success",
    }

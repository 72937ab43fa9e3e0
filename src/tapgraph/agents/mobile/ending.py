"""What a task ends with: a check of all of it, and the reflectors on experience.

Mobile-Agent-E takes the Manager's word for the end; the Verifier is ours and only in the default
pipeline. What the reflectors (its section 3.3) propose is recorded in the run folder with its
source; the store of memory takes nothing from here yet. Deviations: they also run after a failed
task in the default pipeline, and neither is shown the instructions of tasks to come.
"""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.replies import RoleName, ShortcutReply
from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.agents.mobile.wording import history_lines, plan_lines, shortcut_lines
from tapgraph.agents.run.events import LearntShortcut
from tapgraph.agents.run.replies import TipsReply, VerifierReply

__all__ = ["shortcut_reflector", "tips_reflector", "verifier"]


def verifier(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """Success, or what is missing; the run's limits say how often that may be."""
    team = runtime.context
    history = state["history"][-team.pipeline.history_window :]
    fields = {
        "plan": plan_lines(state["plan"]),
        "history": history_lines(history, team.traits("verifier")),
        "progress": state["progress"] or "none yet",
        "notes": state["notes"] or "none yet",
        "answer": state["answer"] or "none",
    }
    blocks = {
        "instruction": state["instruction"],
        "screen": team.screens.to_read(state["screen"]),
    }
    asked = team.run.prompts.conversation("verifier", {}, fields, blocks=blocks)
    return team.run.verify(state, lambda: team.ask("verifier", state, asked, VerifierReply))


def shortcut_reflector(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """Records at most one new shortcut that the run suggests."""
    team = runtime.context
    rules = {
        "actions": ", ".join(team.offer.actions),
        "shortcuts": shortcut_lines(team.offer.shortcuts),
    }
    asked = team.run.prompts.conversation(
        "shortcut_reflector",
        rules,
        _experience(state, team, "shortcut_reflector"),
        blocks={"instruction": state["instruction"]},
        asks="experience",
    )
    reply = team.run.reflected(
        state["step"],
        "Shortcut reflector",
        lambda: team.ask("shortcut_reflector", state, asked, ShortcutReply),
    )
    if reply is not None:
        is_usable = (
            reply.worth_keeping
            and reply.name not in team.offer.names
            and len(reply.steps) > 1
            and all(step.action in team.offer.actions for step in reply.steps)
        )
        shortcut = reply.model_dump(exclude={"worth_keeping"}) if is_usable else None
        team.run.folder.record(LearntShortcut(step=state["step"], shortcut=shortcut))
    return {}


def tips_reflector(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """Records what would have helped to know before."""
    team = runtime.context
    asked = team.run.prompts.conversation(
        "tips_reflector",
        {"tips": team.run.tip_lines},
        _experience(state, team, "tips_reflector"),
        blocks={"instruction": state["instruction"]},
        asks="experience",
    )
    return team.run.learn_tips(state, lambda: team.ask("tips_reflector", state, asked, TipsReply))


def _experience(state: PhoneState, team: PhoneTeam, role: RoleName) -> dict[str, str]:
    return {
        "plan": plan_lines(state["plan"]),
        "progress": state["progress"] or "none",
        "history": history_lines(state["history"], team.traits(role)),
        "ending": team.run.ending(state),
    }

"""The Notetaker keeps what later steps will need (Mobile-Agent-E, section 3.2).

It runs beside the Reflector in the default pipeline; `close_step` keeps its notes only when the
action succeeded. Where no Reflector was asked, it runs beside the next Operator, who sees the
screen itself.
"""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.replies import NotetakerReply
from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.agents.mobile.wording import plan_lines
from tapgraph.agents.run.events import Noted
from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.prompt import plain

__all__ = ["notetaker", "notetaker_ahead"]


def notetaker(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """The notes with what the screen adds; an invalid reply leaves them as they were."""
    return {"notes_proposed": _noted(state, runtime.context)}


def notetaker_ahead(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """The same beside the Operator, for an action that is known to have worked."""
    team = runtime.context
    notes = _noted(state, team)
    update: dict[str, Any] = {"owes_notes": False}
    if notes is not None and notes != state["notes"]:
        update["notes"] = notes
        team.run.folder.record(Noted(step=state["step"], notes=notes))
    return update


def _noted(state: PhoneState, team: PhoneTeam) -> str | None:
    judgement = state["judgement"]
    show = team.screens.to_act_on if team.pipeline.reads_whole_screens else team.screens.to_read
    progress = judgement.progress if judgement is not None else state["progress"]
    plan = f"## Plan\n{plain(plan_lines(state['plan']))}\n\n"
    fields = {
        "subgoal": state["plan"].current_subgoal,
        "progress": progress or "none yet",
        "notes": state["notes"] or "none yet",
    }
    blocks = {
        "instruction": state["instruction"],
        "plan": plan if team.pipeline.notes_on_plan else "",
        "screen": show(state["screen"]),
    }
    asked = team.run.prompts.conversation("notetaker", {}, fields, blocks=blocks)
    try:
        reply = team.ask("notetaker", state, asked, NotetakerReply)
    except InvalidReply as error:
        team.run.warn(state["step"], f"Notetaker: {error}")
        return None
    return reply.notes

"""The Notetaker keeps what later steps will need (Mobile-Agent-E, section 3.2).

It runs beside the Reflector in the default pipeline; `close_step` keeps its notes only when the
action succeeded.
"""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.prompts import conversation
from tapgraph.agents.mobile.replies import NotetakerReply
from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.mobile.team import Team
from tapgraph.agents.run.events import Warned
from tapgraph.errors import InvalidReply

__all__ = ["notetaker"]


def notetaker(state: PhoneState, runtime: Runtime[Team]) -> dict[str, Any]:
    """The notes with what the screen adds; an invalid reply leaves them as they were."""
    team = runtime.context
    show = team.screens.to_act_on if team.pipeline.reads_whole_screens else team.screens.to_read
    fields = {
        "instruction": state["instruction"],
        "subgoal": state["plan"].current_subgoal,
        "progress": state["progress"] or "none yet",
        "notes": state["notes"] or "none yet",
        "screen": show(state["screen"]),
    }
    try:
        reply = team.ask(
            "notetaker", state, conversation("notetaker", {}, "notetaker", fields), NotetakerReply
        )
    except InvalidReply as error:
        team.folder.record(Warned(step=state["step"], text=f"Notetaker: {error}"))
        return {"notes_proposed": None}
    return {"notes_proposed": reply.notes}

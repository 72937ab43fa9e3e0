"""The Operator chooses one action (Mobile-Agent-E, section 3.2).

Deviations from the paper: a target may be named by its number on the screen, and a reply that
cannot be used is told to the model and then counted as a failed action instead of ending the task.
"""

from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.grounding import Grounded, ground
from tapgraph.agents.mobile.offered_reply import offered_reply
from tapgraph.agents.mobile.prompts import conversation
from tapgraph.agents.mobile.replies import OperatorReply
from tapgraph.agents.mobile.state import Decision, PhoneState
from tapgraph.agents.mobile.team import Team
from tapgraph.agents.mobile.wording import (
    action_lines,
    history_lines,
    plan_lines,
    shortcut_lines,
    tip_lines,
)
from tapgraph.agents.run.events import Decided
from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.tools.mobile.screen import Screen

__all__ = ["operator"]

_POINT_RULES = {
    "pixels": "points are pixels, as on the screen below.",
    "0-1": "points are shares of width and height from 0 to 1; the screen below gives thousandths.",
    "0-999": "points are shares of width and height from 0 to 999, as on the screen below.",
    "0-1000": "points are shares of width and height from 0 to 1000, as on the screen below.",
}


def operator(state: PhoneState, runtime: Runtime[Team]) -> dict[str, Any]:
    """The next action; a decision with a `problem` when no usable one came."""
    team = runtime.context
    state = {**state, "step": state["step"] + 1}
    traits = team.models.for_role("operator").traits
    update: dict[str, Any] = {
        "step": state["step"],
        "screen_before": state["screen"],
        "tool_error": "",
    }
    screen = team.screens[state["screen"]]
    grounded: Grounded | None = None

    def take(reply: OperatorReply) -> None:
        nonlocal grounded
        grounded = ground(reply, screen, team.shortcuts, traits)

    try:
        reply = team.ask(
            "operator",
            state,
            _conversation(state, team, traits),
            offered_reply(screen, team.shortcuts, traits),
            check=take,
        )
    except InvalidReply as error:
        return update | {"decision": Decision("none", {}, "", problem=str(error))}
    if grounded is None:
        raise TypeError("ask must call check before it returns an answer")
    decision = Decision(
        grounded.name, grounded.arguments, reply.description, reply.completes_subgoal
    )
    box = grounded.bounds
    team.folder.record(
        Decided(
            step=state["step"],
            thought=reply.thought,
            action={"name": decision.name, "arguments": decision.arguments},
            description=reply.description,
            bounds=(box.left, box.top, box.right, box.bottom) if box else None,
        )
    )
    return update | {"decision": decision}


def _conversation(state: PhoneState, team: Team, traits: ModelTraits) -> Any:
    screen = team.screens[state["screen"]]
    plan = state["plan"]
    return conversation(
        "operator",
        {
            "actions": action_lines(team.answer_type),
            "point_rule": _POINT_RULES[traits.coordinate_space],
            "shortcuts": shortcut_lines(team.shortcuts),
            "tips": tip_lines(team.tips),
        },
        "operator",
        {
            "instruction": state["instruction"],
            "plan": plan_lines(plan),
            "history": history_lines(state["history"][-team.pipeline.history_window :]),
            "progress": state["progress"] or "none yet",
            "notes": state["notes"] or "none yet",
            "subgoal": plan.current_subgoal,
            "hint": _hint(state, screen),
            "screen": team.screens.to_act_on(state["screen"], traits),
        },
    )


def _hint(state: PhoneState, screen: Screen) -> str:
    hints = []
    if screen.source == "ocr":
        hints.append("The screen was read from its picture: any text may be something to tap.")
    if not screen.keyboard_shown:
        hints.append("Type is not possible now: tap an input first, or use a shortcut that does.")
    last = state["history"][-2:]
    if len(last) == 2 and last[-1].grade == "C" and all(record.name == "Tap" for record in last):
        hints.append("The last taps changed nothing: swipe, or go another way.")
    return "".join(f"Hint: {hint}\n" for hint in hints)

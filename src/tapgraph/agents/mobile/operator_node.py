"""The Operator chooses one action (Mobile-Agent-E, section 3.2).

Deviations from the paper: a target may be named by its number on the screen, and a reply that
cannot be used is told to the model and then counted as a failed action instead of ending the task.
"""

import dataclasses
from functools import partial
from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.mobile.grounding import Grounded, ground
from tapgraph.agents.mobile.offer import Offer
from tapgraph.agents.mobile.offered_reply import offered_reply
from tapgraph.agents.mobile.replies import OperatorReply
from tapgraph.agents.mobile.state import Decision, PhoneState
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.agents.mobile.wording import (
    ANSWER,
    action_lines,
    app_line,
    history_lines,
    plan_lines,
    shortcut_lines,
    tool_lines,
)
from tapgraph.agents.run.events import Decided
from tapgraph.agents.run.history import NO_ACTION
from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.chat_model import ModelTraits, Reply
from tapgraph.llm_backend.dialects.gui_call import Dialect
from tapgraph.llm_backend.dialects.known import dialect_named
from tapgraph.llm_backend.messages import Message
from tapgraph.tools.mobile.screen import Screen

__all__ = ["operator"]

_POINT_RULES = {
    "pixels": "points are pixels, as on the screen below.",
    "0-1": "points are shares of width and height from 0 to 1; the screen below gives thousandths.",
    "0-999": "points are shares of width and height from 0 to 999, as on the screen below.",
    "0-1000": "points are shares of width and height from 0 to 1000, as on the screen below.",
}


_LONGEST_THOUGHT = 400
"""Characters of a thought that others are told; the last ones say what is done."""


def operator(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
    """The next action; a decision with a `problem` when no usable one came."""
    team = runtime.context
    state = {**state, "step": state["step"] + 1}
    update: dict[str, Any] = {"step": state["step"], "screen_before": state["screen"]}
    screen, traits = team.screens[state["screen"]], team.traits("operator")
    remembered = team.remembered(state)
    whole = dataclasses.replace(team.offer, shortcuts=remembered.shortcuts)
    offer = _offer(whole, team, screen)
    if traits.enforces_schemas:
        schema = offered_reply(offer, traits, screen)
    else:
        # The offer changes with the keyboard, and what servers have read of a prompt would go.
        schema = offered_reply(whole, traits, None)
    grounded: Grounded | None = None

    def take(reply: OperatorReply) -> None:
        nonlocal grounded
        grounded = ground(reply, screen, offer, traits)

    dialect = dialect_named(traits.dialect) if traits.dialect else None
    read = partial(_in_our_words, dialect) if dialect is not None else None
    try:
        asked = _conversation(state, team, offer, traits, dialect)
        reply = team.ask("operator", state, asked, schema, check=take, read=read)
    except InvalidReply as error:
        return update | {"decision": Decision(NO_ACTION, {}, problem=str(error))}
    if grounded is None:
        raise TypeError("ask must call check before it returns an answer")
    has_given_up = dialect is not None and grounded.name == "Answer" and not reply.completes_subgoal
    decision = Decision(
        grounded.name,
        grounded.arguments,
        reply.description,
        grounded.target,
        grounded.direction,
        reply.completes_subgoal,
        problem=str(grounded.arguments["text"]) if has_given_up else "",
        follows=remembered.followed(reply.tips),
    )
    team.run.folder.record(
        Decided(
            step=state["step"],
            thought=reply.thought,
            action={"name": decision.name, "arguments": decision.arguments},
            description=reply.description,
            target=decision.target,
        )
    )
    return update | {"decision": decision}


def _in_our_words(dialect: Dialect, reply: Reply) -> OperatorReply:
    """What a GUI model wants done; the end of its thought stands for what it expects."""
    call = dialect.read(reply)
    thought = " ".join((call.thought or reply.reasoning).split())
    if len(thought) > _LONGEST_THOUGHT:
        thought = f"…{thought[1 - _LONGEST_THOUGHT :]}"
    return OperatorReply(
        thought=thought,
        action=call.action,
        arguments=dict(call.arguments),
        description=thought,
        completes_subgoal=call.is_finished,
        repairs=call.repairs,
    )


def _offer(whole: Offer, team: PhoneTeam, screen: Screen) -> Offer:
    is_hidden = team.pipeline.published_actions and not screen.keyboard_shown
    return whole.without("Type") if is_hidden else whole


def _conversation(
    state: PhoneState,
    team: PhoneTeam,
    offer: Offer,
    traits: ModelTraits,
    dialect: Dialect | None,
) -> tuple[Message, Message]:
    plan, history = state["plan"], state["history"][-team.pipeline.history_window :]
    answer = team.run.answer_form(ANSWER)
    remembered = team.remembered(state)
    rules = {
        "apps": app_line(offer.apps) or "not known",
        "tips": remembered.tip_lines if dialect is not None else remembered.tips_to_name,
    }
    if dialect is not None:
        rules |= {
            "answer": answer,
            "instructions": dialect.instructions,
        }
    else:
        tools = tool_lines(offer)
        rules |= {
            "actions": action_lines(team.offer, answer),
            "point_rule": _POINT_RULES[traits.coordinate_space],
            "shortcuts": shortcut_lines(offer.shortcuts),
            "tools": f"\n\nTools, which work without the phone:\n{tools}" if tools else "",
        }
    return team.run.prompts.conversation(
        "operator_dialect" if dialect is not None else "operator",
        rules,
        {
            "plan": plan_lines(plan),
            "history": history_lines(history, traits),
            "progress": state["progress"] or "none yet",
            "notes": state["notes"] or "none yet",
            "subgoal": plan.current_subgoal,
            "hint": _hints(state, team, offer),
        },
        blocks={
            "instruction": state["instruction"],
            "screen": _screen(state, team, traits),
        },
        asks="operator",
    )


def _screen(state: PhoneState, team: PhoneTeam, traits: ModelTraits) -> str:
    """The screen in front; the rest of it after the Operator has asked for that."""
    pages = 0
    for record in reversed(state["history"]):
        if record.name != "Show_Rest" or record.verdict != "A":
            break
        pages += 1
    if pages:
        return team.screens.rest_to_act_on(state["screen"], traits, pages)
    return team.screens.to_act_on(state["screen"], traits)


def _hints(state: PhoneState, team: PhoneTeam, offer: Offer) -> str:
    hints = []
    screen = team.screens[state["screen"]]
    if "Show_Rest" in offer.actions and team.screens.has_rest(state["screen"]):
        hints.append("Not all elements of the screen are listed: Show_Rest lists the rest.")
    if screen.source == "ocr":
        hints.append("The screen was read from its picture: any text may be something to tap.")
    if not screen.keyboard_shown:
        hints.append("Type is not possible now: tap an input first, or use a shortcut that does.")
    last = state["history"][-2:]
    if len(last) == 2 and last[-1].verdict == "C" and all(record.name == "Tap" for record in last):
        hints.append("The last taps changed nothing: swipe, or go another way.")
    hints += [words for _, words in sorted(state["advice"].items()) if words]
    return "".join(f"Hint: {' '.join(hint.split())}\n" for hint in hints)

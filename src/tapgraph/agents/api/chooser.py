"""The Chooser decides the next action; code fills in and checks its arguments."""

from typing import Any

from langgraph.runtime import Runtime
from pydantic import BaseModel, ValidationError

from tapgraph.agents.api.prompts import conversation
from tapgraph.agents.api.references import References
from tapgraph.agents.api.replies import ChooserReply, chooser_reply
from tapgraph.agents.api.state import ApiState, Decision
from tapgraph.agents.api.stuck import trouble
from tapgraph.agents.api.team import ApiTeam
from tapgraph.agents.api.wording import answer_rule, apis_block, steps_block, tip_lines
from tapgraph.agents.run.events import Decided
from tapgraph.errors import InvalidReply, ToolError
from tapgraph.llm_backend.messages import Message
from tapgraph.tools.api.calls import checked_arguments
from tapgraph.tools.api.json_value import Json, json_text

__all__ = ["chooser"]


def chooser(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """The next action; a decision with a `problem` when no usable one came."""
    team = runtime.context
    state = {**state, "step": state["step"] + 1}
    update: dict[str, Any] = {"step": state["step"], "error": "", "missing": ""}
    try:
        schema = chooser_reply(tuple(state["candidates"]))
        reply = team.ask("chooser", state, _conversation(state, team), schema)
    except InvalidReply as error:
        return update | {"decision": Decision("none", problem=str(error))}
    subject = {"call": reply.api, "search": reply.query, "ask_user": reply.question}
    written = reply.arguments if reply.action in {"call", "read"} else {}
    decision = Decision(reply.action, subject.get(reply.action, ""), written)
    team.folder.record(
        Decided(
            step=state["step"],
            thought=reply.thought,
            action={"name": decision.subject if reply.action == "call" else reply.action}
            | {"arguments": _told(reply)},
            description="",
        )
    )
    return update | {"decision": _usable(decision, reply, team)}


def _conversation(state: ApiState, team: ApiTeam) -> tuple[Message, Message]:
    return conversation(
        "chooser",
        {"answer_rule": answer_rule(team.answer_type), "tips": tip_lines(team.tips)},
        "chooser",
        {
            "instruction": state["instruction"],
            "started_at": state["started_at"],
            "apis": apis_block(team.runner.catalog, state["candidates"]),
            "steps": steps_block(state["history"], team.folder),
            "hint": _hint(state),
        },
    )


def _hint(state: ApiState) -> str:
    hints = [trouble(state["history"])]
    if state["missing"]:
        hints.append(f"A check of the whole task found this undone: {state['missing']}")
    return "\n".join(f"Hint: {hint}" for hint in hints if hint) or "Choose the next action."


def _usable(decision: Decision, reply: ChooserReply, team: ApiTeam) -> Decision:
    """The decision with its references filled in, or with what is wrong with it."""
    arguments: dict[str, Any] = {}
    answer, problem = "", ""
    references = References(team.folder, team.clock())
    try:
        match reply.action:
            case "call":
                api = team.runner.catalog[reply.api]
                filled = {
                    name: references.filled(value) for name, value in decision.written.items()
                }
                arguments = checked_arguments(api, filled)
            case "read":
                arguments = {
                    name: references.filled(value) for name, value in decision.written.items()
                }
            case "finish":
                answer = _answer_text(references.filled(reply.answer), team.answer_type)
            case "give_up":
                answer = _words(reply.answer) or reply.thought
    except ToolError as error:
        problem = str(error)
    return Decision(decision.action, decision.subject, decision.written, arguments, answer, problem)


def _answer_text(answer: Json, answer_type: type[BaseModel] | None) -> str:
    """The answer in words, or as JSON of the type.

    Raises:
        ToolError: it does not fit the type.
    """
    if answer_type is None:
        return _words(answer)
    try:
        if isinstance(answer, str):
            return answer_type.model_validate_json(answer).model_dump_json()
        return answer_type.model_validate(answer).model_dump_json()
    except ValidationError as error:
        raise ToolError(f"answer must fit {answer_type.__name__}: {error}") from error


def _words(answer: Json) -> str:
    if answer is None:
        return ""
    return answer.strip() if isinstance(answer, str) else json_text(answer)


def _told(reply: ChooserReply) -> dict[str, Any]:
    match reply.action:
        case "search":
            return {"query": reply.query}
        case "ask_user":
            return {"question": reply.question}
        case "finish" | "give_up":
            return {"answer": reply.answer}
        case _:
            return dict(reply.arguments)

"""The Chooser decides the next action; code fills in and checks its arguments."""

from typing import Any

from langgraph.runtime import Runtime
from pydantic import BaseModel, ValidationError

from tapgraph.agents.api.replies import ChooserReply, chooser_reply
from tapgraph.agents.api.state import ApiState, ApiTeam, Choice
from tapgraph.agents.api.wording import apis_block, steps_block
from tapgraph.agents.run.events import Decided
from tapgraph.agents.run.history import Limits, failures_in_a_row, loop_warning
from tapgraph.errors import InvalidReply, ToolError
from tapgraph.llm_backend.messages import Message
from tapgraph.tools.api.calls import checked_arguments
from tapgraph.tools.api.json_value import Json, json_text
from tapgraph.tools.api.references import References

__all__ = ["chooser"]

_FAILURE_WARNING = 2
_ANSWER = "what the user wants to know, or what was done, in a sentence or two"
_SAID = {"call": "api", "search": "query", "ask_user": "question"}
"""The part of a reply that says what an action is about."""


def chooser(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """The next action; a decision with a `problem` when no usable one came."""
    team, run = runtime.context, runtime.context.run
    state = {**state, "step": state["step"] + 1}
    update: dict[str, Any] = {"step": state["step"], "error": "", "missing": ""}
    try:
        schema = chooser_reply(tuple(state["candidates"]))
        reply = run.ask("chooser", _conversation(state, team), schema, step=state["step"])
    except InvalidReply as error:
        return update | {"choice": Choice("none", problem=str(error))}
    said = _SAID.get(reply.action, "")
    subject: str = getattr(reply, said) if said else ""
    written = reply.arguments if reply.action in {"call", "read"} else {}
    choice = Choice(reply.action, subject, written)
    told = {said: subject} if said else {"answer": reply.answer}
    run.folder.record(
        Decided(
            step=state["step"],
            thought=reply.thought,
            action={
                "name": subject if reply.action == "call" else reply.action,
                "arguments": told if written is not reply.arguments else dict(written),
            },
            description="",
        )
    )
    return update | {"choice": _usable(choice, reply, team)}


def _conversation(state: ApiState, team: ApiTeam) -> tuple[Message, Message]:
    remembered = team.run.recall.for_subgoal(state["instruction"], step=state["step"])
    return team.run.prompts.conversation(
        "chooser",
        {"answer_rule": team.run.answer_form(_ANSWER), "tips": remembered.tip_lines},
        {"started_at": state["started_at"], "hint": _hint(state, team.run.limits)},
        blocks={
            "instruction": state["instruction"],
            "apis": apis_block(team.runner.catalog, state["candidates"]),
            "steps": steps_block(state["history"], team.run.folder),
        },
    )


def _hint(state: ApiState, limits: Limits) -> str:
    failures = failures_in_a_row(state["history"])
    hints = [loop_warning(state["history"], limits)]
    if failures >= _FAILURE_WARNING:
        hints = [
            f"The last {failures} steps failed. Do not repeat them as they are: change the "
            "arguments, search for another API, or ask the user."
        ]
    if state["missing"]:
        hints.append(f"A check of the whole task found this undone: {state['missing']}")
    return "\n".join(f"Hint: {hint}" for hint in hints if hint) or "Choose the next action."


def _usable(choice: Choice, reply: ChooserReply, team: ApiTeam) -> Choice:
    """The choice with its references filled in, or with what is wrong with it."""
    arguments: dict[str, Any] = {}
    answer, problem = "", ""
    references = References(team.run.folder, team.clock())
    try:
        match reply.action:
            case "call":
                api = team.runner.catalog[reply.api]
                filled = {name: references.filled(value) for name, value in choice.written.items()}
                arguments = checked_arguments(api, filled)
            case "read":
                arguments = {
                    name: references.filled(value) for name, value in choice.written.items()
                }
            case "finish":
                answer = _answer_text(references.filled(reply.answer), team.run.answer_type)
            case "give_up":
                answer = _words(reply.answer) or reply.thought
    except ToolError as error:
        problem = str(error)
    return Choice(choice.action, choice.subject, choice.written, arguments, answer, problem)


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

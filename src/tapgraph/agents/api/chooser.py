"""The Chooser decides the next action; code fills in and checks its arguments."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from langgraph.runtime import Runtime
from pydantic import BaseModel, ValidationError

from tapgraph.agents.api.native_calls import NativeReply, NativeTools
from tapgraph.agents.api.offered_reply import offered_reply
from tapgraph.agents.api.replies import ChooserReply
from tapgraph.agents.api.retriever import candidates_with
from tapgraph.agents.api.state import ApiState, ApiTeam, Choice
from tapgraph.agents.api.wording import catalog_block, steps_block
from tapgraph.agents.run.events import Decided
from tapgraph.agents.run.history import Limits, failures_in_a_row, loop_warning
from tapgraph.agents.run.recall import Remembered
from tapgraph.errors import InvalidReply, ToolError
from tapgraph.llm_backend.messages import Message
from tapgraph.tools.api.calls import checked_arguments
from tapgraph.tools.api.candidates import listed_briefly
from tapgraph.tools.api.json_value import Json, json_text
from tapgraph.tools.api.references import References

__all__ = ["chooser"]

_FAILURE_WARNING = 2
_MOST_TOGETHER = 8
_ANSWER = "what the user wants to know, or what was done, in a sentence or two"
_AS_TOOLS = "They are your tools."
_SAID = {"call": "api", "search": "query", "ask_user": "question"}
"""The part of a reply that says what an action is about."""


def chooser(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """The next action; a decision with a `problem` when no usable one came.

    Of several calls that were chosen at once the next one, without asking again.
    """
    team = runtime.context
    step = state["step"] + 1
    update: dict[str, Any] = {"step": step, "error": "", "missing": ""}
    if state["pending"]:
        return update | {"choice": state["pending"][0], "pending": state["pending"][1:]}
    state, candidates = {**state, "step": step}, state["candidates"]
    try:
        replies = _replies(state, team)
    except InvalidReply as error:
        return update | {"choice": Choice("none", problem=str(error))}
    for place, reply in enumerate(replies, step):
        _record(reply, place, team)
    remembered = team.run.recall.for_subgoal(state["instruction"], step=step)
    choice, *pending = (_usable(reply, team, remembered) for reply in replies)
    called = [reply.api for reply in replies if reply.action == "call"]
    if unseen := [one for one in called if one in team.runner.catalog and one not in candidates]:
        update["candidates"] = candidates_with(unseen, state, team)
    return update | {"choice": choice, "pending": pending}


def _replies(state: ApiState, team: ApiTeam) -> Sequence[ChooserReply]:
    """What the model wants done: one action, or several calls that only read.

    Raises:
        InvalidReply: it gives none that can be used.
    """
    run, catalog = team.run, team.runner.catalog
    traits = run.models.for_role("chooser").traits
    candidates = state["candidates"]
    offered = [*candidates, *listed_briefly(catalog, candidates)]
    if traits.calls == "native":
        tools = NativeTools.of(catalog, candidates, offered[len(candidates) :])
        room = min(_MOST_TOGETHER, run.meter.left(state["step"] - 1).max_steps)
        asked = _conversation("chooser_native", _AS_TOOLS, state, team)
        return run.ask(
            "chooser",
            asked,
            NativeReply,
            step=state["step"],
            tools=tools.specs,
            read=partial(tools.read, most=room),
        ).replies
    asked = _conversation("chooser", catalog_block(catalog, candidates), state, team)
    return [run.ask("chooser", asked, offered_reply(catalog, offered, traits), step=state["step"])]


def _record(reply: ChooserReply, step: int, team: ApiTeam) -> None:
    said = _SAID.get(reply.action, "")
    subject: str = getattr(reply, said) if said else ""
    told: dict[str, Any] = {said: subject} if said else {"answer": reply.answer}
    if reply.action in {"call", "read"}:
        told = dict(reply.arguments)
    name = subject if reply.action == "call" else reply.action
    action = {"name": name, "arguments": told}
    team.run.folder.record(Decided(step, reply.thought, action, description=""))


def _conversation(rules: str, apis: str, state: ApiState, team: ApiTeam) -> tuple[Message, Message]:
    remembered = team.run.recall.for_subgoal(state["instruction"], step=state["step"])
    tips = remembered.tip_lines if rules == "chooser_native" else remembered.tips_to_name
    return team.run.prompts.conversation(
        rules,
        {"answer_rule": team.run.answer_form(_ANSWER), "tips": tips},
        {"started_at": state["started_at"], "hint": _hint(state, team.run.limits)},
        blocks={
            "instruction": state["instruction"],
            "apis": apis,
            "steps": steps_block(state["history"], team.run.folder),
        },
        asks="chooser",
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


def _usable(reply: ChooserReply, team: ApiTeam, remembered: Remembered) -> Choice:
    """The choice with its references filled in, or with what is wrong with it."""
    said = _SAID.get(reply.action, "")
    subject: str = getattr(reply, said) if said else ""
    written = reply.arguments if reply.action in {"call", "read"} else {}
    arguments: dict[str, Any] = {}
    answer, problem = "", ""
    references = References(team.run.folder, team.clock())
    try:
        filled = {name: references.filled(value) for name, value in written.items()}
        match reply.action:
            case "call":
                arguments = checked_arguments(team.runner.catalog[reply.api], filled)
            case "read":
                arguments = filled
            case "finish":
                answer = _answer_text(references.filled(reply.answer), team.run.answer_type)
            case "give_up":
                answer = _words(reply.answer) or reply.thought
    except ToolError as error:
        problem = str(error)
    follows = remembered.followed(reply.tips)
    return Choice(reply.action, subject, written, arguments, answer, problem, follows)


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

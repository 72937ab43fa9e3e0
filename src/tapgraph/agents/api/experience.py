"""The reflector on experience of the API agent, and what becomes of what it says."""

from typing import Any

from langgraph.runtime import Runtime
from pydantic import ValidationError

from tapgraph.agents.api.ending import whole_run
from tapgraph.agents.api.rehearsal import rehearse
from tapgraph.agents.api.shortcuts import call_arguments, chain_from
from tapgraph.agents.api.state import ApiState, ApiTeam
from tapgraph.agents.run.agent_run import AgentRun
from tapgraph.agents.run.events import LearntShortcut
from tapgraph.agents.run.experience import (
    Lesson,
    check_changes,
    known_tips,
    learn_tips,
    numbered_tips,
    pass_the_gate,
)
from tapgraph.agents.run.offered_tips import offered_tips_and_chain
from tapgraph.agents.run.replies import ChainReply, TipsReply
from tapgraph.errors import ToolError, UsageError
from tapgraph.memory import Shortcut, ShortcutDraft
from tapgraph.memory.admission import ForeignWords, admit_shortcut
from tapgraph.tools.api.json_value import json_text

__all__ = ["tips_reflector"]


def tips_reflector(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """Keeps what would have helped to know before."""
    run, step = runtime.context.run, state["step"]
    known = known_tips(run, state["instruction"])
    asked = run.prompts.conversation(
        "tips_reflector",
        {"tips": numbered_tips(known)},
        {"ending": run.ending(state), "future": run.future_lines},
        blocks=whole_run(state, run),
        asks="experience",
    )

    def check(reply: TipsReply) -> None:
        check_changes(reply.tips, known)
        if reply.chain is not None:
            _admitted(reply.chain, state, runtime.context)

    traits = run.models.for_role("tips_reflector").traits
    schema = offered_tips_and_chain(known) if traits.enforces_schemas else TipsReply
    reply = run.reflected(
        step,
        "Tips reflector",
        lambda: run.ask("tips_reflector", asked, schema, step=step, check=check),
    )
    if reply is not None:
        lesson = _lesson(state, run)
        learn_tips(lesson, reply.tips, known)
        if reply.chain is not None:
            _learn_chain(reply.chain, state, runtime.context, lesson)
    return {}


def _admitted(chain: ChainReply, state: ApiState, team: ApiTeam) -> ShortcutDraft:
    """The chain as it may be kept.

    Raises:
        ToolError: it may not; the text is for the model.
    """
    own = [api for api in team.runner.catalog if api.origin != "memory"]
    try:
        draft = chain_from(chain, state["history"])
        return admit_shortcut(draft, call_arguments(own)).draft
    except ValidationError as error:
        raise ToolError(error.errors()[0]["msg"]) from error
    except UsageError as error:
        raise ToolError(str(error)) from error


def _learn_chain(chain: ChainReply, state: ApiState, team: ApiTeam, lesson: Lesson) -> None:
    memory = team.run.recall.memory
    try:
        draft = _admitted(chain, state, team)
        quotes = lesson.foreign.origins(draft.description)
        kept = memory.add_shortcut(
            draft,
            actions=call_arguments(team.runner.catalog),
            scope=lesson.scope,
            provenance=lesson.provenance.model_copy(update={"quotes": quotes}),
        )
    except (ToolError, UsageError) as error:
        team.run.warn(state["step"], f"not learnt: {error}")
        return
    team.run.folder.record(
        LearntShortcut(step=state["step"], shortcut=chain.model_dump(mode="json"))
    )
    lesson.changed("add", kept, draft.name, f"learnt from {team.run.recall.run}")
    learnt = memory.get(kept)
    if isinstance(learnt, Shortcut) and not learnt.is_unvouched:
        ended = rehearse(learnt, state, team)
        if ended is not None:
            pass_the_gate(lesson, learnt, ended)


def _lesson(state: ApiState, run: AgentRun) -> Lesson:
    said: dict[str, list[str]] = {}
    for record in state["history"]:
        if record.name == "call" and run.folder.has_result(record.step):
            value = run.folder.load_result(record.step)
            said.setdefault(f"the API {record.subject}", []).append(json_text(value))
    model = run.models.for_role("tips_reflector").traits.name
    asked = state["instruction"]
    foreign = ForeignWords(said, task=asked)
    return Lesson(run, state["step"], model, run.recall.scope, foreign, asked)

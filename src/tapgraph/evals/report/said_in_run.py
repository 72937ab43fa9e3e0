"""What the models of a run said, as passages of one text."""

import json
from collections.abc import Iterator

from tapgraph.agents.run.events import (
    Decided,
    Event,
    ModelCalled,
    Noted,
    Planned,
    Reflected,
    Verified,
)
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import UsageError
from tapgraph.llm_backend.training.reply_rhythm import Passage

__all__ = ["said_in_run"]


def said_in_run(folder: RunFolder, *, step: int | None = None) -> tuple[Passage, ...]:
    """Thoughts, plans, actions and judgements in the order they came, each under a heading.

    What the replies say, without their JSON and without the prompts they were made from.

    Args:
        folder: the run.
        step: of which alone the words count as reply; what came before is there to be read, and
            what came after is left out. None for all steps.

    Raises:
        UsageError: no model said anything there.
    """
    passages: list[Passage] = []
    for event in folder.events():
        if step is not None and event.step > step:
            continue
        is_reply = step is None or event.step == step
        for role, words in _said(event):
            passages.append(Passage(f"\n[step {event.step}, {role}]\n", is_reply=False))
            passages.append(Passage(words, is_reply=is_reply))
    if not any(passage.is_reply for passage in passages):
        where = "the run" if step is None else f"step {step} of the run"
        raise UsageError(f"no model said anything in {where} {str(folder.path)!r}")
    return tuple(passages)


def _said(event: Event) -> Iterator[tuple[str, str]]:
    """Who spoke, and the words."""
    match event:
        case ModelCalled(role=role, reasoning=thought) if thought:
            yield f"{role} thinks", thought
        case Planned(thought=thought, subgoals=subgoals):
            plan = "\n".join(f"{place}. {goal}" for place, goal in enumerate(subgoals, 1))
            yield "manager", f"{thought}\n{plan}".strip()
        case Decided(thought=thought, action=action):
            yield "operator", f"{thought}\n{json.dumps(action, ensure_ascii=False)}".strip()
        case Reflected(verdict=verdict, error=error, progress=progress, judged_by="model"):
            yield "reflector", "\n".join(filter(None, (str(verdict), error, progress)))
        case Noted(notes=notes) if notes:
            yield "notetaker", notes
        case Verified(missing=missing) if missing:
            yield "verifier", missing

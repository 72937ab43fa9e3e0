"""How an item is asked: teacher-forced as in the paper, or free-running."""

import uuid
from dataclasses import replace

from tapgraph.evals.records import storable
from tapgraph.evals.shortcutsbench.freeze import ApiTexts
from tapgraph.evals.shortcutsbench.identifiers import FINISH
from tapgraph.evals.shortcutsbench.item import Action, Item
from tapgraph.evals.shortcutsbench.prompt_form import as_executable
from tapgraph.evals.shortcutsbench.question import Chooser, Question, Said
from tapgraph.evals.shortcutsbench.reply_text import strict_call
from tapgraph.evals.shortcutsbench.transcript import Answer, Transcript

__all__ = ["ask_step_by_step", "let_run_free", "most_free_calls"]


def ask_step_by_step(item: Item, chooser: Chooser, apis: ApiTexts) -> Transcript:
    """Teacher-forced: each judged step is asked for with the gold actions before it as history.

    An error shows only where it is made. After the last gold action of a shortcut comes one more
    question, whose right answer is `Finish`; the paper never asks it.
    """
    transcript = Transcript(item_id=item.id)
    for position in item.judged:
        said = chooser.answer(Question(item, position, item.gold[:position], apis))
        answers = (*transcript.answers, Answer(position, storable(said.text)))
        transcript = replace(_paid(transcript, said), answers=answers)
    if item.is_pre_experiment:
        return transcript
    end = len(item.gold)
    said = chooser.answer(Question(item, end, item.gold, apis))
    return replace(_paid(transcript, said), stop=Answer(end, storable(said.text)))


def let_run_free(item: Item, chooser: Chooser, apis: ApiTexts) -> Transcript:
    """Free-running: the chooser builds the whole shortcut, on its own actions, until it finishes.

    It may use the structuring actions (conditions, variables, texts, questions) besides the item's
    candidates. An action without a `UUID` gets one, so that later ones can refer to it. A reply
    that is no call ends the run; so does the limit of twice the gold's length and five.
    """
    transcript = Transcript(item_id=item.id, mode="free-running")
    for ordinal in range(most_free_calls(item)):
        question = Question(item, ordinal, transcript.actions, apis, is_free=True)
        said = chooser.answer(question)
        answers = (*transcript.answers, Answer(ordinal, storable(said.text)))
        transcript = replace(_paid(transcript, said), answers=answers)
        call = strict_call(said.text)
        if call is None or call.identifier is None:
            return transcript
        if call.identifier == FINISH:
            return replace(transcript, is_finished=True)
        action = as_executable(Action(call.identifier, call.parameters))
        named = _with_uuid(action, f"{item.id}/{ordinal}")
        transcript = replace(transcript, actions=(*transcript.actions, named))
    return transcript


def most_free_calls(item: Item) -> int:
    """How many replies a free run may take."""
    return 2 * len(item.gold) + 5


def _with_uuid(action: Action, name: str) -> Action:
    if "UUID" in action.parameters:
        return action
    own = str(uuid.uuid5(uuid.NAMESPACE_URL, name)).upper()
    return Action(action.identifier, {**action.parameters, "UUID": own})


def _paid(transcript: Transcript, said: Said) -> Transcript:
    return replace(
        transcript,
        calls=transcript.calls + said.calls,
        prompt_tokens=transcript.prompt_tokens + said.usage.prompt_tokens,
        completion_tokens=transcript.completion_tokens + said.usage.completion_tokens,
        cost_usd=transcript.cost_usd + said.usage.cost_usd,
    )

"""Ask many questions about contexts that an attention system has read once.

The protocol, the same for every system. All of a context but its last tokens, to a multiple of
`CUT_AT`, is read in one call; that state is kept as a snapshot. For each question the state is
restored, and the rest of the context is read together with the question in a second call, so that
questions are part of the prompt and prefill-sparse systems choose for them. Then comes the answer,
one decode step for each token.

Where a system's first answer token comes from depends on what the system is about. With
`question_in="decode"` the last token of the question is a decode step already, so that all of the
answer is given from what the system keeps and reads in decode. With `question_in="prefill"` the
question is read whole and the first answer token comes from the prefill: for systems that decode
densely, and for those that choose what they decode from by the prompt's last tokens (Recycled,
and the scored caches: a window without the last query would not know what is asked for).

Answers are fed back as they should be: a question counts as exact if every answer token is the
model's first choice, which is when greedy decoding gives exactly that answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import PreTrainedModel

from tapgraph.errors import UsageError
from tapgraph.evals.long_context.recall_tasks import RecallContext
from tapgraph.evals.long_context.recall_vocabulary import TOKENS
from tapgraph.kernels.attention_system import AttentionSystem, Reading
from tapgraph.kernels.in_models.attention import AttentionCache, use_attention
from tapgraph.kernels.systems.landmark import Landmark
from tapgraph.kernels.systems.landmark_softmax import insert_landmarks

__all__ = ["CUT_AT", "QUESTION_IN", "Answers", "QuestionIn", "ask_contexts"]

CUT_AT = 32
"""The first call of a prompt ends at a multiple of so many tokens."""

QuestionIn = Literal["decode", "prefill"]

QUESTION_IN: Mapping[str, QuestionIn] = MappingProxyType({
    "expected_attention": "prefill",
    "h2o": "prefill",
    "keydiff": "prefill",
    "recycled": "prefill",
    "sale": "prefill",
    "snapkv": "prefill",
    "tova": "prefill",
    "triangle_mix": "prefill",
    "xattention": "prefill",
})
"""Where the last question token is read; "decode" for all systems that are not named."""

_LANDMARK = TOKENS.index("<landmark>")


@dataclass(frozen=True, slots=True)
class Answers:
    """What asking gave.

    Attributes:
        exact: for each context, for each of its questions, whether the answer was exact.
        kv_bytes: held for one sequence at the end of an answer.
        decode_reading: of a decode step, mean over all of them.
        prompt_reading: of the last query of the first call.
        tokens: slots of a sequence at the end of an answer, mean over questions.
    """

    exact: tuple[tuple[bool, ...], ...]
    kv_bytes: float
    decode_reading: Reading
    prompt_reading: Reading
    tokens: float


@dataclass(frozen=True, slots=True)
class _Round:
    """One question for each context, as slots `[batch, slots]`.

    Attributes:
        slots: token ids of prompts and answers, landmarks included.
        cut: slots of the first call.
        prompt: slots of the prompt.
        answer_slots: where the answer tokens are.
        told_at: of each answer token, where the token before it is, which predicts it.
        answer_lengths: answer tokens of each row; the rest is filled up.
    """

    slots: Tensor
    cut: int
    prompt: int
    answer_slots: tuple[int, ...]
    told_at: tuple[int, ...]
    answer_lengths: tuple[int, ...]


@torch.inference_mode()
def ask_contexts(
    model: PreTrainedModel,
    system: AttentionSystem,
    contexts: Sequence[RecallContext],
    *,
    question_in: QuestionIn | None = None,
) -> Answers:
    """Ask all questions of contexts, one question of each context at a time.

    Args:
        model: a causal language model over the recall vocabulary.
        system: does the attention; for Landmark, landmarks are put into the text.
        contexts: of equal length, with equally many questions and equally long cues.
        question_in: None means as `QUESTION_IN` has it.

    Raises:
        UsageError: the contexts do not fit together.
    """
    rounds = _rounds(system, contexts)
    where = question_in or QUESTION_IN.get(system.name, "decode")
    decoder: Any = model.base_model
    device = model.device
    exact: list[list[bool]] = []
    readings: list[Reading] = []
    held = 0.0
    with use_attention(model, system) as attention:
        cache = attention.new_cache()
        first = rounds[0]
        decoder(input_ids=first.slots[:, : first.cut].to(device), past_key_values=cache)
        prompt_reading, start = cache.reading, cache.snapshot()
        for asked in rounds:
            cache.restore(start)
            guesses = _answer(model, cache, asked, where, readings)
            exact.append(_are_exact(guesses, asked))
            held += cache.bytes_held() / len(contexts)
    return Answers(
        exact=tuple(zip(*exact, strict=True)),
        kv_bytes=held / len(rounds),
        decode_reading=_mean(readings),
        prompt_reading=prompt_reading,
        tokens=sum(one.answer_slots[-1] for one in rounds) / len(rounds),
    )


def _answer(
    model: PreTrainedModel,
    cache: AttentionCache,
    asked: _Round,
    where: QuestionIn,
    readings: list[Reading],
) -> Tensor:
    """The first choice for each answer token, int64 `[batch, answer tokens]`."""
    slots = asked.slots.to(model.device)
    decoded_from = asked.prompt - (where == "decode")
    logits = model(
        input_ids=slots[:, asked.cut : decoded_from], past_key_values=cache, logits_to_keep=1
    ).logits
    guesses = {decoded_from - 1: logits[:, -1].argmax(-1)}
    for slot in range(decoded_from, asked.answer_slots[-1]):
        logits = model(input_ids=slots[:, slot : slot + 1], past_key_values=cache).logits
        readings.append(cache.reading)
        guesses[slot] = logits[:, -1].argmax(-1)
    return torch.stack([guesses[slot] for slot in asked.told_at], dim=1)


def _are_exact(guesses: Tensor, asked: _Round) -> list[bool]:
    right = guesses.cpu() == asked.slots[:, list(asked.answer_slots)]
    return [
        bool(row[:length].all()) for row, length in zip(right, asked.answer_lengths, strict=True)
    ]


def _rounds(system: AttentionSystem, contexts: Sequence[RecallContext]) -> list[_Round]:
    if not contexts:
        raise UsageError("no context to ask about")
    lengths = {len(context.token_ids) for context in contexts}
    counts = {len(context.questions) for context in contexts}
    cues = {len(question.cue_ids) for context in contexts for question in context.questions}
    if len(lengths) > 1 or len(counts) > 1 or len(cues) > 1:
        raise UsageError(
            "contexts must have equal lengths, equally many questions and equally long cues, got "
            f"{sorted(lengths)}, {sorted(counts)} and {sorted(cues)}"
        )
    [length], [count] = lengths, counts
    if length <= CUT_AT or not count:
        raise UsageError(f"a context must be longer than {CUT_AT} tokens and have questions")
    return [_round(system, contexts, index) for index in range(count)]


def _round(system: AttentionSystem, contexts: Sequence[RecallContext], index: int) -> _Round:
    questions = [context.questions[index] for context in contexts]
    longest = max(len(question.answer_ids) for question in questions)
    tokens = torch.tensor([
        [
            *context.token_ids,
            *question.cue_ids,
            *question.answer_ids,
            *question.answer_ids[-1:] * (longest - len(question.answer_ids)),
        ]
        for context, question in zip(contexts, questions, strict=True)
    ])
    slots, positions = tokens, torch.arange(tokens.shape[1])
    if isinstance(system, Landmark):
        marked = insert_landmarks(tokens, block=system.config.block, landmark_id=_LANDMARK)
        slots, positions = marked.token_ids, marked.positions
    context_tokens = len(contexts[0].token_ids)
    answer_from = tokens.shape[1] - longest
    return _Round(
        slots=slots,
        cut=int(positions[(context_tokens - 1) // CUT_AT * CUT_AT]),
        prompt=int(positions[answer_from - 1]) + 1,
        answer_slots=tuple(positions[answer_from:].tolist()),
        told_at=tuple(positions[answer_from - 1 : -1].tolist()),
        answer_lengths=tuple(len(question.answer_ids) for question in questions),
    )


def _mean(readings: Sequence[Reading]) -> Reading:
    count = max(1, len(readings))
    return Reading(
        attended=sum(one.attended for one in readings) / count,
        scored=sum(one.scored for one in readings) / count,
    )

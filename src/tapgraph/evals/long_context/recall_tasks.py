"""Synthetic recall: facts hidden in a long context, questions about them, and where the gold lies.

Everything follows from a seed. `recall_context` makes one long context with several questions that
are asked independently of each other; `recall_prompts` makes complete prompts with one question at
the end; `training_sequence` makes one sequence with as many answered questions as fit.

    needle     `key K is V V.` with one-word keys, thinly spread over filler
    multikey   `key K K is V V.` with two-word keys and nothing else: the haystack is needles
    copy       stretches of names in filler; the first two names of one ask for the rest of it
    number     RULER's sentences about special magic numbers, seven digits each, in filler
    variables  chains `var A = 12345.`, `var B = var A.`; all names with one value are asked for
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from tapgraph.errors import UsageError
from tapgraph.evals.long_context.recall_filler import filler
from tapgraph.evals.long_context.recall_vocabulary import BOS, NAMES, encode

__all__ = [
    "RECALL_TASKS",
    "RecallContext",
    "RecallPrompt",
    "RecallQuestion",
    "RecallTask",
    "TrainingSequence",
    "recall_context",
    "recall_prompts",
    "training_sequence",
]

RecallTask = Literal["needle", "multikey", "copy", "number", "variables"]
RECALL_TASKS: tuple[RecallTask, ...] = get_args(RecallTask)

_Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RecallQuestion:
    """A question about a context.

    Attributes:
        cue_ids: tokens that follow the context and ask.
        answer_ids: the tokens that should come next.
        gold_positions: for each answer token, where in the context it stands.
    """

    cue_ids: _Tokens
    answer_ids: _Tokens
    gold_positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RecallContext:
    """A context that begins with `<s>`, and questions each of which may follow it directly."""

    task: RecallTask
    token_ids: _Tokens
    questions: tuple[RecallQuestion, ...]


@dataclass(frozen=True, slots=True)
class RecallPrompt:
    """One prompt with its question at the end.

    Attributes:
        task: what it is an example of.
        token_ids: the whole prompt, from `<s>` to the last token before the answer.
        answer_ids: the tokens that a model with perfect recall says next.
        gold_positions: for each answer token, where in the prompt it stands.
    """

    task: RecallTask
    token_ids: _Tokens
    answer_ids: _Tokens
    gold_positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TrainingSequence:
    """One sequence to learn from.

    Attributes:
        token_ids: context and answered questions.
        answers: positions of the tokens that only recall can predict.
        predictable: positions of the tokens that the few tokens before them make likely.
        breaks: positions at which a new piece of text begins, ascending.
    """

    token_ids: _Tokens
    answers: tuple[int, ...]
    predictable: tuple[int, ...]
    breaks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Fact:
    """Pieces that stand in the context in this order, and what asks for parts of them.

    `gold` gives for each answer token the piece it is in and its place there.
    """

    pieces: tuple[_Tokens, ...]
    cue: _Tokens
    answer: _Tokens
    gold: tuple[tuple[int, int], ...]
    ending: _Tokens


@dataclass(frozen=True, slots=True)
class _Layout:
    """A body of text: tokens, piece starts, and where each fact's pieces begin."""

    token_ids: list[int]
    predictable: list[int]
    breaks: list[int]
    piece_starts: list[list[int]]


_STOP = encode(".")[-1:]


def recall_context(task: RecallTask, *, length: int, questions: int, seed: int) -> RecallContext:
    """A context with questions about different facts in it.

    Args:
        task: the kind of facts.
        length: tokens of context and one question together.
        questions: how many questions at most; fewer where the context holds fewer facts.
        seed: equal seeds give equal contexts.

    Raises:
        UsageError: `length` has no room for one fact and its question.
    """
    rng = random.Random(f"{task} {length} {seed}")
    first = _FACTS[task](rng, 1)[0]
    room = length - 1 - len(first.cue)
    facts = _facts_for(task, rng, room, first)
    layout = _lay_out(rng, facts, room)
    asked = rng.sample(range(len(facts)), min(questions, len(facts)))
    return RecallContext(
        task=task,
        token_ids=(BOS, *layout.token_ids),
        questions=tuple(_question(facts[index], layout.piece_starts[index]) for index in asked),
    )


def recall_prompts(
    task: RecallTask, *, length: int, count: int, seed: int
) -> tuple[RecallPrompt, ...]:
    """Prompts of exactly `length` tokens, each with a context of its own.

    Raises:
        UsageError: `length` has no room for one fact and its question.

    >>> [prompt] = recall_prompts("needle", length=128, count=1, seed=0)
    >>> len(prompt.token_ids)
    128
    >>> tuple(prompt.token_ids[gold] for gold in prompt.gold_positions) == prompt.answer_ids
    True
    """
    prompts = []
    for index in range(count):
        context = recall_context(task, length=length, questions=1, seed=seed * 1_000_003 + index)
        question = context.questions[0]
        prompts.append(
            RecallPrompt(
                task=task,
                token_ids=context.token_ids + question.cue_ids,
                answer_ids=question.answer_ids,
                gold_positions=question.gold_positions,
            )
        )
    return tuple(prompts)


def training_sequence(task: RecallTask, *, length: int, seed: int) -> TrainingSequence:
    """A sequence of exactly `length` tokens whose last part asks about its first part.

    About a third of it is questions with their answers, in random order; a fact is asked for a
    second time only when every fact has been.

    Raises:
        UsageError: `length` has no room for one fact and its question.
    """
    rng = random.Random(f"train {task} {length} {seed}")
    first = _FACTS[task](rng, 1)[0]
    asked_room = max(length // 3, _asked_tokens(first))
    facts = _facts_for(task, rng, length - 1 - asked_room, first)
    order: list[_Fact] = []
    asked = 0
    while True:
        fact = facts[len(order) % len(facts)]
        if asked + _asked_tokens(fact) > asked_room:
            break
        order.append(fact)
        asked += _asked_tokens(fact)
    rng.shuffle(order)
    layout = _lay_out(rng, facts, length - 1 - asked)
    token_ids = [BOS, *layout.token_ids]
    breaks = [1 + start for start in layout.breaks]
    answers: list[int] = []
    for fact in order:
        breaks.append(len(token_ids))
        token_ids += fact.cue
        answers += range(len(token_ids), len(token_ids) + len(fact.answer + fact.ending))
        token_ids += fact.answer + fact.ending
    return TrainingSequence(
        token_ids=tuple(token_ids),
        answers=tuple(answers),
        predictable=tuple(1 + position for position in layout.predictable),
        breaks=tuple(breaks),
    )


def _asked_tokens(fact: _Fact) -> int:
    return len(fact.cue) + len(fact.answer) + len(fact.ending)


def _question(fact: _Fact, starts: Sequence[int]) -> RecallQuestion:
    return RecallQuestion(
        cue_ids=fact.cue,
        answer_ids=fact.answer,
        gold_positions=tuple(1 + starts[piece] + place for piece, place in fact.gold),
    )


def _facts_for(task: RecallTask, rng: random.Random, room: int, example: _Fact) -> list[_Fact]:
    """As many facts as the task puts into `room` tokens."""
    needed = sum(len(piece) for piece in example.pieces)
    if room < needed:
        raise UsageError(
            f"a {task!r} context needs at least {needed} tokens beside its question, got {room}"
        )
    spread = _SPREAD[task]
    facts = _FACTS[task](rng, max(1, min(round(room / needed / spread), _MOST_FACTS[task])))
    while sum(len(piece) for fact in facts for piece in fact.pieces) > room and len(facts) > 1:
        facts.pop()
    return facts


def _lay_out(rng: random.Random, facts: Sequence[_Fact], room: int) -> _Layout:
    """Facts in random places with filler between them, `room` tokens in all."""
    order = [index for index, fact in enumerate(facts) for _ in fact.pieces]
    rng.shuffle(order)
    spare = room - sum(len(piece) for fact in facts for piece in fact.pieces)
    if spare < 0:
        raise UsageError(f"the facts need {-spare} tokens more than the {room} there are")
    cuts = sorted(rng.randint(0, spare) for _ in order)
    layout = _Layout([], [], [], [[] for _ in facts])
    used = 0
    for index, cut in zip(order, cuts, strict=True):
        _add_filler(layout, rng, cut - used)
        used = cut
        starts = layout.piece_starts[index]
        layout.breaks.append(len(layout.token_ids))
        piece = facts[index].pieces[len(starts)]
        starts.append(len(layout.token_ids))
        layout.token_ids.extend(piece)
    _add_filler(layout, rng, spare - used)
    return layout


def _add_filler(layout: _Layout, rng: random.Random, tokens: int) -> None:
    if tokens <= 0:
        return
    start = len(layout.token_ids)
    layout.breaks.append(start)
    layout.predictable.extend(range(start + 1, start + tokens))
    layout.token_ids.extend(filler(rng, tokens))


def _keyed_facts(rng: random.Random, keys: Sequence[str]) -> list[_Fact]:
    values_per_fact = rng.randint(1, 4)
    facts = []
    for key in keys:
        cue = encode(f"key {key} is")
        answer = encode(" ".join(rng.choices(NAMES, k=values_per_fact)))
        gold = tuple((0, len(cue) + place) for place in range(len(answer)))
        facts.append(_Fact((cue + answer + _STOP,), cue, answer, gold, _STOP))
    return facts


def _needle_facts(rng: random.Random, count: int) -> list[_Fact]:
    return _keyed_facts(rng, rng.sample(NAMES, count))


def _multikey_facts(rng: random.Random, count: int) -> list[_Fact]:
    pairs = rng.sample(range(len(NAMES) ** 2), count)
    keys = [f"{NAMES[pair // len(NAMES)]} {NAMES[pair % len(NAMES)]}" for pair in pairs]
    return _keyed_facts(rng, keys)


def _copy_facts(rng: random.Random, count: int) -> list[_Fact]:
    facts = []
    for _ in range(count):
        stretch = encode(" ".join(rng.choices(NAMES, k=10)))
        gold = tuple((0, place) for place in range(2, len(stretch)))
        facts.append(_Fact((stretch,), stretch[:2], stretch[2:], gold, ()))
    return facts


def _number_facts(rng: random.Random, count: int) -> list[_Fact]:
    facts = []
    for name in rng.sample(NAMES, count):
        before = encode(f"one of the special magic numbers for {name} is:")
        number = encode(str(rng.randrange(10**6, 10**7)))
        subject = f"the special magic numbers for {name} mentioned in the provided text are"
        cue = encode(f"what are all {subject[:-4]}? {subject}")
        gold = tuple((0, len(before) + place) for place in range(len(number)))
        facts.append(_Fact((before + number + _STOP,), cue, number, gold, _STOP))
    return facts


def _variable_facts(rng: random.Random, count: int) -> list[_Fact]:
    names = rng.sample(NAMES, 4 * count)
    facts = []
    for value, start in zip(
        rng.sample(range(10_000, 100_000), count), range(0, len(names), 4), strict=True
    ):
        chain = names[start : start + 4]
        pieces = [encode(f"var {chain[0]} = {value}.")]
        pieces += [encode(f"var {name} = var {source}.") for source, name in pairwise(chain)]
        cue = encode(f"question: find all variables that are assigned the value {value}. answer:")
        gold = tuple((place, 1) for place in range(len(chain)))
        facts.append(_Fact(tuple(pieces), cue, encode(" ".join(chain)), gold, _STOP))
    return facts


_FACTS: dict[RecallTask, Callable[[random.Random, int], list[_Fact]]] = {
    "needle": _needle_facts,
    "multikey": _multikey_facts,
    "copy": _copy_facts,
    "number": _number_facts,
    "variables": _variable_facts,
}
_SPREAD: dict[RecallTask, float] = {
    "needle": 2,
    "multikey": 1,
    "copy": 2,
    "number": 2,
    "variables": 2,
}
"""How many times a task's facts would fit into their context; the rest is filler."""
_MOST_FACTS: dict[RecallTask, int] = {
    "needle": 128,
    "multikey": 16_384,
    "copy": 256,
    "number": 64,
    "variables": 16,
}

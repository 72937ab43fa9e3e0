"""RULER's six tasks that need no outside data, generated here.

Hsieh et al., "RULER: What's the Real Context Size of Your Long-Context Language Models?",
2404.06654. Prompts, counts, new tokens and scores are those of the authors' code:

    niah_single_1    a number hidden in a noise paragraph that is repeated
    niah_multikey_2  a haystack of nothing but such sentences, one of them asked for
    niah_multikey_3  the same with identifiers for keys and values
    vt               a chain of five variables with one value, after a solved example
    cwe              the ten words that stand in a numbered list ten times as often as the others
    fwe              the three most frequent coded words, counts falling with the square of the rank

Their code shuffles the words of `cwe` and `fwe` with one seed for all samples, so that in samples
of one length the words of a rank stand in the same places. `faithful` mode does so as well;
`reseed-per-sample` draws every sample anew. (Nothing else of these six is shuffled: with a single
needle the authors' shuffle of needles changes nothing, and its place is drawn for each sample.)

Deviations: English words are replaced, see `ruler_words`. The number of sentences or words is the
largest that fits the first sample (theirs goes in steps of 25 or 500); a later sample that is too
long is made shorter by one step at a time.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal, get_args

from tapgraph.errors import UsageError
from tapgraph.evals.long_context.ruler_words import Words, WordSource, words_of
from tapgraph.llm_backend.prompt import fill, load_prompt

__all__ = [
    "NEW_TOKENS",
    "RULER_TASKS",
    "RulerMode",
    "RulerSample",
    "RulerTask",
    "ruler_samples",
    "score_all",
    "score_any",
]

RulerTask = Literal["niah_single_1", "niah_multikey_2", "niah_multikey_3", "vt", "cwe", "fwe"]
RulerMode = Literal["faithful", "reseed-per-sample"]
RULER_TASKS: tuple[RulerTask, ...] = get_args(RulerTask)

NEW_TOKENS: dict[RulerTask, int] = {
    "niah_single_1": 128,
    "niah_multikey_2": 128,
    "niah_multikey_3": 128,
    "vt": 30,
    "cwe": 120,
    "fwe": 50,
}
"""How many tokens a model may answer with."""

_NOISE = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
_PACKAGE = "tapgraph.evals.long_context"
_HOPS = 4
_SHORT = 4096
_SHRINK = {"cwe": 10, "fwe": 25}


@dataclass(frozen=True, slots=True)
class RulerSample:
    """One prompt.

    Attributes:
        task: of which task.
        index: which sample, from 0.
        token_ids: the prompt with the beginning of the answer, as the model is given it.
        references: what the answer should contain.
        gold_positions: where in `token_ids` the references stand in the context, for tasks whose
            answer stands in one place each; else empty. Empty too for a tokenizer without offsets.
        new_tokens: how many tokens the answer may have.
    """

    task: RulerTask
    index: int
    token_ids: tuple[int, ...]
    references: tuple[str, ...]
    gold_positions: tuple[int, ...]
    new_tokens: int


@dataclass(frozen=True, slots=True)
class _Text:
    """A prompt as text; `gold` are spans of the question, the part before the prefix."""

    question: str
    prefix: str
    references: tuple[str, ...]
    gold: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class _Draw:
    """What a generator may use: `dice` differ for each sample, `shuffle` as the mode says."""

    dice: random.Random
    shuffle: random.Random
    words: WordSource
    is_short: bool


def ruler_samples(
    task: RulerTask,
    *,
    tokens: int,
    count: int,
    tokenizer: Any,
    seed: int = 0,
    mode: RulerMode = "faithful",
    words: Words = "made",
) -> tuple[RulerSample, ...]:
    """Samples whose prompt and answer have at most `tokens` tokens together.

    Args:
        task: one of `RULER_TASKS`.
        tokens: prompt, template and new tokens; as many as fit are used.
        count: how many samples; the first n of more samples are the same.
        tokenizer: of `transformers`; with a chat template the task is the user's turn, and the
            beginning of the answer stands after the assistant's header.
        seed: of everything random.
        mode: whether shuffles are the same for all samples.
        words: made up, or the tokenizer's own (for models with a closed vocabulary).

    Raises:
        UsageError: the task or mode is unknown, or not even the smallest prompt fits.
    """
    if task not in RULER_TASKS:
        raise UsageError(f"task must be one of {', '.join(RULER_TASKS)}, got {task!r}")
    if mode not in get_args(RulerMode):
        raise UsageError(f"mode must be one of {', '.join(get_args(RulerMode))}, got {mode!r}")
    source = words_of(words, tokenizer, without=_prompt_text())
    room = tokens - NEW_TOKENS[task]

    def text_of(index: int, units: int) -> _Text:
        shuffle_seed = f"{seed}" if mode == "faithful" else f"{seed} {index}"
        draw = _Draw(
            dice=random.Random(f"{task} {seed} {index}"),
            shuffle=random.Random(f"shuffle {shuffle_seed}"),
            words=source,
            is_short=tokens < _SHORT,
        )
        return _GENERATORS[task](draw, units)

    def fits(units: int) -> bool:
        return len(_ids(text_of(0, units), tokenizer)) <= room

    if not fits(_LEAST_UNITS[task]):
        raise UsageError(f"{tokens} tokens are too few for {task!r}")
    units = _most_units(_LEAST_UNITS[task], fits)
    samples = []
    for index in range(count):
        fitting = units
        while len(ids := _ids(text := text_of(index, fitting), tokenizer)) > room:
            fitting = max(_LEAST_UNITS[task], fitting - _SHRINK.get(task, 1))
        samples.append(
            RulerSample(
                task=task,
                index=index,
                token_ids=tuple(ids),
                references=text.references,
                gold_positions=_gold_positions(text, tokenizer),
                new_tokens=NEW_TOKENS[task],
            )
        )
    return tuple(samples)


def score_all(output: str, references: Sequence[str]) -> float:
    """The share of references that the output contains, 0..1; case does not matter.

    >>> score_all("Two: KAVU and rilo.", ["kavu", "rilo", "mebo", "sato"])
    0.5
    """
    return sum(one.lower() in output.lower() for one in references) / len(references)


def score_any(output: str, references: Sequence[str]) -> float:
    """1 if the output contains any reference, else 0; RULER's score for questions with synonyms."""
    return float(any(one.lower() in output.lower() for one in references))


def _most_units(least: int, fits: Callable[[int], bool]) -> int:
    """The largest number of sentences or words that fits, by doubling and bisection."""
    low, high = least, 2 * least
    while fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _ids(text: _Text, tokenizer: Any) -> list[int]:
    if tokenizer.chat_template:
        turn = [{"role": "user", "content": text.question}]
        rendered = tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
        # The template writes special tokens itself; they must not come twice.
        ids = tokenizer(rendered + text.prefix, add_special_tokens=False)["input_ids"]
    else:
        ids = tokenizer(f"{text.question} {text.prefix}")["input_ids"]
    return list(ids)


def _gold_positions(text: _Text, tokenizer: Any) -> tuple[int, ...]:
    if not tokenizer.is_fast or not text.gold:
        return ()
    if tokenizer.chat_template:
        turn = [{"role": "user", "content": text.question}]
        whole = tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
        shift = whole.find(text.question)
        encoded = tokenizer(
            whole + text.prefix, add_special_tokens=False, return_offsets_mapping=True
        )
    else:
        shift = 0
        encoded = tokenizer(f"{text.question} {text.prefix}", return_offsets_mapping=True)
    if shift < 0:
        return ()
    spans = [(start + shift, end + shift) for start, end in text.gold]
    return tuple(
        index
        for index, (start, end) in enumerate(encoded["offset_mapping"])
        if start < end and any(start < last and end > first for first, last in spans)
    )


def _needle_text(draw: _Draw, kind: str, haystack: list[str], key: str, value: str) -> _Text:
    """A needle at a place of its own among the sentences of a haystack."""
    place = draw.dice.randint(0, len(haystack))
    needle = _needle(kind, key, value)
    context = "\n".join([*haystack[:place], needle, *haystack[place:]])
    question = fill(_prompt("needle"), kind=kind, context=context, query=key)
    before = question.index(needle)
    return _Text(
        question,
        fill(_prompt("needle_prefix"), kind=kind, query=key),
        (value,),
        ((before + needle.rindex(value), before + needle.rindex(value) + len(value)),),
    )


def _needle(kind: str, key: str, value: str) -> str:
    return f"One of the special magic {kind}s for {key} is: {value}."


def _number(dice: random.Random) -> str:
    return str(dice.randint(10**6, 10**7 - 1))


def _single(draw: _Draw, units: int) -> _Text:
    return _needle_text(
        draw, "number", [_NOISE] * units, draw.words.key(draw.dice), _number(draw.dice)
    )


def _multikey_numbers(draw: _Draw, units: int) -> _Text:
    key, value = draw.words.key(draw.dice), _number(draw.dice)
    keys = [other for _ in range(units) if (other := draw.words.key(draw.dice)) != key]
    return _needle_text(
        draw, "number", [_needle("number", one, _number(draw.dice)) for one in keys], key, value
    )


def _multikey_identifiers(draw: _Draw, units: int) -> _Text:
    def identifier() -> str:
        return draw.words.identifier(draw.dice)

    key, value = identifier(), identifier()
    haystack = [_needle("uuid", identifier(), identifier()) for _ in range(units)]
    return _needle_text(draw, "uuid", haystack, key, value)


def _variable_tracking(draw: _Draw, units: int) -> _Text:
    example = _chain(draw, units=min(units, 5), letters=3)
    solved = f"{example.question} {example.prefix} {' '.join(example.references)}\n"
    asked = _chain(draw, units=units, letters=5)
    return _Text(
        solved + asked.question,
        asked.prefix,
        asked.references,
        tuple((start + len(solved), end + len(solved)) for start, end in asked.gold),
    )


def _chain(draw: _Draw, *, units: int, letters: int) -> _Text:
    dice = draw.dice
    names = draw.words.variables(dice, _HOPS + 1, letters)
    value = str(dice.randint(10_000, 99_999))
    lines = [f"VAR {names[0]} = {value}"]
    lines += [f"VAR {name} = VAR {source} " for source, name in pairwise(names)]
    places = sorted(dice.randint(0, units) for _ in lines)
    sentences: list[str] = []
    for index in range(units + 1):
        sentences += [line for line, place in zip(lines, places, strict=True) if place == index]
        sentences += [_NOISE] * (index < units)
    question = fill(_prompt("variables"), context="\n".join(sentences), query=value)
    starts = [question.index(line) + len("VAR ") for line in lines]
    return _Text(
        question,
        fill(_prompt("variables_prefix"), count=len(names), query=value),
        tuple(names),
        tuple((start, start + len(name)) for start, name in zip(starts, names, strict=True)),
    )


def _common_words(draw: _Draw, units: int) -> _Text:
    """`units` different words; numbers are those of the authors for prompts of 4K and more."""
    shown, often, seldom = (20, 3, 1) if draw.is_short else (40, 10, 3)
    example = _word_list(draw, shown, often, seldom)
    often, seldom = (6, 1) if draw.is_short else (30, 3)
    asked = _word_list(draw, units, often, seldom)
    solved = f"{example.question} {example.prefix} {_numbered(example.references)}\n"
    return _Text(solved + asked.question, asked.prefix, asked.references)


def _word_list(draw: _Draw, count: int, often: int, seldom: int) -> _Text:
    words = draw.words.distinct(draw.dice, count)
    draw.dice.shuffle(words)
    common, others = words[:10], words[10:]
    listed = common * often + others * seldom
    draw.shuffle.shuffle(listed)
    question = fill(_prompt("common_words"), context=_numbered(listed))
    return _Text(question, _prompt("common_words_prefix"), tuple(common))


def _numbered(words: Sequence[str]) -> str:
    return " ".join(f"{place}. {word}" for place, word in enumerate(words, start=1))


def _frequent_words(draw: _Draw, units: int) -> _Text:
    vocabulary = draw.words.coded(draw.dice, max(4, units // 50))
    draw.shuffle.shuffle(vocabulary)
    wanted = tuple(vocabulary[1:4])
    vocabulary[0] = "..."
    zeta = math.pi**2 / 6
    listed = [
        word
        for rank, word in enumerate(vocabulary, start=1)
        for _ in range(int(units / (rank**2 * zeta)))
    ]
    draw.shuffle.shuffle(listed)
    question = fill(_prompt("coded_words"), context=" ".join(listed))
    return _Text(question, _prompt("coded_words_prefix"), wanted)


@cache
def _prompt(name: str) -> str:
    return load_prompt(_PACKAGE, name)


def _prompt_text() -> str:
    names = ("needle", "variables", "common_words", "coded_words")
    return " ".join([
        _NOISE,
        _needle("number", "", ""),
        *(_prompt(f"{n}{p}") for n in names for p in ("", "_prefix")),
    ])


_GENERATORS: dict[RulerTask, Callable[[_Draw, int], _Text]] = {
    "niah_single_1": _single,
    "niah_multikey_2": _multikey_numbers,
    "niah_multikey_3": _multikey_identifiers,
    "vt": _variable_tracking,
    "cwe": _common_words,
    "fwe": _frequent_words,
}
_LEAST_UNITS: dict[RulerTask, int] = {
    "niah_single_1": 1,
    "niah_multikey_2": 1,
    "niah_multikey_3": 1,
    "vt": 1,
    "cwe": 11,
    "fwe": 64,
}

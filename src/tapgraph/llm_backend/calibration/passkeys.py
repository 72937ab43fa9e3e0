"""Synthetic passkeys: text in which only attention over a long distance knows what comes next."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from tapgraph.errors import UsageError
from tapgraph.llm_backend.calibration.token_choice import ordinary_token_ids

__all__ = ["LabelledSequence", "PasskeyData", "PasskeyStyle", "passkey_sequences", "style_for"]

PasskeyStyle = Literal["text", "tokens"]

WORDS = (
    *("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india"),
    *("juliett", "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo"),
    *("sierra", "tango", "uniform", "victor", "whiskey", "xray", "yankee", "zulu"),
)
ORDINALS = (
    *("first", "second", "third", "fourth", "fifth"),
    *("sixth", "seventh", "eighth", "ninth", "tenth"),
)
CUE_TOKENS = 4
LENGTHS = 50
DEPTHS = 1000


@dataclass(frozen=True, slots=True)
class PasskeyData:
    """What the sequences are like, small enough for a CPU; DuoAttention's numbers in brackets.

    Attributes:
        passkeys: hidden in each sequence, at most ten. (10)
        words: length of a passkey, in words or tokens. (32)
        shortest: tokens of the shortest context, the passkeys in it included. (1,000)
        longest: tokens of the longest context (32,000); lengths are uniform over 50 values in
            between.
        first_depth: where the earliest passkey may stand, as a share of the context.
        last_depth: where the latest may stand.
    """

    passkeys: int = 5
    words: int = 8
    shortest: int = 512
    longest: int = 1024
    first_depth: float = 0.05
    last_depth: float = 0.95

    def __post_init__(self) -> None:
        if not 1 <= self.passkeys <= len(ORDINALS):
            raise UsageError(f"passkeys must be in 1..{len(ORDINALS)}, got {self.passkeys!r}")
        if self.words < 1:
            raise UsageError(f"words must be at least 1, got {self.words!r}")
        if not 1 <= self.shortest <= self.longest:
            raise UsageError(
                "shortest and longest must be at least 1 and in this order, "
                f"got {self.shortest!r} and {self.longest!r}"
            )
        if not 0 <= self.first_depth <= self.last_depth <= 1:
            raise UsageError(
                "first_depth and last_depth must be in 0..1 and in this order, "
                f"got {self.first_depth!r} and {self.last_depth!r}"
            )


@dataclass(frozen=True, slots=True)
class LabelledSequence:
    """A sequence to learn from.

    Attributes:
        token_ids: int64 `[tokens]`.
        tail: where the part begins at which the outputs are compared.
    """

    token_ids: Tensor
    tail: int


def style_for(tokenizer: PreTrainedTokenizerBase) -> PasskeyStyle:
    """Passkeys in "text" if the tokenizer can write their words, else in "tokens"."""
    sentence = f"the {ORDINALS[0]} passkey to the vault is: {' '.join(WORDS)}."
    ids = tokenizer.encode(sentence, add_special_tokens=False)
    knows_all = tokenizer.unk_token_id is None or tokenizer.unk_token_id not in ids
    return "text" if knows_all else "tokens"


def passkey_sequences(
    tokenizer: PreTrainedTokenizerBase, data: PasskeyData, *, style: PasskeyStyle, seed: int
) -> Iterator[LabelledSequence]:
    """Endless passkey sequences: random tokens with passkeys in them, then all questions answered.

    Xiao et al., 2410.10819, section 2.2. "text": the n-th passkey to the vault is so many of the
    26 words of the radio alphabet. "tokens": a passkey and the cue that announces it are random
    tokens, for vocabularies without these words. Deviation: the haystack is random tokens instead
    of a book, so that no data is needed.

    Raises:
        UsageError: the shortest context has no room for the passkeys.
    """
    if style not in {"text", "tokens"}:
        raise UsageError(f"style must be 'text' or 'tokens', got {style!r}")
    writer = _Writer(tokenizer, data, style, torch.Generator().manual_seed(seed))
    while True:
        yield writer.sequence()


class _Writer:
    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        data: PasskeyData,
        style: PasskeyStyle,
        generator: torch.Generator,
    ) -> None:
        self._tokenizer = tokenizer
        self._data = data
        self._style = style
        self._generator = generator
        self._ids = ordinary_token_ids(tokenizer)
        bos = tokenizer.bos_token_id
        self._opening = [] if bos is None else [bos]

    def sequence(self) -> LabelledSequence:
        data = self._data
        facts = [self._fact(index) for index in range(data.passkeys)]
        context = int(torch.linspace(data.shortest, data.longest, LENGTHS)[self._draw(LENGTHS)])
        room = context - len(self._opening) - sum(len(cue + passkey) for cue, passkey in facts)
        if room < 0:
            raise UsageError(
                f"{data.passkeys} passkeys of {data.words} words need {context - room} tokens, "
                f"got a context of {context}"
            )
        depths = torch.linspace(data.first_depth, data.last_depth, DEPTHS)
        chosen = torch.randperm(DEPTHS, generator=self._generator)[: data.passkeys]
        haystack = self._random(room)
        tokens, used = list(self._opening), 0
        for depth, (cue, passkey) in zip(depths[chosen.sort().values], facts, strict=True):
            place = int(depth * room)
            tokens += [*haystack[used:place], *cue, *passkey]
            used = place
        tokens += haystack[used:]
        tail = len(tokens)
        for index in torch.randperm(len(facts), generator=self._generator).tolist():
            cue, passkey = facts[index]
            tokens += [*cue, *passkey]
        return LabelledSequence(torch.tensor(tokens), tail)

    def _fact(self, index: int) -> tuple[list[int], list[int]]:
        """What announces and asks for a passkey, and the passkey."""
        if self._style == "tokens":
            return self._random(CUE_TOKENS), self._random(self._data.words)
        words = " ".join(WORDS[self._draw(len(WORDS))] for _ in range(self._data.words))
        cue = f" the {ORDINALS[index]} passkey to the vault is:"
        return self._encode(cue), self._encode(f" {words}.")

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _draw(self, count: int) -> int:
        return int(torch.randint(count, (), generator=self._generator))

    def _random(self, count: int) -> list[int]:
        places = torch.randint(len(self._ids), (count,), generator=self._generator)
        drawn: list[int] = self._ids[places].tolist()
        return drawn

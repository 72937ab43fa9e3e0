"""Texts to calibrate on that need no data: made of words from the model's own vocabulary.

key-value text   records `key A B is C D.`, then questions about some of them with their answers
mixed text       stretches of records, of sentences of random words, of one sentence over and
                 over, and of earlier stretches once more
"""

import random
from collections.abc import Sequence

import torch
from transformers import PreTrainedTokenizerBase

from tapgraph.errors import UsageError
from tapgraph.llm_backend.calibration.calibration_file import data_hash

__all__ = ["hash_of_texts", "key_value_texts", "mixed_texts"]

_WORDS = 384
_FEWEST_WORDS = 16
_ASKED_SHARE = 8
"""One in so many records is asked about at the end."""

TokenIds = tuple[int, ...]


def key_value_texts(
    tokenizer: PreTrainedTokenizerBase, *, count: int, tokens: int, seed: int
) -> tuple[TokenIds, ...]:
    """Texts of exactly `tokens` tokens, in which most attention that matters is retrieval.

    Raises:
        UsageError: the vocabulary has too few words.
    """
    writer = _Writer(tokenizer, random.Random(f"key-value {seed}"))
    return tuple(writer.key_value(tokens) for _ in range(count))


def mixed_texts(
    tokenizer: PreTrainedTokenizerBase, *, count: int, tokens: int, seed: int
) -> tuple[TokenIds, ...]:
    """Texts of exactly `tokens` tokens that change their nature every 8 to 100 tokens or so.

    Raises:
        UsageError: the vocabulary has too few words.
    """
    writer = _Writer(tokenizer, random.Random(f"mixed {seed}"))
    return tuple(writer.mixed(tokens) for _ in range(count))


def hash_of_texts(texts: Sequence[Sequence[int]]) -> str:
    """The hash of token ids and of where one text ends and the next begins.

    >>> hash_of_texts([[1, 2], [3]]) == hash_of_texts([[1], [2, 3]])
    False
    """
    return data_hash(torch.tensor([token for text in texts for token in (*text, -1)]))


class _Writer:
    def __init__(self, tokenizer: PreTrainedTokenizerBase, rng: random.Random) -> None:
        self._tokenizer = tokenizer
        self._rng = rng
        self._words = _words(tokenizer, rng)
        bos = tokenizer.bos_token_id
        self._opening = () if bos is None else (bos,)

    def key_value(self, tokens: int) -> TokenIds:
        haystack: list[TokenIds] = []
        questions: TokenIds = ()
        while sum(map(len, haystack)) + len(questions) + len(self._opening) < tokens:
            record = self._encode(self._record())
            if len(haystack) % _ASKED_SHARE == 0:
                questions += record
            haystack.append(record)
        self._rng.shuffle(haystack)
        text = (*self._opening, *(token for record in haystack for token in record))
        return (text[: max(0, tokens - len(questions))] + questions)[:tokens]

    def mixed(self, tokens: int) -> TokenIds:
        text = list(self._opening)
        stretches: list[TokenIds] = []
        while len(text) < tokens:
            kind = self._rng.randrange(4 if stretches else 3)
            if kind == 0:
                stretch = self._encode(
                    "".join(self._record() for _ in range(self._rng.randint(1, 6)))
                )
            elif kind == 1:
                stretch = self._encode(
                    "".join(self._sentence() for _ in range(self._rng.randint(1, 6)))
                )
            elif kind == 2:
                stretch = self._encode(self._sentence() * self._rng.randint(2, 6))
            else:
                stretch = self._rng.choice(stretches)
            stretches.append(stretch)
            text += stretch
        return tuple(text[:tokens])

    def _record(self) -> str:
        key = " ".join(self._rng.choices(self._words, k=2))
        values = " ".join(self._rng.choices(self._words, k=self._rng.randint(1, 3)))
        return f" key {key} is {values}."

    def _sentence(self) -> str:
        return f" {' '.join(self._rng.choices(self._words, k=self._rng.randint(4, 16)))}."

    def _encode(self, text: str) -> TokenIds:
        return tuple(self._tokenizer.encode(text, add_special_tokens=False))


def _words(tokenizer: PreTrainedTokenizerBase, rng: random.Random) -> tuple[str, ...]:
    """Words in small letters that are one token each when a space stands before them."""
    words = []
    special = set(tokenizer.all_special_ids)
    for token in rng.sample(range(len(tokenizer)), len(tokenizer)):
        if token in special:
            continue
        word = str(tokenizer.decode([token])).strip()
        if (
            word.isascii()
            and word.isalpha()
            and word.islower()
            and tokenizer.encode(f" {word}", add_special_tokens=False) == [token]
        ):
            words.append(word)
            if len(words) == _WORDS:
                break
    if len(words) < _FEWEST_WORDS:
        raise UsageError(
            f"the tokenizer must have at least {_FEWEST_WORDS} words of one token, "
            f"found {len(words)}; give token ids of texts instead"
        )
    return tuple(words)

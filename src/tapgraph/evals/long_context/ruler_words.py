"""Words for RULER's tasks: made up, or those that a tokenizer knows as one token each.

A closed-vocabulary model reads only its own words, so everything random in a prompt (keys, values
that are not digits, names of variables, coded words) is drawn from a `WordSource`.
"""

import random
import re
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import product
from typing import Literal, Protocol

from tapgraph.errors import UsageError

__all__ = ["MadeWords", "OwnWords", "Vocabulary", "WordSource", "Words", "words_of"]

Words = Literal["made", "tokenizer"]

_ONSETS = ("b", "br", "c", "cl", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n",
           "p", "pl", "r", "s", "st", "t", "tr", "v", "w", "z")  # fmt: skip
_NUCLEI = ("a", "e", "i", "o", "u", "ai", "ea", "oo")
_CODAS = ("b", "ck", "d", "g", "l", "m", "n", "nd", "p", "r", "rt", "st", "t", "x")
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_LEAST_OWN = 48


class Vocabulary(Protocol):
    """What is asked of a tokenizer here."""

    def get_vocab(self) -> dict[str, int]:
        """Tokens and their ids."""
        ...

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The text of tokens."""
        ...


class WordSource(ABC):
    """Where the random words of a prompt come from; all draws are made with the given dice."""

    @abstractmethod
    def distinct(self, dice: random.Random, count: int) -> list[str]:
        """Different words, as in RULER's lists of common and uncommon words."""

    @abstractmethod
    def key(self, dice: random.Random) -> str:
        """A key of a needle."""

    @abstractmethod
    def identifier(self, dice: random.Random) -> str:
        """Something long that means nothing, RULER's UUID."""

    @abstractmethod
    def variables(self, dice: random.Random, count: int, letters: int) -> list[str]:
        """Different names of variables, of so many letters where letters can be chosen."""

    @abstractmethod
    def coded(self, dice: random.Random, count: int) -> list[str]:
        """Different words without a meaning, RULER's six random letters."""


class MadeWords(WordSource):
    """As RULER's, but that English words are replaced by pronounceable ones of two syllables.

    Keys are two of them with a hyphen, in the place of an adjective and a noun.
    """

    def distinct(self, dice: random.Random, count: int) -> list[str]:
        """Of about eight million words."""
        found: dict[str, None] = {}
        while len(found) < count:
            found[self._word(dice)] = None
        return list(found)

    def key(self, dice: random.Random) -> str:
        """Two words with a hyphen."""
        return f"{self._word(dice)}-{self._word(dice)}"

    def identifier(self, dice: random.Random) -> str:
        """A random UUID."""
        return str(uuid.UUID(int=dice.getrandbits(128), version=4))

    def variables(self, dice: random.Random, count: int, letters: int) -> list[str]:
        """Capital letters."""
        return _different(lambda: "".join(dice.choices(_LOWER.upper(), k=letters)), count)

    def coded(self, dice: random.Random, count: int) -> list[str]:
        """Six small letters."""
        return _different(lambda: "".join(dice.choices(_LOWER, k=6)), count)

    @staticmethod
    def _word(dice: random.Random) -> str:
        return "".join(
            dice.choice(_ONSETS) + dice.choice(_NUCLEI) + dice.choice(_CODAS) for _ in range(2)
        )


class OwnWords(WordSource):
    """Words that are one token each; where they do not suffice, pairs of them.

    An identifier is four words, in the place of a UUID.

    Args:
        words: different words.

    Raises:
        UsageError: there are too few of them.
    """

    def __init__(self, words: Sequence[str]) -> None:
        if len(words) < _LEAST_OWN:
            raise UsageError(
                f"the tokenizer has {len(words)} words of its own and {_LEAST_OWN} are needed: "
                "use made words"
            )
        self._words = tuple(words)

    def distinct(self, dice: random.Random, count: int) -> list[str]:
        """Single words while there are enough, else all of them and pairs."""
        if count <= len(self._words):
            return dice.sample(self._words, count)
        pairs = len(self._words) ** 2
        if count > pairs:
            raise UsageError(f"the tokenizer's words make {pairs} pairs, and {count} are needed")
        every = list(product(self._words, repeat=2))
        return [*self._words, *map(" ".join, dice.sample(every, count - len(self._words)))]

    def key(self, dice: random.Random) -> str:
        """One word."""
        return dice.choice(self._words)

    def identifier(self, dice: random.Random) -> str:
        """Four words."""
        return " ".join(dice.choices(self._words, k=4))

    def variables(self, dice: random.Random, count: int, letters: int) -> list[str]:  # noqa: ARG002
        """Single words."""
        return dice.sample(self._words, count)

    def coded(self, dice: random.Random, count: int) -> list[str]:
        """As in `distinct`."""
        return self.distinct(dice, count)


def words_of(kind: Words, tokenizer: Vocabulary, *, without: str) -> WordSource:
    """Where words come from.

    Args:
        kind: made up, or the tokenizer's own.
        tokenizer: whose words; not looked at for made words.
        without: text whose words are left out of the tokenizer's own: that of the prompts.

    Raises:
        UsageError: the tokenizer has too few words of three letters and more.
    """
    if kind == "made":
        return MadeWords()
    left_out = set(re.findall("[a-z]+", without.lower()))
    own = set()
    for token in tokenizer.get_vocab():
        # A token that begins a word carries a mark for the space before it.
        if token[:1] in {"▁", "Ġ"}:
            word = tokenizer.convert_tokens_to_string([token]).strip()
            if re.fullmatch("[a-z]{3,12}", word) and word not in left_out:
                own.add(word)
    return OwnWords(sorted(own))


def _different(draw: Callable[[], str], count: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found[draw()] = None
    return list(found)

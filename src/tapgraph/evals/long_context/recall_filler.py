"""Text that holds no facts: a noise paragraph over and over, or words that follow one another.

The connected words come from a fixed second-order chain: what may follow a word depends on it and
on the kind of the word before it. Guessing it well takes the last two tokens and no others, which
gives a model a use for heads that look only nearby.
"""

import random
from functools import cache

from tapgraph.evals.long_context.recall_vocabulary import FILLER_WORDS, encode

__all__ = ["NOISE", "filler"]

NOISE = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
"""RULER's noise paragraph."""

_KINDS = 8
_FOLLOWERS = 4
_CHAIN_SEED = 20240607
_WORDS = tuple(encode(word)[0] for word in FILLER_WORDS)
_NOISE = encode(NOISE)


@cache
def _chain() -> tuple[tuple[tuple[int, ...], ...], ...]:
    """For each kind of the last word but one and each last word, what may follow: word indices."""
    rng = random.Random(_CHAIN_SEED)
    return tuple(
        tuple(tuple(rng.choices(range(len(_WORDS)), k=_FOLLOWERS)) for _ in _WORDS)
        for _ in range(_KINDS)
    )


def filler(rng: random.Random, tokens: int) -> list[int]:
    """Exactly `tokens` tokens of noise or, as often, of connected words."""
    if rng.random() < 0.5:
        start = rng.randrange(len(_NOISE))
        rounds = (start + tokens) // len(_NOISE) + 1
        return list(_NOISE * rounds)[start : start + tokens]
    chain = _chain()
    before, last = rng.randrange(len(_WORDS)), rng.randrange(len(_WORDS))
    words = []
    for _ in range(tokens):
        # The smaller of two draws makes the first followers more likely than the last.
        place = int(min(rng.random(), rng.random()) * _FOLLOWERS)
        before, last = last, chain[before % _KINDS][last][place]
        words.append(_WORDS[last])
    return words

"""Which token comes next."""

import secrets
from collections.abc import Sequence

import torch
from torch import Tensor

from tapgraph.llm_backend.local.generation import Sampling, ScoredToken, TokenScore

__all__ = ["Sampler", "score_token"]


class Sampler:
    """Chooses the tokens of one reply.

    One number is drawn for each token, from a generator of the request's own on the CPU; the token
    is where that number falls in the cumulated probabilities, which are summed in the order of the
    ids. So equal seeds give equal tokens in any batch and on any device, up to the rounding of the
    logits (a token changes when the drawn number lies within that rounding of its border).
    """

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._generator = torch.Generator()
        seed = sampling.seed if sampling.seed is not None else secrets.randbits(63)
        self._generator.manual_seed(seed)

    @property
    def is_greedy(self) -> bool:
        """Whether it always takes the likeliest token."""
        return self._sampling.temperature == 0

    def choose(self, logits: Tensor) -> int:
        """A token; float32 `[vocabulary]`, what must not be chosen at -inf."""
        if self.is_greedy:
            return int(logits.argmax())
        # Divided by a temperature near 0, only differences to the largest stay numbers.
        below_the_largest = logits.double() - logits.max()
        weights = torch.softmax(below_the_largest / self._sampling.temperature, dim=-1)
        if self._sampling.top_p < 1:
            weights = _nucleus(weights, self._sampling.top_p)
        cumulated = weights.cumsum(dim=-1)
        drawn = torch.rand((), generator=self._generator, dtype=torch.float64)
        place = torch.searchsorted(
            cumulated, drawn.to(cumulated.device) * cumulated[-1], right=True
        )
        token = int(place)
        if token >= len(weights) or weights[token] == 0:
            # The number fell on the last border exactly.
            token = int(weights.nonzero()[-1])
        return token


def _nucleus(weights: Tensor, share: float) -> Tensor:
    """Only the fewest heaviest entries that hold this share of the sum; at least one."""
    ordered, order = weights.sort(descending=True, stable=True)
    before = ordered.cumsum(dim=-1) - ordered
    kept = before < share
    kept[0] = True
    return weights * torch.zeros_like(kept).scatter(0, order, kept)


def score_token(logits: Tensor, token: int, most: int, spelled: Sequence[bytes]) -> TokenScore:
    """The log-probabilities of the chosen token and of the `most` likeliest ones.

    Args:
        logits: `[vocabulary]`, before temperature and any constraint.
        token: the chosen one.
        most: how many others are told.
        spelled: the bytes of each token.
    """
    logprobs = torch.log_softmax(logits.float(), dim=-1)
    values, tokens = logprobs.topk(min(most, len(spelled)))
    return TokenScore(
        _scored(token, float(logprobs[token]), spelled),
        tuple(
            _scored(int(one), float(value), spelled)
            for one, value in zip(tokens, values, strict=True)
        ),
    )


def _scored(token: int, logprob: float, spelled: Sequence[bytes]) -> ScoredToken:
    raw = spelled[token]
    return ScoredToken(token, raw.decode("utf-8", "replace"), raw, logprob)

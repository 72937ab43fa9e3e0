"""Which token comes next."""

import math
import secrets
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from tapgraph.llm_backend.local.generation import Sampling, ScoredToken, TokenScore

__all__ = ["Sampler", "candidates", "score_token"]

_BORDERS = (-4.0, -8.0, -10.0, -12.0, -16.0, -torch.inf)
"""Tokens within so much of the largest logit are looked at for `top_p`, until they hold it."""
_LEAST_TEMPERATURE = 1e-6
"""Below this, float32 would hold no number but 0 for any token beside the likeliest."""


class Sampler:
    """Chooses the tokens of one reply.

    One number is drawn for each token, from a generator of the request's own on the CPU; the token
    is where that number falls in the cumulated probabilities, which are summed in the order of the
    ids. So equal seeds give equal tokens in any batch and on any device, up to the rounding of the
    logits (a token changes when the drawn number lies within that rounding of its border).
    """

    def __init__(self, sampling: Sampling, prompt: Sequence[int] = ()) -> None:
        """Begin a reply to these tokens."""
        self._sampling = sampling
        self._generator = torch.Generator()
        seed = sampling.seed if sampling.seed is not None else secrets.randbits(63)
        self._generator.manual_seed(seed)
        self._said: Counter[int] = Counter()
        self._seen = set(prompt) if sampling.repetition_penalty != 1 else set[int]()

    @property
    def takes_the_likeliest(self) -> bool:
        """Whether it always takes the largest of the model's own logits."""
        return self._sampling.takes_the_likeliest

    def note(self, token: int) -> None:
        """Count a token of the reply."""
        if self._sampling.changes_logits:
            self._said[token] += 1
            self._seen.add(token)

    def choose(self, logits: Tensor) -> int:
        """A token; float32 `[vocabulary]`, what must not be chosen at -inf."""
        if self._sampling.changes_logits:
            logits = self._changed(logits)
        if self._sampling.temperature == 0:
            return int(logits.argmax())
        tokens, weights = candidates(logits, self._sampling)
        cumulated = weights.cumsum(dim=-1, dtype=torch.float64)
        drawn = torch.rand((), generator=self._generator, dtype=torch.float64)
        place = int(
            torch.searchsorted(cumulated, drawn.to(cumulated.device) * cumulated[-1], right=True)
        )
        if place >= len(weights) or weights[place] == 0:
            # The number fell on the last border exactly.
            place = int(weights.nonzero()[-1])
        return place if tokens is None else int(tokens[place])

    def _changed(self, logits: Tensor) -> Tensor:
        sampling, changed = self._sampling, logits.clone()
        if sampling.repetition_penalty != 1 and self._seen:
            seen = torch.tensor(sorted(self._seen), device=logits.device)
            given = changed[seen]
            penalty = sampling.repetition_penalty
            changed[seen] = torch.where(given > 0, given / penalty, given * penalty)
        if self._said and (sampling.frequency_penalty or sampling.presence_penalty):
            said = torch.tensor(list(self._said), device=logits.device)
            times = torch.tensor(list(self._said.values()), device=logits.device)
            changed[said] -= sampling.frequency_penalty * times + sampling.presence_penalty
        if sampling.logit_bias:
            biased = torch.tensor(list(sampling.logit_bias), device=logits.device)
            changed[biased] += torch.tensor(
                list(sampling.logit_bias.values()), device=logits.device, dtype=changed.dtype
            )
        return changed


def candidates(logits: Tensor, sampling: Sampling) -> tuple[Tensor | None, Tensor]:
    """The tokens that may be chosen, and how likely each is beside the others.

    Args:
        logits: `[vocabulary]`, after penalties and bias.
        sampling: with a temperature above 0.

    Returns:
        Ids in ascending order, or None for all; and their weights, as many, in any scale.
    """
    scaled = logits - logits.max()
    scaled /= max(sampling.temperature, _LEAST_TEMPERATURE)
    tokens: Tensor | None = None
    if sampling.top_k and sampling.top_k < len(scaled):
        scaled, tokens = scaled.topk(sampling.top_k)
    if sampling.top_p < 1:
        inside = _nucleus(scaled, sampling.top_p)
        scaled, tokens = scaled[inside], inside if tokens is None else tokens[inside]
    if sampling.min_p:
        # The likeliest is at 0.
        inside = (scaled >= math.log(sampling.min_p)).nonzero()[:, 0]
        scaled, tokens = scaled[inside], inside if tokens is None else tokens[inside]
    if tokens is None:
        return None, scaled.exp()
    tokens, order = tokens.sort()
    return tokens, scaled[order].exp()


def _nucleus(scaled: Tensor, share: float) -> Tensor:
    """Places of the fewest largest entries whose exponentials hold this share of all."""
    wanted = share * scaled.exp().sum(dtype=torch.float64)
    for border in _BORDERS:
        near = (scaled >= border).nonzero()[:, 0]
        ordered, order = scaled[near].sort(descending=True, stable=True)
        weights = ordered.double().exp()
        before = weights.cumsum(dim=-1) - weights
        if border == -torch.inf or before[-1] + weights[-1] >= wanted:
            break
    kept = before < wanted
    kept[0] = True
    return near[order[kept]]


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

"""Which token comes next."""

import math
import secrets
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy
import torch
from torch import Tensor

from tapgraph.llm_backend.local.generation import Sampling, ScoredToken, TokenScore

__all__ = ["Sampler", "candidates", "likeliest_tokens", "score_token"]

_BINS = 4096
_WIDEST = 24.0
"""So far below the largest logit, all together hold less than a hundred-thousandth."""
_FEW = 2048
"""So many logits are sorted at once sooner than they are counted in bins."""
_ROUNDING = 0.99
"""So much less than what would do exactly, which is far more than sums of float64 are wrong."""
_LEAST_TEMPERATURE = 1e-6
"""Below this, float32 would hold no number but 0 for any token beside the likeliest."""
_NO_NUMBERS = "the model's scores are no numbers to choose by"


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
        """A token; float32 `[vocabulary]`, what must not be chosen at -inf.

        Raises:
            FloatingPointError: the logits, or what becomes of them, are no numbers.
        """
        if self._sampling.changes_logits:
            logits = self._changed(logits)
        if self._sampling.temperature == 0:
            best = int(logits.argmax())
            if not math.isfinite(float(logits[best])):
                raise FloatingPointError(_NO_NUMBERS)
            return best
        tokens, weights = candidates(logits, self._sampling)
        cumulated = weights.cumsum(dim=-1, dtype=torch.float64)
        total = float(cumulated[-1])
        if not 0 < total < math.inf:
            raise FloatingPointError(_NO_NUMBERS)
        drawn = float(torch.rand((), generator=self._generator, dtype=torch.float64))
        place = int(torch.searchsorted(cumulated, drawn * total, right=True))
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


def likeliest_tokens(logits: Tensor) -> list[int | None]:
    """The largest of each row `[rows, vocabulary]`; None where it is no number."""
    if not logits.numel():
        return []
    values, places = logits.max(dim=-1)
    numbers = values.isfinite().tolist()
    return [
        place if is_number else None
        for place, is_number in zip(places.tolist(), numbers, strict=True)
    ]


def candidates(logits: Tensor, sampling: Sampling) -> tuple[Tensor | None, Tensor]:
    """The tokens that may be chosen, and how likely each is beside the others.

    Args:
        logits: `[vocabulary]`, after penalties and bias.
        sampling: with a temperature above 0.

    Returns:
        Ids in ascending order, or None for all; and their weights, as many, in any scale, 0 for
        those that must not be chosen.

    Raises:
        FloatingPointError: there is a `top_p`, and the logits are no numbers.
    """
    scaled = logits - logits.max()
    if sampling.temperature != 1:
        scaled /= max(sampling.temperature, _LEAST_TEMPERATURE)
    tokens: Tensor | None = None
    if sampling.top_k and sampling.top_k < len(scaled):
        scaled, tokens = scaled.topk(sampling.top_k)
        tokens, order = tokens.sort()
        scaled = scaled[order]
    weights = scaled.exp()
    if sampling.top_p < 1:
        held = _nucleus(scaled, weights, sampling.top_p)
        scaled, weights = scaled[held], weights[held]
        tokens = held if tokens is None else tokens[held]
    if sampling.min_p:
        # The likeliest is at 0.
        weights *= scaled >= math.log(sampling.min_p)
    return tokens, weights


def _nucleus(scaled: Tensor, weights: Tensor, share: float) -> Tensor:
    """The places, ascending, of the fewest largest that hold this share; of equals the first.

    All that are smaller than a mean share of what may be missing hold less than that together: they
    are left out at once. The others are counted in bins by size, and only those of the bin where
    the share is reached are sorted.
    """
    total = float(weights.sum(dtype=torch.float64))
    if not math.isfinite(total):
        raise FloatingPointError(_NO_NUMBERS)
    least = _ROUNDING * (1 - share) * total / len(weights)
    places = _places(weights.cpu().numpy() >= numpy.float32(least), weights)
    scaled, exact = scaled.index_select(0, places), weights.index_select(0, places).double()
    wanted, larger = share * total, 0.0
    inside, border = torch.zeros_like(scaled, dtype=torch.bool), None
    if len(scaled) > _FEW:
        bins = (scaled * (-_BINS / _WIDEST)).clamp_(max=_BINS - 1).int()
        held = torch.bincount(bins, weights=exact, minlength=_BINS)
        cumulated = held.cumsum(dim=-1)
        reached = min(int(torch.searchsorted(cumulated, wanted)), _BINS - 1)
        larger = float(cumulated[reached] - held[reached])
        inside, border = bins < reached, _places(bins.cpu().numpy() == reached, bins)
        scaled, exact = scaled[border], exact[border]
    order = scaled.sort(descending=True, stable=True).indices
    ordered = exact[order]
    kept = max(1, int((larger + ordered.cumsum(dim=-1) - ordered < wanted).sum()))
    chosen = order[:kept] if border is None else border[order[:kept]]
    inside[chosen] = True
    return places.index_select(0, _places(inside.cpu().numpy(), inside))


def _places(is_wanted: Any, like: Tensor) -> Tensor:
    """Where an array is true, on the device of `like`; many times as fast as `nonzero`."""
    return torch.from_numpy(numpy.flatnonzero(is_wanted)).to(like.device)


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

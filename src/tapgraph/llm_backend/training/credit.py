"""Which tokens of a reply get more of the credit: the rules of preplan-and-anchor, and controls.

2510.13554, its section on credit assignment. A rule gives each token of a reply a weight of 1 or
more, which the token's advantage is multiplied with. The paper's first version does so for
advantages above zero only, its later one for both signs, as here.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from tapgraph.errors import UsageError

__all__ = ["CREDIT_RULES", "Credit", "CreditRule", "ReplyTokens", "top_tokens"]

CreditRule: TypeAlias = Literal[
    "plain", "local", "global", "coupled", "random", "entropy", "uniform"
]


@dataclass(frozen=True, slots=True)
class ReplyTokens:
    """What is known of the tokens of one reply, each `[tokens]`.

    Attributes:
        waad: see `rhythm.Rhythm`.
        fai: likewise.
        entropy: of the distribution that the token was drawn from, in nats.
        dice: a random number from 0 to 1 for each token.
    """

    waad: Tensor
    fai: Tensor
    entropy: Tensor
    dice: Tensor


@dataclass(frozen=True, slots=True)
class Credit:
    """A rule with its numbers.

    Attributes:
        rule: `plain`: all tokens count alike, which is GRPO; `local`, `global` and `coupled`: the
            paper's three; `random`, `entropy` and `uniform`: controls with the same sum of
            weights, for random tokens, those of the highest entropy, and all.
        amplify: the paper's gamma_amp, the weight of tokens that a rule chooses.
        share: of a reply's tokens, so many are chosen, rounded up.
        reach: k of `coupled`, how many tokens before an anchor can introduce it. The paper tries 1
            to 3.
        moved: alpha of `coupled`, the part of a dominated anchor's bonus that goes to the token
            that introduces it. The paper does not tell its own.
    """

    rule: CreditRule = "plain"
    amplify: float = 1.5
    share: float = 0.4
    reach: int = 3
    moved: float = 0.5

    def __post_init__(self) -> None:
        if self.rule not in CREDIT_RULES:
            raise UsageError(f"rule must be one of {', '.join(CREDIT_RULES)}, got {self.rule!r}")
        if self.amplify < 1:
            raise UsageError(f"amplify must be at least 1, got {self.amplify!r}")
        if not 0 < self.share <= 1:
            raise UsageError(f"share must be above 0 and at most 1, got {self.share!r}")
        if self.reach < 1:
            raise UsageError(f"reach must be at least 1, got {self.reach!r}")
        if not 0 <= self.moved <= 1:
            raise UsageError(f"moved must be from 0 to 1, got {self.moved!r}")

    def weights(self, tokens: ReplyTokens) -> Tensor:
        """What the advantage of each token is multiplied with, float32 `[tokens]`."""
        bonus = CREDIT_RULES[self.rule](self, tokens)
        return 1 + (self.amplify - 1) * bonus


def top_tokens(scores: Tensor, share: float) -> Tensor:
    """Where the highest of `[tokens]` scores are, bool; ties go to the earlier token.

    ⌈share · tokens⌉ of them.
    """
    chosen = torch.zeros_like(scores, dtype=torch.bool)
    # Shares such as 0.4 are not exact: 0.4 * 5 must not become 3.
    count = math.ceil(round(share * len(scores), 9))
    chosen[scores.argsort(descending=True, stable=True)[:count]] = True
    return chosen


def _changes(waad: Tensor) -> Tensor:
    """Δ_t = |WAAD_t - WAAD_{t+1}|; the last token has no next one, and 0."""
    return torch.cat((waad.diff().abs(), waad.new_zeros(1)))


def _plain(_: Credit, tokens: ReplyTokens) -> Tensor:
    return torch.zeros_like(tokens.waad)


def _local(credit: Credit, tokens: ReplyTokens) -> Tensor:
    return top_tokens(_changes(tokens.waad), credit.share).float()


def _global(credit: Credit, tokens: ReplyTokens) -> Tensor:
    return top_tokens(tokens.fai, credit.share).float()


def _coupled(credit: Credit, tokens: ReplyTokens) -> Tensor:
    """Anchors that merely go on with a chunk share their bonus with what began it.

    Such an anchor has a WAAD of at most τ_waad, and a Δ of at least τ_Δ among the `reach` tokens
    before it; the highest of those introduces it. Both thresholds are unpublished, and medians of
    the reply here. Bonuses add up where a token gets several, so their sum never changes.
    """
    changes = _changes(tokens.waad)
    low_waad, high_change = tokens.waad.median(), changes.median()
    bonus = _global(credit, tokens)
    for anchor in top_tokens(tokens.fai, credit.share).nonzero().flatten().tolist():
        before = changes[max(0, anchor - credit.reach) : anchor]
        if not len(before) or tokens.waad[anchor] > low_waad or before.max() < high_change:
            continue
        bonus[anchor] -= credit.moved
        bonus[anchor - len(before) + int(before.argmax())] += credit.moved
    return bonus


def _random(credit: Credit, tokens: ReplyTokens) -> Tensor:
    return top_tokens(tokens.dice, credit.share).float()


def _entropy(credit: Credit, tokens: ReplyTokens) -> Tensor:
    return top_tokens(tokens.entropy, credit.share).float()


def _uniform(credit: Credit, tokens: ReplyTokens) -> Tensor:
    return torch.full_like(tokens.waad, credit.share)


CREDIT_RULES: Mapping[str, Callable[[Credit, ReplyTokens], Tensor]] = {
    "plain": _plain,
    "local": _local,
    "global": _global,
    "coupled": _coupled,
    "random": _random,
    "entropy": _entropy,
    "uniform": _uniform,
}
"""From the name of a rule to each token's share of a bonus, `[tokens]`."""

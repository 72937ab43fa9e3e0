"""How TokenSelect chooses: its settings, and the soft vote of all heads."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.config_checks import check_choices, check_least
from tapgraph.kernels.indexed_decode import indexed_scores

__all__ = ["TokenSelectConfig", "soft_vote"]


@dataclass(frozen=True, slots=True)
class TokenSelectConfig:
    """Settings of TokenSelect; the defaults are the authors'.

    Attributes:
        n_init: first tokens that are always read.
        k: tokens that are voted for.
        n_local: newest tokens that are always read.
        theta: in decode a list is used again while the cosine of the query with the one that it
            was selected for is at least this; with 1 each token selects for itself.
        chunk: tokens of a prompt that select together; at most `n_local`.
        vote_scale: what dot products are multiplied with in the vote: 1 as in the paper, or the
            attention's own scale, which gives flatter votes.
        dense_budgets: with fewer tokens than so many times `budget` all are read; with 1 they are
            as long as the budget covers them, as in the paper. Ours: about there a decode step on
            one CPU core takes as long either way when a list is used some 25 times; where each
            step selects, it is much later.
    """

    n_init: int = 128
    k: int = 2048
    n_local: int = 512
    theta: float = 0.9
    chunk: int = 512
    vote_scale: Literal["one", "attention"] = "one"
    dense_budgets: int = 3

    def __post_init__(self) -> None:
        check_least(self, k=1, n_local=1, chunk=1, dense_budgets=1, n_init=0)
        check_choices(self)
        if self.chunk > self.n_local:
            raise UsageError(
                f"chunk must be at most n_local = {self.n_local}, for tokens of a chunk must see "
                f"each other, got {self.chunk!r}"
            )
        if not -1 <= self.theta <= 1:
            raise UsageError(f"theta must be in -1..1, got {self.theta!r}")

    @property
    def budget(self) -> int:
        """Tokens that are read after a selection."""
        return self.n_init + self.k + self.n_local


def soft_vote(queries: Tensor, keys: Tensor, *, scale: float = 1.0) -> Tensor:
    """How much of all heads' attention each candidate gets (2411.02886, section 4.2).

    The sum over query heads h of softmax(scale * query of h · keys of KV head h // group), each
    over the candidates.

    Args:
        queries: `[heads, head_dim]`.
        keys: of the candidates, `[kv_heads, tokens, head_dim]`.
        scale: what the dot products are multiplied with.

    Returns:
        `[tokens]` in float32, or float64 for float64.
    """
    return indexed_scores(queries, keys, scale=scale).softmax(dim=-1).sum(dim=(0, 1))

"""Expected Attention: keep what the queries to come will probably attend to."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, Rotary
from tapgraph.kernels.config_checks import check_least
from tapgraph.kernels.systems.scored_cache import Held, ScoredCache, ScoredConfig

__all__ = ["ExpectedAttention", "ExpectedAttentionConfig"]


@dataclass(frozen=True, slots=True)
class ExpectedAttentionConfig(ScoredConfig):
    """Settings of Expected Attention; the defaults are those of the authors' code.

    Attributes:
        sink: first tokens, which always stay and whose queries do not count.
        future: over so many positions to come the expected rotation is averaged.
    """

    sink: int = 4
    future: int = 512

    def __post_init__(self) -> None:
        ScoredConfig.__post_init__(self)
        check_least(self, future=1)
        if not 0 <= self.sink < self.kept:
            raise UsageError(f"sink must be in 0..{self.kept - 1}, got {self.sink!r}")


class ExpectedAttention(ScoredCache):
    """A token is worth the attention that a normally distributed query pays to it, times its value.

    Devoto et al., "Expected Attention: KV Cache Compression by Estimating Attention from Future
    Queries Distribution", 2510.00636, section 3. The queries before RoPE so far give mean and
    covariance; both are rotated by the mean rotation of the positions to come, and
    exp(scale * key · mean + scale² / 2 * key · covariance · key), normalised over the tokens, is
    averaged over the query heads of a KV head and multiplied with the norm of the value.

    Deviation: in a reply the moments are those of all queries so far, not of the newest.
    """

    name: ClassVar[str] = "expected_attention"
    about: ClassVar[About] = About(
        paper="Expected Attention: KV Cache Compression by Estimating Attention from Future "
        "Queries Distribution, arXiv 2510.00636, 2025",
        saves="Memory, and time of a step: a fixed number of tokens stays for each KV head.",
        needs="Nothing; a rotary embedding that can be undone by itself.",
        fails_when="A question is unlike the text before it: what it needs may be gone.",
    )

    def __init__(self, config: ExpectedAttentionConfig = ExpectedAttentionConfig()) -> None:
        super().__init__(config)
        self.sink, self.future = config.sink, config.future

    def observe(self, held: Held) -> Tensor | None:
        """Sums of the queries before RoPE and of their products, `[heads, head_dim + 1, head_dim]`.

        The last row of each head is the sum of the queries.
        """
        first = held.tokens_seen - held.queries.shape[1]
        positions = torch.arange(first, held.tokens_seen, device=held.queries.device)
        exact = torch.promote_types(held.queries.dtype, torch.float32)
        unrotated = held.rotary.undo(held.queries[None].to(exact), positions[None])[0]
        counted = unrotated[:, max(0, self.sink - first) :]
        with_one = functional.pad(counted, (0, 1), value=1.0)
        sums = with_one.transpose(1, 2) @ counted
        return sums if held.observed is None else held.observed + sums

    def score(self, held: Held) -> Tensor:
        """The expected attention times the value's norm; sinks stay. `[kv_heads, tokens]`."""
        if held.observed is None:
            raise UsageError("no query was observed yet")
        shape, products, total = held.shape, held.observed[:, :-1], held.observed[:, -1:]
        count = held.tokens_seen - self.sink
        mean = total / count
        covariance = products / count - mean.transpose(1, 2) @ mean
        turn = _mean_rotation(held.rotary, held.tokens_seen, self.future, mean)
        mean, covariance = mean @ turn, turn.T @ covariance @ turn
        keys = held.keys[:, self.sink :].to(mean.dtype).repeat_interleave(shape.group, dim=0)
        spread = ((keys @ covariance) * keys).sum(dim=-1)
        logits = shape.scale * (keys @ mean.transpose(1, 2))[..., 0] + shape.scale**2 / 2 * spread
        weights = logits.softmax(dim=-1).view(shape.kv_heads, shape.group, -1).mean(dim=1)
        worth = weights * held.values[:, self.sink :].to(mean.dtype).norm(dim=-1)
        return functional.pad(worth, (self.sink, 0), value=float("inf"))


def _mean_rotation(rotary: Rotary, first: int, count: int, like: Tensor) -> Tensor:
    """The mean of the rotations to positions `first` to `first + count`, to multiply rows with."""
    head_dim = like.shape[-1]
    basis = torch.eye(head_dim, dtype=like.dtype, device=like.device)[None, :, None]
    positions = torch.arange(first, first + count, device=like.device)
    return rotary(basis.expand(-1, -1, count, -1), positions[None]).mean(dim=2)[0]

"""SnapKV: keep what the end of the prompt attends to, and its neighbours."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About
from tapgraph.kernels.systems.scored_cache import (
    Held,
    ScoredCache,
    ScoredConfig,
    attention_weights,
)

__all__ = ["SnapKV", "SnapKVConfig"]


@dataclass(frozen=True, slots=True)
class SnapKVConfig(ScoredConfig):
    """Settings of SnapKV; the defaults are those of the authors' code.

    Attributes:
        kept: as in `ScoredConfig`.
        window: the newest tokens, which always stay and whose queries are asked.
        kernel: tokens over which attention is averaged before the choice; odd.
    """

    kept: int = 2048
    window: int = 32
    kernel: int = 5

    def __post_init__(self) -> None:
        ScoredConfig.__post_init__(self)
        if not 1 <= self.window < self.kept:
            raise UsageError(f"window must be in 1..{self.kept - 1}, got {self.window!r}")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise UsageError(f"kernel must be odd and at least 1, got {self.kernel!r}")


class SnapKV(ScoredCache):
    """A token is worth the mean attention of the prompt's last queries to it and its neighbours.

    Li et al., "SnapKV: LLM Knows What You are Looking for Before Generation", 2404.14469, section
    4. Deviations: the query heads of a KV head are averaged, for they share its tokens (the
    authors' models had one each); a long reply is compressed like the prompt, where the authors
    let it grow.
    """

    name: ClassVar[str] = "snapkv"
    about: ClassVar[About] = About(
        paper="SnapKV: LLM Knows What You are Looking for Before Generation, arXiv 2404.14469, "
        "2024",
        saves="Memory, and time of a step: a fixed number of tokens stays for each KV head.",
        needs="Nothing; a question at the end of the prompt.",
        fails_when="A later question needs tokens that this one did not look at: they are gone.",
    )

    def __init__(self, config: SnapKVConfig = SnapKVConfig()) -> None:
        super().__init__(config)
        self.window, self.kernel = config.window, config.kernel

    @property
    def recent_queries(self) -> int:
        """The window's."""
        return self.window

    def score(self, held: Held) -> Tensor:
        """The window's mean attention, pooled; the window itself stays. `[kv_heads, tokens]`."""
        window = held.queries.shape[1]
        weights = attention_weights(held.queries, held.keys, scale=held.shape.scale)
        before = weights[:, :, :-window].mean(dim=1)
        pooled = functional.avg_pool1d(before, self.kernel, stride=1, padding=self.kernel // 2)
        by_kv_head = pooled.reshape(held.shape.kv_heads, held.shape.group, -1).mean(dim=1)
        return functional.pad(by_kv_head, (0, window), value=float("inf"))

"""RazorAttention: retrieval heads keep everything, the others sink, window and a mean token."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Rotary
from tapgraph.kernels.systems.compensated_window import Budget, CompensatedWindowLayer
from tapgraph.kernels.systems.dense_first import DenseFirstLayer
from tapgraph.kernels.systems.split_heads import check_head_choice, split_by_choice

__all__ = ["Razor", "RazorConfig", "RazorPrefill"]

RazorPrefill = Literal["dense", "chunked"]


@dataclass(frozen=True, slots=True)
class RazorConfig:
    """Settings of RazorAttention; with them nothing is dropped below 12,012 tokens.

    Attributes:
        sink: first tokens that every head keeps (N0).
        window_floor: the least number of last tokens that a head keeps (S0).
        compression: of N tokens a head keeps the last N / `compression` if that is more (C).
        prefill: "dense": a prompt is read densely, in however many chunks it comes, and all of it
            is held until the first decode step. "chunked": what is dropped is dropped after each
            chunk, so less memory is needed, but later chunks do not see it.
        dense_budgets: nothing is dropped with fewer tokens than so many times `sink` +
            `window_floor`; with 1 as in the paper. Ours: with as many a step on one CPU core takes
            no longer than a dense one, for two kinds of heads need two calls of torch.
    """

    sink: int = 4
    window_floor: int = 4000
    compression: float = 5.0
    prefill: RazorPrefill = "dense"
    dense_budgets: int = 3

    def __post_init__(self) -> None:
        if self.sink < 0:
            raise UsageError(f"sink must be at least 0, got {self.sink!r}")
        if self.window_floor < 1:
            raise UsageError(f"window_floor must be at least 1, got {self.window_floor!r}")
        if self.compression < 1:
            raise UsageError(f"compression must be at least 1, got {self.compression!r}")
        if self.prefill not in {"dense", "chunked"}:
            raise UsageError(f"prefill must be 'dense' or 'chunked', got {self.prefill!r}")
        if self.dense_budgets < 1:
            raise UsageError(f"dense_budgets must be at least 1, got {self.dense_budgets!r}")


class Razor(AttentionSystem):
    """A static head-wise compression for models with rotary embeddings.

    Tang et al., "RazorAttention", 2407.15891, section 3.2 and Algorithm 1. A head that retrieves
    keeps all tokens. Any other keeps N0 sinks, the last L_h = max(S0, N/C) tokens and one
    compensation token, the mean of all dropped keys (after RoPE) and values, which counts as often
    as there are dropped tokens (`CompensatedWindowLayer`). The prompt is read densely, then
    compressed. For models with ALiBi see `RazorAlibi`.

    What the paper leaves open, as it is here:
        - nothing is dropped while there are fewer than `dense_budgets` budgets of tokens (ours);
        - in decode the window follows L_h as N grows, and what leaves it goes into the mean;
        - all query heads of a group follow their KV head, and the mean is one for each KV head;
        - a prompt after the first decode step (a next turn) sees the compressed past, and itself
          densely;
        - N is counted for each row from its first real token, so batches may be padded;
        - the mean is kept in float32 (float64 for float64), and joined by its log-sum-exp.

    A one-token call is a decode step, even if it is the last token of a prompt.

    Memory of a layer: while nothing is dropped a `TokenStore` of all heads; then a `TokenStore` of
    the retrieval heads, and `WindowStore`, sink and mean of the others, see
    `CompensatedWindowLayer.bytes_held`.

    Args:
        config: settings.
        retrieval_heads: bool `[layers, kv_heads]`, the heads that keep everything.
    """

    name: ClassVar[str] = "razor"
    about: ClassVar[About] = About(
        paper="Tang et al., RazorAttention, arXiv 2407.15891, 2024",
        saves="KV memory and decode reading of all heads that do not retrieve: about 3x at the "
        "paper's settings.",
        needs="Retrieval heads found once for each model (tapgraph kernels calibrate razor).",
        fails_when="Heads that retrieve were not found; below three times window_floor tokens "
        "nothing is dropped, so nothing is gained.",
    )
    croppable: ClassVar[bool] = False

    def __init__(self, config: RazorConfig, retrieval_heads: Tensor) -> None:
        check_head_choice(retrieval_heads, "retrieval_heads")
        self.config = config
        self.retrieval_heads = retrieval_heads

    @property
    def dense_below(self) -> int:
        """As `dense_budgets` says; up to one budget there is nothing to drop in any case."""
        budget = self.config.window_floor + self.config.sink
        return max(budget + 1, self.config.dense_budgets * budget)

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> DenseFirstLayer:  # noqa: ARG002
        """A layer that is dense, then has a dense part and a compressed part, or one of them.

        Raises:
            UsageError: `retrieval_heads` is for a model of another shape.
        """
        check_head_choice(self.retrieval_heads, "retrieval_heads", shape)
        budget = Budget(self.config.sink, self.config.window_floor, self.config.compression)
        return DenseFirstLayer(
            shape,
            self.dense_below,
            lambda: split_by_choice(
                shape,
                self.retrieval_heads,
                "retrieval_heads",
                lambda part: CompensatedWindowLayer(
                    part, budget, dense_prompt=self.config.prefill == "dense"
                ),
            ),
        )

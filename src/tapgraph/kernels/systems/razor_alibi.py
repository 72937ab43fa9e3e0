"""RazorAttention for models with ALiBi: every head keeps as many tokens as it can ever notice."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import (
    About,
    AttentionSystem,
    LayerShape,
    Reading,
    Rotary,
)
from tapgraph.kernels.block_sparse import block_sparse_attention
from tapgraph.kernels.inputs import check_call
from tapgraph.kernels.systems.part_layer import PartLayer, ReadPast
from tapgraph.kernels.systems.split_heads import HeadPart, SplitHeadsLayer, part_shape
from tapgraph.kernels.window_store import WindowSnapshot, WindowStore

__all__ = ["AlibiHeads", "RazorAlibi", "alibi_head_windows"]

BLOCK = 512


@dataclass(frozen=True, slots=True)
class AlibiHeads:
    """One layer's weights that decide how far its heads can see.

    Attributes:
        query_weights: `[heads, head_dim, hidden]`.
        key_weights: `[kv_heads, head_dim, hidden]`.
        norm_weight: of the layer norm before the attention (gamma), `[hidden]`.
        norm_bias: of that layer norm (b), `[hidden]`; None for RMS norm.
        slopes: what a logit loses for each token of distance, positive, `[heads]`.
        scale: what the dot products are multiplied with.
    """

    query_weights: Tensor
    key_weights: Tensor
    norm_weight: Tensor
    norm_bias: Tensor | None
    slopes: Tensor
    scale: float


def alibi_head_windows(heads: AlibiHeads, *, epsilon: float = 1e-5) -> Tensor:
    """How many last tokens each query head needs: farther ones weigh at most `epsilon`.

    Tang et al., 2407.15891, Theorem 1: L_h = [2 ||W_Q W_K|| (||gamma||^2 + ||b||^2) - log epsilon]
    / l_h, with the spectral norm; `scale` multiplies the norm, for the scores are scaled. The
    theorem takes ||gamma||^2 + ||b||^2 for the most that a normalised token can measure. That is
    certain for an even gamma without bias, and a good estimate otherwise.

    Returns:
        int64 `[heads]`, rounded up, at least 1.

    Raises:
        UsageError: `epsilon` is not in 0..1, or a slope is not positive.
    """
    if not 0 < epsilon < 1:
        raise UsageError(f"epsilon must be between 0 and 1, got {epsilon!r}")
    if not bool((heads.slopes > 0).all()):
        raise UsageError(f"slopes must be positive, got {heads.slopes.tolist()}")
    group = heads.query_weights.shape[0] // heads.key_weights.shape[0]
    # The norm of a product of two thin matrices is that of their triangular factors.
    queries = torch.linalg.qr(heads.query_weights.double().transpose(1, 2)).R
    keys = torch.linalg.qr(heads.key_weights.double().transpose(1, 2)).R
    products = queries @ keys.repeat_interleave(group, dim=0).transpose(1, 2)
    norms = torch.linalg.matrix_norm(products, ord=2) * heads.scale
    size = heads.norm_weight.double().square().sum()
    if heads.norm_bias is not None:
        size = size + heads.norm_bias.double().square().sum()
    windows = (2 * norms * size - math.log(epsilon)) / heads.slopes.double()
    rounded: Tensor = windows.ceil().clamp(min=1).to(torch.int64)
    return rounded


class RazorAlibi(AttentionSystem):
    """Windows that follow from the weights, for models with ALiBi.

    Tang et al., "RazorAttention", 2407.15891, section 3.1. It adds the bias of ALiBi itself and
    takes queries and keys as they are. A KV head keeps the longest window of its group; a prompt's
    tokens see that window before the chunk, and all of the chunk before them.

    It is not among the systems that are chosen by name, because the models that the adapter
    supports have rotary embeddings.

    Args:
        windows: int64 `[layers, heads]`, from `alibi_head_windows`.
        slopes: `[heads]`.
    """

    name: ClassVar[str] = "razor-alibi"
    about: ClassVar[About] = About(
        paper="Tang et al., RazorAttention, arXiv 2407.15891, 2024",
        saves="KV memory of heads with steep slopes.",
        needs="A model with ALiBi; the windows follow from its weights.",
        fails_when="The weights are so large that the bound is longer than the context.",
    )
    keys = "unrotated"
    croppable: ClassVar[bool] = False

    def __init__(self, windows: Tensor, slopes: Tensor) -> None:
        if windows.dim() != 2 or windows.dtype != torch.int64 or bool((windows < 1).any()):
            raise UsageError(
                "windows must be int64 [layers, heads] of at least 1, "
                f"got {windows.dtype} {list(windows.shape)}"
            )
        if slopes.shape != windows.shape[1:]:
            raise UsageError(f"slopes must be [{windows.shape[1]}], got {list(slopes.shape)}")
        self.windows = windows
        self.slopes = slopes

    def open_layer(self, shape: LayerShape, rotary: Rotary) -> SplitHeadsLayer:  # noqa: ARG002
        """A layer with one part for each length of window.

        Raises:
            UsageError: the windows are for a model of another shape.
        """
        if self.windows.shape != (shape.layers, shape.heads):
            raise UsageError(
                f"windows must be [{shape.layers}, {shape.heads}] for this model, "
                f"got {list(self.windows.shape)}"
            )
        longest = self.windows[shape.index].view(shape.kv_heads, shape.group).amax(dim=1)
        slopes = self.slopes.view(shape.kv_heads, shape.group)
        parts = []
        for window in sorted(set(longest.tolist()), reverse=True):
            kv_heads = (longest == window).nonzero()[:, 0]
            inner = part_shape(shape, len(kv_heads))
            layer = AlibiWindowLayer(inner, window, slopes[kv_heads].flatten())
            parts.append(HeadPart(tuple(kv_heads.tolist()), layer))
        return SplitHeadsLayer(shape, parts)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    window: WindowSnapshot
    starts: Tensor | None
    sees_from: int


class AlibiWindowLayer(PartLayer):
    """Heads of one layer with the bias of ALiBi and one window.

    Memory is that of a `WindowStore` of `window` tokens.

    Args:
        shape: these heads of the layer.
        window: last tokens kept, the newest included.
        slopes: of these query heads, `[heads]`.
    """

    def __init__(self, shape: LayerShape, window: int, slopes: Tensor) -> None:
        super().__init__(shape)
        self._length = window
        self._slopes = slopes
        self._window = WindowStore()
        self._starts: Tensor | None = None
        self._sees_from = 0

    @property
    def tokens_seen(self) -> int:
        """Slots given to it so far, kept or not."""
        return self._window.end

    @property
    def reading(self) -> Reading:
        """What the last query read."""
        return Reading(attended=float(self._kept().sum(dim=-1).double().mean()))

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> Tensor:
        """Attend from a chunk to the window and the chunk, then keep the last tokens."""
        check_call(self.shape, queries, keys, values, starts, self.tokens_seen)
        self._starts = starts
        self._window.append(keys, values)
        output = self._attend(queries, starts)
        self._window.drop_before(self.tokens_seen - self._length)
        return output

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> Tensor:
        """Take the token into the window and attend to the window."""
        check_call(self.shape, queries, keys, values, starts, self.tokens_seen)
        self._starts = starts
        self._window.append(keys, values)
        self._window.drop_before(self.tokens_seen - self._length)
        return self._attend(queries, starts)

    def adopt(self, past: ReadPast) -> None:
        """Keep the last tokens of what was read already."""
        self._starts = past.starts
        self._window.append(past.keys, past.values)
        self._window.drop_before(self.tokens_seen - self._length)
        self._sees_from = self._window.first

    def kept_by_last_query(self) -> Tensor:
        """The window, and the chunk."""
        return self._kept()[:, None].expand(-1, self.shape.heads, -1)

    def bytes_held(self) -> int:
        """The window's."""
        return self._window.bytes_held()

    def snapshot(self) -> object:
        """The window is not copied."""
        return _Snapshot(self._window.snapshot(), self._starts, self._sees_from)

    def restore(self, snapshot: object) -> None:
        """Go back to what was kept then."""
        if not isinstance(snapshot, _Snapshot):
            raise UsageError(f"not a snapshot of this layer: {snapshot!r}")
        self._window.restore(snapshot.window)
        self._starts = snapshot.starts
        self._sees_from = snapshot.sees_from

    def fork(self) -> "AlibiWindowLayer":
        """A copy with memory of its own."""
        twin = AlibiWindowLayer(self.shape, self._length, self._slopes)
        twin.restore(self.snapshot())
        twin._window = self._window.fork()
        return twin

    def crop(self, tokens: int) -> None:
        """Forget everything after the first `tokens` slots.

        Raises:
            UsageError: a token has left the window already.
        """
        if not 0 <= tokens <= self.tokens_seen:
            raise UsageError(f"can keep 0 to {self.tokens_seen} tokens, got {tokens}")
        if tokens < self.tokens_seen and self._window.first > 0:
            raise UsageError(
                f"cannot go back to {tokens} tokens: the window of {self._length} has already "
                "dropped what it would need; restore a snapshot instead"
            )
        self._window.crop(tokens)

    def select_rows(self, rows: Tensor) -> None:
        """Make row r of the batch what row `rows[r]` was."""
        self._window.select_rows(rows)
        if self._starts is not None:
            self._starts = self._starts.index_select(0, rows)

    def _kept(self) -> Tensor:
        if self._starts is None:
            raise UsageError("nothing was attended to yet")
        slots = torch.arange(self.tokens_seen, device=self._starts.device)
        return slots >= self._starts.clamp(min=self._sees_from)[:, None]

    def _attend(self, queries: Tensor, starts: Tensor) -> Tensor:
        """Attention with ALiBi to all that is held, causal within the chunk.

        The bias -slope * (query - key) is slope * key for all keys of a query, up to a constant.
        """
        first, end = self._window.first, self._window.end
        self._sees_from = first
        distances = torch.arange(first - end + 1, 1, device=queries.device)
        bias = self._slopes.to(queries.device)[:, None] * distances
        batch, heads, q_len, _ = queries.shape
        blocks = (batch, heads, -(-q_len // BLOCK), -(-(end - first) // BLOCK))
        return block_sparse_attention(
            queries,
            self._window.keys,
            self._window.values,
            torch.ones(blocks, dtype=torch.bool, device=queries.device),
            query_block=BLOCK,
            key_block=BLOCK,
            scale=self.shape.scale,
            starts=(starts - first).clamp(min=0),
            column_bias=bias.expand(batch, -1, -1),
        ).output

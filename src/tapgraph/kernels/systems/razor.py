"""RazorAttention: retrieval heads keep everything, the others sink, window and a mean token."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from itertools import chain
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import About, AttentionSystem, LayerShape, Reading, Rotary
from tapgraph.kernels.config_checks import check_choices, check_least
from tapgraph.kernels.dense import attend_densely, attend_densely_with_lse
from tapgraph.kernels.inputs import check_call
from tapgraph.kernels.merge import Partial, merge
from tapgraph.kernels.systems.dense_first import DenseFirstLayer
from tapgraph.kernels.systems.part_layer import PartLayer
from tapgraph.kernels.systems.split_heads import check_head_choice, kept_by_choice, split_by_choice
from tapgraph.kernels.window_store import WindowStore

__all__ = ["Budget", "CompensatedWindowLayer", "Razor", "RazorConfig", "RazorPrefill"]

RazorPrefill = Literal["dense", "chunked"]
PIECE_TOKENS = 512
PIECE_QUERIES = 512
"""Scores are computed in pieces of at most so many keys and queries, which fit into caches."""


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
        check_least(self, sink=0, window_floor=1, compression=1, dense_budgets=1)
        check_choices(self)


class Razor(AttentionSystem):
    """A static head-wise compression for models with rotary embeddings.

    Tang et al., "RazorAttention", 2407.15891, section 3.2 and Algorithm 1. A head that retrieves
    keeps all tokens. Any other keeps N0 sinks, the last L_h = max(S0, N/C) tokens and one
    compensation token, the mean of all dropped keys (after RoPE) and values, which counts as often
    as there are dropped tokens (`CompensatedWindowLayer`). The prompt is read densely, then
    compressed.

    What the paper leaves open, as it is here:
        - nothing is dropped while there are fewer than `dense_budgets` budgets of tokens (ours);
        - in decode the window follows L_h as N grows, and what leaves it goes into the mean;
        - all query heads of a group follow their KV head, and the mean is one for each KV head;
        - a prompt after the first decode step (a next turn) sees the compressed past, and itself
          densely;
        - the mean is kept in float32 (float64 for float64), and joined by its log-sum-exp.

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

    @property
    def is_calibrated(self) -> bool:
        """The choice of heads is."""
        return True

    @property
    def chunk_tokens(self) -> int | None:
        """A quarter of the window, where a prompt is compressed after each chunk."""
        config = self.config
        return max(1, config.window_floor // 4) if config.prefill == "chunked" else None

    def kept_tokens(self, shape: LayerShape, tokens: int) -> float:
        """All of the retrieval heads', sink, window and one mean of the others'."""
        config, mean = self.config, 1
        if tokens < self.dense_below:
            return tokens
        budget = Budget(config.sink, config.window_floor, config.compression)
        reduced = config.sink + budget.window(tokens) + mean
        return kept_by_choice(shape, self.retrieval_heads, tokens, min(tokens, reduced))

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
                lambda part: CompensatedWindowLayer(part, budget),
            ),
            dense_prompt=self.config.prefill == "dense",
        )


@dataclass(frozen=True, slots=True)
class Budget:
    """What a head keeps of `tokens` tokens: the first `sink` and the last `window(tokens)`.

    Attributes:
        sink: first tokens kept.
        window_floor: the window's least length.
        compression: a long context's window is the context's length divided by it.
    """

    sink: int
    window_floor: int
    compression: float

    def window(self, tokens: int) -> int:
        """max(S0, N/C), rounded down; it grows by at most one with each token."""
        return max(self.window_floor, int(tokens / self.compression))

    def left(self, tokens: int) -> int:
        """How many tokens stand before the window; never falls when `tokens` grows."""
        return max(0, tokens - self.window(tokens))


@dataclass(slots=True)
class _Past:
    """What is kept of the tokens that have left the window.

    Attributes:
        sink_keys: `[1, kv_heads, sink, head_dim]`; the first `min(sink, left)` are valid.
        sink_values: as `sink_keys`.
        mean_keys: of those that left after the sink, `[1, kv_heads, 1, head_dim]`, in float32
            (float64 for float64).
        mean_values: as `mean_keys`.
    """

    sink_keys: Tensor
    sink_values: Tensor
    mean_keys: Tensor
    mean_values: Tensor

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.sink_keys, self.sink_values, self.mean_keys, self.mean_values

    def copy(self) -> "_Past":
        return _Past(*(tensor.clone() for tensor in self.tensors()))


@dataclass(frozen=True, slots=True)
class _Snapshot:
    window: WindowStore
    past: _Past | None
    viewed_at: int


class CompensatedWindowLayer(PartLayer):
    """Heads of one layer that drop the middle of the context and keep its mean.

    Every token is in one place: the window, the sink, or (as one of N_d) the compensation token.
    The latter has the mean key and the mean value of what was dropped and counts N_d times, which
    adds log N_d to its logit. When a token leaves the window, the mean moves by
    (token - mean) / N_d. A decode step reads sink and mean in the dtype of the keys, from places
    behind the window, so that everything kept is one call of torch's attention.

    Args:
        shape: these heads of the layer.
        budget: what they keep.
    """

    def __init__(self, shape: LayerShape, budget: Budget) -> None:
        super().__init__(shape)
        self._budget = budget
        self._window = WindowStore()
        self._past: _Past | None = None
        self._viewed_at = 0
        """After how many tokens the window stood as the last query saw it."""

    @property
    def tokens_seen(self) -> int:
        """Tokens given to it so far, kept or not."""
        return self._window.end

    @property
    def reading(self) -> Reading:
        """Tokens kept, and one more where a compensation token stands for others."""
        compensated = self._left(self._viewed_at) > self._budget.sink
        return Reading(attended=float(self._kept().sum()) + compensated)

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend from a chunk to what is kept of the past and, densely, to the chunk."""
        check_call(self.shape, queries, keys, values)
        before = self.tokens_seen
        self._viewed_at = before
        if before:
            chunk = attend_densely_with_lse(queries, keys, values, scale=self.shape.scale)
            output = _merged(chain(self._attend_past(queries, before), (chunk,)), queries.dtype)
        else:
            output = attend_densely(queries, keys, values, scale=self.shape.scale)
        self._window.append(keys, values)
        self._compress(before)
        return output

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Take the token into the window, drop what leaves it, and attend to what is kept."""
        check_call(self.shape, queries, keys, values)
        before = self.tokens_seen
        self._window.append(keys, values)
        self._compress(before)
        self._viewed_at = self.tokens_seen
        return self._attend_from_one(queries)

    def adopt(self, keys: Tensor, values: Tensor) -> None:
        """Keep what is to be kept of tokens that were read already."""
        self._window.append(keys, values)
        self._viewed_at = self.tokens_seen
        self._compress(0)

    def kept_by_last_query(self) -> Tensor:
        """The sink, the window and the chunk; not what the compensation token stands for."""
        return self._kept().expand(self.shape.heads, -1)

    def bytes_held(self) -> int:
        """The window's, and of sink and mean: `2 * kv_heads * head_dim` elements each.

        The sink has `sink` such elements in the dtype of the keys, the mean one in float32
        (float64 for float64); both are there as soon as a token has left the window.
        """
        past = () if self._past is None else self._past.tensors()
        return self._window.bytes_held() + sum(part.element_size() * part.numel() for part in past)

    def snapshot(self) -> object:
        """Copies sink and mean; the window is not copied."""
        past = None if self._past is None else self._past.copy()
        return _Snapshot(self._window.snapshot(), past, self._viewed_at)

    def restore(self, snapshot: object) -> None:
        """Go back to what was kept then."""
        if not isinstance(snapshot, _Snapshot):
            raise UsageError(f"not a snapshot of this layer: {snapshot!r}")
        self._window = snapshot.window.snapshot()
        self._past = None if snapshot.past is None else snapshot.past.copy()
        self._viewed_at = snapshot.viewed_at

    def fork(self) -> "CompensatedWindowLayer":
        """A copy with memory of its own."""
        twin = CompensatedWindowLayer(self.shape, self._budget)
        twin.restore(self.snapshot())
        twin._window = self._window.fork()
        return twin

    def crop(self, tokens: int) -> None:
        """Forget everything after the first `tokens` tokens.

        Raises:
            UsageError: a token has left the window already.
        """
        if not 0 <= tokens <= self.tokens_seen:
            raise UsageError(f"can keep 0 to {self.tokens_seen} tokens, got {tokens}")
        if tokens == self.tokens_seen:
            return
        if self._past is not None:
            raise UsageError(
                f"cannot go back to {tokens} tokens: what has left the window is in a mean; "
                "restore a snapshot instead"
            )
        self._window.crop(tokens)
        self._viewed_at = min(self._viewed_at, tokens)

    def _left(self, tokens: int) -> int:
        """How many tokens stood before the window after so many."""
        return 0 if self._past is None else self._budget.left(tokens)

    def _kept(self) -> Tensor:
        positions = torch.arange(self.tokens_seen, device=self._window.keys.device)
        return (positions < self._budget.sink) | (positions >= self._left(self._viewed_at))

    def _compress(self, before: int) -> None:
        """Move what has left the window since there were `before` tokens into sink and mean."""
        left_before, left = self._budget.left(before), self._budget.left(self.tokens_seen)
        if left > left_before:
            self._release(left_before, left)
        self._window.drop_before(left)

    def _release(self, first: int, last: int) -> None:
        """Take the tokens at positions `first` to `last`."""
        past = self._past = self._past or self._empty_past()
        sink = self._budget.sink
        places = slice(first - self._window.first, last - self._window.first)
        leaving = (self._window.keys[:, :, places], self._window.values[:, :, places])
        into_sink = max(0, min(last, sink) - first)
        dropped, averaged = last - first - into_sink, max(0, first - sink)
        means = (past.mean_keys, past.mean_values)
        for kept, mean, tokens in zip(past.tensors()[:2], means, leaving, strict=True):
            if into_sink:
                kept[:, :, first : first + into_sink] = tokens[:, :, :into_sink]
            if dropped:
                total = tokens[:, :, into_sink:].sum(dim=2, keepdim=True, dtype=mean.dtype)
                mean += (total - dropped * mean) / (averaged + dropped)

    def _empty_past(self) -> _Past:
        keys = self._window.keys
        _, kv_heads, _, head_dim = keys.shape
        sink = keys.new_zeros((1, kv_heads, self._budget.sink, head_dim))
        mean = keys.new_zeros((1, kv_heads, 1, head_dim), dtype=_exact(keys))
        return _Past(sink, sink.clone(), mean, mean.clone())

    def _attend_from_one(self, queries: Tensor) -> Tensor:
        """Attention of the newest token, which is in the window, to all that is kept."""
        window, past = self._window, self._past
        if past is None:
            return attend_densely(queries, window.keys, window.values, scale=self.shape.scale)
        keys, values = window.with_behind(
            torch.cat((past.mean_keys.to(queries.dtype), past.sink_keys), dim=2),
            torch.cat((past.mean_values.to(queries.dtype), past.sink_values), dim=2),
        )
        return functional.scaled_dot_product_attention(
            queries.reshape(1, keys.shape[1], -1, keys.shape[3]),
            keys,
            values,
            attn_mask=self._bias(queries),
            scale=self.shape.scale,
        ).reshape(queries.shape)

    def _bias(self, queries: Tensor) -> Tensor:
        """What is added to the logits of window, mean and sink, `[1, places]`."""
        # On a CPU torch takes a mask in float32 beside any dtype; log N_d is worth it.
        dtype = _exact(queries) if queries.device.type == "cpu" else queries.dtype
        sink, left = self._budget.sink, self._budget.left(self.tokens_seen)
        held = self._window.end - self._window.first
        bias = torch.zeros((1, held + 1 + sink), dtype=dtype)
        bias[0, held] = math.log(left - sink) if left > sink else -math.inf
        bias[0, held + 1 + min(sink, left) :] = -math.inf
        return bias.to(queries.device)

    def _attend_past(self, queries: Tensor, tokens: int) -> Iterator[Partial]:
        """Window, compensation token and sink as they stood after so many tokens."""
        window, scale = self._window, self.shape.scale
        left = self._left(tokens)
        for begin in range(left - window.first, tokens - window.first, PIECE_TOKENS):
            piece = slice(begin, min(begin + PIECE_TOKENS, tokens - window.first))
            yield _attend(queries, window.keys[:, :, piece], window.values[:, :, piece], scale)
        past, sink = self._past, min(self._budget.sink, left)
        if past is not None and left > sink:
            mean = _attend(queries, past.mean_keys, past.mean_values, scale)
            yield replace(mean, log_sum_exp=mean.log_sum_exp + math.log(left - sink))
        if past is not None and sink:
            yield _attend(
                queries, past.sink_keys[:, :, :sink], past.sink_values[:, :, :sink], scale
            )


def _merged(parts: Iterable[Partial], dtype: torch.dtype) -> Tensor:
    """The output over all parts, of which no more than two are held at a time."""
    return reduce(lambda one, other: merge((one, other)), parts).output.to(dtype)


def _exact(tensor: Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float32)


def _attend(queries: Tensor, keys: Tensor, values: Tensor, scale: float) -> Partial:
    """Attention of all queries over all keys; the output is in float32 (float64 for float64)."""
    dtype = _exact(queries)
    _, heads, _, head_dim = queries.shape
    keys, values = keys.to(dtype).transpose(-1, -2), values.to(dtype)
    outputs, totals = [], []
    for piece in torch.split(queries, PIECE_QUERIES, dim=2):
        grouped = piece.to(dtype).reshape(1, keys.shape[1], -1, head_dim) * scale
        scores = grouped @ keys
        total = torch.logsumexp(scores, dim=-1)
        weights = (scores - total[..., None]).exp_()
        outputs.append((weights @ values).view(1, heads, -1, head_dim))
        totals.append(total.view(1, heads, -1))
    return Partial(torch.cat(outputs, dim=2), torch.cat(totals, dim=2))

"""Sink, window and one token that stands for all others: a non-retrieval head of RazorAttention."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import chain

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape, Reading
from tapgraph.kernels.dense import attend_densely, attend_densely_with_lse
from tapgraph.kernels.inputs import check_call
from tapgraph.kernels.masks import rows_by_start
from tapgraph.kernels.merge import Partial, merge
from tapgraph.kernels.systems.part_layer import PartLayer, ReadPast
from tapgraph.kernels.window_store import WindowSnapshot, WindowStore

__all__ = ["Budget", "CompensatedWindowLayer"]

PIECE_TOKENS = 512
PIECE_QUERIES = 512
"""Scores are computed in pieces of at most so many keys and queries, which fit into caches."""


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
        sink_keys: `[batch, kv_heads, sink, head_dim]`; the first `min(sink, left)` are valid.
        sink_values: as `sink_keys`.
        mean_keys: of those that left after the sink, `[batch, kv_heads, head_dim]`, in float32
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
    window: WindowSnapshot
    past: _Past | None
    starts: Tensor | None
    is_compressed: bool
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
        dense_prompt: keep everything until the first decode step, so that a prompt is read densely
            whatever its chunks are; otherwise compress after each chunk.
    """

    def __init__(self, shape: LayerShape, budget: Budget, *, dense_prompt: bool) -> None:
        super().__init__(shape)
        self._budget = budget
        self._dense_prompt = dense_prompt
        self._window = WindowStore()
        self._past: _Past | None = None
        self._starts: Tensor | None = None
        self._is_compressed = False
        self._viewed_at = 0
        """After how many slots the window stood as the last query saw it."""

    @property
    def tokens_seen(self) -> int:
        """Slots given to it so far, kept or not."""
        return self._window.end

    @property
    def reading(self) -> Reading:
        """Tokens kept, and one more where a compensation token stands for others."""
        starts = self._known_starts()
        kept = self._kept().sum(dim=-1)
        compensated = self._left(starts, self._viewed_at) > self._budget.sink
        return Reading(attended=float((kept + compensated).double().mean()))

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> Tensor:
        """Attend from a chunk to what is kept of the past and, densely, to the chunk."""
        check_call(self.shape, queries, keys, values, starts, self.tokens_seen)
        self._starts = starts
        before = self.tokens_seen
        self._viewed_at = before
        if not self._is_compressed:
            self._window.append(keys, values)
            output = attend_densely(
                queries,
                self._window.keys,
                self._window.values,
                scale=self.shape.scale,
                starts=starts,
            )
            if not self._dense_prompt:
                self._compress(0)
            return output
        chunk = attend_densely_with_lse(
            queries, keys, values, scale=self.shape.scale, starts=(starts - before).clamp(min=0)
        )
        output = _merged(chain(self._attend_past(queries, before), (chunk,)), queries.dtype)
        is_padding = torch.arange(before, before + queries.shape[2], device=starts.device)
        output = output.masked_fill((is_padding < starts[:, None])[:, None, :, None], 0.0)
        self._window.append(keys, values)
        self._compress(before)
        return output

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> Tensor:
        """Take the token into the window, drop what leaves it, and attend to what is kept."""
        check_call(self.shape, queries, keys, values, starts, self.tokens_seen)
        self._starts = starts
        before = self.tokens_seen
        self._window.append(keys, values)
        self._compress(before if self._is_compressed else 0)
        self._viewed_at = self.tokens_seen
        return self._attend_from_one(queries, starts)

    def adopt(self, past: ReadPast) -> None:
        """Take over what was read densely; after a decode step, the prompt has ended."""
        self._starts = past.starts
        self._window.append(past.keys, past.values)
        self._viewed_at = self.tokens_seen
        if past.has_decoded or not self._dense_prompt:
            self._compress(0)

    def kept_by_last_query(self) -> Tensor:
        """The sink, the window and the chunk; not what the compensation token stands for."""
        return self._kept()[:, None].expand(-1, self.shape.heads, -1)

    def bytes_held(self) -> int:
        """The window's, and of sink and mean: `2 * batch * kv_heads * head_dim` elements each.

        The sink has `sink` such elements in the dtype of the keys, the mean one in float32
        (float64 for float64); both are there as soon as a token has left the window.
        """
        past = () if self._past is None else self._past.tensors()
        return self._window.bytes_held() + sum(part.element_size() * part.numel() for part in past)

    def snapshot(self) -> object:
        """Copies sink and mean; the window is not copied."""
        past = None if self._past is None else self._past.copy()
        return _Snapshot(
            self._window.snapshot(), past, self._starts, self._is_compressed, self._viewed_at
        )

    def restore(self, snapshot: object) -> None:
        """Go back to what was kept then."""
        if not isinstance(snapshot, _Snapshot):
            raise UsageError(f"not a snapshot of this layer: {snapshot!r}")
        self._window.restore(snapshot.window)
        self._past = None if snapshot.past is None else snapshot.past.copy()
        self._starts = snapshot.starts
        self._is_compressed = snapshot.is_compressed
        self._viewed_at = snapshot.viewed_at

    def fork(self) -> "CompensatedWindowLayer":
        """A copy with memory of its own."""
        twin = CompensatedWindowLayer(self.shape, self._budget, dense_prompt=self._dense_prompt)
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
        if tokens == self.tokens_seen:
            return
        if self._past is not None:
            raise UsageError(
                f"cannot go back to {tokens} tokens: what has left the window is in a mean; "
                "restore a snapshot instead"
            )
        self._window.crop(tokens)
        self._viewed_at = min(self._viewed_at, tokens)

    def select_rows(self, rows: Tensor) -> None:
        """Make row r of the batch what row `rows[r]` was."""
        self._window.select_rows(rows)
        if self._past is not None:
            self._past = _Past(*(part.index_select(0, rows) for part in self._past.tensors()))
        if self._starts is not None:
            self._starts = self._starts.index_select(0, rows)

    def _known_starts(self) -> Tensor:
        if self._starts is None:
            raise UsageError("nothing was attended to yet")
        return self._starts

    def _left(self, starts: Tensor, slots: int) -> Tensor:
        """How many tokens of each row stood before the window after so many slots."""
        if self._past is None:
            return torch.zeros_like(starts)
        left = [self._budget.left(max(0, slots - start)) for start in starts.tolist()]
        return torch.tensor(left, device=starts.device)

    def _kept(self) -> Tensor:
        starts = self._known_starts()
        positions = torch.arange(self.tokens_seen, device=starts.device) - starts[:, None]
        left = self._left(starts, self._viewed_at)[:, None]
        return (positions >= 0) & ((positions < self._budget.sink) | (positions >= left))

    def _compress(self, before: int) -> None:
        """Move what has left the window since there were `before` slots into sink and mean."""
        self._is_compressed = True
        starts, slots = self._known_starts(), self.tokens_seen
        first_needed = slots
        alike = len(set(starts.tolist())) == 1
        groups: Iterable[tuple[int, Tensor | slice]]
        groups = [(int(starts[0]), slice(None))] if alike else rows_by_start(starts)
        for start, rows in groups:
            left_before = self._budget.left(max(0, before - start))
            left = self._budget.left(max(0, slots - start))
            first_needed = min(first_needed, start + left)
            if left > left_before:
                self._release(rows, start, left_before, left)
        self._window.drop_before(first_needed)

    def _release(self, rows: Tensor | slice, start: int, first: int, last: int) -> None:
        """Take the tokens at positions `first` to `last` of rows with one start."""
        past = self._past = self._past or self._empty_past()
        sink = self._budget.sink
        places = slice(first + start - self._window.first, last + start - self._window.first)
        leaving = (self._window.keys[:, :, places][rows], self._window.values[:, :, places][rows])
        into_sink = max(0, min(last, sink) - first)
        dropped, averaged = last - first - into_sink, max(0, first - sink)
        means = (past.mean_keys, past.mean_values)
        for kept, mean, tokens in zip(past.tensors()[:2], means, leaving, strict=True):
            if into_sink:
                kept[rows, :, first : first + into_sink] = tokens[:, :, :into_sink]
            if dropped:
                total = tokens[:, :, into_sink:].sum(dim=2, dtype=mean.dtype)
                mean[rows] += (total - dropped * mean[rows]) / (averaged + dropped)

    def _empty_past(self) -> _Past:
        keys = self._window.keys
        exact = torch.float64 if keys.dtype == torch.float64 else torch.float32
        batch, kv_heads, _, head_dim = keys.shape
        sink = keys.new_zeros((batch, kv_heads, self._budget.sink, head_dim))
        mean = keys.new_zeros((batch, kv_heads, head_dim), dtype=exact)
        return _Past(sink, sink.clone(), mean, mean.clone())

    def _attend_from_one(self, queries: Tensor, starts: Tensor) -> Tensor:
        """Attention of the newest token, which is in the window, to all that is kept."""
        window, past = self._window, self._past
        if past is None:
            return attend_densely(
                queries,
                window.keys,
                window.values,
                scale=self.shape.scale,
                starts=(starts - window.first).clamp(min=0),
            )
        keys, values = window.with_behind(
            torch.cat((past.mean_keys[:, :, None].to(queries.dtype), past.sink_keys), dim=2),
            torch.cat((past.mean_values[:, :, None].to(queries.dtype), past.sink_values), dim=2),
        )
        batch, kv_heads, _, head_dim = keys.shape
        bias = self._bias(queries)
        output = functional.scaled_dot_product_attention(
            queries.reshape(batch, kv_heads, -1, head_dim),
            keys,
            values,
            attn_mask=bias,
            scale=self.shape.scale,
        ).reshape(queries.shape)
        is_padding = (starts >= self.tokens_seen)[:, None, None, None]
        return output.masked_fill(is_padding, 0.0)

    def _bias(self, queries: Tensor) -> Tensor:
        """What is added to the logits of window, mean and sink, `[batch, 1, 1, places]`."""
        # On a CPU torch takes a mask in float32 beside any dtype; log N_d is worth it.
        dtype = _exact(queries) if queries.device.type == "cpu" else queries.dtype
        window, sink = self._window, self._budget.sink
        held = window.end - window.first
        by_row: list[int] = self._known_starts().tolist()
        bias = torch.zeros((len(by_row), held + 1 + sink), dtype=dtype)
        for row, start in enumerate(by_row):
            left = self._budget.left(max(0, window.end - start))
            bias[row, : max(0, start + left - window.first)] = -math.inf
            bias[row, held] = math.log(left - sink) if left > sink else -math.inf
            bias[row, held + 1 + min(sink, left) :] = -math.inf
        return bias[:, None, None].to(queries.device)

    def _attend_past(self, queries: Tensor, slots: int) -> Iterator[Partial]:
        """Sink, compensation token and window as they stood after so many slots."""
        starts, window = self._known_starts(), self._window
        left = self._left(starts, slots)
        first_seen = starts + left
        held = torch.arange(window.first, slots, device=starts.device)
        bias = torch.zeros((), device=starts.device, dtype=_exact(queries))
        outside = (held < first_seen[:, None])[:, None]
        for begin in range(0, slots - window.first, PIECE_TOKENS):
            piece = slice(begin, min(begin + PIECE_TOKENS, slots - window.first))
            is_outside = outside[:, :, piece]
            yield _attend(
                queries,
                window.keys[:, :, piece],
                window.values[:, :, piece],
                bias.expand(is_outside.shape).masked_fill(is_outside, float("-inf")),
                self.shape.scale,
            )
        if self._past is not None:
            yield from self._attend_left(queries, self._past, left)

    def _attend_left(self, queries: Tensor, past: _Past, left: Tensor) -> Iterator[Partial]:
        dtype, scale = _exact(queries), self.shape.scale
        log_count = (left - self._budget.sink).clamp(min=0).to(dtype).log()[:, None, None]
        mean_keys, mean_values = past.mean_keys[:, :, None], past.mean_values[:, :, None]
        yield _attend(queries, mean_keys, mean_values, log_count, scale)
        if self._budget.sink:
            places = torch.arange(self._budget.sink, device=left.device)
            is_filled = (places < left[:, None]).to(dtype)[:, None]
            yield _attend(queries, past.sink_keys, past.sink_values, is_filled.log(), scale)


def _merged(parts: Iterable[Partial], dtype: torch.dtype) -> Tensor:
    """The output over all parts, of which no more than two are held at a time."""
    return reduce(lambda one, other: merge((one, other)), parts).output.to(dtype)


def _exact(tensor: Tensor) -> torch.dtype:
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def _attend(queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor, scale: float) -> Partial:
    """Attention of all queries over all keys, `bias` `[batch, 1, tokens]` added to the logits.

    The output is in float32 (float64 for float64).
    """
    dtype = _exact(queries)
    batch, heads, _, head_dim = queries.shape
    kv_heads = keys.shape[1]
    keys, values = keys.to(dtype).transpose(-1, -2), values.to(dtype)
    outputs, totals = [], []
    for piece in torch.split(queries, PIECE_QUERIES, dim=2):
        grouped = piece.to(dtype).reshape(batch, kv_heads, -1, head_dim) * scale
        scores = grouped @ keys + bias[:, :, None]
        total = torch.logsumexp(scores, dim=-1)
        # A query that sees nothing has total -inf, and -inf - -inf is not a number.
        weights = (scores - torch.where(total.isinf(), 0.0, total)[..., None]).exp_()
        outputs.append((weights @ values).view(batch, heads, -1, head_dim))
        totals.append(total.view(batch, heads, -1))
    return Partial(torch.cat(outputs, dim=2), torch.cat(totals, dim=2))

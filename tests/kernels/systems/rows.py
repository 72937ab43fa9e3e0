"""Left-padded batches for layers and functions that know one text, row by row."""

from collections.abc import Callable
from typing import Any

import torch
from tests.kernels import reference
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import Reading
from tapgraph.kernels.merge import Partial

__all__ = ["Rows", "by_row", "dense_attention"]


def by_row(
    function: Callable[[Tensor, Tensor, Tensor], Tensor],
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    starts: Tensor,
) -> Tensor:
    """What a function gives for each row without its padding; zeros for queries in the padding."""
    output = torch.zeros_like(queries)
    before = keys.shape[2] - queries.shape[2]
    for row, start in enumerate(starts.tolist()):
        padded = max(0, start - before)
        if padded < queries.shape[2]:
            one = slice(row, row + 1)
            output[one, :, padded:] = function(
                queries[one, :, padded:], keys[one, :, start:], values[one, :, start:]
            ).to(output.dtype)
    return output


def dense_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    scale: float,
    starts: Tensor | None = None,
    mask: Tensor | None = None,
) -> Partial:
    """The reference, also for rows that begin at `starts`; then its log-sum-exp is not told."""
    if starts is None:
        return reference.dense_attention(queries, keys, values, scale=scale, mask=mask)

    def dense(*row: Tensor) -> Tensor:
        return reference.dense_attention(*row, scale=scale).output

    exact = queries.double(), keys.double(), values.double()
    return Partial(by_row(dense, *exact, starts), queries.new_empty(0))


class Rows:
    """A layer for each row of a batch; the rows are those of the first call."""

    def __init__(self, open_layer: Callable[[], Any]) -> None:
        self._open = open_layer
        self.layers: list[Any] = []
        self._paddings: list[int] = []
        self.tokens_seen = 0

    def prefill(self, *queries_keys_values_starts: Tensor) -> Tensor:
        return self._call("prefill", *queries_keys_values_starts)

    def decode(self, *queries_keys_values_starts: Tensor) -> Tensor:
        return self._call("decode", *queries_keys_values_starts)

    def _call(
        self,
        name: str,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        starts: Tensor | None = None,
    ) -> Tensor:
        if not self.layers:
            self.layers = [self._open() for _ in queries]
            self._paddings = [0] * len(queries)
        given = [0] * len(queries) if starts is None else starts.tolist()
        outputs = []
        for row, (layer, start) in enumerate(zip(self.layers, given, strict=True)):
            one, padded = slice(row, row + 1), min(max(0, start - self.tokens_seen), keys.shape[2])
            self._paddings[row] += padded
            output = torch.zeros_like(queries[one])
            if padded < keys.shape[2]:
                new = (part[one, :, padded:] for part in (queries, keys, values))
                output[:, :, padded:] = getattr(layer, name)(*new)
            outputs.append(output)
        self.tokens_seen += keys.shape[2]
        return torch.cat(outputs)

    def kept_by_last_query(self) -> Tensor:
        """Bool `[batch, heads, slots]`."""
        kept = []
        for layer, padding in zip(self.layers, self._paddings, strict=True):
            own = (
                layer.kept_by_last_query()
                if layer.tokens_seen
                else torch.zeros((layer.shape.heads, 0), dtype=torch.bool)
            )
            kept.append(torch.nn.functional.pad(own, (padding, 0), value=False))
        return torch.stack(kept)

    @property
    def reading(self) -> Reading:
        readings = [layer.reading for layer in self.layers]
        return Reading(
            sum(reading.attended for reading in readings) / len(readings),
            sum(reading.scored for reading in readings) / len(readings),
        )

    def bytes_held(self) -> int:
        return sum(layer.bytes_held() for layer in self.layers)

    def snapshot(self) -> object:
        points = [layer.snapshot() for layer in self.layers]
        return self.tokens_seen, list(self._paddings), list(self.layers), points

    def restore(self, snapshot: object) -> None:
        if not isinstance(snapshot, tuple):
            raise UsageError(f"not a snapshot of this layer: {snapshot!r}")
        self.tokens_seen, self._paddings, self.layers = snapshot[0], [*snapshot[1]], [*snapshot[2]]
        for layer, point in zip(self.layers, snapshot[3], strict=True):
            layer.restore(point)

    def fork(self) -> "Rows":
        twin = Rows(self._open)
        twin.layers = [layer.fork() for layer in self.layers]
        twin._paddings, twin.tokens_seen = list(self._paddings), self.tokens_seen
        return twin

    def crop(self, tokens: int) -> None:
        for layer, padding in zip(self.layers, self._paddings, strict=True):
            layer.crop(max(0, tokens - padding))
        self._paddings = [min(padding, tokens) for padding in self._paddings]
        self.tokens_seen = tokens

    def select_rows(self, rows: Tensor) -> None:
        chosen = rows.tolist()
        self.layers = [self.layers[row].fork() for row in chosen]
        self._paddings = [self._paddings[row] for row in chosen]

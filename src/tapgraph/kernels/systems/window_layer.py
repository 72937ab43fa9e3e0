"""Dense attention over a model's own sliding window; what has left the window is let go."""

from copy import copy
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.inputs import check_call
from tapgraph.kernels.systems.dense import DenseLayer
from tapgraph.kernels.window_store import WindowSnapshot, WindowStore

__all__ = ["CROPPABLE", "WindowLayer"]

CROPPABLE = 32
"""So many of the last tokens can be forgotten again (proposed tokens that were wrong)."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    held: WindowSnapshot
    starts: Tensor | None


class WindowLayer(DenseLayer):
    """A `DenseLayer` whose memory ends to grow once the text is longer than the window.

    It holds the window, `CROPPABLE` tokens before it, and up to three pages of room; while a chunk
    is read, the chunk too.

    Args:
        shape: the layer.
        window: how many tokens a query sees, itself included.
    """

    def __init__(self, shape: LayerShape, window: int) -> None:
        super().__init__(shape, window)
        self._width = window
        self._held = WindowStore()

    @property
    def tokens_seen(self) -> int:
        """Slots given to it so far, kept or not."""
        return self._held.end

    @property
    def keys(self) -> Tensor:
        """The keys held, `[batch, kv_heads, tokens, head_dim]`; the last is the newest token's."""
        return self._held.keys

    @property
    def values(self) -> Tensor:
        """The values held, as `keys`."""
        return self._held.values

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> Tensor:
        """Attend from the chunk, then let go of what no later token sees."""
        output = super().prefill(queries, keys, values, starts)
        self._let_go()
        return output

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> Tensor:
        """Attend from the token, then let go of what no later token sees."""
        output = super().decode(queries, keys, values, starts)
        self._let_go()
        return output

    def bytes_held(self) -> int:
        """The `WindowStore`'s."""
        return self._held.bytes_held()

    def snapshot(self) -> object:
        """What is held now; nothing is copied."""
        return _Snapshot(self._held.snapshot(), self._starts)

    def restore(self, snapshot: object) -> None:
        """Go back to an earlier snapshot."""
        if not isinstance(snapshot, _Snapshot):
            raise UsageError(f"not a snapshot of this layer: {snapshot!r}")
        self._held.restore(snapshot.held)
        if snapshot.starts is not None:
            self._note_starts(snapshot.starts)

    def fork(self) -> Self:
        """A copy with memory of its own."""
        twin = copy(self)
        twin._held = self._held.fork()
        return twin

    def crop(self, tokens: int) -> None:
        """Forget everything after the first `tokens` slots.

        Raises:
            UsageError: the window before them has been let go.
        """
        if not 0 <= tokens <= self.tokens_seen:
            raise UsageError(f"can keep 0 to {self.tokens_seen} tokens, got {tokens}")
        if self._held.first > max(0, tokens - self._width + 1):
            raise UsageError(
                f"a window of {self._width} tokens forgets the last {CROPPABLE} at most, "
                f"got {self.tokens_seen - tokens}"
            )
        self._held.crop(tokens)

    def select_rows(self, rows: Tensor) -> None:
        """Make row r of the batch what row `rows[r]` was."""
        self._held.select_rows(rows)
        if self._starts is not None:
            self._note_starts(self._starts.index_select(0, rows))

    def _store_tokens(self, queries: Tensor, keys: Tensor, values: Tensor, starts: Tensor) -> None:
        check_call(self.shape, queries, keys, values, starts, self.tokens_seen)
        self._held.append(keys, values)
        self._note_starts(starts)

    def _reached(self, first: int, end: int) -> tuple[Tensor, Tensor]:
        places = slice(first - self._held.first, end - self._held.first)
        return self.keys[:, :, places], self.values[:, :, places]

    def _let_go(self) -> None:
        self._held.drop_before(max(0, self.tokens_seen - self._width + 1 - CROPPABLE))

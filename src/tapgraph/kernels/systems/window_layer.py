"""Dense attention over a model's own sliding window; what has left the window is let go."""

from copy import copy
from typing import Self

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape, Reading
from tapgraph.kernels.dense import attend_in_window
from tapgraph.kernels.inputs import check_call
from tapgraph.kernels.systems.part_layer import PartLayer
from tapgraph.kernels.window_store import WindowStore

__all__ = ["CROPPABLE", "WindowLayer"]

CROPPABLE = 32
"""So many of the last tokens can be forgotten again (proposed tokens that were wrong)."""


class WindowLayer(PartLayer):
    """A layer whose memory ends to grow once the text is longer than the window.

    It holds the window, `CROPPABLE` tokens before it, and up to three pages of room; while a chunk
    is read, the chunk too.

    Args:
        shape: the layer.
        window: how many tokens a query sees, itself included.
    """

    def __init__(self, shape: LayerShape, window: int) -> None:
        super().__init__(shape)
        if window < 1:
            raise UsageError(f"window must be at least 1, got {window!r}")
        self._window = window
        self._held = WindowStore()

    @property
    def tokens_seen(self) -> int:
        """Tokens given to it so far, kept or not."""
        return self._held.end

    @property
    def reading(self) -> Reading:
        """The window."""
        return Reading(attended=min(self.tokens_seen, self._window))

    def prefill(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend from the chunk, then let go of what no later token sees."""
        check_call(self.shape, queries, keys, values)
        self._held.append(keys, values)
        output = attend_in_window(
            queries,
            self._held.keys,
            self._held.values,
            window=self._window,
            scale=self.shape.scale,
        )
        self._let_go()
        return output

    def decode(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """As `prefill`."""
        return self.prefill(queries, keys, values)

    def adopt(self, keys: Tensor, values: Tensor) -> None:
        """Keep the window of tokens that were read already."""
        self._held.append(keys, values)
        self._let_go()

    def kept_by_last_query(self) -> Tensor:
        """The window."""
        tokens = torch.arange(self.tokens_seen, device=self._held.keys.device)
        return (tokens >= self.tokens_seen - self._window).expand(self.shape.heads, -1)

    def bytes_held(self) -> int:
        """The `WindowStore`'s."""
        return self._held.bytes_held()

    def snapshot(self) -> object:
        """What is held now; nothing is copied."""
        return self._held.snapshot()

    def restore(self, snapshot: object) -> None:
        """Go back to an earlier snapshot."""
        if not isinstance(snapshot, WindowStore):
            raise UsageError(f"not a snapshot of this layer: {snapshot!r}")
        self._held = snapshot.snapshot()

    def fork(self) -> Self:
        """A copy with memory of its own."""
        twin = copy(self)
        twin._held = self._held.fork()
        return twin

    def crop(self, tokens: int) -> None:
        """Forget everything after the first `tokens` tokens.

        Raises:
            UsageError: the window before them has been let go.
        """
        if not 0 <= tokens <= self.tokens_seen:
            raise UsageError(f"can keep 0 to {self.tokens_seen} tokens, got {tokens}")
        if self._held.first > max(0, tokens - self._window + 1):
            raise UsageError(
                f"a window of {self._window} tokens forgets the last {CROPPABLE} at most, "
                f"got {self.tokens_seen - tokens}"
            )
        self._held.crop(tokens)

    def _let_go(self) -> None:
        self._held.drop_before(max(0, self.tokens_seen - self._window + 1 - CROPPABLE))

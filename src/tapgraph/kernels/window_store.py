"""Keys and values of the newest tokens, in memory that lets go of old ones by pages."""

from copy import copy

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.token_store import PAGE_TOKENS

__all__ = ["WindowStore"]


class WindowStore:
    """Keys and values `[1, kv_heads, tokens, head_dim]` of the tokens from `first` to `end`.

    Slots are appended at the end and dropped at the front. Memory is `2 * kv_heads *
    capacity * head_dim` elements. New memory is taken when a token does not fit, or when more
    than a page at the front is free; its capacity is then the smallest multiple of `PAGE_TOKENS`
    that holds all tokens, and one page more. So `capacity` is always less than the tokens held
    plus three pages, and a token is copied once in a page's length of steps.
    """

    def __init__(self) -> None:
        self._keys: Tensor | None = None
        self._values: Tensor | None = None
        self._base = 0
        """The slot in the memory's first place."""
        self.first = 0
        self.end = 0

    @property
    def keys(self) -> Tensor:
        """A view `[1, kv_heads, end - first, head_dim]`."""
        if self._keys is None:
            raise UsageError("nothing was stored yet")
        return self._keys[:, :, self.first - self._base : self.end - self._base]

    @property
    def values(self) -> Tensor:
        """A view `[1, kv_heads, end - first, head_dim]`."""
        if self._values is None:
            raise UsageError("nothing was stored yet")
        return self._values[:, :, self.first - self._base : self.end - self._base]

    def append(self, keys: Tensor, values: Tensor) -> None:
        """Store new tokens `[1, kv_heads, new tokens, head_dim]` in the slots from `end` on."""
        if self._keys is None or self._values is None:
            batch, kv_heads, _, head_dim = keys.shape
            self._keys = keys.new_empty((batch, kv_heads, 0, head_dim))
            self._values = self._keys
        new = keys.shape[2]
        if self.end - self._base + new > self._room():
            self._move(new)
        places = slice(self.end - self._base, self.end - self._base + new)
        self._keys[:, :, places] = keys
        self._values[:, :, places] = values
        self.end += new

    def with_behind(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """What is held, with vectors that belong to no slot behind it; nothing held is copied.

        Args:
            keys: `[1, kv_heads, few, head_dim]`.
            values: as `keys`.

        Returns:
            Views of keys and values `[1, kv_heads, end - first + few, head_dim]`, valid until
            the next call of any method.
        """
        held, few = self.end - self.first, keys.shape[2]
        if self.end - self._base + few > self._room():
            self._move(few)
        end = self.end - self._base + few
        both = []
        for memory, vectors in ((self._keys, keys), (self._values, values)):
            if memory is None:
                raise UsageError("nothing was stored yet")
            memory[:, :, end - few : end] = vectors
            both.append(memory[:, :, end - few - held : end])
        return both[0], both[1]

    def drop_before(self, slot: int) -> None:
        """Let go of all slots before `slot`, which is at most `end`."""
        self.first = max(self.first, slot)
        if self.first - self._base > PAGE_TOKENS:
            self._move(0)

    def crop(self, end: int) -> None:
        """Let go of all slots from `end` on, which is at least `first`."""
        self.end = end

    def snapshot(self) -> "WindowStore":
        """What it holds now, in the same memory: nothing held is ever changed."""
        return copy(self)

    def fork(self) -> "WindowStore":
        """A copy with memory of its own."""
        twin = copy(self)
        if twin._keys is not None:
            twin._move(0)
        return twin

    def bytes_held(self) -> int:
        """Bytes of the memory, filled or not."""
        return sum(
            part.element_size() * part.numel()
            for part in (self._keys, self._values)
            if part is not None
        )

    def _room(self) -> int:
        return 0 if self._keys is None else self._keys.shape[2]

    def _move(self, new: int) -> None:
        """Take new memory for the tokens held and `new` more."""
        held = self.end - self.first
        capacity = (-(-(held + new) // PAGE_TOKENS) + 1) * PAGE_TOKENS
        moved = []
        for part in (self.keys, self.values):
            batch, kv_heads, _, head_dim = part.shape
            memory = torch.empty(
                (batch, kv_heads, capacity, head_dim), dtype=part.dtype, device=part.device
            )
            memory[:, :, :held] = part
            moved.append(memory)
        self._keys, self._values = moved
        self._base = self.first

"""Keys and values of all tokens, in memory that grows by pages."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tapgraph.errors import UsageError

__all__ = ["PAGE_TOKENS", "TokenMemory", "TokenStore", "VectorStore", "runs_of"]

PAGE_TOKENS = 256


@dataclass(frozen=True, slots=True)
class TokenMemory:
    """Where keys and values are.

    Attributes:
        keys: `[1, kv_heads, capacity, head_dim]`, contiguous.
        values: as `keys`.
        tokens: how many of the `capacity` are in use.
    """

    keys: Tensor
    values: Tensor
    tokens: int


class TokenStore:
    """Keys and values `[1, kv_heads, tokens, head_dim]` that are only ever appended to.

    The memory held is `2 * kv_heads * capacity * head_dim` elements, where `capacity` is
    the smallest multiple of `PAGE_TOKENS` that has held all tokens. A snapshot of it is its length.
    """

    def __init__(self) -> None:
        self._keys: Tensor | None = None
        self._values: Tensor | None = None
        self._tokens = 0

    @property
    def tokens(self) -> int:
        """How many tokens it holds."""
        return self._tokens

    @property
    def keys(self) -> Tensor:
        """A view `[1, kv_heads, tokens, head_dim]`."""
        if self._keys is None:
            raise UsageError("nothing was stored yet")
        return self._keys[:, :, : self._tokens]

    @property
    def values(self) -> Tensor:
        """A view `[1, kv_heads, tokens, head_dim]`."""
        if self._values is None:
            raise UsageError("nothing was stored yet")
        return self._values[:, :, : self._tokens]

    def append(self, keys: Tensor, values: Tensor) -> None:
        """Store the keys and values `[1, kv_heads, new tokens, head_dim]` of new tokens."""
        total = self._tokens + keys.shape[2]
        self._keys = _grown(self._keys, keys, self._tokens, total)
        self._values = _grown(self._values, values, self._tokens, total)
        self._keys[:, :, self._tokens : total] = keys
        self._values[:, :, self._tokens : total] = values
        self._tokens = total

    def count_one(self, like: Tensor) -> TokenMemory:
        """Make room for one more token and count it; the caller writes its key and value.

        Args:
            like: keys `[1, kv_heads, any, head_dim]` of the dtype and device to be stored.
        """
        total = self._tokens + 1
        self._keys = _grown(self._keys, like, self._tokens, total)
        self._values = _grown(self._values, like, self._tokens, total)
        self._tokens = total
        return TokenMemory(self._keys, self._values, total)

    def runs(self, kv_heads: Tensor, firsts: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Keys and values `[runs, length, head_dim]` of neighbouring tokens here and there.

        Args:
            kv_heads: int64 `[runs]`, whose keys and values.
            firsts: int64 `[runs]`, the first token of each; the whole run is in memory.
            length: tokens in each run.
        """
        if self._keys is None or self._values is None:
            raise UsageError("nothing was stored yet")
        places = kv_heads * self._keys.shape[2] + firsts
        return runs_of(self._keys, places, length), runs_of(self._values, places, length)

    def crop(self, tokens: int) -> None:
        """Forget all but the first `tokens` tokens; memory is kept for the next ones."""
        if not 0 <= tokens <= self._tokens:
            raise UsageError(f"can keep 0 to {self._tokens} tokens, got {tokens}")
        self._tokens = tokens

    def fork(self) -> "TokenStore":
        """A copy with memory of its own."""
        twin = TokenStore()
        if self._tokens:
            twin.append(self.keys, self.values)
        return twin

    def bytes_held(self) -> int:
        """Bytes of the memory, filled or not."""
        return sum(
            part.element_size() * part.numel()
            for part in (self._keys, self._values)
            if part is not None
        )


class VectorStore:
    """Vectors `[1, kv_heads, tokens, head_dim]` that are only ever appended to.

    Half of a `TokenStore`: the memory held is `kv_heads * capacity * head_dim` elements.
    """

    def __init__(self) -> None:
        self._vectors: Tensor | None = None
        self.tokens = 0
        """How many tokens it holds."""

    @property
    def vectors(self) -> Tensor:
        """A view `[1, kv_heads, tokens, head_dim]`."""
        if self._vectors is None:
            raise UsageError("nothing was stored yet")
        return self._vectors[:, :, : self.tokens]

    def append(self, vectors: Tensor) -> None:
        """Store the vectors `[1, kv_heads, new tokens, head_dim]` of new tokens."""
        total = self.tokens + vectors.shape[2]
        self._vectors = _grown(self._vectors, vectors, self.tokens, total)
        self._vectors[:, :, self.tokens : total] = vectors
        self.tokens = total

    def crop(self, tokens: int) -> None:
        """Forget all but the first `tokens` tokens, if there are more."""
        self.tokens = min(self.tokens, tokens)

    def fork(self) -> "VectorStore":
        """A copy with memory of its own."""
        twin = VectorStore()
        if self.tokens:
            twin.append(self.vectors)
        return twin

    def bytes_held(self) -> int:
        """Bytes of the memory, filled or not."""
        return 0 if self._vectors is None else self._vectors.nbytes


def _grown(memory: Tensor | None, like: Tensor, filled: int, tokens: int) -> Tensor:
    if memory is not None and memory.shape[2] >= tokens:
        return memory
    capacity = -(-tokens // PAGE_TOKENS) * PAGE_TOKENS
    batch, kv_heads, _, head_dim = like.shape
    grown = torch.empty((batch, kv_heads, capacity, head_dim), dtype=like.dtype, device=like.device)
    if memory is not None:
        grown[:, :, :filled] = memory[:, :, :filled]
    return grown


def runs_of(memory: Tensor, places: Tensor, length: int) -> Tensor:
    """Neighbouring tokens here and there, `[runs, length, head_dim]`.

    Args:
        memory: `[1, kv_heads, capacity, head_dim]`, contiguous.
        places: int64 `[runs]`, where each begins: its KV head times `capacity`, and its token.
        length: tokens in each run.
    """
    # From a view whose rows overlap: each begins one token later than the one before.
    head_dim = memory.shape[3]
    at_each_token = (memory.numel() // head_dim - length + 1, length * head_dim)
    view = memory.as_strided(at_each_token, (head_dim, 1))
    return view.index_select(0, places).view(-1, length, head_dim)

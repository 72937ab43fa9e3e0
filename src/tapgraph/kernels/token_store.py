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


class VectorStore:
    """Vectors `[1, kv_heads, tokens, head_dim]` that are only ever appended to.

    The memory held is `kv_heads * capacity * head_dim` elements, where `capacity` is the smallest
    multiple of `PAGE_TOKENS` that has held all tokens.
    """

    def __init__(self) -> None:
        self._memory: Tensor | None = None
        self.tokens = 0
        """How many tokens it holds."""

    @property
    def memory(self) -> Tensor:
        """All of it, filled or not, `[1, kv_heads, capacity, head_dim]`."""
        if self._memory is None:
            raise UsageError("nothing was stored yet")
        return self._memory

    @property
    def vectors(self) -> Tensor:
        """A view `[1, kv_heads, tokens, head_dim]`."""
        return self.memory[:, :, : self.tokens]

    def append(self, vectors: Tensor) -> None:
        """Store the vectors `[1, kv_heads, new tokens, head_dim]` of new tokens."""
        first = self.tokens
        self.count(vectors, vectors.shape[2])[:, :, first : self.tokens] = vectors

    def count(self, like: Tensor, new: int) -> Tensor:
        """Make room for new tokens and count them; the caller writes into the memory it gets.

        Args:
            like: vectors `[1, kv_heads, any, head_dim]` of the dtype and device to be stored.
            new: how many.
        """
        total = self.tokens + new
        self._memory = _grown(self._memory, like, self.tokens, total)
        self.tokens = total
        return self._memory

    def crop(self, tokens: int) -> None:
        """Forget all but the first `tokens` tokens, if there are more; memory is kept."""
        self.tokens = min(self.tokens, tokens)

    def fork(self) -> "VectorStore":
        """A copy with memory of its own."""
        twin = VectorStore()
        if self.tokens:
            twin.append(self.vectors)
        return twin

    def bytes_held(self) -> int:
        """Bytes of the memory, filled or not."""
        return 0 if self._memory is None else self._memory.nbytes


class TokenStore:
    """Keys and values `[1, kv_heads, tokens, head_dim]` that are only ever appended to.

    The memory is that of two `VectorStore`s. A snapshot of it is its length.
    """

    def __init__(self) -> None:
        self._keys, self._values = VectorStore(), VectorStore()

    @property
    def tokens(self) -> int:
        """How many tokens it holds."""
        return self._keys.tokens

    @property
    def keys(self) -> Tensor:
        """A view `[1, kv_heads, tokens, head_dim]`."""
        return self._keys.vectors

    @property
    def values(self) -> Tensor:
        """A view `[1, kv_heads, tokens, head_dim]`."""
        return self._values.vectors

    def append(self, keys: Tensor, values: Tensor) -> None:
        """Store the keys and values `[1, kv_heads, new tokens, head_dim]` of new tokens."""
        self._keys.append(keys)
        self._values.append(values)

    def count_one(self, like: Tensor) -> TokenMemory:
        """As `VectorStore.count` for one token, of whose key and value `like` has the shape."""
        return TokenMemory(self._keys.count(like, 1), self._values.count(like, 1), self.tokens)

    def runs(self, kv_heads: Tensor, firsts: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Keys and values `[runs, length, head_dim]` of neighbouring tokens here and there.

        Args:
            kv_heads: int64 `[runs]`, whose keys and values.
            firsts: int64 `[runs]`, the first token of each; the whole run is in memory.
            length: tokens in each run.
        """
        keys, values = self._keys.memory, self._values.memory
        places = kv_heads * keys.shape[2] + firsts
        return runs_of(keys, places, length), runs_of(values, places, length)

    def crop(self, tokens: int) -> None:
        """Forget all but the first `tokens` tokens; memory is kept for the next ones."""
        if not 0 <= tokens <= self.tokens:
            raise UsageError(f"can keep 0 to {self.tokens} tokens, got {tokens}")
        self._keys.crop(tokens)
        self._values.crop(tokens)

    def fork(self) -> "TokenStore":
        """A copy with memory of its own."""
        twin = TokenStore()
        twin._keys, twin._values = self._keys.fork(), self._values.fork()
        return twin

    def bytes_held(self) -> int:
        """Bytes of the memory, filled or not."""
        return self._keys.bytes_held() + self._values.bytes_held()


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

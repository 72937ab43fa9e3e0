"""Keys and values of all tokens in 8 or 4 bits."""

from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.token_store import PAGE_TOKENS, TokenStore, runs_of

__all__ = ["VALUE_GROUP", "QuantizedStore", "open_store"]

KEY_GROUP = 64
"""So many neighbouring tokens of a key's channel share a range."""
VALUE_GROUP = 32
"""So many neighbouring channels of a token's value share a range, where it has a multiple."""
_LARGEST = 65_000.0
"""What a range in float16 reaches."""


def open_store(kept_bits: int | None) -> TokenStore:
    """Memory for keys and values in so many bits; None for as they are."""
    return TokenStore() if kept_bits is None else QuantizedStore(kept_bits)


@dataclass(frozen=True, slots=True)
class _Codes:
    """Vectors whose elements are whole steps above the bottom of their group's range.

    Attributes:
        packed: uint8 `[..., groups, members * bits / 8]`; with 4 bits two codes in each.
        low: float16 `[..., groups, 1]`.
        step: float16 `[..., groups, 1]`.
    """

    packed: Tensor
    low: Tensor
    step: Tensor

    @classmethod
    def of(cls, groups: Tensor, bits: int) -> "_Codes":
        """The nearest codes of `[..., groups, members]`."""
        levels = 2**bits - 1
        exact = groups.float().clamp(-_LARGEST, _LARGEST)
        least, largest = exact.amin(dim=-1, keepdim=True), exact.amax(dim=-1, keepdim=True)
        # Float16 may round a bottom up: a little lower, nothing lies below it.
        low = (least - least.abs() * 2**-11).half()
        step = ((largest - low.float()) / levels * (1 + 2**-10)).clamp(min=2**-24).half()
        codes = ((exact - low.float()) / step.float()).round_().clamp_(0, levels).to(torch.uint8)
        if bits == 4:
            codes = codes[..., 0::2] | codes[..., 1::2] << 4
        return cls(codes, low, step)

    def vectors(self, bits: int, dtype: torch.dtype) -> Tensor:
        """About what they were, `[..., groups, members]`."""
        codes = self.packed
        if bits == 4:
            codes = torch.stack((codes & 15, codes >> 4), dim=-1).flatten(-2)
        return (codes * self.step.float() + self.low.float()).to(dtype)

    def bytes_held(self) -> int:
        return self.packed.nbytes + self.low.nbytes + self.step.nbytes


@dataclass(frozen=True, slots=True)
class _Page:
    """Keys and values of `PAGE_TOKENS` tokens; never changed, so forks share it.

    Attributes:
        keys: groups of `KEY_GROUP` tokens of a channel, `[1, kv_heads, groups, head_dim]` of them.
        values: groups of channels of a token, `[1, kv_heads, tokens, groups]` of them.
    """

    keys: _Codes
    values: _Codes

    @classmethod
    def of(cls, keys: Tensor, values: Tensor, bits: int) -> "_Page":
        _, kv_heads, tokens, head_dim = keys.shape
        members = VALUE_GROUP if head_dim % VALUE_GROUP == 0 else head_dim
        by_channel = keys.reshape(1, kv_heads, -1, KEY_GROUP, head_dim).mT
        by_token = values.reshape(1, kv_heads, tokens, -1, members)
        return cls(_Codes.of(by_channel, bits), _Codes.of(by_token, bits))


class QuantizedStore(TokenStore):
    """A `TokenStore` that keeps all but the newest tokens in few bits.

    After Liu et al., "KIVI", 2402.02750, section 3.2: keys are quantised by channel, because some
    channels are far larger than others in all tokens, values by token; each group has a range of
    its own; the newest tokens stay as they are. Deviations: groups of keys have 64 tokens; a token
    is quantised when its page is full and one page or more comes after it, and not before the next
    call, so that a prompt that is read in one call reads itself exactly.

    What is read is unpacked for the time of the call: memory is saved between calls, and time is
    lost. A page of `PAGE_TOKENS` tokens takes about 1.1 (8 bits) or 0.6 bytes (4 bits) an element.
    Cutting a text short inside a page brings back what it was, up to the rounding.

    Args:
        bits: 8 or 4.
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        self._bits = bits
        self._pages: list[_Page] = []
        self._newest = TokenStore()

    @property
    def tokens(self) -> int:
        """How many tokens it holds."""
        return len(self._pages) * PAGE_TOKENS + self._newest.tokens

    @property
    def keys(self) -> Tensor:
        """About the keys `[1, kv_heads, tokens, head_dim]`, unpacked."""
        newest = self._newest.keys
        pages = [self._keys_of(page, newest.dtype) for page in self._pages]
        return torch.cat((*pages, newest), dim=2) if pages else newest

    @property
    def values(self) -> Tensor:
        """About the values `[1, kv_heads, tokens, head_dim]`, unpacked."""
        newest = self._newest.values
        pages = [self._values_of(page, newest.dtype) for page in self._pages]
        return torch.cat((*pages, newest), dim=2) if pages else newest

    def append(self, keys: Tensor, values: Tensor) -> None:
        """Store new tokens exactly, and quantise old ones."""
        self._quantize_old()
        self._newest.append(keys, values)

    def runs(self, kv_heads: Tensor, firsts: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """As `TokenStore.runs`; everything is unpacked for it."""
        places = kv_heads * self.tokens + firsts
        return (
            runs_of(self.keys.contiguous(), places, length),
            runs_of(self.values.contiguous(), places, length),
        )

    def crop(self, tokens: int) -> None:
        """Forget all but the first `tokens` tokens."""
        if not 0 <= tokens <= self.tokens:
            raise UsageError(f"can keep 0 to {self.tokens} tokens, got {tokens}")
        whole, rest = divmod(tokens, PAGE_TOKENS)
        if whole >= len(self._pages):
            self._newest.crop(tokens - len(self._pages) * PAGE_TOKENS)
            return
        dtype, page = self._newest.keys.dtype, self._pages[whole]
        self._pages = self._pages[:whole]
        self._newest = TokenStore()
        self._newest.append(self._keys_of(page, dtype), self._values_of(page, dtype))
        self._newest.crop(rest)

    def fork(self) -> "QuantizedStore":
        """A copy; what is quantised is shared, for it never changes."""
        twin = copy(self)
        twin._pages, twin._newest = list(self._pages), self._newest.fork()
        return twin

    def bytes_held(self) -> int:
        """Bytes of the memory, filled or not."""
        packed = sum(page.keys.bytes_held() + page.values.bytes_held() for page in self._pages)
        return packed + self._newest.bytes_held()

    def _quantize_old(self) -> None:
        pages = self._newest.tokens // PAGE_TOKENS - 1
        if pages < 1:
            return
        keys, values = self._newest.keys, self._newest.values
        for first in range(0, pages * PAGE_TOKENS, PAGE_TOKENS):
            page = slice(first, first + PAGE_TOKENS)
            self._pages.append(_Page.of(keys[:, :, page], values[:, :, page], self._bits))
        self._newest = TokenStore()
        rest = slice(pages * PAGE_TOKENS, None)
        self._newest.append(keys[:, :, rest], values[:, :, rest])

    def _keys_of(self, page: _Page, dtype: torch.dtype) -> Tensor:
        return page.keys.vectors(self._bits, dtype).mT.flatten(2, 3)

    def _values_of(self, page: _Page, dtype: torch.dtype) -> Tensor:
        return page.values.vectors(self._bits, dtype).flatten(3, 4)

"""Keys and values of all tokens in blocks that end with a landmark, on the device or offloaded."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tapgraph.kernels.token_store import TokenStore

__all__ = ["KeysAndValues", "LandmarkStore", "OffloadedStore", "of_rows"]


@dataclass(frozen=True, slots=True)
class KeysAndValues:
    """Keys and values of the same tokens, in the same shape."""

    keys: Tensor
    values: Tensor


class LandmarkStore(TokenStore):
    """A `TokenStore` that finds landmarks and blocks.

    The keys are rotated as if each block began at position 0.

    A row that begins at slot `start` has its landmarks in the slots `start + block`,
    `start + 2 * block + 1` and so on; a block is `block` tokens and their landmark.

    Args:
        block: ordinary tokens before a landmark.
    """

    def __init__(self, block: int) -> None:
        super().__init__()
        self._block = block

    def landmark_keys(self, rows: Tensor, start: int, first: int, last: int) -> Tensor:
        """The keys `[rows, kv_heads, last - first, head_dim]` of some finished blocks' landmarks.

        Args:
            rows: int64, rows that begin at slot `start`.
            start: of all of them.
            first: block, counted from the rows' first.
            last: the block after the last of them.
        """
        stride = self._block + 1
        slots = slice(start + first * stride + self._block, start + last * stride, stride)
        return of_rows(self.keys[:, :, slots], rows)

    def blocks(self, owners: Tensor, start: int, numbers: Tensor) -> KeysAndValues:
        """Whole blocks `[blocks, block + 1, head_dim]`, the landmark last.

        Args:
            owners: int64 `[blocks]`, row * kv_heads + KV head; the rows begin at slot `start`.
            start: of all of them.
            numbers: int64 `[blocks]`, counted from the rows' first.
        """
        stride = self._block + 1
        return KeysAndValues(*self.runs(owners, start + numbers * stride, stride))

    def recent(self, rows: Tensor, first: int, last: int) -> KeysAndValues:
        """The slots `first` to `last` of the tokens appended last and the `block` ones before."""
        return KeysAndValues(
            of_rows(self.keys[:, :, first:last], rows),
            of_rows(self.values[:, :, first:last], rows),
        )

    def settle(self) -> None:
        """Of what was appended last, only what `recent` needs for later tokens is still wanted."""

    def fork(self) -> "LandmarkStore":
        """A copy with memory of its own."""
        twin = LandmarkStore(self._block)
        if self.tokens:
            twin.append(self.keys, self.values)
        return twin


class OffloadedStore(LandmarkStore):
    """A `LandmarkStore` in the CPU's memory, with the newest tokens on the device.

    Beside the memory of `TokenStore` on the CPU it holds on the device
    `2 * batch * kv_heads * head_dim` elements for each of the newest `block` tokens. Landmarks and
    blocks are copied to the device when they are asked for, block for block.

    Args:
        block: ordinary tokens before a landmark.
    """

    def __init__(self, block: int) -> None:
        super().__init__(block)
        self._recent: KeysAndValues | None = None

    def append(self, keys: Tensor, values: Tensor) -> None:
        """As in `TokenStore`; the device is that of `keys`."""
        super().append(keys.to("cpu"), values.to("cpu"))
        if self._recent is not None:
            keys = torch.cat((self._recent.keys, keys), dim=2)
            values = torch.cat((self._recent.values, values), dim=2)
        self._recent = KeysAndValues(keys, values)

    def landmark_keys(self, rows: Tensor, start: int, first: int, last: int) -> Tensor:
        """As in `LandmarkStore`, copied to the device of `rows`."""
        return super().landmark_keys(rows.to("cpu"), start, first, last).to(rows.device)

    def blocks(self, owners: Tensor, start: int, numbers: Tensor) -> KeysAndValues:
        """As in `LandmarkStore`, copied to the device of `numbers`."""
        found = super().blocks(owners.to("cpu"), start, numbers.to("cpu"))
        return KeysAndValues(found.keys.to(numbers.device), found.values.to(numbers.device))

    def recent(self, rows: Tensor, first: int, last: int) -> KeysAndValues:
        """As in `LandmarkStore`; nothing is copied between devices."""
        held = self._newest()
        offset = self.tokens - held.keys.shape[2]
        return KeysAndValues(
            of_rows(held.keys[:, :, first - offset : last - offset], rows),
            of_rows(held.values[:, :, first - offset : last - offset], rows),
        )

    def settle(self) -> None:
        """Let go of all but the newest `block` tokens on the device."""
        held = self._newest()
        self._recent = KeysAndValues(
            held.keys[:, :, -self._block :].clone(), held.values[:, :, -self._block :].clone()
        )

    def crop(self, tokens: int) -> None:
        """Forget all but the first `tokens` tokens; the newest that are left are copied back."""
        is_shorter = tokens < self.tokens
        super().crop(tokens)
        if is_shorter and self._recent is not None:
            device = self._recent.keys.device
            newest = slice(max(0, tokens - self._block), tokens)
            self._recent = KeysAndValues(
                self.keys[:, :, newest].clone().to(device),
                self.values[:, :, newest].clone().to(device),
            )

    def select_rows(self, rows: Tensor) -> None:
        """Make row r what row `rows[r]` was."""
        super().select_rows(rows.to("cpu"))
        if self._recent is not None:
            self._recent = KeysAndValues(
                self._recent.keys.index_select(0, rows), self._recent.values.index_select(0, rows)
            )

    def fork(self) -> "OffloadedStore":
        """A copy with memory of its own; the newest tokens, which never change, are shared."""
        twin = OffloadedStore(self._block)
        if self.tokens:
            twin.append(self.keys, self.values)
            twin._recent = self._recent
        return twin

    def bytes_held(self) -> int:
        """Bytes on the CPU and on the device."""
        return super().bytes_held() + self.bytes_on_device()

    def bytes_on_device(self) -> int:
        """Bytes of the newest tokens."""
        return 0 if self._recent is None else self._recent.keys.nbytes + self._recent.values.nbytes

    def _newest(self) -> KeysAndValues:
        assert self._recent is not None  # noqa: S101 — `append` comes first
        return self._recent


def of_rows(tensor: Tensor, rows: Tensor) -> Tensor:
    """Those rows; a view where they are all, in order."""
    return tensor if len(rows) == tensor.shape[0] else tensor.index_select(0, rows)

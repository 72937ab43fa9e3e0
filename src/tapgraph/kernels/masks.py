"""Who may see whom: left padding and causality.

Queries are always the last tokens: query i of `q_len` stands in slot `kv_len - q_len + i`
("bottom-right" causality).
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from tapgraph.errors import UsageError

__all__ = ["padding_starts", "positions_of", "rows_by_start", "visible"]


def padding_starts(mask: Tensor | None, batch: int, device: torch.device) -> Tensor:
    """The slot of each row's first real token, int64 `[batch]`.

    Args:
        mask: `[batch, tokens]`, nonzero where the token is real; None means no padding. A row
            without any real token starts after its last slot.
        batch: rows.
        device: where the result is wanted.

    Raises:
        UsageError: the mask is not `[batch, tokens]`, or has padding after a real token.

    >>> padding_starts(torch.tensor([[1, 1, 1], [0, 0, 1]]), 2, torch.device("cpu")).tolist()
    [0, 2]
    """
    if mask is None:
        return torch.zeros(batch, dtype=torch.int64, device=device)
    if mask.dim() != 2 or mask.shape[0] != batch:
        raise UsageError(f"a padding mask must be [{batch}, tokens], got {list(mask.shape)}")
    real = mask.to(device=device) != 0
    falls = real[:, :-1] & ~real[:, 1:]
    if bool(falls.any()):
        row = int(falls.any(dim=1).nonzero()[0])
        raise UsageError(f"padding must be on the left, row {row} has some after a real token")
    return (~real).sum(dim=1)


def rows_by_start(starts: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Each start, ascending, with the rows that have it; the rows of one start are alike in length.

    >>> [(start, rows.tolist()) for start, rows in rows_by_start(torch.tensor([4, 0, 4]))]
    [(0, [1]), (4, [0, 2])]
    """
    for start in sorted(set(starts.tolist())):
        yield start, (starts == start).nonzero()[:, 0]


def visible(q_len: int, kv_len: int, starts: Tensor) -> Tensor:
    """Which keys each query may see: bool `[batch, 1, q_len, kv_len]`.

    A key is visible when it does not come after the query and is not padding; a query that is
    padding itself sees nothing.

    Args:
        q_len: queries, the last of the tokens.
        kv_len: tokens.
        starts: int64 `[batch]`, the slot of each row's first real token.

    Raises:
        UsageError: there are more queries than tokens.
    """
    if q_len > kv_len:
        raise UsageError(
            f"there must be at least as many keys as queries, got {kv_len} and {q_len}"
        )
    slots = torch.arange(kv_len, device=starts.device)
    causal = slots[None, :] <= slots[kv_len - q_len :, None]
    return (causal & (slots >= starts[:, None])[:, None, :])[:, None]


def positions_of(slots: slice, starts: Tensor) -> Tensor:
    """The positions of the tokens in some slots, int64 `[batch, tokens]`; 0 for padding.

    >>> positions_of(slice(1, 4), torch.tensor([0, 2])).tolist()
    [[1, 2, 3], [0, 0, 1]]
    """
    positions = torch.arange(slots.start, slots.stop, device=starts.device) - starts[:, None]
    return positions.clamp(min=0)

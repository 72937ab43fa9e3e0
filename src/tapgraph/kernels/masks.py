"""Who may see whom: causality, and where the padding of a batch ends."""

import torch
from torch import Tensor

from tapgraph.errors import UsageError

__all__ = ["causal_mask", "padding_starts"]


def causal_mask(q_len: int, kv_len: int, device: torch.device | None = None) -> Tensor:
    """Which keys each query may see: bool `[q_len, kv_len]`.

    Queries are the last of the tokens: query i of `q_len` is token `kv_len - q_len + i`.

    >>> causal_mask(2, 3).tolist()
    [[True, True, False], [True, True, True]]
    """
    return torch.ones((q_len, kv_len), dtype=torch.bool, device=device).tril(kv_len - q_len)


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

"""Attention over index lists: the one gather under every system that chooses what is read."""

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.compiled import attend_compiled, can_compute, score_compiled
from tapgraph.kernels.inputs import check_inputs
from tapgraph.kernels.merge import Partial

__all__ = ["indexed_attention", "indexed_scores", "lists_of"]


def indexed_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    indices: Tensor,
    counts: Tensor,
    *,
    scale: float,
) -> Partial:
    """Attention of neighbouring query heads over the tokens of their list.

    Only listed tokens are read, each once and where it lies. Nothing else is masked: the lists must
    hold no padding and nothing that comes after a query, and no token twice.

    Args:
        queries: `[batch, heads, q_len, head_dim]`.
        keys: `[batch, kv_heads, kv_len, head_dim]`; query head h reads KV head h // group.
        values: `[batch, kv_heads, kv_len, head_dim]`.
        indices: int64 `[batch, lists, most]`, slots among the `kv_len`; `lists` is a multiple of
            `kv_heads`, and heads are a multiple of it: query head h reads list
            h // (heads / lists).
        counts: int64 `[batch, lists]`: so many from the front of each list are valid; the rest
            is never looked at.
        scale: what the dot products are multiplied with.

    Returns:
        The output in the dtype of `queries`, zeros (with a log-sum-exp of -inf) for an empty list.
        The log-sum-exp is float32, or float64 for float64 queries.

    Raises:
        UsageError: a shape or dtype does not fit, a count or a valid index is out of range.
    """
    check_inputs(queries, keys, values)
    _check_lists(indices, counts, queries, keys)
    attend = attend_compiled if can_compute(queries, keys, values, counts.shape[1]) else _attend
    parts = [
        attend(
            queries[row : row + 1],
            keys[row : row + 1],
            values[row : row + 1],
            indices[row],
            counts[row].contiguous(),
            scale=scale,
        )
        for row in range(queries.shape[0])
    ]
    if len(parts) == 1:
        return parts[0]
    return Partial(
        torch.cat([part.output for part in parts]), torch.cat([part.log_sum_exp for part in parts])
    )


def indexed_scores(
    queries: Tensor, keys: Tensor, indices: Tensor | None = None, *, scale: float = 1.0
) -> Tensor:
    """Products of one query a head with the keys that its list names.

    Args:
        queries: `[heads, head_dim]`.
        keys: `[kv_heads, tokens, head_dim]`; query head h reads KV head h // group.
        indices: int64 `[lists, most]`, as for `indexed_attention`, all of them valid; None for
            all keys.
        scale: what the products are multiplied with.

    Returns:
        `[lists, heads / lists, most]` in float32, or float64 for float64; without indices a list is
        a KV head, and `most` all tokens.

    Raises:
        UsageError: an index is out of range.
    """
    lists = len(keys) if indices is None else len(indices)
    if indices is not None and indices.numel():
        least, largest = (int(edge) for edge in indices.aminmax())
        if least < 0 or largest >= keys.shape[1]:
            raise UsageError(f"indices must be in 0..{keys.shape[1] - 1}, got {least}..{largest}")
    asking = queries[None, :, None]
    if can_compute(asking, keys[None], keys[None], lists):
        counts = torch.full((lists,), keys.shape[1] if indices is None else indices.shape[1])
        return score_compiled(asking, keys[None], indices, counts, scale=scale)
    exact = torch.promote_types(queries.dtype, torch.float32)
    grouped = queries.to(exact).view(lists, -1, queries.shape[1]) * scale
    if indices is None:
        return grouped @ keys.to(exact).transpose(1, 2)
    return torch.stack([
        own @ keys[number * len(keys) // lists].index_select(0, listed).to(exact).T
        for number, (own, listed) in enumerate(zip(grouped, indices, strict=True))
    ])


def lists_of(slots: Tensor, is_valid: Tensor) -> tuple[Tensor, Tensor]:
    """`indices` and `counts` of lists with gaps: what is valid comes first, in its order.

    Args:
        slots: int64 `[batch, lists, most]`.
        is_valid: bool, of the same shape.
    """
    counts = is_valid.sum(dim=-1)
    if bool(is_valid.all()):
        return slots, counts
    order = is_valid.to(torch.uint8).argsort(dim=-1, descending=True, stable=True)
    return slots.gather(-1, order), counts


def _attend(
    queries: Tensor, keys: Tensor, values: Tensor, indices: Tensor, counts: Tensor, *, scale: float
) -> Partial:
    """One row, in torch; arguments as for `attend_compiled`."""
    exact = torch.promote_types(queries.dtype, torch.float32)
    output = torch.zeros_like(queries)
    normaliser = queries.new_full(queries.shape[:3], float("-inf"), dtype=exact)
    together, of_kv_head = queries.shape[1] // len(counts), len(counts) // keys.shape[1]
    for number, count in enumerate(counts.tolist()):
        if not count:
            continue
        listed, kv_head = indices[number, :count], number // of_kv_head
        heads = slice(number * together, (number + 1) * together)
        asking = queries[0, heads].to(exact).flatten(0, 1) * scale
        scores = asking @ keys[0, kv_head].index_select(0, listed).to(exact).T
        total = torch.logsumexp(scores, dim=1)
        weights = torch.exp(scores - total[:, None])
        attended = weights @ values[0, kv_head].index_select(0, listed).to(exact)
        output[0, heads] = attended.view_as(queries[0, heads]).to(output.dtype)
        normaliser[0, heads] = total.view_as(normaliser[0, heads])
    return Partial(output, normaliser)


def _check_lists(indices: Tensor, counts: Tensor, queries: Tensor, keys: Tensor) -> None:
    batch, kv_heads, kv_len, _ = keys.shape
    heads = queries.shape[1]
    if indices.dim() != 3 or indices.shape[0] != batch:
        raise UsageError(f"indices must be [{batch}, lists, most], got {list(indices.shape)}")
    _, lists, most = indices.shape
    if lists % kv_heads or not lists or heads % lists:
        raise UsageError(
            f"there must be a list for each of {kv_heads} KV heads, or several of one length, up "
            f"to one for each of {heads} heads; got {lists}"
        )
    if indices.dtype != torch.int64 or counts.dtype != torch.int64:
        raise UsageError(f"indices and counts must be int64, got {indices.dtype}, {counts.dtype}")
    if counts.shape != (batch, lists):
        raise UsageError(f"counts must be [{batch}, {lists}], got {list(counts.shape)}")
    least, largest = (int(edge) for edge in counts.aminmax()) if counts.numel() else (0, 0)
    if least < 0 or largest > most:
        raise UsageError(f"counts must be in 0..{most}, got {least}..{largest}")
    if largest == 0:
        return
    listed = indices
    if least < most:
        places = torch.arange(most, device=indices.device)
        listed = indices[places < counts[..., None]]
    least, largest = (int(edge) for edge in listed.aminmax())
    if least < 0 or largest >= kv_len:
        raise UsageError(f"indices must be in 0..{kv_len - 1}, got {least}..{largest}")

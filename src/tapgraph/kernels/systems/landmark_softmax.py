"""The grouped softmax of Landmark Attention: landmarks weigh blocks, blocks weigh their tokens."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.inputs import check_inputs
from tapgraph.kernels.merge import Partial

__all__ = [
    "Gates",
    "LandmarkedTokens",
    "check_block",
    "grouped_softmax_attention",
    "grouped_softmax_attention_with_lse",
    "insert_landmarks",
    "share_out",
]

Gates = Callable[[Tensor, Tensor], Tensor]
"""From the logits of near tokens and of blocks, as `share_out` has them, the logits by which blocks
share `[..., blocks]`, where a training does not take those of landmarks."""


def grouped_softmax_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    block: int,
    scale: float,
    gates: Gates | None = None,
) -> Tensor:
    """Causal attention of queries to all tokens through the grouped softmax.

    Mohtashami and Jaggi, 2305.16300, equations 2 to 4. Every (block + 1)-th token is a
    landmark. The tokens of another block share the weight that the block's landmark has beside
    the other landmarks and the tokens of the query's own block; landmarks themselves have no
    weight, and the landmark of the query's own block is not looked at, not even by itself.

    The scores of one block's queries are in memory at a time, with gradients all of them.

    Args:
        queries: `[batch, heads, q_len, head_dim]`, the last `q_len` of the tokens.
        keys: of all tokens, `[batch, kv_heads, kv_len, head_dim]`; query head h reads KV head
            h // group.
        values: of all tokens, `[batch, kv_heads, kv_len, head_dim]`; those of landmarks are not
            read.
        block: ordinary tokens before a landmark.
        scale: what the dot products are multiplied with.
        gates: None for those of the paper.

    Returns:
        `[batch, heads, q_len, head_dim]` in the dtype of `queries`.

    Raises:
        UsageError: a shape or dtype does not fit, or `block` is not at least 1.
    """
    check_block(block)
    check_inputs(queries, keys, values)
    outputs = [output for output, _ in _attend(queries, keys, values, block, scale, gates)]
    return torch.cat(outputs, dim=3).flatten(1, 2)


def grouped_softmax_attention_with_lse(
    queries: Tensor, keys: Tensor, values: Tensor, *, block: int, scale: float
) -> Partial:
    """As `grouped_softmax_attention`, in the precision in which it is computed.

    The log-sum-exp is that over a query's own block and the landmarks of the other blocks.

    Raises:
        UsageError: a shape or dtype does not fit, or `block` is not at least 1.
    """
    check_block(block)
    check_inputs(queries, keys, values)
    tiles = [
        (output, torch.logsumexp(logits, dim=-1))
        for output, logits in _attend(queries, keys, values, block, scale)
    ]
    outputs, normalisers = zip(*tiles, strict=True)
    return Partial(
        torch.cat(outputs, dim=3).flatten(1, 2), torch.cat(normalisers, dim=3).flatten(1, 2)
    )


@dataclass(frozen=True, slots=True)
class LandmarkedTokens:
    """Token ids with landmarks among them.

    Attributes:
        token_ids: int64 `[..., tokens + landmarks]`.
        positions: where each ordinary token stands now, int64 `[tokens]`;
            `token_ids[..., positions]` are the tokens without landmarks.
    """

    token_ids: Tensor
    positions: Tensor


def insert_landmarks(token_ids: Tensor, *, block: int, landmark_id: int) -> LandmarkedTokens:
    """Put a landmark after every `block` tokens; an unfinished last block gets none.

    Pad after this, not before: blocks are counted from the first token.

    Args:
        token_ids: integers `[..., tokens]` without landmarks.
        block: ordinary tokens before a landmark.
        landmark_id: the id of the landmark token.

    Raises:
        UsageError: there are landmarks already, or `block` is not at least 1.

    >>> insert_landmarks(torch.tensor([5, 6, 7, 8, 9]), block=2, landmark_id=0).token_ids.tolist()
    [5, 6, 0, 7, 8, 0, 9]
    """
    check_block(block)
    if bool((token_ids == landmark_id).any()):
        raise UsageError(f"the tokens hold landmarks (id {landmark_id}) already")
    tokens = torch.arange(token_ids.shape[-1], device=token_ids.device)
    positions = tokens + tokens // block
    slots = len(tokens) + len(tokens) // block
    landmarked = token_ids.new_full((*token_ids.shape[:-1], slots), landmark_id)
    landmarked[..., positions] = token_ids
    return LandmarkedTokens(landmarked, positions)


def check_block(block: int) -> None:
    """Raise unless there can be so many ordinary tokens before a landmark.

    Raises:
        UsageError: there is not at least one.
    """
    if block < 1:
        raise UsageError(f"block must be at least 1, got {block!r}")


def share_out(near: Tensor, blocks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The weights of the tokens that a query sees: the grouped softmax of their logits.

    It is the merge of partial attention outputs (`merge`) with a landmark's logit in the place of
    its block's log-sum-exp.

    Args:
        near: logits of the tokens of its own block, `[..., tokens]`.
        blocks: of other blocks, each with its landmark last, `[..., blocks, block + 1]`. Those of
            the landmarks are overwritten.

    Returns:
        The weights of the near tokens and of those in blocks, in the same shapes (landmarks have
        0), and the logits of near tokens and landmarks, `[..., tokens + blocks]`.
    """
    logits = torch.cat((near, blocks[..., -1]), dim=-1)
    shares = logits.softmax(dim=-1)
    blocks[..., -1] = float("-inf")
    inside = blocks.softmax(dim=-1) * shares[..., near.shape[-1] :, None]
    return shares[..., : near.shape[-1]], inside, logits


def _attend(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    block: int,
    scale: float,
    gates: Gates | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """As `grouped_softmax_attention`: for the queries of each block in turn.

    Yields:
        Their output `[batch, kv_heads, group, queries, head_dim]`, and in the same order the
        logits of their block's tokens and of landmarks.
    """
    batch, _, q_len, head_dim = queries.shape
    kv_heads, kv_len = keys.shape[1], keys.shape[2]
    stride = block + 1
    exact = torch.promote_types(queries.dtype, torch.float32)
    keys, values = keys.to(exact).mT, values.to(exact)
    grouped = (queries.to(exact) * scale).view(batch, kv_heads, -1, q_len, head_dim)
    first = kv_len - q_len
    for own in range(first // stride, -(-kv_len // stride)):
        past, begin, end = own * stride, max(own * stride, first), min((own + 1) * stride, kv_len)
        tile = grouped[:, :, :, begin - first : end - first]
        scores = tile.flatten(2, 3) @ keys[..., :end]
        blocks = scores[..., :past].view(*scores.shape[:-1], own, stride)
        near = scores[..., past : past + block]
        if end - begin > 1:
            slots = torch.arange(past, end, device=keys.device)
            is_later = slots[:block] > slots[begin - past :, None]
            near = near.masked_fill(is_later.repeat(tile.shape[2], 1), float("-inf"))
        if gates is not None:
            blocks = torch.cat((blocks[..., :-1], gates(near, blocks)[..., None]), dim=-1)
        near, inside, logits = share_out(near, blocks)
        weights = torch.cat((inside.flatten(-2), near), dim=-1)
        output = weights @ values[:, :, : weights.shape[-1]]
        yield output.view(tile.shape).to(queries.dtype), logits.view(*tile.shape[:-1], -1)

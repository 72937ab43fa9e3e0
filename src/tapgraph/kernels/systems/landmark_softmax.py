"""The grouped softmax of Landmark Attention: landmarks weigh blocks, blocks weigh their tokens."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from tapgraph.errors import UsageError
from tapgraph.kernels.inputs import check_inputs
from tapgraph.kernels.merge import Partial

__all__ = [
    "LandmarkedTokens",
    "check_block",
    "grouped_softmax_attention",
    "grouped_softmax_attention_with_lse",
    "insert_landmarks",
    "share_out",
]

_TILE_SLOTS = 128
"""About so many queries are scored at once."""


def grouped_softmax_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    block: int,
    scale: float,
) -> Tensor:
    """Causal attention of queries to all tokens through the grouped softmax.

    Mohtashami and Jaggi, 2305.16300, equations 2 to 4. Every (block + 1)-th token is a
    landmark. The tokens of another block share the weight that the block's landmark has beside
    the other landmarks and the tokens of the query's own block; landmarks themselves have no
    weight, and the landmark of the query's own block is not looked at, not even by itself.

    The scores of some queries are in memory at a time, with gradients all of them.

    Args:
        queries: `[batch, heads, q_len, head_dim]`, the last `q_len` of the tokens.
        keys: of all tokens, `[batch, kv_heads, kv_len, head_dim]`; query head h reads KV head
            h // group.
        values: of all tokens, `[batch, kv_heads, kv_len, head_dim]`; those of landmarks are not
            read.
        block: ordinary tokens before a landmark.
        scale: what the dot products are multiplied with.

    Returns:
        `[batch, heads, q_len, head_dim]` in the dtype of `queries`.

    Raises:
        UsageError: a shape or dtype does not fit, or `block` is not at least 1.
    """
    check_block(block)
    check_inputs(queries, keys, values)
    outputs = [output for output, _ in _attend(queries, keys, values, block, scale)]
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
    """Put a landmark after every `block` tokens, but none at the end.

    The token that follows a landmark is predicted from the token before it, so a landmark is put
    in together with the token after it.

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
    slots = len(tokens) + max(0, len(tokens) - 1) // block
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


def share_out(near: Tensor, gates: Tensor, blocks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The weights of the tokens that a query sees: the grouped softmax of their logits.

    It is the merge of partial attention outputs (`merge`) with a landmark's logit in the place of
    its block's log-sum-exp.

    Args:
        near: logits of the tokens of its own block, `[..., tokens]`.
        gates: of the landmarks of other blocks, `[..., blocks]`; -inf where one is not seen.
        blocks: of other blocks, `[..., blocks, block + 1]`; landmarks at -inf.

    Returns:
        The weights of the near tokens and of those in blocks, in the same shapes (landmarks have
        0), and the logits of near tokens and landmarks, `[..., tokens + blocks]`.
    """
    logits = torch.cat((near, gates), dim=-1)
    shares = logits.softmax(dim=-1)
    inside = blocks.softmax(dim=-1) * shares[..., near.shape[-1] :, None]
    return shares[..., : near.shape[-1]], inside, logits


def _attend(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    block: int,
    scale: float,
) -> Iterator[tuple[Tensor, Tensor]]:
    """As `grouped_softmax_attention`: for the queries of a few blocks in turn.

    Yields:
        Their output `[batch, kv_heads, group, queries, head_dim]`, and in the same order the
        logits of their block's tokens and of landmarks; those of later ones are -inf.
    """
    batch, _, q_len, head_dim = queries.shape
    kv_heads, kv_len = keys.shape[1], keys.shape[2]
    stride = block + 1
    exact = torch.promote_types(queries.dtype, torch.float32)
    keys, values = keys.to(exact).mT, values.to(exact)
    grouped = (queries.to(exact) * scale).view(batch, kv_heads, -1, q_len, head_dim)
    first, tile_slots = kv_len - q_len, max(1, _TILE_SLOTS // stride) * stride
    for past in range(first // tile_slots * tile_slots, kv_len, tile_slots):
        begin, end = max(past, first), min(past + tile_slots, kv_len)
        tile = grouped[:, :, :, begin - first : end - first]
        slots = torch.arange(begin, end, device=keys.device).repeat(tile.shape[2])
        own = (slots // stride)[:, None]
        scores = tile.flatten(2, 3) @ keys[..., :end]
        if end % stride:
            scores = pad(scores, (0, -end % stride))
        blocks = scores.view(*scores.shape[:-1], -1, stride)
        is_past = torch.arange(blocks.shape[3], device=keys.device) < own
        gates = blocks[..., -1].masked_fill(~is_past, float("-inf"))
        blocks[..., -1] = float("-inf")
        places = own[:, None].expand(*blocks.shape[:3], 1, stride)
        is_later = torch.arange(block, device=keys.device) > slots[:, None] % stride
        near = blocks.gather(3, places)[..., 0, :block].masked_fill(is_later, float("-inf"))
        near, inside, logits = share_out(near, gates, blocks)
        weights = inside.scatter_(3, places, pad(near, (0, 1))[..., None, :]).flatten(-2)
        output = weights[..., :end] @ values[:, :, :end]
        yield output.view(tile.shape).to(queries.dtype), logits.view(*tile.shape[:-1], -1)

"""Weights for the recall model to start from, in which a weak induction circuit is already wired.

From the usual random start, a model of this size spends most of a short run before recall begins
to form. Here the first layer starts with heads that look one, two and three tokens back, and the
second with heads that look for a token whose predecessors are the present token and its own
predecessors. Training is free to change all of it.
"""

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from tapgraph.evals.long_context.recall_checkpoint import HEAD_DIM, HEADS, KV_HEADS, ROPE_THETA

__all__ = ["wire_induction"]

_EMBEDDING_STD = 0.05
_SHARP = 1.25
_MATCH = 2.0
_COPY = 0.6
_LOOK_BACK = 3


@torch.no_grad()
def wire_induction(model: LlamaForCausalLM, *, seed: int) -> None:
    """Set embeddings and the attention of the first two layers in place.

    All embeddings share one direction, from which the first layer makes queries and keys that do
    not depend on the token and peak at a fixed distance. What its heads fetch goes into blocks of
    the residual stream, one for each distance. The second layer's first group compares these
    blocks, in the slowly turning half of the rotary dimensions, and copies the token it finds.
    """
    embeddings = model.model.embed_tokens.weight
    width, head_dim = embeddings.shape[1], HEAD_DIM
    generator = torch.Generator().manual_seed(seed)
    shared = torch.randn(width, generator=generator)
    shared /= shared.norm()
    without_shared = torch.eye(width) - shared[:, None] * shared
    blocks = torch.linalg.qr(torch.randn(width, width, generator=generator))[0].split(head_dim)
    embeddings.copy_(
        _EMBEDDING_STD * (torch.randn(embeddings.shape, generator=generator) + width**0.5 * shared)
    )

    first = model.model.layers[0].self_attn
    fast = torch.zeros(head_dim)
    fast[:8] = 8**-0.5
    here = _SHARP * fast[:, None] * shared
    first.k_proj.weight[:head_dim] = here
    first.v_proj.weight[:head_dim] = blocks[0] @ without_shared
    for distance in range(1, _LOOK_BACK + 1):
        rows = slice((distance - 1) * head_dim, distance * head_dim)
        first.q_proj.weight[rows] = _turned(here, -distance)
        first.o_proj.weight[:, rows] = 0.18 * blocks[distance].T

    second = model.model.layers[1].self_attn
    slow = torch.cat([torch.arange(16, 32), torch.arange(48, 64)])
    queries, keys = torch.zeros(head_dim, width), torch.zeros(head_dim, width)
    for distance in range(1, _LOOK_BACK + 1):
        code = torch.linalg.qr(torch.randn(head_dim, len(slow), generator=generator))[0].T
        keys[slow] += _MATCH * code @ blocks[distance]
        queries[slow] += _MATCH * code @ blocks[distance - 1] * (2 if distance == 1 else 1)
    second.k_proj.weight[:head_dim] = keys @ without_shared
    second.v_proj.weight[:head_dim] = blocks[0] @ without_shared
    for head in range(HEADS // KV_HEADS):
        rows = slice(head * head_dim, (head + 1) * head_dim)
        second.q_proj.weight[rows] = queries @ without_shared
        second.o_proj.weight[:, rows] = _COPY * blocks[0].T


def _turned(weight: Tensor, offset: int) -> Tensor:
    """A projection whose outputs [head_dim] are turned as rotary embedding turns them."""
    half = weight.shape[0] // 2
    angle = offset * ROPE_THETA ** (-torch.arange(half) / half)
    cosine, sine = angle.cos()[:, None], angle.sin()[:, None]
    upper, lower = weight[:half], weight[half:]
    return torch.cat([upper * cosine - lower * sine, lower * cosine + upper * sine])

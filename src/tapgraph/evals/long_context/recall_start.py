"""Weights for recall models to start from, in which a weak induction circuit is already wired.

From the usual random start, a model of this size spends most of a short run before recall begins
to form. Here the first layer starts with heads that look one, two and three tokens back, and a
later one with heads that look for a token whose predecessors are the present token and its own
predecessors. Where there are landmarks, a layer between them gathers for each what its block's
tokens have fetched. Training is free to change all of it.
"""

import torch
from torch import Tensor
from torch.nn import Module
from transformers import LlamaForCausalLM

from tapgraph.evals.long_context.recall_checkpoint import HEAD_DIM, HEADS, ROPE_THETA

__all__ = ["wire_induction", "wire_landmarks"]

_EMBEDDING_STD = 0.05
_LANDMARK_STD = 0.01
_SHARP = 1.25
_MATCH = 2.0
_COPY = 0.6
_LANDMARK_COPY = 1.0
_GATHER = 0.3
_LOOK_BACK = 3


@torch.no_grad()
def wire_induction(model: LlamaForCausalLM, *, seed: int) -> None:
    """Set embeddings and the attention of the first two layers in place.

    All embeddings share one direction, from which the first layer makes queries and keys that do
    not depend on the token and peak at a fixed distance. What its heads fetch goes into blocks of
    the residual stream, one for each distance. The second layer's first group compares these
    blocks, in the slowly turning half of the rotary dimensions, and copies the token it finds.
    """
    wiring = _Wiring(model, seed)
    wiring.look_back(0)
    wiring.look_for_the_same(1, kv_heads=1, copy=_COPY)


@torch.no_grad()
def wire_landmarks(model: LlamaForCausalLM, *, landmark_id: int, seed: int) -> None:
    """As `wire_induction`, for three layers in which each head has keys of its own.

    The landmark has nothing of the direction that embeddings share, so that in the second layer it
    looks at all tokens of its block alike, where others look at themselves, and adds up what they
    fetched. So for the heads of the third layer it looks a little like each token of its block.
    """
    wiring = _Wiring(model, seed)
    wiring.set_apart(landmark_id)
    wiring.look_back(0)
    wiring.gather(1)
    wiring.look_for_the_same(2, kv_heads=HEADS, copy=_LANDMARK_COPY)


class _Wiring:
    """Embeddings of a model, set when this is made, and the circuits that go with them."""

    def __init__(self, model: LlamaForCausalLM, seed: int) -> None:
        self._layers = [layer.self_attn for layer in model.model.layers]
        self._embeddings = embeddings = model.model.embed_tokens.weight
        width = embeddings.shape[1]
        self._generator = generator = torch.Generator().manual_seed(seed)
        shared = torch.randn(width, generator=generator)
        shared /= shared.norm()
        self._without_shared = torch.eye(width) - shared[:, None] * shared
        basis = torch.linalg.qr(torch.randn(width, width, generator=generator))[0]
        self._blocks = basis.split(HEAD_DIM)
        random = torch.randn(embeddings.shape, generator=generator)
        embeddings.copy_(_EMBEDDING_STD * (random + width**0.5 * shared))
        fast = torch.zeros(HEAD_DIM)
        fast[:8] = 8**-0.5
        self._here = _SHARP * fast[:, None] * shared

    def set_apart(self, token_id: int) -> None:
        """Give a token a short embedding without what all others share."""
        random = torch.randn(self._embeddings.shape[1], generator=self._generator)
        self._embeddings[token_id] = _LANDMARK_STD * self._without_shared @ random

    def look_back(self, layer: int) -> None:
        """Heads that fetch the token one, two and three places back."""
        for distance in range(1, _LOOK_BACK + 1):
            self._fetch(
                self._layers[layer],
                head=distance - 1,
                back=distance,
                source=self._blocks[0],
                into=0.18 * self._blocks[distance],
            )

    def gather(self, layer: int) -> None:
        """Heads that take what `look_back` fetched, each for one distance."""
        for distance in range(1, _LOOK_BACK + 1):
            block = self._blocks[distance]
            self._fetch(
                self._layers[layer],
                head=distance - 1,
                back=0,
                source=block,
                into=_GATHER * block,
            )

    def look_for_the_same(self, layer: int, *, kv_heads: int, copy: float) -> None:
        """Heads that look for a token after the same tokens, and copy it."""
        attention: Module = self._layers[layer]
        slow = torch.cat([torch.arange(16, 32), torch.arange(48, 64)])
        width = self._embeddings.shape[1]
        group = HEADS * HEAD_DIM // attention.get_parameter("k_proj.weight").shape[0]
        for kv_head in range(kv_heads):
            queries, keys = torch.zeros(HEAD_DIM, width), torch.zeros(HEAD_DIM, width)
            for distance in range(1, _LOOK_BACK + 1):
                random = torch.randn(HEAD_DIM, len(slow), generator=self._generator)
                code = torch.linalg.qr(random)[0].T
                keys[slow] += _MATCH * code @ self._blocks[distance]
                queries[slow] += (
                    _MATCH * code @ self._blocks[distance - 1] * (2 if distance == 1 else 1)
                )
            rows = _rows(kv_head)
            attention.get_parameter("k_proj.weight")[rows] = keys @ self._without_shared
            attention.get_parameter("v_proj.weight")[rows] = self._blocks[0] @ self._without_shared
            for head in range(kv_head * group, (kv_head + 1) * group):
                rows = _rows(head)
                attention.get_parameter("q_proj.weight")[rows] = queries @ self._without_shared
                attention.get_parameter("o_proj.weight")[:, rows] = copy * self._blocks[0].T

    def _fetch(
        self, attention: Module, *, head: int, back: int, source: Tensor, into: Tensor
    ) -> None:
        rows = _rows(head)
        group = HEADS * HEAD_DIM // attention.get_parameter("k_proj.weight").shape[0]
        kv_rows = _rows(head // group)
        attention.get_parameter("k_proj.weight")[kv_rows] = self._here
        attention.get_parameter("v_proj.weight")[kv_rows] = source @ self._without_shared
        attention.get_parameter("q_proj.weight")[rows] = _turned(self._here, -back)
        attention.get_parameter("o_proj.weight")[:, rows] = into.T


def _rows(head: int) -> slice:
    return slice(head * HEAD_DIM, (head + 1) * HEAD_DIM)


def _turned(weight: Tensor, offset: int) -> Tensor:
    """A projection whose outputs [head_dim] are turned as rotary embedding turns them."""
    half = weight.shape[0] // 2
    angle = offset * ROPE_THETA ** (-torch.arange(half) / half)
    cosine, sine = angle.cos()[:, None], angle.sin()[:, None]
    upper, lower = weight[:half], weight[half:]
    return torch.cat([upper * cosine - lower * sine, lower * cosine + upper * sine])

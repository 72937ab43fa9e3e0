"""Gates that fade from true log-sum-exps to landmarks, against attention written out."""

import math
from itertools import product

import pytest
import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.systems.landmark_softmax import grouped_softmax_attention
from tapgraph.llm_backend.calibration.landmark_training import FadingGates, LandmarkTraining

BLOCK, SLOTS, SCALE = 3, 14, 0.5


def tensors(*, heads: int = 4, kv_heads: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    sizes = ((2, heads, SLOTS, 8), (2, kv_heads, SLOTS, 8), (2, kv_heads, SLOTS, 8))
    queries, keys, values = (torch.randn(size, generator=generator).double() for size in sizes)
    return queries, keys, values


def attended(gates: FadingGates | None) -> Tensor:
    queries, keys, values = tensors()
    return grouped_softmax_attention(queries, keys, values, block=BLOCK, scale=SCALE, gates=gates)


def test_true_gates_are_the_softmax_over_ordinary_tokens() -> None:
    queries, keys, values = tensors()
    slots = torch.arange(SLOTS)
    is_seen = (slots <= slots[:, None]) & (slots % (BLOCK + 1) != BLOCK)
    keys, values = (tensor.repeat_interleave(2, dim=1) for tensor in (keys, values))
    scores = (SCALE * queries @ keys.mT).masked_fill(~is_seen, -math.inf)
    assert torch.allclose(attended(FadingGates(0.0)), scores.softmax(-1) @ values, atol=1e-12)


def test_gates_of_landmarks_alone_are_those_of_the_paper() -> None:
    assert torch.allclose(attended(FadingGates(1.0)), attended(None), atol=1e-12)
    assert not torch.allclose(attended(FadingGates(0.5)), attended(None), atol=1e-3)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_is_the_divergence_of_the_shares_of_blocks(weighted: bool) -> None:
    weights = torch.rand(2, SLOTS, generator=torch.Generator().manual_seed(1)).double()
    gates = FadingGates(0.3, weights if weighted else None)
    attended(gates)
    queries, keys, _ = tensors()
    told = []
    for kv_head in range(2):
        total = count = 0.0
        for row, head, at in product(range(2), (2 * kv_head, 2 * kv_head + 1), range(SLOTS)):
            own = at // (BLOCK + 1)
            first = own * (BLOCK + 1)
            logits = SCALE * keys[row, kv_head] @ queries[row, head, at]
            near = logits[first : min(at + 1, first + BLOCK)].logsumexp(0)
            past = logits[:first].view(own, BLOCK + 1)
            wanted = torch.cat((near[None], past[:, :-1].logsumexp(-1))).softmax(0)
            given = torch.cat((near[None], past[:, -1])).softmax(0)
            weight = float(weights[row, at]) if weighted else 1.0
            total += weight * float((wanted * (wanted / given).log()).sum())
            count += weight
        told.append(math.log1p(total / count))
    assert float(gates.loss()) == pytest.approx(sum(told) / len(told), rel=1e-9)


def test_the_loss_teaches_landmarks_alone() -> None:
    queries, keys, values = (tensor.requires_grad_() for tensor in tensors(heads=2))
    gates = FadingGates(0.0)
    grouped_softmax_attention(queries, keys, values, block=BLOCK, scale=SCALE, gates=gates)
    gates.loss().backward()  # type: ignore[no-untyped-call]
    assert keys.grad is not None
    is_landmark = torch.arange(SLOTS) % (BLOCK + 1) == BLOCK
    assert keys.grad[:, :, is_landmark][:, :, :-1].abs().sum() > 0
    assert keys.grad[:, :, ~is_landmark].abs().sum() == 0
    assert values.grad is None


def test_gates_fade_over_their_share_of_the_steps() -> None:
    training = LandmarkTraining(block=BLOCK, steps=10, fade=0.5)
    assert [training.share(step) for step in range(7)] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    assert LandmarkTraining(steps=10).share(0) == 1
    for wrong in ({"fade": 1.5}, {"fade": -0.1}, {"gate_weight": -1.0}):
        with pytest.raises(UsageError):
            LandmarkTraining(**wrong)  # type: ignore[arg-type]

"""Where a text may be cut into calls: what systems say of it is derived here."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from tapgraph.kernels.attention_system import AttentionSystem, LayerShape
from tapgraph.kernels.in_models.attention_cache import AttentionCache
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems import SYSTEMS
from tapgraph.kernels.systems.landmark import Landmark, LandmarkConfig

TOLERANCE = 1e-10
"""Float64: only the order of sums differs."""
SHAPE = LayerShape(index=1, layers=2, heads=8, kv_heads=2, head_dim=16, scale=0.25)
PROMPT, END = 140, 143
MIDDLE = 50
"""A length below which a system is told to be dense."""
EVERY = pytest.mark.parametrize("name", SYSTEMS)


def text() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)

    def draw(heads: int) -> Tensor:
        return torch.randn(1, heads, END, 16, generator=generator, dtype=torch.float64)

    return draw(8) * 2, draw(2), draw(2)


def read(system: AttentionSystem, cuts: Sequence[int], prompt: int = PROMPT) -> Tensor:
    """Outputs of a prompt that is cut there, and of the decode steps after it."""
    cache = AttentionCache(system, lambda _: [system.open_layer(SHAPE, PlainRotary())])
    outputs = []
    for first, end in pairwise([0, *cuts, *range(prompt, END + 1)]):
        cache.reads_prompt = first < prompt
        queries, keys, values = (tensor[:, :, first:end] for tensor in text())
        outputs.append(cache.attend(0, queries, keys, values, None))
    return torch.cat(outputs, dim=2)


def is_same(system: AttentionSystem, cuts: Sequence[int], prompt: int = PROMPT) -> bool:
    difference = read(system, cuts, prompt) - read(system, [])
    return bool(difference.abs().max() <= TOLERANCE)


def dense_until_the_middle(system: AttentionSystem) -> AttentionSystem:
    """The same system, a part of whose prompt is read densely, if it can be told so."""
    config: Any = system.config  # type: ignore[attr-defined]
    if hasattr(config, "dense_below"):
        config = replace(config, dense_below=MIDDLE)
    elif hasattr(config, "dense_budgets"):
        config = replace(config, dense_budgets=4)
    twin: Any = system
    twin.config = config
    return system


@EVERY
@pytest.mark.parametrize("is_dense_first", [False, True])
def test_a_prompt_may_be_cut_at_multiples_of_the_chunk_and_nowhere_else(
    name: str, is_dense_first: bool, attention_cases: ModuleType
) -> None:
    system: AttentionSystem = attention_cases.TIGHT[name]()
    if is_dense_first:
        system = dense_until_the_middle(system)
    chunk = system.chunk_tokens
    if chunk is None:
        assert is_same(system, range(7, PROMPT, 7))
        assert is_same(system, [MIDDLE - 1, MIDDLE, MIDDLE + 1, PROMPT - 1])
        return
    step = chunk * max(1, 20 // chunk)
    assert is_same(system, range(step, PROMPT, step))
    assert not is_same(system, range(7, PROMPT, 7))


@pytest.mark.parametrize("retrieval", ["per_head", "shared"])
def test_landmarks_that_are_chosen_for_a_chunk_are_cut_there(retrieval: Any) -> None:
    system = Landmark(LandmarkConfig(7, 2, chunk=12, retrieval=retrieval, dense_below=MIDDLE))
    assert system.chunk_tokens == 12
    assert is_same(system, range(24, PROMPT, 24))
    assert not is_same(system, [102])


@EVERY
def test_only_what_is_the_same_in_any_calls_and_can_forget_is_said_to_be_same_in_chunks(
    name: str, attention_cases: ModuleType
) -> None:
    system: AttentionSystem = attention_cases.TIGHT[name]()
    in_prompts = is_same(system, range(7, PROMPT, 7))
    in_replies = is_same(system, [], prompt=90)
    assert system.same_in_chunks == (in_prompts and in_replies and system.croppable)

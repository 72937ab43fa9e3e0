"""A sliding window keeps the window only, and attends as one that keeps everything."""

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.systems.dense import DenseLayer
from tapgraph.kernels.systems.window_layer import CROPPABLE, WindowLayer

SHAPE = LayerShape(index=0, layers=1, heads=4, kv_heads=2, head_dim=8, scale=0.3)
WINDOW = 40


def calls(
    lengths: list[int], batch: int = 1
) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(3)

    def drawn(heads: int, tokens: int) -> torch.Tensor:
        return torch.randn(batch, heads, tokens, 8, generator=generator, dtype=torch.float64)

    return [(drawn(4, length), drawn(2, length), drawn(2, length)) for length in lengths]


@pytest.mark.parametrize("starts", [[0], [0, 7, 60]])
def test_what_left_the_window_is_not_missed(starts: list[int]) -> None:
    whole, window = DenseLayer(SHAPE, WINDOW), WindowLayer(SHAPE, WINDOW)
    first = torch.tensor(starts)
    for new in calls([70, 1, 1, 300, 5, *[1] * 200, 33], len(starts)):
        call = "decode" if new[0].shape[2] == 1 else "prefill"
        expected = getattr(whole, call)(*new, first)
        assert (getattr(window, call)(*new, first) - expected).abs().max() < 1e-12
        assert torch.equal(window.kept_by_last_query(), whole.kept_by_last_query())
    assert window.tokens_seen == whole.tokens_seen


def test_memory_stops_growing() -> None:
    window, starts = WindowLayer(SHAPE, WINDOW), torch.zeros(1, dtype=torch.int64)
    held = []
    for new in calls([256] * 12):
        window.prefill(*new, starts)
        held.append(window.bytes_held())
    one_token = 2 * 2 * 8 * 8
    assert max(held) <= (WINDOW + CROPPABLE + 3 * 256) * one_token


def test_the_last_tokens_can_be_forgotten_and_no_more() -> None:
    whole, window = DenseLayer(SHAPE, WINDOW), WindowLayer(SHAPE, WINDOW)
    starts = torch.zeros(1, dtype=torch.int64)
    prompt, more, last = calls([600, 20, 3])
    for layer in (whole, window):
        layer.prefill(*prompt, starts)
        layer.prefill(*more, starts)
        layer.crop(601)
    difference = window.prefill(*last, starts) - whole.prefill(*last, starts)
    assert difference.abs().max() < 1e-12
    with pytest.raises(UsageError, match="a window of 40 tokens forgets the last 32 at most"):
        window.crop(500)


def test_copies_and_snapshots_go_their_own_ways() -> None:
    window, starts = WindowLayer(SHAPE, WINDOW), torch.zeros(1, dtype=torch.int64)
    prompt, one, other = calls([300, 50, 50])
    window.prefill(*prompt, starts)
    kept, twin = window.snapshot(), window.fork()
    first = window.prefill(*one, starts)
    twin.prefill(*other, starts)
    window.restore(kept)
    assert torch.equal(window.prefill(*one, starts), first)

"""A sliding window keeps the window only, and attends as one that keeps everything."""

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.dense import attend_in_window
from tapgraph.kernels.systems.window_layer import CROPPABLE, WindowLayer

SHAPE = LayerShape(index=0, layers=1, heads=4, kv_heads=2, head_dim=8, scale=0.3)
WINDOW = 40


def calls(
    lengths: list[int],
) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(3)

    def drawn(heads: int, tokens: int) -> torch.Tensor:
        return torch.randn(1, heads, tokens, 8, generator=generator, dtype=torch.float64)

    return [(drawn(4, length), drawn(2, length), drawn(2, length)) for length in lengths]


def test_what_left_the_window_is_not_missed() -> None:
    window = WindowLayer(SHAPE, WINDOW)
    given = calls([70, 1, 1, 300, 5, *[1] * 200, 33])
    outputs = [window.prefill(*new) for new in given]
    queries, keys, values = (torch.cat(parts, dim=2) for parts in zip(*given, strict=True))
    expected = attend_in_window(queries, keys, values, window=WINDOW, scale=SHAPE.scale)
    assert (torch.cat(outputs, dim=2) - expected).abs().max() < 1e-12
    assert window.tokens_seen == 610
    assert window.kept_by_last_query()[0].nonzero()[:, 0].tolist() == [*range(570, 610)]
    assert window.reading.attended == WINDOW


def test_memory_stops_growing() -> None:
    window = WindowLayer(SHAPE, WINDOW)
    held = []
    for new in calls([256] * 12):
        window.prefill(*new)
        held.append(window.bytes_held())
    one_token = 2 * 2 * 8 * 8
    assert max(held) <= (WINDOW + CROPPABLE + 3 * 256) * one_token


def test_the_last_tokens_can_be_forgotten_and_no_more() -> None:
    window, fresh = WindowLayer(SHAPE, WINDOW), WindowLayer(SHAPE, WINDOW)
    prompt, more, last = calls([600, 20, 3])
    window.prefill(*prompt)
    window.prefill(*more)
    window.crop(600)
    fresh.prefill(*prompt)
    assert torch.equal(window.prefill(*last), fresh.prefill(*last))
    with pytest.raises(UsageError, match="a window of 40 tokens forgets the last 32 at most"):
        window.crop(500)


def test_copies_and_snapshots_go_their_own_ways() -> None:
    window = WindowLayer(SHAPE, WINDOW)
    prompt, one, other = calls([300, 50, 50])
    window.prefill(*prompt)
    kept, twin = window.snapshot(), window.fork()
    first = window.prefill(*one)
    twin.prefill(*other)
    window.restore(kept)
    assert torch.equal(window.prefill(*one), first)

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.systems.dense import DenseLayer
from tapgraph.kernels.systems.split_heads import HeadPart, SplitHeadsLayer, part_shape
from tapgraph.kernels.systems.window_layer import WindowLayer

SHAPE = LayerShape(index=0, layers=1, heads=9, kv_heads=3, head_dim=4, scale=0.5)


def part(*kv_heads: int, window: int | None = None) -> HeadPart:
    shape = part_shape(SHAPE, len(kv_heads))
    layer = DenseLayer(shape) if window is None else WindowLayer(shape, window)
    return HeadPart(kv_heads, layer)


def test_heads_keep_their_places_whatever_part_they_are_in() -> None:
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(1, 9, 12, 4, generator=generator, dtype=torch.float64)
    keys = torch.randn(1, 3, 12, 4, generator=generator, dtype=torch.float64)
    whole = DenseLayer(SHAPE).prefill(queries, keys, keys)
    windowed = WindowLayer(SHAPE, 3).prefill(queries, keys, keys)
    layer = SplitHeadsLayer(SHAPE, [part(0, 2), part(1, window=3)])
    output = layer.prefill(queries, keys, keys)
    middle = slice(3, 6)
    assert torch.allclose(output[:, middle], windowed[:, middle], atol=1e-12)
    for outer in (slice(0, 3), slice(6, 9)):
        assert torch.allclose(output[:, outer], whole[:, outer], atol=1e-12)
    kept = layer.kept_by_last_query()
    assert kept.sum(dim=-1).tolist() == [12, 12, 12, 3, 3, 3, 12, 12, 12]
    assert layer.reading.attended == pytest.approx((12 + 3 + 12) / 3)


@pytest.mark.parametrize("parts", [[(0, 1)], [(0, 1), (1, 2)], [(0, 1), (2, 3)]])
def test_a_head_in_no_part_or_in_two_is_refused(parts: list[tuple[int, ...]]) -> None:
    with pytest.raises(UsageError, match="each of 3 KV heads must be in exactly one part"):
        SplitHeadsLayer(SHAPE, [part(*kv_heads) for kv_heads in parts])

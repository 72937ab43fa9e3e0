from typing import Any

import pytest
import torch
from tests.kernels.systems.rows import Rows

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems.dense import Dense
from tapgraph.kernels.systems.sink_window import SinkWindow, SinkWindowConfig

ROUNDING = 1e-12
SHAPE = LayerShape(index=0, layers=1, heads=8, kv_heads=2, head_dim=6, scale=0.4)
STARTS = [0, 5]


def open_layer(sink: int, recent: int) -> Rows:
    system = SinkWindow(SinkWindowConfig(sink, recent))
    return Rows(lambda: system.open_layer(SHAPE, PlainRotary()))


def kept_slots(row: int, slot: int, sink: int, recent: int) -> list[int]:
    first = STARTS[row]
    return [at for at in range(first, slot + 1) if at < first + sink or at > slot - recent]


@pytest.mark.parametrize("chunk", [1, 7, 32])
@pytest.mark.parametrize(("sink", "recent"), [(2, 6), (0, 1), (3, 35), (3, 36), (3, 37), (50, 2)])
def test_each_token_reads_its_own_sink_and_window(
    naive: Any, random_inputs: Any, sink: int, recent: int, chunk: int
) -> None:
    queries, keys, values = random_inputs(37, 37)
    layer: Any = open_layer(sink, recent)
    expected = naive(
        queries,
        keys,
        values,
        SHAPE.scale,
        lambda row, head, query: kept_slots(row, query, sink, recent),
    )

    outputs = []
    for first in range(0, 37, chunk):
        new = [tensor[:, :, first : first + chunk] for tensor in (queries, keys, values)]
        call = layer.decode if new[0].shape[2] == 1 else layer.prefill
        outputs.append(call(*new, torch.tensor(STARTS)))

    torch.testing.assert_close(torch.cat(outputs, 2), expected.output, atol=ROUNDING, rtol=0)
    for row in range(2):
        slots = layer.kept_by_last_query()[row, 0].nonzero()[:, 0].tolist()
        assert slots == kept_slots(row, 36, sink, recent)
    counts = [len(kept_slots(row, 36, sink, recent)) for row in range(2)]
    assert layer.reading.attended == sum(counts) / 2


def test_memory_stays_small_at_length(random_inputs: Any) -> None:
    inputs = random_inputs(4000, 4000, batch=1)
    layer: Any = open_layer(4, 300)
    dense: Any = Dense().open_layer(SHAPE, PlainRotary())

    layer.prefill(*inputs)
    dense.prefill(*inputs)

    assert layer.bytes_held() == 2 * 2 * 304 * 6 * 8 + 304 * 8
    assert layer.bytes_held() < 0.1 * dense.bytes_held()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((-1, 5), r"^sink_tokens must be at least 0, got -1$"),
        ((4, 0), r"^recent_tokens must be at least 1, got 0$"),
    ],
)
def test_impossible_settings_are_named(settings: tuple[int, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SinkWindowConfig(*settings)

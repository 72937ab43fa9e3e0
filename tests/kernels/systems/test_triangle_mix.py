from typing import Any

import pytest
import torch
from tests.kernels.systems.rows import Rows

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems.dense import DenseLayer
from tapgraph.kernels.systems.triangle_mix import TriangleMix, TriangleMixConfig, TriangleMixLayer

ROUNDING = 1e-12
STARTS = [0, 5]
CONFIG = TriangleMixConfig(sink_tokens=2, local_tokens=5, last_queries=4, dense_below=0)


def shape(index: int) -> LayerShape:
    return LayerShape(index=index, layers=5, heads=8, kv_heads=2, head_dim=6, scale=0.4)


def seen(row: int, slot: int, end: int) -> list[int]:
    """What the token in a slot reads when its call ends before slot `end`."""
    first = STARTS[row]
    if slot >= end - 4:
        return list(range(first, slot + 1))
    return [at for at in range(first, slot + 1) if at < first + 2 or at > slot - 5]


@pytest.mark.parametrize("chunks", [[31], [7, 24], [3, 4, 21, 3]])
def test_all_but_the_last_queries_of_a_call_read_sink_and_window(
    naive: Any, random_inputs: Any, chunks: list[int]
) -> None:
    queries, keys, values = random_inputs(31, 31)
    layer = Rows(lambda: TriangleMix(CONFIG).open_layer(shape(4), PlainRotary()))
    ends = [sum(chunks[: n + 1]) for n in range(len(chunks))]
    expected = naive(
        queries,
        keys,
        values,
        0.4,
        lambda row, head, query: seen(row, query, next(end for end in ends if query < end)),
    )

    outputs = [
        layer.prefill(
            *(tensor[:, :, end - chunk : end] for tensor in (queries, keys, values)),
            torch.tensor(STARTS),
        )
        for end, chunk in zip(ends, chunks, strict=True)
    ]

    torch.testing.assert_close(torch.cat(outputs, 2), expected.output, atol=ROUNDING, rtol=0)
    assert layer.kept_by_last_query()[1].sum(dim=1).tolist() == [26] * 8


def test_decode_reads_everything(naive: Any, random_inputs: Any) -> None:
    queries, keys, values = random_inputs(31, 31)
    layer = Rows(lambda: TriangleMix(CONFIG).open_layer(shape(4), PlainRotary()))
    starts = torch.tensor(STARTS)
    expected = naive(
        queries[:, :, -1:], keys, values, 0.4, lambda row, head, query: range(STARTS[row], 31)
    )

    layer.prefill(queries[:, :, :30], keys[:, :, :30], values[:, :, :30], starts)
    output = layer.decode(queries[:, :, 30:], keys[:, :, 30:], values[:, :, 30:], starts)

    torch.testing.assert_close(output, expected.output, atol=ROUNDING, rtol=0)


def test_shallow_layers_are_dense() -> None:
    layers = [TriangleMix().open_layer(shape(index), PlainRotary()) for index in range(5)]

    assert [type(layer) for layer in layers] == [DenseLayer] * 3 + [TriangleMixLayer] * 2


def test_a_short_prompt_is_read_densely(random_inputs: Any) -> None:
    inputs = random_inputs(31, 31)
    starts = torch.tensor(STARTS)

    def read(dense_below: int) -> torch.Tensor:
        config = TriangleMixConfig(2, 5, 4, dense_below=dense_below)
        layer = Rows(lambda: TriangleMix(config).open_layer(shape(4), PlainRotary()))
        return layer.prefill(*inputs, starts)

    dense = Rows(lambda: DenseLayer(shape(4))).prefill(*inputs, starts)
    torch.testing.assert_close(read(32), dense, atol=ROUNDING, rtol=0)
    # The second row has 26 tokens, the first one 31.
    torch.testing.assert_close(read(27)[1], dense[1], atol=ROUNDING, rtol=0)
    assert torch.equal(read(27)[0], read(0)[0])
    assert not torch.allclose(read(0), dense, atol=0.01)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sink_tokens": -1}, r"^sink_tokens must be at least 0, got -1$"),
        ({"local_tokens": 0}, r"^local_tokens must be at least 1, got 0$"),
        ({"last_queries": 0}, r"^last_queries must be at least 1, got 0$"),
        ({"dense_share": 1.5}, r"^dense_share must be in 0..1, got 1.5$"),
        ({"dense_below": -1}, r"^dense_below must be at least 0, got -1$"),
    ],
)
def test_impossible_settings_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TriangleMixConfig(**settings)

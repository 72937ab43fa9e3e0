from typing import Any

import pytest
import torch
from tests.kernels.reference import dense_attention
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.systems.full_cache import FullCacheLayer, LastRead, SparseOutput

ROUNDING = 1e-12
SHAPE = LayerShape(index=0, layers=1, heads=8, kv_heads=2, head_dim=6, scale=0.4)


class EvenBlocks(FullCacheLayer):
    """Reads every second block of 4 keys, and its own token."""

    def attend_sparsely(self, queries: Tensor) -> SparseOutput:
        q_len, kv_len = queries.shape[2], self.tokens_seen
        tokens = torch.arange(kv_len)
        own = torch.arange(kv_len - q_len, kv_len)
        mask = (tokens // 4 % 2 == 0) | (tokens == own[:, None])
        output = dense_attention(queries, self.keys, self.values, scale=0.4, mask=mask).output
        kept = (torch.arange(-(-kv_len // 4)) % 2 == 0).expand(8, -1)
        return SparseOutput(output, LastRead(kept, 4, scored=7.0))


def read(layer: FullCacheLayer, inputs: Any, first: int, last: int) -> Tensor:
    queries, keys, values = (tensor[:, :, first:last] for tensor in inputs)
    return layer.prefill(queries, keys, values)


def test_a_layer_tells_the_tokens_of_the_blocks_it_read(naive: Any, random_inputs: Any) -> None:
    inputs = random_inputs(21, 21, batch=1)
    layer = EvenBlocks(SHAPE)
    expected = naive(
        *inputs,
        SHAPE.scale,
        lambda row, head, query: [at for at in range(query + 1) if at // 4 % 2 == 0 or at == query],
    )

    output = torch.cat([read(layer, inputs, 0, 3), read(layer, inputs, 3, 21)], dim=2)

    torch.testing.assert_close(output, expected.output, atol=ROUNDING, rtol=0)
    kept = layer.kept_by_last_query()
    assert kept[0].nonzero()[:, 0].tolist() == [at for at in range(21) if at % 8 < 4]
    assert layer.reading.scored == 7.0
    assert layer.reading.attended == 12


def test_a_short_text_is_read_densely(random_inputs: Any) -> None:
    inputs = random_inputs(21, 21, batch=1)
    dense = dense_attention(*inputs, scale=SHAPE.scale).output

    short = read(EvenBlocks(SHAPE, dense_below=22), inputs, 0, 21)

    torch.testing.assert_close(short, dense, atol=ROUNDING, rtol=0)
    long = read(EvenBlocks(SHAPE, dense_below=21), inputs, 0, 21)
    assert not torch.allclose(long, dense, atol=0.01)


def test_a_snapshot_remembers_what_was_read_last(random_inputs: Any) -> None:
    inputs = random_inputs(21, 21, batch=1)
    layer = EvenBlocks(SHAPE)
    read(layer, inputs, 0, 13)
    kept, point = layer.kept_by_last_query(), layer.snapshot()

    read(layer, inputs, 13, 21)
    layer.restore(point)

    assert layer.tokens_seen == 13
    assert torch.equal(layer.kept_by_last_query(), kept)
    with pytest.raises(UsageError, match=r"^not a snapshot of this layer: 13$"):
        layer.restore(13)


def test_nothing_was_read_before_the_first_call() -> None:
    layer = EvenBlocks(SHAPE)

    assert layer.bytes_held() == 0
    with pytest.raises(UsageError, match=r"^nothing was attended to yet$"):
        layer.kept_by_last_query()

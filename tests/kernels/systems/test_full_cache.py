from typing import Any

import pytest
import torch
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.reference import dense_attention
from tapgraph.kernels.systems.full_cache import LastRead, SparseOutput, UnpaddedLayer

ROUNDING = 1e-12
SHAPE = LayerShape(index=0, layers=1, heads=8, kv_heads=2, head_dim=6, scale=0.4)
STARTS = torch.tensor([0, 5, 5])


class EvenBlocks(UnpaddedLayer):
    """Reads every second block of 4 keys, counted from a row's first token, and its own token."""

    def attend_rows(self, queries: Tensor, keys: Tensor, values: Tensor) -> SparseOutput:
        q_len, kv_len = queries.shape[2], keys.shape[2]
        slots = torch.arange(kv_len)
        even = slots // 4 % 2 == 0
        mask = even | (slots == torch.arange(kv_len - q_len, kv_len)[:, None])
        output = dense_attention(queries, keys, values, scale=0.4, mask=mask).output
        kept = (torch.arange(-(-kv_len // 4)) % 2 == 0).expand(len(queries), 8, -1)
        return SparseOutput(output, LastRead(kept, 4, scored=7.0))


def expected_slots(row: int, query: int) -> list[int]:
    start = int(STARTS[row])
    return [at for at in range(start, query + 1) if (at - start) // 4 % 2 == 0 or at == query]


def read(layer: UnpaddedLayer, inputs: Any, first: int, last: int) -> Tensor:
    queries, keys, values = (tensor[:, :, first:last] for tensor in inputs)
    return layer.prefill(queries, keys, values, STARTS)


def test_blocks_are_counted_from_the_first_token_of_a_row(naive: Any, random_inputs: Any) -> None:
    inputs = random_inputs(21, 21, batch=3)
    layer = EvenBlocks(SHAPE, key_block=4)
    expected = naive(*inputs, SHAPE.scale, lambda row, head, query: expected_slots(row, query))

    output = torch.cat([read(layer, inputs, 0, 3), read(layer, inputs, 3, 21)], dim=2)

    torch.testing.assert_close(output, expected.output, atol=ROUNDING, rtol=0)
    kept = layer.kept_by_last_query()
    assert kept[0, 0].nonzero()[:, 0].tolist() == [at for at in range(21) if at % 8 < 4]
    assert kept[1, 7].nonzero()[:, 0].tolist() == [at for at in range(5, 21) if (at - 5) % 8 < 4]
    assert layer.reading.scored == 7.0
    assert layer.reading.attended == (12 + 8 + 8) / 3


def test_rows_that_are_too_short_are_read_densely(random_inputs: Any) -> None:
    inputs = random_inputs(21, 21, batch=3)
    dense = dense_attention(*inputs, scale=SHAPE.scale, starts=STARTS).output

    mixed = read(EvenBlocks(SHAPE, key_block=4, dense_below=17), inputs, 0, 21)

    torch.testing.assert_close(mixed[1:], dense[1:], atol=ROUNDING, rtol=0)
    assert not torch.allclose(mixed[0], dense[0], atol=0.01)


def test_a_snapshot_remembers_what_was_read_last(random_inputs: Any) -> None:
    inputs = random_inputs(21, 21, batch=3)
    layer = EvenBlocks(SHAPE, key_block=4)
    read(layer, inputs, 0, 13)
    kept, point = layer.kept_by_last_query(), layer.snapshot()

    read(layer, inputs, 13, 21)
    layer.restore(point)

    assert layer.tokens_seen == 13
    assert torch.equal(layer.kept_by_last_query(), kept)
    with pytest.raises(UsageError, match=r"^not a snapshot of this layer: 13$"):
        layer.restore(13)


def test_nothing_was_read_before_the_first_call() -> None:
    layer = EvenBlocks(SHAPE, key_block=4)

    assert layer.bytes_held() == 0
    with pytest.raises(UsageError, match=r"^nothing was attended to yet$"):
        layer.kept_by_last_query()

"""SALE as a layer: chunks, padding, decode, ways back, what it says it read."""

from typing import TypeAlias

import pytest
import torch
from tests.kernels.systems.rows import Rows, dense_attention
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems.sale import Sale, SaleConfig
from tapgraph.kernels.systems.sale_map import near_blocks, sale_attention

SHAPE = LayerShape(index=1, layers=2, heads=8, kv_heads=2, head_dim=16, scale=0.25)
SMALL = SaleConfig(query_block=16, key_block=8, local_keys=16, dense_below=0)
THRESHOLDS = torch.tensor([0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.9]).repeat(2, 1)
NO_PADDING = torch.zeros(2, dtype=torch.int64)

Tokens: TypeAlias = tuple[Tensor, Tensor, Tensor]


def _tokens(tokens: int, *, seed: int, batch: int = 2) -> Tokens:
    generator = torch.Generator().manual_seed(seed)
    queries, keys, values = (
        torch.randn((batch, heads, tokens, 16), generator=generator, dtype=torch.float64) * 2
        for heads in (8, 2, 2)
    )
    return queries, keys, values


def _part(tokens: Tokens, first: int, last: int) -> Tokens:
    queries, keys, values = (tensor[:, :, first:last] for tensor in tokens)
    return queries, keys, values


def _open(thresholds: Tensor | None = THRESHOLDS, config: SaleConfig = SMALL) -> Rows:
    system = Sale(config, thresholds)
    return Rows(lambda: system.open_layer(SHAPE, PlainRotary()))


def test_chunks_read_what_the_map_of_their_own_queries_says() -> None:
    tokens = _tokens(150, seed=0)
    layer = _open()
    for first, last in ((0, 70), (70, 77), (77, 150)):
        output = layer.prefill(*_part(tokens, first, last), NO_PADDING)
        queries, keys, values = tokens[0][:, :, first:last], *(t[:, :, :last] for t in tokens[1:])
        kept = sale_attention(
            queries, keys, values, THRESHOLDS[1], scale=SHAPE.scale, config=SMALL
        ).kept
        by_token = kept.repeat_interleave(16, 2).repeat_interleave(8, 3)
        mask = by_token[:, :, : last - first, :last]
        expected = dense_attention(queries, keys, values, scale=SHAPE.scale, mask=mask).output
        assert (output - expected).abs().max() < 1e-10
        assert torch.equal(layer.kept_by_last_query(), mask[:, :, -1])
        assert not bool(mask.all())


def test_a_padded_row_gives_what_it_gives_alone() -> None:
    tokens = _tokens(120, seed=1)
    starts = torch.tensor([0, 37])
    layer = _open()
    outputs = [
        layer.prefill(*_part(tokens, 0, 30), starts),
        layer.prefill(*_part(tokens, 30, 120), starts),
    ]
    output = torch.cat(outputs, dim=2)
    alone = _open()
    queries, keys, values = (tensor[1:] for tensor in _part(tokens, 37, 120))
    expected = alone.prefill(queries, keys, values, torch.zeros(1, dtype=torch.int64))
    assert (output[1:, :, 37:] - expected).abs().max() < 1e-10
    assert not bool(output[1, :, :37].any())
    assert torch.equal(layer.kept_by_last_query()[1:, :, 37:], alone.kept_by_last_query())
    assert not bool(layer.kept_by_last_query()[1, :, :37].any())


@pytest.mark.parametrize("chunk", [7, 32, 131])
def test_thresholds_of_zero_are_dense_attention_in_chunks_with_padding(chunk: int) -> None:
    tokens = _tokens(131, seed=2)
    starts = torch.tensor([0, 20])
    # One head chooses, so that the others go through the map as well; its threshold keeps all.
    thresholds = torch.zeros(2, 8)
    thresholds[:, 3] = 1.1e-5
    layer = _open(thresholds, SaleConfig(query_block=16, key_block=8, local_keys=16, dense_below=0))
    outputs = [
        layer.prefill(*_part(tokens, first, min(first + chunk, 131)), starts)
        for first in range(0, 131, chunk)
    ]
    expected = dense_attention(*tokens, scale=SHAPE.scale, starts=starts).output
    others = [head for head in range(8) if head != 3]
    assert (torch.cat(outputs, dim=2) - expected)[:, others].abs().max() < 1e-10


def test_decode_is_dense() -> None:
    tokens = _tokens(101, seed=3)
    layer = _open()
    layer.prefill(*_part(tokens, 0, 100), NO_PADDING)
    output = layer.decode(*_part(tokens, 100, 101), NO_PADDING)
    expected = dense_attention(*tokens, scale=SHAPE.scale).output[:, :, -1:]
    assert (output - expected).abs().max() < 1e-10
    assert layer.reading.attended == 101
    assert layer.reading.scored == 0


def test_short_prompts_are_dense() -> None:
    tokens = _tokens(100, seed=4)
    output = _open(config=SaleConfig()).prefill(*tokens, NO_PADDING)
    expected = dense_attention(*tokens, scale=SHAPE.scale).output
    assert (output - expected).abs().max() < 1e-10


def test_reading_counts_a_key_once_for_its_group_and_what_was_scored() -> None:
    tokens = _tokens(150, seed=5)
    thresholds = THRESHOLDS.clone()
    thresholds[:, :4] = 0
    layer = _open(thresholds)
    layer.prefill(*tokens, NO_PADDING)
    kept = layer.kept_by_last_query()
    second = [len(set(row[4:].nonzero()[:, 1].tolist())) for row in kept]
    assert layer.reading.attended == pytest.approx((150 + sum(second) / 2) / 2)
    middle = int(near_blocks(150, 150, SMALL)[1][-1].sum()) * 8
    assert layer.reading.scored == middle / 2


def test_snapshot_fork_crop_and_rows_lead_back_to_the_same_outputs() -> None:
    tokens = _tokens(140, seed=6)
    layer = _open()
    layer.prefill(*_part(tokens, 0, 80), NO_PADDING)
    kept = layer.kept_by_last_query()
    before = layer.snapshot()
    twin = layer.fork()
    first = layer.prefill(*_part(tokens, 80, 140), NO_PADDING)
    layer.restore(before)
    assert torch.equal(layer.kept_by_last_query(), kept)
    assert torch.equal(layer.prefill(*_part(tokens, 80, 140), NO_PADDING), first)
    layer.crop(80)
    assert torch.equal(layer.prefill(*_part(tokens, 80, 140), NO_PADDING), first)
    twin.select_rows(torch.tensor([1, 0, 1]))
    swapped = [tensor[[1, 0, 1]] for tensor in _part(tokens, 80, 140)]
    three = twin.prefill(swapped[0], swapped[1], swapped[2], torch.zeros(3, dtype=torch.int64))
    # Matrix products of other batch sizes may add in another order.
    assert (three - first[[1, 0, 1]]).abs().max() < 1e-12


def test_bytes_are_those_of_the_pages_and_the_flags_of_the_last_choice() -> None:
    layer = _open()
    layer.prefill(*_tokens(150, seed=7), NO_PADDING)
    assert layer.bytes_held() == 2 * 2 * 2 * 256 * 16 * 8 + 2 * 8 * 19


def test_bfloat16_stays_near_float64() -> None:
    tokens = _tokens(150, seed=8)
    thresholds = torch.full((2, 8), 0.02)
    queries, keys, values = (tensor.bfloat16() for tensor in tokens)
    output = _open(thresholds).prefill(queries, keys, values, NO_PADDING)
    expected = _open(thresholds).prefill(
        queries.double(), keys.double(), values.double(), NO_PADDING
    )
    assert output.dtype == torch.bfloat16
    # Values are below 8, where bfloat16 has steps of 2^-5; a flipped block would show as well.
    assert (output.double() - expected).abs().max() < 2**-5


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        (torch.zeros(8), r"thresholds must be floating point \[layers, heads\], got torch.float32"),
        (torch.ones(2, 8), "every threshold must be at least 0 and below 1"),
        (torch.full((2, 8), torch.nan), "every threshold must be at least 0 and below 1"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused(thresholds: Tensor, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Sale(thresholds=thresholds)


def test_thresholds_of_another_model_are_refused() -> None:
    with pytest.raises(
        UsageError, match=r"^thresholds must be \[2, 8\] for this model, got \[4, 8\]$"
    ):
        Sale(SMALL, torch.zeros(4, 8)).open_layer(SHAPE, PlainRotary())

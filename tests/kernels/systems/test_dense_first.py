"""Layers that are dense for a while: what holds on both sides of the border, and across it."""

from collections.abc import Callable, Mapping

import pytest
import torch
from tests.kernels.systems.rows import Rows
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import AttentionSystem, LayerShape
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems.dense import Dense, DenseLayer
from tapgraph.kernels.systems.dense_first import DenseFirstLayer
from tapgraph.kernels.systems.duo import Duo, DuoConfig, StreamingLayer
from tapgraph.kernels.systems.razor import Razor, RazorConfig
from tapgraph.kernels.systems.sink_window import SinkWindow, SinkWindowConfig

TOLERANCE = 1e-12
"""Float64: only the order of sums differs."""
SHAPE = LayerShape(index=0, layers=1, heads=4, kv_heads=2, head_dim=6, scale=0.4)
STARTS = torch.tensor([0, 0])
CHOSEN = torch.tensor([[False, True]])
BORDER = 24
"""The length at which each of these systems stops being dense."""
SYSTEMS: Mapping[str, Callable[[], AttentionSystem]] = {
    "razor": lambda: Razor(RazorConfig(2, 10, 4.0, dense_budgets=2), CHOSEN),
    "razor, chunked": lambda: Razor(RazorConfig(2, 10, 4.0, "chunked", 2), CHOSEN),
    "duo": lambda: Duo(DuoConfig(2, 5, dense_below=BORDER), CHOSEN),
    "duo, strict": lambda: Duo(DuoConfig(4, 18, "strict"), CHOSEN),
    "sink_window": lambda: SinkWindow(SinkWindowConfig(3, 20)),
}
EVERY = pytest.mark.parametrize("name", SYSTEMS)


def opened(name: str) -> Rows:
    return Rows(lambda: SYSTEMS[name]().open_layer(SHAPE, PlainRotary()))


def tokens(count: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def draw(heads: int) -> Tensor:
        return torch.randn((2, heads, count, 6), generator=generator, dtype=torch.float64)

    return 2 * draw(4), draw(2), draw(2)


def run(
    layer: Rows, given: tuple[Tensor, Tensor, Tensor], first: int, last: int, chunk: int
) -> Tensor:
    outputs = []
    for at in range(first, last, chunk):
        queries, keys, values = (part[:, :, at : min(at + chunk, last)] for part in given)
        call = layer.decode if chunk == 1 else layer.prefill
        outputs.append(call(queries, keys, values, STARTS))
    return torch.cat(outputs, dim=2)


@EVERY
@pytest.mark.parametrize("chunk", [1, 7])
def test_below_the_border_all_heads_are_dense_and_none_after_it(name: str, chunk: int) -> None:
    system, given = SYSTEMS[name](), tokens(40)
    assert system.dense_below == BORDER
    ours, dense = opened(name), Rows(lambda: Dense().open_layer(SHAPE, PlainRotary()))
    output = run(ours, given, 0, BORDER - 1, chunk)
    assert (output - run(dense, given, 0, BORDER - 1, chunk)).abs().max() <= TOLERANCE
    assert ours.bytes_held() == dense.bytes_held()
    assert torch.equal(ours.kept_by_last_query(), dense.kept_by_last_query())
    later = run(ours, given, BORDER - 1, 40, 1) - run(dense, given, BORDER - 1, 40, 1)
    assert later[0, :2, -1].abs().max() > 1e-3


@EVERY
def test_the_method_goes_on_as_if_it_had_read_everything(name: str) -> None:
    """The prompt is long enough for the method, and the first call is dense in all of them."""
    given = tokens(BORDER + 12)
    early = opened(name)
    run(early, given, 0, BORDER - 5, BORDER)
    grown = run(early, given, BORDER - 5, BORDER + 12, 1)
    late = opened(name)
    run(late, given, 0, BORDER + 2, BORDER + 2)
    whole = run(late, given, BORDER + 2, BORDER + 12, 1)
    assert (grown[:, :, 7:] - whole).abs().max() <= TOLERANCE
    assert torch.equal(early.kept_by_last_query(), late.kept_by_last_query())
    assert early.reading == late.reading


@EVERY
def test_a_snapshot_from_below_the_border_is_dense_again(name: str) -> None:
    given, layer = tokens(40), opened(name)
    run(layer, given, 0, BORDER - 4, BORDER)
    point, held = layer.snapshot(), layer.bytes_held()
    first = run(layer, given, BORDER - 4, 40, 1)
    for _ in range(2):
        layer.restore(point)
        assert (layer.tokens_seen, layer.bytes_held()) == (BORDER - 4, held)
        assert torch.equal(run(layer, given, BORDER - 4, 40, 1), first)
    beyond = layer.snapshot()
    run(layer, given, 0, 5, 1)
    layer.restore(beyond)
    assert layer.tokens_seen == 40


@EVERY
def test_a_fork_crosses_the_border_by_itself(name: str) -> None:
    given, layer = tokens(40), opened(name)
    run(layer, given, 0, BORDER - 4, BORDER)
    twin = layer.fork()
    expected = run(layer, given, BORDER - 4, 40, 1)
    assert twin.tokens_seen == BORDER - 4
    assert torch.equal(run(twin, given, BORDER - 4, 40, 1), expected)


@EVERY
def test_it_can_be_cropped_below_the_border_but_not_beyond(name: str) -> None:
    given, layer = tokens(50), opened(name)
    run(layer, given, 0, BORDER - 1, BORDER)
    layer.crop(9)
    rest = run(layer, given, 9, BORDER - 1, 1)
    dense = Rows(lambda: Dense().open_layer(SHAPE, PlainRotary()))
    expected = run(dense, given, 0, BORDER - 1, BORDER)[:, :, 9:]
    assert (rest - expected).abs().max() <= TOLERANCE
    run(layer, given, BORDER - 1, 50, 1)
    with pytest.raises(UsageError, match="restore a snapshot instead"):
        layer.crop(9)


def test_input_that_does_not_fit_does_not_change_the_layer_at_the_border() -> None:
    given, layer = tokens(40), opened("duo")
    run(layer, given, 0, BORDER - 1, BORDER)
    queries, keys, values = (part[:, :, BORDER - 1 : BORDER] for part in given)
    with pytest.raises(UsageError, match="must have one dtype"):
        layer.decode(queries, keys.float(), values, STARTS)
    expected = opened("duo")
    run(expected, given, 0, BORDER - 1, BORDER)
    assert torch.equal(
        run(layer, given, BORDER - 1, 40, 1), run(expected, given, BORDER - 1, 40, 1)
    )


def test_with_a_border_of_0_the_method_begins() -> None:
    given = tokens(9)
    config = DuoConfig(sink=1, recent=2, prefill="strict")
    direct = Rows(lambda: StreamingLayer(SHAPE, config))
    layer = Rows(lambda: DenseFirstLayer(SHAPE, 0, lambda: StreamingLayer(SHAPE, config)))
    assert torch.equal(run(layer, given, 0, 9, 4), run(direct, given, 0, 9, 4))
    dense = Rows(lambda: DenseLayer(SHAPE))
    assert (run(dense, given, 0, 9, 4) - run(direct.fork(), given, 0, 9, 4)).abs().max() > 1e-3

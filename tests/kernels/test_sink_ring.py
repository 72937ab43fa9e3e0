from typing import Any

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.sink_ring import SinkRing, attend_streaming, streaming_visible
from tapgraph.kernels.token_store import PAGE_TOKENS

ROUNDING = 1e-12
SINK_AND_RECENT = [(2, 5), (0, 1), (3, 1), (0, 6), (4, 40)]


def kept_positions(end: int, sink: int, recent: int) -> list[int]:
    return [position for position in range(end) if position < sink or position >= end - recent]


def fill(ring: SinkRing, keys: torch.Tensor, values: torch.Tensor, chunk: int) -> None:
    for first in range(0, keys.shape[2], chunk):
        part = slice(first, first + chunk)
        ring.append(keys[:, :, part], values[:, :, part])


def assert_holds(ring: SinkRing, keys: torch.Tensor, values: torch.Tensor) -> None:
    positions = ring.positions.tolist()
    assert sorted(positions) == kept_positions(keys.shape[2], ring.sink, ring.recent)
    assert torch.equal(ring.keys, keys[:, :, positions])
    assert torch.equal(ring.values, values[:, :, positions])


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
@pytest.mark.parametrize(("sink", "recent"), SINK_AND_RECENT)
@pytest.mark.parametrize("tokens", [3, 6, 8, 9, 31])
def test_it_holds_the_first_and_the_last_tokens(
    random_inputs: Any, tokens: int, sink: int, recent: int, chunk: int
) -> None:
    _, keys, values = random_inputs(1, tokens, batch=1)
    ring = SinkRing(sink, recent)

    fill(ring, keys, values, chunk)

    assert ring.tokens_seen == tokens
    assert_holds(ring, keys, values)


@pytest.mark.parametrize("chunk", [1, 3, 13, 100])
@pytest.mark.parametrize(("sink", "recent"), SINK_AND_RECENT)
def test_streaming_attention_equals_loops(
    naive: Any, random_inputs: Any, sink: int, recent: int, chunk: int
) -> None:
    queries, keys, values = random_inputs(31, 31, batch=1)
    ring = SinkRing(sink, recent)
    expected = naive(
        queries,
        keys,
        values,
        0.4,
        lambda row, head, query: kept_positions(query + 1, sink, recent),
    )

    output = torch.cat(
        [
            attend_streaming(
                ring,
                queries[:, :, first : first + chunk],
                keys[:, :, first : first + chunk],
                values[:, :, first : first + chunk],
                scale=0.4,
            )
            for first in range(0, 31, chunk)
        ],
        dim=2,
    )

    torch.testing.assert_close(output, expected.output, atol=ROUNDING, rtol=0)
    assert_holds(ring, keys, values)


def test_a_chunk_of_several_pieces_equals_single_tokens(random_inputs: Any) -> None:
    queries, keys, values = random_inputs(300, 300, batch=1)

    def run(chunk: int) -> torch.Tensor:
        ring = SinkRing(4, 20)
        parts = [
            attend_streaming(ring, q, k, v, scale=0.4)
            for q, k, v in zip(
                *(tensor.split(chunk, dim=2) for tensor in (queries, keys, values)), strict=True
            )
        ]
        return torch.cat(parts, dim=2)

    torch.testing.assert_close(run(300), run(1), atol=ROUNDING, rtol=0)


def test_memory_grows_by_pages_until_the_ring_is_whole(random_inputs: Any) -> None:
    _, keys, values = random_inputs(1, 700, batch=1)
    ring = SinkRing(4, 400)

    def expected_bytes(places: int) -> int:
        return 2 * 2 * places * 6 * 8 + places * 8

    fill(ring, keys[:, :, :10], values[:, :, :10], 10)
    assert ring.bytes_held() == expected_bytes(PAGE_TOKENS)
    fill(ring, keys[:, :, 10:], values[:, :, 10:], 50)
    assert ring.bytes_held() == expected_bytes(404)


def test_a_fork_goes_its_own_way(random_inputs: Any) -> None:
    _, keys, values = random_inputs(1, 31, batch=1)
    ring = SinkRing(2, 5)
    fill(ring, keys[:, :, :20], values[:, :, :20], 20)

    twin = ring.fork()
    fill(ring, -keys[:, :, 20:], values[:, :, 20:], 4)
    fill(twin, keys[:, :, 20:], values[:, :, 20:], 3)

    assert_holds(twin, keys, values)


def test_it_can_be_cropped_while_nothing_was_dropped(random_inputs: Any) -> None:
    _, keys, values = random_inputs(1, 31, batch=1)
    ring = SinkRing(2, 10)
    fill(ring, keys[:, :, :12], values[:, :, :12], 12)

    ring.crop(7)

    assert ring.tokens_seen == 7
    assert_holds(ring, keys[:, :, :7], values[:, :, :7])
    fill(ring, keys[:, :, 7:], values[:, :, 7:], 3)
    assert_holds(ring, keys, values)


def test_a_crop_behind_dropped_tokens_is_refused(random_inputs: Any) -> None:
    _, keys, values = random_inputs(1, 13, batch=1)
    ring = SinkRing(2, 10)
    fill(ring, keys, values, 13)

    with pytest.raises(UsageError, match=r"^cannot go back to 12 tokens: the window of 10 has alr"):
        ring.crop(12)
    with pytest.raises(UsageError, match=r"^can keep 0 to 13 tokens, got 14$"):
        ring.crop(14)


def test_a_window_includes_the_query_itself() -> None:
    positions = torch.arange(4)

    seen = streaming_visible(positions, positions, sink=1, recent=2)

    assert seen.int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 1, 1]]


@pytest.mark.parametrize(("sink", "recent"), [(-1, 4), (2, 0)])
def test_impossible_sizes_are_named(sink: int, recent: int) -> None:
    with pytest.raises(
        UsageError,
        match=rf"^sink must be at least 0 and recent at least 1, got {sink} and {recent}$",
    ):
        SinkRing(sink, recent)


def test_an_empty_ring_has_nothing_to_show() -> None:
    assert SinkRing(1, 1).bytes_held() == 0
    with pytest.raises(UsageError, match=r"^nothing was stored yet$"):
        _ = SinkRing(1, 1).keys

"""Landmark attention against loops over explicit lists of blocks and positions."""

import cmath
import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from tests.kernels.systems.rows import Rows
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import LayerShape
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems.landmark import Landmark, LandmarkConfig, Retrieval
from tapgraph.kernels.systems.landmark_retrieval import LandmarkRooms, Piece
from tapgraph.kernels.token_store import PAGE_TOKENS

TOLERANCE = 1e-11
"""Float64; only the order of sums differs."""
SHAPE = LayerShape(index=0, layers=1, heads=4, kv_heads=2, head_dim=6, scale=0.7)
RETRIEVALS: tuple[Retrieval, ...] = ("per_head_and_token", "per_head", "per_token", "shared")
ROTARY = PlainRotary(base=50.0)


@dataclass(frozen=True)
class Tokens:
    queries: Tensor
    keys: Tensor
    values: Tensor
    starts: Tensor

    def part(self, first: int, last: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        place = slice(first, last)
        return (
            self.queries[:, :, place],
            self.keys[:, :, place],
            self.values[:, :, place],
            (self.starts),
        )


def tokens(count: int, starts: tuple[int, ...] = (0, 5), seed: int = 0) -> Tokens:
    generator = torch.Generator().manual_seed(seed)

    def draw(heads: int) -> Tensor:
        shape = (len(starts), heads, count, SHAPE.head_dim)
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    return Tokens(draw(4) * 1.5, draw(2), draw(2), torch.tensor(starts))


def opened(config: LandmarkConfig, shape: LayerShape = SHAPE, rotary: PlainRotary = ROTARY) -> Rows:
    return Rows(lambda: Landmark(config).open_layer(shape, rotary))


def run(layer: Rows, given: Tokens, calls: list[tuple[int, int]]) -> Tensor:
    outputs = []
    for first, last in calls:
        call = layer.decode if last - first == 1 else layer.prefill
        outputs.append(call(*given.part(first, last)))
    return torch.cat(outputs, dim=2)


def as_complex(vectors: Tensor) -> Any:
    """Nested lists of complex numbers: channel i with channel i + head_dim / 2."""
    return torch.complex(*vectors.chunk(2, dim=-1)).tolist()


def turned_product(query: list[complex], key: list[complex], distance: int) -> float:
    """The product of two vectors that were rotated to positions so far apart."""
    turns = [cmath.exp(1j * distance * 50.0 ** (-2 * pair / 6)) for pair in range(3)]
    pairs = zip(query, key, turns, strict=True)
    return sum((q * k.conjugate() * turn).real for q, k, turn in pairs)


def chunk_edges(config: LandmarkConfig, start: int, sparse_from: int, last: int) -> list[int]:
    """Where the chunks of a prompt begin that starts at a slot, and the slot after the last."""
    chunk = config.chunk
    counted_from = start if config.retrieval in {"per_head", "shared"} else sparse_from
    inner = range(counted_from, last, chunk)
    return sorted({sparse_from, *(edge for edge in inner if edge > sparse_from), last})


@dataclass
class ByDefinition:
    """One query of one head at a time; positions are those of the stingy map, written out."""

    config: LandmarkConfig
    given: Tokens
    weigh: Any

    def __post_init__(self) -> None:
        self.kept: dict[tuple[int, int], set[int]] = {}
        self.queries, self.keys = as_complex(self.given.queries), as_complex(self.given.keys)

    def call(self, first: int, last: int) -> Tensor:
        output = torch.zeros_like(self.given.queries[:, :, first:last])
        for row, start in enumerate(self.given.starts.tolist()):
            in_full = (self.config.retrieved + 1) * (self.config.block + 1)
            sparse_from = start + max(self.config.dense_below, in_full)
            slot = max(start, first)
            for at in range(slot, min(last, sparse_from)):
                # As if the text began with a chunk that is long enough for it.
                from_the_first = range(at - start + 1)
                for head in range(4):
                    output[row, head, at - first] = self._attend(
                        row, start, head, at - start, from_the_first, []
                    )
            is_step = last - first == 1
            edges = chunk_edges(self.config, start, sparse_from, last)
            for begin, until in [(slot, last)] if is_step else pairwise(edges):
                chunk = range(begin - start, until - start)
                here = range(max(slot, sparse_from, begin) - start, until - start)
                if not here:
                    continue
                lists = self._choose(row, start, chunk, here)
                for head in range(4):
                    for position in here:
                        blocks = lists[head, position]
                        output[row, head, start + position - first] = self._attend(
                            row, start, head, position, chunk, blocks
                        )
        return output

    def _rooms(self, finished: int) -> int:
        return min(finished, self.config.retrieved + 1)

    def _logit(self, row: int, head: int, query: int, key: int, distance: int) -> float:
        vectors = self.queries[row][head][query], self.keys[row][head // 2][key]
        return SHAPE.scale * turned_product(*vectors, distance)

    def _choose(
        self, row: int, start: int, chunk: range, here: range
    ) -> dict[tuple[int, int], list[int]]:
        stride, k = self.config.block + 1, self.config.retrieved
        finished = chunk[0] // stride
        scores: dict[tuple[int, int], list[float]] = {}
        for head in range(4):
            for position in here:
                at = self._rooms(finished) * stride + position - finished * stride
                logits = []
                for block in range(finished):
                    if finished <= k:
                        room = block
                    elif block >= finished - k:
                        room = 1 + block - (finished - k)
                    else:
                        room = 0
                    landmark, place = (number * stride + stride - 1 for number in (block, room))
                    slots = start + position, start + landmark
                    logits.append(self._logit(row, head, *slots, at - place))
                total = sum(map(math.exp, logits))
                scores[head, position] = [math.exp(logit) / total for logit in logits]
        return {
            (head, position): self._best([
                scores[other] for other in scores if self._share(other, (head, position))
            ])
            for head, position in scores
        }

    def _share(self, one: tuple[int, int], other: tuple[int, int]) -> bool:
        retrieval = self.config.retrieval
        same_token = one[1] == other[1] or retrieval in {"per_head", "shared"}
        if retrieval in {"per_token", "shared"}:
            return same_token
        group = 1 if self.config.lists == "query_head" else 2
        return same_token and one[0] // group == other[0] // group

    def _best(self, scores: list[list[float]]) -> list[int]:
        best = [max(column) for column in zip(*scores, strict=True)]
        order = sorted(range(len(best)), key=lambda block: (-best[block], block))
        return sorted(order[: self.config.retrieved])

    def _attend(
        self, row: int, start: int, head: int, position: int, chunk: range, blocks: list[int]
    ) -> Tensor:
        stride, k = self.config.block + 1, self.config.retrieved
        finished = chunk[0] // stride
        shift = (self._rooms(finished) - finished) * stride
        places = {near: near + shift for near in range(finished * stride, position + 1)}
        for rank, block in enumerate(blocks):
            room = rank + 1 if finished > k and block >= finished - k else rank
            for inside in range(stride):
                places[block * stride + inside] = room * stride + inside
        logits = {
            token: self._logit(row, head, start + position, start + token, position + shift - place)
            for token, place in places.items()
        }
        weights = self.weigh(logits, position, self.config.block)
        self.kept[row, head] = {start + token for token, weight in weights.items() if weight}
        return torch.stack([
            weight * self.given.values[row, head // 2, start + token]
            for token, weight in weights.items()
        ]).sum(dim=0)


CALLS = [(0, 13), (13, 20), (20, 43), *[(slot, slot + 1) for slot in range(43, 50)]]
"""Prompt chunks that end in the middle of blocks, then decode steps over two landmarks."""


@pytest.mark.parametrize(
    ("retrieval", "lists"),
    [
        ("per_head_and_token", "query_head"),
        ("per_head_and_token", "kv_head"),
        ("per_head", "query_head"),
        ("per_head", "kv_head"),
        ("per_token", "query_head"),
        ("shared", "query_head"),
    ],
)
@pytest.mark.parametrize("sizes", [(3, 2, 6, 0), (2, 1, 50, 0), (3, 2, 6, 17), (2, 1, 9, 46)])
def test_each_token_reads_what_its_chunk_retrieves(
    retrieval: Any, lists: Any, sizes: tuple[int, int, int, int], grouped_weights: Any
) -> None:
    block, retrieved, chunk, dense_below = sizes
    config = LandmarkConfig(block, retrieved, chunk, retrieval, lists, dense_below=dense_below)
    given = tokens(50)
    reference = ByDefinition(config, given, grouped_weights)
    expected = torch.cat([reference.call(*call) for call in CALLS], dim=2)
    layer = opened(config)
    assert (run(layer, given, CALLS) - expected).abs().max() <= TOLERANCE
    for (row, head), slots in reference.kept.items():
        assert set(layer.kept_by_last_query()[row, head].nonzero()[:, 0].tolist()) == slots


@pytest.mark.parametrize("dense_below", [0, 17])
def test_a_prompt_gives_the_same_however_it_is_cut(dense_below: int) -> None:
    config, given = LandmarkConfig(3, 2, 6, dense_below=dense_below), tokens(50)
    whole = run(opened(config), given, [(0, 50)])
    cut = run(opened(config), given, [(0, 10), (10, 12), (12, 29), (29, 50)])
    assert (whole - cut).abs().max() <= TOLERANCE


def test_a_map_without_the_empty_room_would_be_seen(
    grouped_weights: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, given = LandmarkConfig(3, 2, 6, dense_below=0), tokens(50)
    reference = ByDefinition(config, given, grouped_weights)
    expected = torch.cat([reference.call(*call) for call in CALLS], dim=2)

    def by_rank(_: LandmarkRooms, __: Piece, chosen: Tensor) -> Tensor:
        return torch.arange(chosen.shape[-1]).expand_as(chosen)

    monkeypatch.setattr(LandmarkRooms, "_rooms_of", by_rank)
    output = run(opened(config), given, CALLS)
    for chunks_or_steps in (slice(0, 43), slice(43, 50)):
        assert (output - expected)[:, :, chunks_or_steps].abs().max() > 0.01


@pytest.mark.parametrize("retrieval", RETRIEVALS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_of_equal_landmarks_the_first_are_retrieved(retrieval: Any, dtype: torch.dtype) -> None:
    shape = LayerShape(index=0, layers=1, heads=4, kv_heads=2, head_dim=16, scale=0.7)
    generator = torch.Generator().manual_seed(0)
    count, starts = 150, torch.tensor([0, 7])
    queries, keys, values = (
        torch.randn((2, heads, count, 16), generator=generator, dtype=dtype) for heads in (4, 2, 2)
    )
    for row, start in enumerate(starts.tolist()):
        keys[row, :, start + 3 :: 4] = keys[row, :, start + 3 : start + 4]
    config = LandmarkConfig(block=3, retrieved=4, chunk=6, retrieval=retrieval, dense_below=0)
    layer = opened(config, shape, ROTARY)
    given = Tokens(queries, keys, values, starts)
    seen = 0
    for first, last in [(0, 100), (100, 103), *[(slot, slot + 1) for slot in range(103, 150)]]:
        run(layer, given, [(first, last)])
        for row, start in enumerate(starts.tolist()):
            # A step is a chunk; those of a prompt begin after the five blocks that are read whole.
            begin = last - 1
            if last - first > 1:
                begin = chunk_edges(config, start, start + 5 * 4, last)[-2]
            finished = (begin - start) // 4
            for kept in layer.kept_by_last_query()[row]:
                read = {(slot - start) // 4 for slot in kept.nonzero()[:, 0].tolist()}
                old = sorted(block for block in read if block < finished - 4)
                assert old == list(range(len(old)))
                seen += len(old)
    assert seen > 100


@dataclass
class Recorded(PlainRotary):
    """A rotary embedding that remembers the largest position it was asked for."""

    largest: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def __call__(self, vectors: Tensor, positions: Tensor) -> Tensor:
        if positions.numel():
            self.largest = max(self.largest, int(positions.max()))
        return super().__call__(vectors, positions)


def test_positions_stay_small_however_long_the_text() -> None:
    rotary, given = Recorded(), tokens(150)
    layer = opened(LandmarkConfig(block=3, retrieved=2, chunk=6, dense_below=0), SHAPE, rotary)
    run(layer, given, [(0, 146), *[(slot, slot + 1) for slot in range(146, 150)]])
    assert rotary.largest < (2 + 2) * (3 + 1) + 6


class Lengthening(PlainRotary):
    """As YaRN's: what is rotated also gets longer."""

    def __call__(self, vectors: Tensor, positions: Tensor) -> Tensor:
        return 1.25 * super().__call__(vectors, positions)

    def undo(self, vectors: Tensor, positions: Tensor) -> Tensor:
        return super().__call__(vectors, -positions) / 1.25


@pytest.mark.parametrize("dense_below", [0, 30, 90])
def test_a_rotary_embedding_that_lengthens_vectors_does_so_once(dense_below: int) -> None:
    config = LandmarkConfig(block=3, retrieved=2, chunk=6, dense_below=dense_below)
    given, shorter = tokens(50), replace(SHAPE, scale=SHAPE.scale / 1.25**2)
    layers = (
        opened(config, SHAPE, PlainRotary()),
        opened(config, shorter, Lengthening()),
    )
    plain, lengthened = (run(layer, given, CALLS) for layer in layers)
    assert (plain - lengthened).abs().max() <= TOLERANCE
    for layer in layers:
        layer.crop(20)
    plain, lengthened = (run(layer, given, [(20, 45), (45, 46)]) for layer in layers)
    assert (plain - lengthened).abs().max() <= TOLERANCE


def test_up_to_one_block_more_than_are_retrieved_all_is_read() -> None:
    given = tokens(13, starts=(0,))
    config = LandmarkConfig(block=3, retrieved=2, chunk=6, dense_below=0)
    layer = opened(config)
    run(layer, given, [(0, 12)])
    assert layer.kept_by_last_query()[0].sum(dim=1).tolist() == [9] * 4
    run(layer, given, [(12, 13)])
    assert layer.kept_by_last_query()[0].sum(dim=1).tolist() == [2 * 3 + 1] * 4


def test_slabs_of_queries_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    config, given = LandmarkConfig(block=3, retrieved=2, chunk=30, dense_below=0), tokens(60)
    whole = run(opened(config), given, [(0, 20), (20, 60)])
    monkeypatch.setattr("tapgraph.kernels.systems.landmark_retrieval._SLAB_ENTRIES", 50)
    in_slabs = run(opened(config), given, [(0, 20), (20, 60)])
    assert (in_slabs - whole).abs().max() <= TOLERANCE


def test_the_last_query_reads_retrieved_blocks_and_its_own() -> None:
    given = tokens(42, starts=(0,))
    layer = opened(LandmarkConfig(block=3, retrieved=2, chunk=6, dense_below=0))
    run(layer, given, [(0, 41), (41, 42)])
    kept = layer.kept_by_last_query()[0]
    # Position 41 is the second of block 10; ten blocks are scored, two of three tokens are read.
    assert kept.sum(dim=1).tolist() == [2 * 3 + 2] * 4
    assert kept[:, 40:].all()
    assert not kept[:, 3::4].any()
    assert layer.reading.scored == 10
    assert 8 <= layer.reading.attended <= 14
    run(layer, tokens(44, starts=(0,)), [(42, 43), (43, 44)])
    # A landmark reads its block without itself.
    assert layer.kept_by_last_query()[0].sum(dim=1).tolist() == [2 * 3 + 3] * 4


def test_what_reads_everything_is_kept_twice_only_until_it_does_not() -> None:
    config = LandmarkConfig(block=3, retrieved=2, chunk=6, dense_below=40)
    layer, given = opened(config), tokens(60, starts=(0,))
    choice = 8 * SHAPE.heads * config.retrieved
    pages = 2 * SHAPE.kv_heads * PAGE_TOKENS * SHAPE.head_dim * 8
    run(layer, given, [(0, 30), (30, 39)])
    assert layer.bytes_held() == 2 * pages
    assert layer.reading.scored == 38 // 4
    run(layer, given, [(39, 41)])
    # Landmarks are kept once more, in float64.
    assert layer.bytes_held() == pages + pages // 2 + choice


def test_a_text_that_was_cut_short_reads_everything_again() -> None:
    config = LandmarkConfig(block=3, retrieved=2, chunk=6, dense_below=30)
    given, other = tokens(50), tokens(50, seed=1)
    layer, fresh = (opened(config) for _ in range(2))
    run(layer, given, CALLS)
    layer.crop(20)
    run(fresh, given, CALLS[:2])
    after = [(20, 33), (33, 34)]
    assert (run(layer, other, after) - run(fresh, other, after)).abs().max() <= TOLERANCE
    assert torch.equal(layer.kept_by_last_query(), fresh.kept_by_last_query())


@pytest.mark.parametrize("dense_below", [0, 90])
def test_low_precision_keeps_its_dtype(dense_below: int) -> None:
    given = tokens(40)
    lower = Tokens(
        given.queries.bfloat16(), given.keys.bfloat16(), given.values.bfloat16(), given.starts
    )
    config = LandmarkConfig(block=3, retrieved=2, chunk=8, dense_below=dense_below)
    output = run(opened(config), lower, [(0, 39), (39, 40)])
    assert output.dtype == torch.bfloat16
    assert output.isfinite().all()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"block": 0}, "block must be at least 1, got 0"),
        ({"retrieved": 0}, "retrieved must be at least 1, got 0"),
        ({"chunk": -1}, "chunk must be at least 1, got -1"),
        ({"dense_below": -1}, "dense_below must be at least 0, got -1"),
        ({"lists": "head"}, "lists must be 'query_head' or 'kv_head', got 'head'"),
        (
            {"retrieval": "all"},
            "retrieval must be 'per_head_and_token', 'per_head', 'per_token' or 'shared', "
            "got 'all'",
        ),
    ],
)
def test_bad_settings_are_named(settings: Any, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        LandmarkConfig(**settings)
    assert str(caught.value) == complaint

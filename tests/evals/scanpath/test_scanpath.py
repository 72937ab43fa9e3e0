"""Every metric against a second way to the same number: enumeration, shortest paths, by hand."""

import heapq
import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from statistics import median

import pytest

from tapgraph.evals.scanpath import (
    Behaviour,
    Fixation,
    behaviour,
    behaviour_delta,
    cells,
    multi_match,
    scan_match,
    sequence_score,
    string_edit_distance,
    window_distance,
)

WIDTH, HEIGHT = 1080.0, 2400.0
SEEDS = range(8)


def random_path(seed: int, stops: int) -> list[Fixation]:
    rng = random.Random(seed)
    return [
        Fixation(rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(0.1, 1))
        for _ in range(stops)
    ]


def random_cells(seed: int, stops: int, count: int = 20) -> tuple[int, ...]:
    rng = random.Random(seed)
    return tuple(rng.randrange(count) for _ in range(stops))


def alignments(rows: int, columns: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Every way to pair some of the rows with some of the columns in order."""
    for count in range(min(rows, columns) + 1):
        for left in itertools.combinations(range(rows), count):
            for right in itertools.combinations(range(columns), count):
                yield tuple(zip(left, right, strict=True))


def best_by_enumeration(
    one: Sequence[int], other: Sequence[int], worth: Callable[[int, int], float]
) -> float:
    return max(
        sum(worth(one[row], other[column]) for row, column in pairs)
        for pairs in alignments(len(one), len(other))
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_sequence_score_is_the_best_of_all_alignments(seed: int) -> None:
    one, other = random_cells(seed, 5, 4), random_cells(seed + 100, 6, 4)
    best = best_by_enumeration(one, other, lambda a, b: float(a == b))
    assert sequence_score(one, other) == pytest.approx(best / 6)


@pytest.mark.parametrize("seed", SEEDS)
def test_scan_match_is_the_best_of_all_alignments(seed: int) -> None:
    one, other = random_cells(seed, 5), random_cells(seed + 100, 6)

    def worth(a: int, b: int) -> float:
        rows, columns = a // 5 - b // 5, a % 5 - b % 5
        return 3.5 - math.sqrt(rows**2 + columns**2)

    best = best_by_enumeration(one, other, worth)
    assert scan_match(one, other, columns=5) == pytest.approx(best / (3.5 * 6))


@pytest.mark.parametrize("seed", SEEDS)
def test_edit_distance_is_that_of_its_recursion(seed: int) -> None:
    one, other = random_cells(seed, 7, 4), random_cells(seed + 100, 5, 4)

    @cache
    def distance(left: int, right: int) -> int:
        if not left or not right:
            return left + right
        same = one[left - 1] == other[right - 1]
        return min(
            distance(left - 1, right) + 1,
            distance(left, right - 1) + 1,
            distance(left - 1, right - 1) + (not same),
        )

    assert string_edit_distance(one, other) == distance(7, 5)


def cheapest_way(costs: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Dijkstra's way through the table, as the authors of MultiMatch find it."""
    end = (len(costs) - 1, len(costs[0]) - 1)
    queue: list[tuple[float, list[tuple[int, int]]]] = [(costs[0][0], [(0, 0)])]
    while True:
        spent, way = heapq.heappop(queue)
        row, column = way[-1]
        if (row, column) == end:
            return way
        for cell in ((row + 1, column + 1), (row + 1, column), (row, column + 1)):
            if cell[0] <= end[0] and cell[1] <= end[1]:
                heapq.heappush(queue, (spent + costs[cell[0]][cell[1]], [*way, cell]))


@pytest.mark.parametrize("seed", SEEDS)
def test_multi_match_pairs_steps_by_the_cheapest_way(seed: int) -> None:
    one, other = random_path(seed, 5), random_path(seed + 100, 4)
    ours = [complex(b.x - a.x, b.y - a.y) for a, b in itertools.pairwise(one)]
    theirs = [complex(b.x - a.x, b.y - a.y) for a, b in itertools.pairwise(other)]
    way = cheapest_way([[abs(u - v) for v in theirs] for u in ours])
    diagonal = math.hypot(WIDTH, HEIGHT)
    found = multi_match(one, other, width_px=WIDTH, height_px=HEIGHT)
    shape = median(abs(ours[a] - theirs[b]) for a, b in way) / (2 * diagonal)
    length = median(abs(abs(ours[a]) - abs(theirs[b])) for a, b in way) / diagonal
    place = median(
        abs(complex(one[a].x, one[a].y) - complex(other[b].x, other[b].y)) for a, b in way
    )
    cosines = [(ours[a] * theirs[b].conjugate()).real / abs(ours[a] * theirs[b]) for a, b in way]
    turned = median(math.acos(max(-1, min(1, cosine))) for cosine in cosines) / math.pi
    lasting = median(
        1
        - min(one[a].duration_s, other[b].duration_s) / max(one[a].duration_s, other[b].duration_s)
        for a, b in way
    )
    assert found.shape == pytest.approx(1 - shape)
    assert found.length == pytest.approx(1 - length)
    assert found.position == pytest.approx(1 - place / diagonal)
    assert found.direction == pytest.approx(1 - turned)
    assert found.duration == pytest.approx(1 - lasting)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_path_is_like_itself_and_more_so_than_a_random_one(seed: int) -> None:
    path, other = random_path(seed, 7), random_path(seed + 100, 7)
    grid, there = (
        cells(one, width_px=WIDTH, height_px=HEIGHT, columns=8, rows=12) for one in (path, other)
    )
    itself = multi_match(path, path, width_px=WIDTH, height_px=HEIGHT)
    assert (itself.shape, itself.direction, itself.duration) == (1, 1, 1)
    assert sequence_score(grid, grid) == 1
    assert scan_match(grid, grid, columns=8) == pytest.approx(1)
    assert string_edit_distance(grid, grid) == 0
    assert window_distance(path, path, longest_side_px=HEIGHT) == 1
    assert scan_match(grid, there, columns=8) < 0.8
    assert sequence_score(grid, there) < 0.8
    assert string_edit_distance(grid, there) > 2
    assert window_distance(path, other, longest_side_px=HEIGHT) < 0.95


def test_direction_is_compared_around_the_circle() -> None:
    left_up = [Fixation(500, 500), Fixation(400, 499), Fixation(300, 498)]
    left_down = [Fixation(500, 500), Fixation(400, 501), Fixation(300, 502)]
    found = multi_match(left_up, left_down, width_px=WIDTH, height_px=HEIGHT)
    assert found.direction == pytest.approx(1 - 2 * math.atan2(1, 100) / math.pi)


def test_cells_are_counted_row_by_row_and_stop_at_the_edge() -> None:
    path = [Fixation(-5, 0), Fixation(1079, 0), Fixation(1080, 2400), Fixation(540, 1200)]
    assert cells(path, width_px=WIDTH, height_px=HEIGHT, columns=5, rows=5) == (0, 4, 24, 12)


def test_window_distance_by_hand() -> None:
    one, other = [Fixation(0, 0), Fixation(10, 0)], [Fixation(0, 0), Fixation(0, 10)]
    single = math.exp(-((0 + 10) / 2) / 100)
    double = math.exp(-math.sqrt(10**2 + 10**2) / (2 * 100))
    expected = (single + double) / 2
    assert window_distance(one, other, longest_side_px=100) == pytest.approx(expected)


def test_behaviour_delta_is_relative_where_the_reference_is_not_near_nothing() -> None:
    reference = Behaviour(1.0, 4, 0.5, 0.0, 0.5)
    one = Behaviour(0.5, 6, 0.5, 0.1, 0.4)
    assert behaviour_delta(one, reference) == pytest.approx((0.5 + 0.5 + 0 + 0.1 + 0.2) / 5)
    assert behaviour_delta(reference, reference) == 0


def test_every_stop_is_a_first_visit_a_refixation_or_a_revisit() -> None:
    things = [f"{one}" for one in random_cells(3, 30, 6)]
    found = behaviour(things, target=things[-1])
    assert found.first_visits + found.refixations + found.revisits == pytest.approx(1)
    assert behaviour(things, target="elsewhere").finds == 0


def test_empty_paths() -> None:
    assert sequence_score([], []) == 1
    assert sequence_score([], [1]) == 0
    assert scan_match([], [], columns=5) == 1
    assert string_edit_distance([], [1, 2]) == 2
    with pytest.raises(ValueError, match="empty path"):
        behaviour([], target="a")
    with pytest.raises(ValueError, match="empty path"):
        window_distance([], [Fixation(0, 0)], longest_side_px=10)
    with pytest.raises(ValueError, match="needs 3 stops"):
        multi_match(random_path(1, 2), random_path(2, 5), width_px=WIDTH, height_px=HEIGHT)


@pytest.mark.parametrize(("columns", "threshold"), [(0, 3.5), (5, 0.0), (5, -1.0)])
def test_a_grid_without_columns_or_a_threshold_that_matches_nothing_is_refused(
    columns: int, threshold: float
) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        scan_match([1], [1], columns=columns, threshold=threshold)

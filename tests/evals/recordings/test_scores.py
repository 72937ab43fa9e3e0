import pytest

from tapgraph.evals.recordings.scores import (
    THRESHOLDS,
    boundary_f1,
    mean_average_precision,
    overlap,
)
from tapgraph.tools.mobile.perception.segmenter import ActionKind, Segment


def span(start: int, end: int, kind: ActionKind = "tap", score: float = 1.0) -> Segment:
    return Segment(start, end, kind, score)


def test_an_overlap_is_the_common_part_of_both() -> None:
    assert overlap(span(0, 10), span(5, 15)) == pytest.approx(5 / 15)
    assert overlap(span(0, 5), span(5, 9)) == 0.0


def test_a_beginning_counts_once_and_near_enough() -> None:
    assert boundary_f1([[10]], [[12]]) == 1.0
    assert boundary_f1([[10]], [[13]]) == 0.0
    assert boundary_f1([[10, 11]], [[10]]) == pytest.approx(2 / 3)
    assert boundary_f1([[5], []], [[5], [9]]) == pytest.approx(2 / 3)


def test_average_precision_by_hand() -> None:
    truth = [[span(0, 10), span(20, 30)]]
    found = [[span(0, 10, score=0.9), span(50, 60, score=0.8), span(20, 30, score=0.7)]]
    assert mean_average_precision(found, truth) == pytest.approx((1 + 2 / 3) / 2)


def test_a_loose_segment_counts_at_low_overlaps_only() -> None:
    truth, found = [[span(0, 10)]], [[span(0, 20)]]
    assert mean_average_precision(found, truth) == pytest.approx(3 / len(THRESHOLDS))


def test_the_wrong_kind_and_the_wrong_clip_find_nothing() -> None:
    truth = [[span(0, 10)], []]
    assert mean_average_precision([[span(0, 10, "type")], []], truth) == 0.0
    assert mean_average_precision([[], [span(0, 10)]], truth) == 0.0

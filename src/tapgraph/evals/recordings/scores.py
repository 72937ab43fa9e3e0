"""How well segments were found: F1 of beginnings, and average precision by overlap."""

from collections.abc import Sequence
from typing import Protocol

from tapgraph.tools.mobile.perception.segmenter import KINDS, Segment

__all__ = ["THRESHOLDS", "Span", "boundary_f1", "mean_average_precision", "overlap"]

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
"""Overlaps over which the average precision is averaged, as on THUMOS-14."""
_NEAR_FRAMES = 2


class Span(Protocol):
    """Some frames of a kind of action."""

    @property
    def start(self) -> int:
        """The first frame."""
        ...

    @property
    def end(self) -> int:
        """The frame after the last."""
        ...

    @property
    def kind(self) -> str:
        """What was done."""
        ...


def overlap(one: Span, other: Span) -> float:
    """Intersection over union of the frames, from 0 to 1."""
    common = min(one.end, other.end) - max(one.start, other.start)
    union = max(one.end, other.end) - min(one.start, other.start)
    return max(0, common) / union if union else 0.0


def boundary_f1(found: Sequence[Sequence[int]], truth: Sequence[Sequence[int]]) -> float:
    """F1 over clips of first frames that are at most two frames off, each used once."""
    hits = 0
    for guesses, real in zip(found, truth, strict=True):
        free = sorted(real)
        for guess in sorted(guesses):
            near = [one for one in free if abs(one - guess) <= _NEAR_FRAMES]
            if near:
                free.remove(min(near, key=lambda one: abs(one - guess)))
                hits += 1
    total = sum(map(len, found)) + sum(map(len, truth))
    return 2 * hits / total if total else 0.0


def mean_average_precision(
    found: Sequence[Sequence[Segment]], truth: Sequence[Sequence[Span]]
) -> float:
    """The mean over kinds that occur, and over `THRESHOLDS`, of the average precision."""
    present = [kind for kind in KINDS if any(one.kind == kind for clip in truth for one in clip)]
    values = [
        _average_precision(found, truth, kind, least) for kind in present for least in THRESHOLDS
    ]
    return sum(values) / len(values) if values else 0.0


def _average_precision(
    found: Sequence[Sequence[Segment]], truth: Sequence[Sequence[Span]], kind: str, least: float
) -> float:
    real = {
        (clip, place): one
        for clip, spans in enumerate(truth)
        for place, one in enumerate(spans)
        if one.kind == kind
    }
    guesses = [
        (one.score, clip, one)
        for clip, segments in enumerate(found)
        for one in segments
        if one.kind == kind
    ]
    guesses.sort(key=lambda guess: -guess[0])
    free, hits, total = dict(real), 0, 0.0
    for rank, (_, clip, guess) in enumerate(guesses, 1):
        fits = {key: overlap(guess, one) for key, one in free.items() if key[0] == clip}
        best = max(fits, key=lambda key: fits[key], default=None)
        if best is not None and fits[best] >= least:
            del free[best]
            hits += 1
            total += hits / rank
    return total / len(real)

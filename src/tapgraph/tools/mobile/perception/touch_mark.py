"""Where a finger was, by the round mark that a phone shows under it ("Show taps")."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Touch", "touch_from"]

_NEAR_FRAMES = 2
"""So far a beginning may be from where it was found."""
_LOOKS_BACK = 5
_LEAST_CHANGE = 0.12
_SMALLEST, _LARGEST = 6, 60
"""Pixels of a small frame that a mark may cover."""
_WIDEST = 8
_CLEAR = 0.4
"""Of the strongest change: what changes less is the edge of a mark, or lies beside it."""
_FILLED = 0.4
"""A round mark on an icon fills more than this share of the square around it."""
_ROUND = 2.0
"""So many times as long as wide it may be: a part of it may be as what it lies on."""


@dataclass(frozen=True, slots=True)
class Touch:
    """A finger on the screen.

    Attributes:
        frame: the first one that shows it.
        place: as shares of the screen's width and height from 0 to 1.
    """

    frame: int
    place: tuple[float, float]


def touch_from(frames: Tensor, start: int, *, since: int) -> Touch | None:
    """The touch with which an action begins near frame `start`; None where no mark is seen.

    Args:
        frames: `[frames, height, width]`, small and from 0 to 1.
        start: where the action was found to begin.
        since: the frame after the action before; what is older is not looked at.
    """
    first, last = max(since, 1, start - _NEAR_FRAMES), min(len(frames) - 1, start + _NEAR_FRAMES)
    for frame in range(first, last + 1):
        before = frames[max(since, frame - _LOOKS_BACK, 0) : frame]
        if not len(before):
            before = frames[frame - 1 : frame]
        # What flickers is as it was in one of the frames before; a mark is new in all of them.
        place = _mark((frames[frame] - before).abs().amin(dim=0))
        if place is not None:
            return Touch(frame, place)
    return None


def _mark(change: Tensor) -> tuple[float, float] | None:
    """The middle of the one small round spot that changed; None where more did, or nothing."""
    is_new = change > max(_LEAST_CHANGE, _CLEAR * float(change.max()))
    rows, columns = is_new.nonzero(as_tuple=True)
    if not _SMALLEST <= len(rows) <= _LARGEST:
        return None
    height = int(rows.max() - rows.min()) + 1
    width = int(columns.max() - columns.min()) + 1
    long, short = max(height, width), min(height, width)
    is_round = long <= min(_WIDEST, _ROUND * short) and len(rows) >= _FILLED * height * width
    if not is_round:
        return None
    across, down = _middle(columns), _middle(rows)
    return across / change.shape[1], down / change.shape[0]


def _middle(places: Tensor) -> float:
    ends = torch.stack([places.min(), places.max()]).double()
    return float(ends.mean()) + 0.5

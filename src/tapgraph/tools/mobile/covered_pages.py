"""Which of the pages that lie over each other in one window can be seen."""

from collections.abc import Sequence
from dataclasses import dataclass

from tapgraph.tools.mobile.geometry import Bounds

__all__ = ["Page", "covered_pages"]

_PAGE_SHARE = 0.5
"""From this share of the screen on, a view can be a page."""
_HIDDEN_SHARE = 0.85
"""A page hides one of which it covers this share; the bottom bar may be left out by one of them."""
_CLASH_SHARE = 0.25
"""Two contents clash when they share so much of the smaller one."""
_HEAD_SHARE = 0.3
"""The contents of a page begin in this upper part of it."""


@dataclass(frozen=True, slots=True)
class Page:
    """A view that may be a page, and where on the screen its contents are.

    Attributes:
        drawing_order: later ones are drawn over earlier ones; 0 where the dump does not say.
    """

    bounds: Bounds
    drawing_order: int
    contents: Sequence[Bounds]


def covered_pages(pages: Sequence[Page], screen: Bounds) -> frozenset[int]:
    """The indexes of the pages among siblings over which another page is drawn.

    A dump does not tell what is opaque, and a floating button or a bottom bar often has a container
    as large as the screen. What tells a page is that it is drawn later, fills the place of the
    other, begins near its top, holds more than one thing, and that its contents stand where the
    other's do: nobody draws words over words that are to be read.
    """
    return frozenset(
        index
        for index, behind in enumerate(pages)
        if any(_covers(front, behind, screen) for front in pages)
    )


def _covers(front: Page, behind: Page, screen: Bounds) -> bool:
    if not 0 < behind.drawing_order < front.drawing_order:
        return False
    common = front.bounds.intersection(behind.bounds).area
    if common < _PAGE_SHARE * screen.area or common < _HIDDEN_SHARE * behind.bounds.area:
        return False
    if len(front.contents) <= 1:
        return False
    begins = min(content.top for content in front.contents)
    if begins > front.bounds.top + _HEAD_SHARE * front.bounds.height:
        return False
    return any(_clash(one, other) for one in front.contents for other in behind.contents)


def _clash(one: Bounds, other: Bounds) -> bool:
    smaller = min(one.area, other.area)
    return one.intersection(other).area >= _CLASH_SHARE * smaller

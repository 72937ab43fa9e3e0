"""Where on a screen to look for something: the part to see in full beside a shrunken whole.

After NevaClip (arXiv 2305.12380), which blurs a picture, and clears the place where that makes its
embedding most like a caption's. Here places are the boxes of elements, so that no gradient is
needed: one forward pass for each box and look. With no encoder, what elements say stands for what
they look like.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import hypot
from typing import Protocol

from PIL import Image, ImageFilter

from tapgraph.tools.api.retrieval import LexicalIndex, words_of
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.screen import Element, Screen

__all__ = ["ImageTextEncoder", "best_looking", "by_looks", "by_words", "window_around"]

_LARGEST_SHARE = 0.25
"""Of the screen; a larger element is a page, and no place on it."""
_BLUR_SHARE = 0.045
"""Of the shorter side: the paper's sigma of 10 on 224 pixels."""


class ImageTextEncoder(Protocol):
    """Embeds pictures and words into one space, as CLIP does; lengths do not matter."""

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> Sequence[Sequence[float]]:
        """One vector for each picture."""
        ...

    def embed_text(self, text: str) -> Sequence[float]:
        """The vector of the words."""
        ...


def by_words(elements: Sequence[Element], goal: str) -> tuple[Element, ...]:
    """The elements whose words or icon fit the goal, the best first (Okapi BM25)."""
    texts = [
        f"{one.text} {one.resource_id.rpartition('/')[2]} {one.icon.kind if one.icon else ''}"
        for one in elements
    ]
    index = LexicalIndex([Counter(words_of(text)) for text in texts])
    return tuple(elements[place] for place in index.best(words_of(goal), limit=len(elements)))


def best_looking(screen: Screen, goal: str, encoder: ImageTextEncoder) -> tuple[Element, ...]:
    """The element that looks most like the goal; none where the screen has no picture or elements.

    One forward pass of the encoder for each element.
    """
    least = _LARGEST_SHARE * screen.size.width_px * screen.size.height_px
    places = [one for one in screen.elements if not one.scrollable and one.bounds.area <= least]
    if screen.screenshot is None or not places:
        return ()
    boxes = [one.bounds for one in places]
    best = by_looks(screen.screenshot, boxes, goal, encoder, looks=1)[0]
    return (places[boxes.index(best)],)


def by_looks(
    picture: Image.Image,
    boxes: Sequence[Bounds],
    goal: str,
    encoder: ImageTextEncoder,
    *,
    looks: int = 3,
) -> tuple[Bounds, ...]:
    """The boxes to look at, in order: each makes the blurred picture most like the goal.

    What was looked at stays clear, as with the paper's forgetting at 1. At each look every other
    box costs one forward pass. Deviation: sharp boxes in the place of a Gaussian around a point.

    Raises:
        ValueError: `looks` is below 1.
    """
    if looks < 1:
        raise ValueError(f"looks must be at least 1, got {looks}")
    wanted = encoder.embed_text(goal)
    blurred = picture.filter(ImageFilter.GaussianBlur(_BLUR_SHARE * min(picture.size)))
    seen: list[Bounds] = []
    left = list(boxes)
    while left and len(seen) < looks:
        views = [_cleared(blurred, picture, [*seen, box]) for box in left]
        likenesses = [_cosine(one, wanted) for one in encoder.embed_pictures(views)]
        seen.append(left.pop(likenesses.index(max(likenesses))))
    return tuple(seen)


def window_around(box: Bounds, screen: Size, window: Size) -> Bounds:
    """The part of the screen, of the window's size at most, whose middle is nearest to the box's.

    >>> window_around(Bounds(0, 90, 20, 110), Size(100, 200), Size(50, 60))
    Bounds(left=0, top=70, right=50, bottom=130)
    """
    width = min(window.width_px, screen.width_px)
    height = min(window.height_px, screen.height_px)
    left = max(0, min(box.center.x - width // 2, screen.width_px - width))
    top = max(0, min(box.center.y - height // 2, screen.height_px - height))
    return Bounds(left, top, left + width, top + height)


def _cleared(blurred: Image.Image, picture: Image.Image, boxes: Iterable[Bounds]) -> Image.Image:
    view = blurred.copy()
    for box in boxes:
        part = (box.left, box.top, box.right, box.bottom)
        view.paste(picture.crop(part), part[:2])
    return view


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    lengths = hypot(*one) * hypot(*other)
    return product / lengths if lengths else 0.0

"""Two pictures of a screen, cut to what differs between them."""

from PIL import Image, ImageChops

__all__ = ["cropped_to_change"]

_MARGIN = 0.04
"""The share of the longer side that is shown around the change."""


def cropped_to_change(before: Image.Image, after: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Both pictures, cut to the smallest upright rectangle that holds every difference.

    They stay whole where they are of different sizes or do not differ.

    >>> dark, dot = Image.new("RGB", (100, 200)), Image.new("RGB", (100, 200))
    >>> dot.putpixel((50, 100), (255, 255, 255))
    >>> [picture.size for picture in cropped_to_change(dark, dot)]
    [(17, 17), (17, 17)]
    """
    if before.size != after.size:
        return before, after
    changed = ImageChops.difference(before.convert("RGB"), after.convert("RGB")).getbbox()
    if changed is None:
        return before, after
    margin = round(max(after.size) * _MARGIN)
    left, top, right, bottom = changed
    box = (
        max(0, left - margin),
        max(0, top - margin),
        min(after.width, right + margin),
        min(after.height, bottom + margin),
    )
    return before.crop(box), after.crop(box)

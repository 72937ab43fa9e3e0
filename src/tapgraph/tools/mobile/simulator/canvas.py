"""A picture to draw on: rectangles, round corners, ink and images, all cut at a clip rectangle.

Corners, glyphs and lines of text are drawn once as small masks and pasted from then on; nothing is
ever drawn larger and shrunk but those masks, which keeps a whole screen at some 25 ms.
"""

from functools import lru_cache

from PIL import Image, ImageChops, ImageColor, ImageDraw

from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.simulator.fonts import Mask
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile
from tapgraph.tools.mobile.simulator.theme import LIGHT, Theme

__all__ = ["Canvas", "is_dark", "mixed"]

_OVERSAMPLING = 4


@lru_cache(maxsize=1024)
def _rgb(color: str) -> tuple[int, int, int]:
    red, green, blue = ImageColor.getrgb(color)[:3]
    return red, green, blue


def is_dark(color: str) -> bool:
    """Whether white text reads better than black on this colour.

    >>> is_dark("#202124"), is_dark("#FFFFFF")
    (True, False)
    """
    red, green, blue = _rgb(color)
    return red * 299 + green * 587 + blue * 114 < 140_000


def mixed(color: str, other: str, share: float) -> str:
    """The colour between two, `share` of the way to the other.

    >>> mixed("#000000", "#FFFFFF", 0.5)
    '#808080'
    """
    parts = zip(_rgb(color), _rgb(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in parts)


@lru_cache(maxsize=128)
def _corners(radius_px: int) -> tuple[Image.Image, ...]:
    """Quarter discs for the top left, top right, bottom left and bottom right corner."""
    large = 2 * radius_px * _OVERSAMPLING
    disc = Image.new("L", (large, large))
    ImageDraw.Draw(disc).ellipse((0, 0, large - 1, large - 1), fill=255)
    disc = disc.resize((2 * radius_px, 2 * radius_px), Image.Resampling.BOX)
    near, far = (0, radius_px), (radius_px, 2 * radius_px)
    return tuple(
        disc.crop((across[0], down[0], across[1], down[1]))
        for down in (near, far)
        for across in (near, far)
    )


@lru_cache(maxsize=64)
def _rounded_mask(width: int, height: int, radius_px: int) -> Image.Image:
    canvas = Image.new("L", (width, height), 255)
    right, bottom = width - radius_px, height - radius_px
    places = ((0, 0), (right, 0), (0, bottom), (right, bottom))
    for corner, place in zip(_corners(radius_px), places, strict=True):
        canvas.paste(corner, place)
    return canvas


class Canvas:
    """An RGB picture and the rectangle that drawing is confined to.

    Attributes:
        image: the picture so far.
        clip: nothing outside changes.
        theme: colours of what names none of its own.
    """

    def __init__(self, size: Size, color: str, profile: PhoneProfile) -> None:
        self.image = Image.new("RGB", (size.width_px, size.height_px), _rgb(color))
        self.profile = profile
        self.px = profile.px
        self.text_px = profile.text_px
        self.theme: Theme = LIGHT
        self.full = Bounds(0, 0, size.width_px, size.height_px)
        self.clip = self.full

    def fill(self, box: Bounds, color: str) -> None:
        """A plain rectangle."""
        part = box.intersection(self.clip)
        if not part.is_empty:
            self.image.paste(_rgb(color), (part.left, part.top, part.right, part.bottom))

    def rounded(self, box: Bounds, radius_px: int, color: str) -> None:
        """A rectangle with round corners."""
        radius = max(0, min(radius_px, box.width // 2, box.height // 2))
        if radius == 0:
            self.fill(box, color)
            return
        left, top, right, bottom = box.left, box.top, box.right, box.bottom
        self.fill(Bounds(left, top + radius, right, bottom - radius), color)
        self.fill(Bounds(left + radius, top, right - radius, top + radius), color)
        self.fill(Bounds(left + radius, bottom - radius, right - radius, bottom), color)
        places = (
            (left, top),
            (right - radius, top),
            (left, bottom - radius),
            (right - radius, bottom - radius),
        )
        for corner, (x, y) in zip(_corners(radius), places, strict=True):
            self.ink(Mask(corner, 0, 0), x, y, color)

    def ink(self, mask: Mask, x: int, y: int, color: str) -> None:
        """A colour through a mask whose pen stands at the point."""
        left, top = x + mask.x, y + mask.y
        box = Bounds(left, top, left + mask.image.width, top + mask.image.height)
        part = box.intersection(self.clip)
        if part.is_empty:
            return
        cut = _crop(mask.image, part, left, top)
        self.image.paste(_rgb(color), (part.left, part.top, part.right, part.bottom), cut)

    def picture(self, image: Image.Image, x: int, y: int, radius_px: int = 0) -> None:
        """An image with its top left corner at the point; RGBA is drawn through its alpha."""
        part = Bounds(x, y, x + image.width, y + image.height).intersection(self.clip)
        if part.is_empty:
            return
        mask = image.getchannel("A") if image.mode == "RGBA" else None
        radius = min(radius_px, image.width // 2, image.height // 2)
        if radius > 0:
            corners = _rounded_mask(image.width, image.height, radius)
            mask = corners if mask is None else ImageChops.multiply(mask, corners)
        cut = None if mask is None else _crop(mask, part, x, y)
        self.image.paste(_crop(image, part, x, y).convert("RGB"), (part.left, part.top), cut)

    def darken(self, share: float) -> None:
        """Lay a black veil over everything so far."""
        self.image = self.image.point([round(value * (1 - share)) for value in range(256)] * 3)


def _crop(image: Image.Image, part: Bounds, left: int, top: int) -> Image.Image:
    if part.width == image.width and part.height == image.height:
        return image
    return image.crop((part.left - left, part.top - top, part.right - left, part.bottom - top))

"""A crop of a screen as the icon net sees it: how far each pixel is from the background."""

import functools

from PIL import Image, ImageChops, ImageStat

__all__ = ["ICON_PX", "background_distance", "icon_picture"]

ICON_PX = 32
"""Height and width of what the net sees."""
_LARGEST_PX = 128
_LEAST_CONTRAST = 14
"""Of 255: less is noise, and no icon."""
_MARGIN = 0.06


def icon_picture(crop: Image.Image) -> Image.Image | None:
    """The icon in grey, square, as large as `ICON_PX`, without what surrounds it; None for none.

    The background is the median colour along the edge. Every pixel becomes its largest difference
    from that in red, green or blue, so that light on dark and dark on light look the same, and the
    strongest difference becomes white. What lies around the icon is cut off.

    >>> icon_picture(Image.new("RGB", (40, 40), "navy")) is None
    True
    """
    picture = crop.convert("RGB")
    if max(picture.size) > _LARGEST_PX:
        picture.thumbnail((_LARGEST_PX, _LARGEST_PX), Image.Resampling.BOX)
    if min(picture.size) < 4:
        return None
    stretched = background_distance(picture, _edge_colour(picture))
    if stretched is None:
        return None
    found = stretched.point([0] * 64 + [255] * 192).getbbox()
    if found is None:
        return None
    left, top, right, bottom = found
    side = max(right - left, bottom - top)
    half = side * (0.5 + _MARGIN)
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    return _square(stretched, middle_x - half, middle_y - half, 2 * half)


def background_distance(
    picture: Image.Image, background: tuple[int, int, int] | None = None
) -> Image.Image | None:
    """How far each pixel is from the background, in grey; None where all are about as it is.

    That is the largest difference in red, green or blue, and the strongest becomes white. The
    background is the median colour unless it is told.
    """
    red, green, blue = background or ImageStat.Stat(picture).median
    ground = Image.new("RGB", picture.size, (int(red), int(green), int(blue)))
    differences = ImageChops.difference(picture, ground).split()
    distance = functools.reduce(ImageChops.lighter, differences)
    strongest = distance.getextrema()[1]
    if not isinstance(strongest, int) or strongest < _LEAST_CONTRAST:
        return None
    return distance.point([min(255, round(255 * grey / strongest)) for grey in range(256)])


def _edge_colour(picture: Image.Image) -> tuple[int, int, int]:
    width, height = picture.size
    edge = Image.new("RGB", (2 * (width + height), 1))
    edge.paste(picture.crop((0, 0, width, 1)), (0, 0))
    edge.paste(picture.crop((0, height - 1, width, height)), (width, 0))
    left = picture.crop((0, 0, 1, height)).transpose(Image.Transpose.ROTATE_90)
    right = picture.crop((width - 1, 0, width, height)).transpose(Image.Transpose.ROTATE_90)
    edge.paste(left, (2 * width, 0))
    edge.paste(right, (2 * width + height, 0))
    red, green, blue = ImageStat.Stat(edge).median
    return int(red), int(green), int(blue)


def _square(grey: Image.Image, left: float, top: float, side: float) -> Image.Image:
    """The square, black where it reaches over the edge, at the size that the net sees."""
    pad = max(0, round(max(-left, -top, left + side - grey.width, top + side - grey.height))) + 1
    padded = Image.new("L", (grey.width + 2 * pad, grey.height + 2 * pad))
    padded.paste(grey, (pad, pad))
    box = (left + pad, top + pad, left + pad + side, top + pad + side)
    return padded.resize((ICON_PX, ICON_PX), Image.Resampling.BILINEAR, box=box)

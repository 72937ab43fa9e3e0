"""Icons as they stand on screens: sizes, colours, shapes behind them, badges, blur, noise."""

import io
import math
import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from icon_families import OTHER, Glyphs
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageStat

from tapgraph.tools.mobile.perception.icon_picture import ICON_PX, icon_picture

__all__ = ["crop_of", "distortion_of", "draw_crops", "no_icon"]

_LEAST_LEFT = 0.3
"""Of the ink, when lines are made thinner."""
_FLOODED_PX = 32
_DARK, _LIGHT = (18, 18, 18), (255, 255, 255)


def draw_crops(
    families: Sequence[Glyphs],
    kinds: Sequence[str],
    *,
    each: int,
    others: int,
    seed: int,
    distorts: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures `[crops, ICON_PX, ICON_PX]` as the net sees them, and the place of each one's kind.

    There are `each` of every kind, drawn evenly from the families that have it, and `others` that
    show none, whose place is `len(kinds)`. Half of these are icons of other kinds; the rest are
    letters, avatars, shapes and pictures.
    """
    rng = random.Random(seed)
    places = [
        {
            kind: [at for at, shown in enumerate(glyphs.kinds) if shown == kind]
            for kind in (*kinds, OTHER)
        }
        for glyphs in families
    ]
    wanted = [place for place in range(len(kinds)) for _ in range(each)]
    wanted += [len(kinds)] * others
    rng.shuffle(wanted)
    pictures = np.zeros((len(wanted), ICON_PX, ICON_PX), dtype=np.uint8)
    for row, place in enumerate(wanted):
        kind = OTHER if place == len(kinds) else kinds[place]
        picture = None
        while picture is None:
            if kind == OTHER and rng.random() < 0.5:
                crop = no_icon(rng)
            else:
                family = rng.choice([at for at, one in enumerate(places) if one[kind]])
                mask = families[family].masks[rng.choice(places[family][kind])]
                ink = Image.fromarray(mask)
                crop = crop_of(distortion_of(ink, rng) if distorts else ink, rng)
            picture = icon_picture(crop)
        pictures[row] = np.asarray(picture)
    return pictures, np.asarray(wanted, dtype=np.int64)


def distortion_of(ink: Image.Image, rng: random.Random) -> Image.Image:
    """The icon as another hand would draw it: other weight of line, tone, proportions, slant."""
    room = Image.new("L", (ink.width + 24, ink.height + 24))
    room.paste(ink, (12, 12))
    if rng.random() < 0.45:
        room = _of_other_weight(room, rng)
    if rng.random() < 0.08:
        room = _toned(room, rng.randrange(30, 110))
    angle = math.radians(rng.gauss(0, 4))
    across, down, slant = rng.gauss(1, 0.08), rng.gauss(1, 0.08), rng.gauss(0, 0.05)
    middle = room.width / 2
    a, b = across * math.cos(angle), across * math.sin(angle) + slant
    d, e = -down * math.sin(angle), down * math.cos(angle)
    shift = (middle - a * middle - b * middle, middle - d * middle - e * middle)
    coefficients = (a, b, shift[0], d, e, shift[1])
    return room.transform(
        room.size, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )


def _of_other_weight(ink: Image.Image, rng: random.Random) -> Image.Image:
    """With thicker or thinner lines; as it was where thinner ones would be gone."""
    if rng.random() < 0.4:
        return ink.filter(ImageFilter.MaxFilter(rng.choice([3, 3, 5])))
    thinner = ink.filter(ImageFilter.MinFilter(rng.choice([3, 3, 5])))
    before, after = (ImageStat.Stat(one).sum[0] for one in (ink, thinner))
    return thinner if after > _LEAST_LEFT * before else ink


def _toned(ink: Image.Image, tone: int) -> Image.Image:
    """With what its lines enclose filled in a lighter tone."""
    # A small picture is enough, and floods forty times as fast.
    outside = ink.resize((_FLOODED_PX, _FLOODED_PX), Image.Resampling.BOX)
    outside = outside.point([0] * 48 + [255] * 208)
    ImageDraw.floodfill(outside, (0, 0), 255)
    inside = outside.point([tone] * 255 + [0])
    return ImageChops.lighter(ink, inside.resize(ink.size, Image.Resampling.BILINEAR))


def crop_of(ink: Image.Image, rng: random.Random) -> Image.Image:
    """A crop of a screen with the icon in it."""
    icon_px = rng.choice([18, 20, 24, 28, 32, 36, 40, 48, 56, 63, 72, 84, 96])
    found = ink.getbbox() or (0, 0, *ink.size)
    scale = icon_px / max(found[2] - found[0], found[3] - found[1])
    size = (
        max(3, round((found[2] - found[0]) * scale)),
        max(3, round((found[3] - found[1]) * scale)),
    )
    icon = ink.crop(found).resize(
        size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    )
    pads = [round(icon_px * rng.choice([0.06, 0.15, 0.3, 0.5, 0.8])) + 1 for _ in range(2)]
    off_x, off_y = (round(pad * rng.uniform(-0.4, 0.4)) for pad in pads)
    ground = _ground(rng)
    crop = Image.new("RGB", (size[0] + 2 * pads[0], size[1] + 2 * pads[1]), ground)
    left, top = pads[0] + off_x, pads[1] + off_y
    if rng.random() < 0.22:
        ground = _shape_behind(crop, (left, top, *size), rng)
    colour = _colour_against(ground, rng)
    crop.paste(Image.new("RGB", size, colour), (left, top), icon)
    if rng.random() < 0.07:
        _badge(crop, left + size[0], top, icon_px, rng)
    return _as_photographed(crop, rng)


def no_icon(rng: random.Random) -> Image.Image:
    """A crop without an icon: letters, an avatar, shapes, a picture."""
    side = rng.choice([32, 48, 64, 96])
    crop = Image.new("RGB", (side + rng.randrange(side), side), _ground(rng))
    draw = ImageDraw.Draw(crop)
    kind = rng.randrange(4)
    if kind == 0:
        letters = "".join(
            rng.choices(
                "ABCDEFGHKLMNPRSTUVWYabdefghkmnrst0123456789%&", k=rng.choice([1, 2, 2, 3, 5])
            )
        )
        if rng.random() < 0.5:
            draw.ellipse((2, 2, side - 3, side - 3), fill=_any_colour(rng))
        font = ImageFont.load_default(size=side * rng.uniform(0.3, 0.6))
        draw.text((side * 0.25, side * 0.2), letters, fill=_any_colour(rng), font=font)
    elif kind == 1:
        for _ in range(rng.randrange(3, 30)):
            x, y = rng.randrange(-side, crop.width), rng.randrange(-side, side)
            box = (x, y, x + rng.randrange(4, side), y + rng.randrange(4, side))
            rng.choice([draw.ellipse, draw.rectangle])(box, fill=_any_colour(rng))
        crop = crop.filter(ImageFilter.GaussianBlur(rng.uniform(0, 3)))
    elif kind == 2:
        small = Image.new("RGB", (4, 4))
        small.putdata([_any_colour(rng) for _ in range(16)])
        crop = small.resize(crop.size, Image.Resampling.BICUBIC)
    else:
        box = (3, 3, crop.width - 4, side - 4)
        if rng.random() < 0.5:
            draw.rounded_rectangle(box, rng.randrange(side // 2), fill=_any_colour(rng))
        else:
            outline = _any_colour(rng)
            draw.rounded_rectangle(box, rng.randrange(side // 2), outline=outline, width=3)
        points = [(rng.randrange(crop.width), rng.randrange(side)) for _ in range(rng.randrange(5))]
        for start, end in pairwise(points):
            draw.line((*start, *end), fill=_any_colour(rng), width=rng.randrange(1, 5))
    return _as_photographed(crop, rng)


def _ground(rng: random.Random) -> tuple[int, int, int]:
    choice = rng.random()
    if choice < 0.45:
        grey = rng.randrange(232, 256)
        return grey, grey, min(255, grey + rng.randrange(4))
    if choice < 0.75:
        grey = rng.randrange(0, 50)
        return grey, grey, grey + rng.randrange(8)
    return _any_colour(rng)


def _any_colour(rng: random.Random) -> tuple[int, int, int]:
    return rng.randrange(256), rng.randrange(256), rng.randrange(256)


def _luminance(colour: tuple[int, int, int]) -> float:
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def _colour_against(ground: tuple[int, int, int], rng: random.Random) -> tuple[int, int, int]:
    if rng.random() < 0.5:
        grey = rng.randrange(0, 120) if _luminance(ground) > 128 else rng.randrange(150, 256)
        return grey, grey, grey
    for _ in range(50):
        colour = _any_colour(rng)
        if abs(_luminance(colour) - _luminance(ground)) > 60:
            return colour
    return _DARK if _luminance(ground) > 128 else _LIGHT


def _shape_behind(
    crop: Image.Image, icon: tuple[int, int, int, int], rng: random.Random
) -> tuple[int, int, int]:
    """Draw a button behind the icon; its colour."""
    left, top, width, height = icon
    reach = 0.5 * max(width, height) * rng.uniform(1.25, 1.8)
    x, y = left + width / 2, top + height / 2
    colour = _colour_against(crop.getpixel((0, 0)), rng)  # type: ignore[arg-type]
    draw = ImageDraw.Draw(crop)
    box = (x - reach, y - reach, x + reach, y + reach)
    draw.rounded_rectangle(box, reach * rng.choice([0.15, 0.35, 1.0, 1.0]), fill=colour)
    return colour


def _badge(crop: Image.Image, right: int, top: int, icon_px: int, rng: random.Random) -> None:
    radius = icon_px * rng.uniform(0.1, 0.22)
    x, y = right - radius * rng.uniform(0, 1), top + radius * rng.uniform(0, 1)
    red = (rng.randrange(200, 256), rng.randrange(70), rng.randrange(70))
    ImageDraw.Draw(crop).ellipse((x - radius, y - radius, x + radius, y + radius), fill=red)


def _as_photographed(crop: Image.Image, rng: random.Random) -> Image.Image:
    """With the blur and noise of scaling and compressing."""
    if rng.random() < 0.25:
        crop = crop.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 1.0)))
    if rng.random() < 0.15:
        written = io.BytesIO()
        crop.save(written, "JPEG", quality=rng.randrange(40, 90))
        crop = Image.open(written).convert("RGB")
    return crop

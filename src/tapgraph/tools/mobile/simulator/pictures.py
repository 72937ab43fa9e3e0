"""Illustrations drawn from their subject: equal subjects give equal pictures, on every machine."""

import math
from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Final

from PIL import Image, ImageColor, ImageDraw

from tapgraph.tools.mobile.simulator import fonts
from tapgraph.tools.mobile.simulator.canvas import mixed
from tapgraph.tools.mobile.simulator.views import Marker

__all__ = ["app_icon", "illustration", "street_map", "wallpaper"]

_Point = tuple[float, float]

_SKIES: Final = (
    ("#8EC5FC", "#E8F4FF", "#6BA292", "#35605A", "#FFF3B0"),
    ("#FFB88C", "#FFE3C7", "#B5838D", "#6D6875", "#FFF1D0"),
    ("#5B7DB1", "#C9D6EA", "#4F6D7A", "#2F4858", "#FDFDFD"),
    ("#A1C4FD", "#FDFBFB", "#84A98C", "#52796F", "#FFE8A3"),
    ("#F6A192", "#FBD9C5", "#7C6A8E", "#443C68", "#FFE4C4"),
    ("#7FD1E0", "#E4F9F5", "#3AA6B9", "#1C6E8C", "#FFFBE6"),
)
_TINTS: Final = ("#1A73E8", "#188038", "#C5221F", "#E37400", "#7627BB", "#00796B", "#AD1457")
_SYMBOLS: Final = (
    ("headphone", "headphones"),
    ("earbud", "earbuds"),
    ("headset", "headset"),
    ("laptop", "laptop"),
    ("notebook", "notebook"),
    ("monitor", "monitor"),
    ("tv", "television"),
    ("television", "television"),
    ("phone", "cellphone"),
    ("tablet", "tablet"),
    ("watch", "watch"),
    ("camera", "camera"),
    ("keyboard", "keyboard"),
    ("mouse", "mouse"),
    ("controller", "gamepad-variant"),
    ("nintendo", "nintendo-switch"),
    ("console", "gamepad-variant"),
    ("speaker", "speaker"),
    ("shoe", "shoe-sneaker"),
    ("sneaker", "shoe-sneaker"),
    ("shirt", "tshirt-crew"),
    ("jacket", "hanger"),
    ("bag", "bag-personal"),
    ("chair", "chair-rolling"),
    ("sofa", "sofa"),
    ("lamp", "lamp"),
    ("vacuum", "robot-vacuum"),
    ("blender", "blender"),
    ("toaster", "toaster"),
    ("kettle", "kettle"),
    ("coffee", "coffee"),
    ("cake", "cake-variant"),
    ("croissant", "food-croissant"),
    ("pastr", "food-croissant"),
    ("bread", "bread-slice"),
    ("baker", "bread-slice"),
    ("pizza", "pizza"),
    ("noodle", "noodles"),
    ("ramen", "noodles"),
    ("korean", "noodles"),
    ("chinese", "rice"),
    ("rice", "rice"),
    ("sushi", "fish"),
    ("fish", "fish"),
    ("burger", "hamburger"),
    ("taco", "taco"),
    ("salad", "leaf"),
    ("ice cream", "ice-cream"),
    ("bar", "glass-cocktail"),
    ("wine", "glass-wine"),
    ("beer", "beer"),
    ("book", "book-open-variant"),
    ("toy", "teddy-bear"),
    ("lego", "toy-brick"),
    ("bike", "bike"),
    ("tent", "tent"),
    ("paint", "palette"),
    ("brush", "brush"),
    ("tool", "tools"),
    ("drill", "screwdriver"),
    ("milk", "bottle-soda"),
    ("egg", "egg"),
    ("fruit", "fruit-cherries"),
    ("flower", "flower"),
    ("dog", "dog"),
    ("cat", "cat"),
)


@lru_cache(maxsize=64)
def illustration(subject: str, style: str, color: str, width: int, height: int) -> Image.Image:
    """A picture of a subject, RGB, or RGBA where it does not fill its rectangle."""
    if style == "app":
        return app_icon(subject, color or "#1A73E8", "#FFFFFF", min(width, height))
    if style == "initial":
        return _initial(subject, color, min(width, height))
    random = Random(f"{style}/{subject}")
    draw_style = {
        "landscape": _landscape,
        "building": _building,
        "product": _product,
        "food": _food,
        "art": _art,
    }[style]
    return draw_style(subject, random, max(1, width), max(1, height))


@lru_cache(maxsize=128)
def app_icon(glyph: str, color: str, glyph_color: str, size_px: int) -> Image.Image:
    """A round app icon, RGBA."""
    icon = _disc(size_px, color)
    inner = round(size_px * 0.58)
    offset = (size_px - inner) // 2
    ink = Image.new("RGBA", (inner, inner), glyph_color)
    icon.paste(ink, (offset, offset), fonts.glyph_mask(glyph, inner).image)
    return icon


def _disc(size_px: int, color: str) -> Image.Image:
    mask = Image.new("L", (size_px * 4, size_px * 4))
    ImageDraw.Draw(mask).ellipse((0, 0, size_px * 4 - 1, size_px * 4 - 1), fill=255)
    disc = Image.new("RGBA", (size_px, size_px), color)
    disc.putalpha(mask.resize((size_px, size_px), Image.Resampling.BOX))
    return disc


def _initial(subject: str, color: str, size_px: int) -> Image.Image:
    color = color or Random(subject).choice(_TINTS)
    disc = _disc(size_px, color)
    letter = next((character for character in subject if character.isalnum()), "?").upper()
    mask = fonts.text_mask(letter, round(size_px * 0.46), bold=True)
    ink = Image.new("RGBA", mask.image.size, "#FFFFFF")
    place = ((size_px - mask.image.width) // 2, (size_px - mask.image.height) // 2)
    disc.paste(ink, place, mask.image)
    return disc


def _gradient(width: int, height: int, top: str, bottom: str) -> Image.Image:
    column = Image.new("RGB", (1, 64))
    for row in range(64):
        column.putpixel((0, row), ImageColor.getrgb(mixed(top, bottom, row / 63))[:3])
    return column.resize((width, height), Image.Resampling.BILINEAR)


def _ridge(random: Random, width: int, height: int, base: float, relief: float) -> list[_Point]:
    waves = [
        (random.uniform(0.6, 1.6), random.uniform(0, math.tau), 1.0),
        (random.uniform(2.0, 4.0), random.uniform(0, math.tau), 0.35),
    ]
    points: list[_Point] = [(0, height)]
    for step in range(41):
        share = step / 40
        lift = sum(size * math.sin(speed * share * math.tau + at) for speed, at, size in waves)
        points.append((share * width, height * (base - relief * lift)))
    points.append((width, height))
    return points


def _landscape(subject: str, random: Random, width: int, height: int) -> Image.Image:
    del subject
    sky, haze, far, near, light = random.choice(_SKIES)
    image = _gradient(width, height, sky, haze)
    draw = ImageDraw.Draw(image)
    radius = height * random.uniform(0.08, 0.14)
    x, y = width * random.uniform(0.15, 0.85), height * random.uniform(0.2, 0.4)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=light)
    for number in range(3):
        share = number / 2
        ridge = _ridge(random, width, height, 0.55 + 0.17 * number, 0.09 - 0.02 * number)
        draw.polygon(ridge, fill=mixed(mixed(far, haze, 0.35), near, share))
    return image


def _building(subject: str, random: Random, width: int, height: int) -> Image.Image:
    del subject
    sky, haze, far, near, light = random.choice(_SKIES)
    image = _gradient(width, height, sky, haze)
    draw = ImageDraw.Draw(image)
    for layer, color in enumerate((mixed(far, haze, 0.5), near)):
        x = -width * 0.05
        while x < width:
            wide = width * random.uniform(0.09, 0.2)
            top = height * (random.uniform(0.25, 0.6) + 0.15 * layer)
            draw.rectangle((x, top, x + wide, height), fill=color)
            pane = max(3, round(min(width, height) * 0.03))
            for row in range(int(top) + pane, height - pane, pane * 3) if layer else ():
                for column in range(int(x) + pane, int(x + wide) - pane, pane * 2):
                    lit = random.random() < 0.4
                    fill = light if lit else mixed(near, "#FFFFFF", 0.15)
                    draw.rectangle((column, row, column + pane // 2, row + pane), fill=fill)
            x += wide + width * 0.015
    return image


def _symbol(subject: str, otherwise: str) -> str:
    words = subject.lower()
    return next((icon for word, icon in _SYMBOLS if word in words), otherwise)


def _ellipse(image: Image.Image, box: tuple[float, float, float, float], color: str) -> None:
    left, top, right, bottom = (round(edge) for edge in box)
    width, height = max(1, right - left), max(1, bottom - top)
    mask = Image.new("L", (width * 3, height * 3))
    ImageDraw.Draw(mask).ellipse((0, 0, width * 3 - 1, height * 3 - 1), fill=255)
    mask = mask.resize((width, height), Image.Resampling.BOX)
    image.paste(ImageColor.getrgb(color), (left, top, right, bottom), mask)


def _product(subject: str, random: Random, width: int, height: int) -> Image.Image:
    tint = random.choice(_TINTS)
    image = _gradient(width, height, "#FFFFFF", mixed("#F1F3F4", tint, 0.10))
    size = round(min(width, height) * 0.62)
    x, y = (width - size) // 2, round(height * 0.47) - size // 2
    foot = y + size * 0.96
    _ellipse(
        image,
        (x + size * 0.1, foot, x + size * 0.9, foot + size * 0.08),
        mixed(tint, "#E8EAED", 0.8),
    )
    mask = fonts.glyph_mask(_symbol(subject, "package-variant-closed"), size).image
    image.paste(ImageColor.getrgb(mixed(tint, "#202124", 0.55)), (x, y), mask)
    return image


def _food(subject: str, random: Random, width: int, height: int) -> Image.Image:
    table = random.choice(("#D7A86E", "#8D6E63", "#A3B18A", "#E9C46A", "#B56576"))
    image = _gradient(width, height, mixed(table, "#FFFFFF", 0.25), table)
    size = min(width, height) * 0.84
    x, y = (width - size) / 2, (height - size) / 2
    shade = size * 0.04
    _ellipse(image, (x, y + shade, x + size, y + size + shade), mixed(table, "#000000", 0.25))
    _ellipse(image, (x, y, x + size, y + size), "#FFFFFF")
    rim = size * 0.12
    _ellipse(image, (x + rim, y + rim, x + size - rim, y + size - rim), "#F3EFE6")
    inner = round(size * 0.46)
    mask = fonts.glyph_mask(_symbol(subject, "silverware-fork-knife"), inner).image
    color = random.choice(("#B5651D", "#C0392B", "#7D5A3C", "#4F772D"))
    image.paste(
        ImageColor.getrgb(color), (round((width - inner) / 2), round((height - inner) / 2)), mask
    )
    return image


def _art(subject: str, random: Random, width: int, height: int) -> Image.Image:
    del subject
    paper = "#FBF7EF"
    image = Image.new("RGB", (width, height), paper)
    washes = ("#8ECAE6", "#FFB4A2", "#B5E48C", "#CDB4DB", "#FFD6A5", "#90DBF4", "#E5989B")
    scale = min(width, height)
    for _ in range(16):
        radius = scale * random.uniform(0.16, 0.55)
        x, y = random.uniform(0, width), random.uniform(0, height)
        wash = random.choice(washes)
        for ring in range(3):
            part = radius * (1 - 0.22 * ring)
            box = (x - part, y - part * 0.8, x + part, y + part * 0.8)
            _veil(image, box, wash, 64)
    return image


def _veil(
    image: Image.Image, box: tuple[float, float, float, float], color: str, cover: int
) -> None:
    left, top, right, bottom = (round(edge) for edge in box)
    mask = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(mask).ellipse((0, 0, mask.width - 1, mask.height - 1), fill=cover)
    image.paste(ImageColor.getrgb(color), (left, top, left + mask.width, top + mask.height), mask)


@lru_cache(maxsize=4)
def wallpaper(seed: int, width: int, height: int) -> Image.Image:
    """The launcher's background."""
    random = Random(f"wallpaper/{seed}")
    image = _gradient(width, height, "#1B3A5C", "#C98B7B")
    draw = ImageDraw.Draw(image)
    for number in range(4):
        ridge = _ridge(random, width, height, 0.60 + 0.11 * number, 0.06)
        draw.polygon(ridge, fill=mixed("#5D5B7E", "#14213D", number / 3))
    return image


@lru_cache(maxsize=16)
def street_map(
    subject: str,
    markers: Sequence[Marker],
    route: Sequence[_Point],
    width: int,
    height: int,
    *,
    label_px: int,
) -> Image.Image:
    """A town with streets, parks and water; markers and the route as given.

    `label_px` is the size of the names beside the markers.
    """
    image = _town(subject, width, height).copy()
    if route:
        for color, thick in (("#1557B0", 18), ("#4285F4", 11)):
            _polyline(image, route, color, thick)
        _dot(image, route[0], width, height)
    for marker in markers:
        _pin(image, marker, width, height, label_px)
    return image


@lru_cache(maxsize=8)
def _town(subject: str, width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width * 2, height * 2), "#E9EBEE")
    _blocks(ImageDraw.Draw(image), Random(f"map/{subject}"), width * 2, height * 2)
    return image.reduce(2)


def _polyline(image: Image.Image, route: Sequence[_Point], color: str, thick_px: int) -> None:
    points = [(x * image.width * 2, y * image.height * 2) for x, y in route]
    mask = Image.new("L", (image.width * 2, image.height * 2))
    draw = ImageDraw.Draw(mask)
    draw.line(points, fill=255, width=thick_px * 2, joint="curve")
    for x, y in (points[0], points[-1]):
        draw.ellipse((x - thick_px, y - thick_px, x + thick_px, y + thick_px), fill=255)
    image.paste(ImageColor.getrgb(color), (0, 0), mask.reduce(2))


def _blocks(draw: ImageDraw.ImageDraw, random: Random, wide: int, high: int) -> None:
    step = max(40, min(wide, high) // 7)
    slant = random.uniform(-0.12, 0.12)
    for _ in range(5):
        x, y = random.uniform(0, wide), random.uniform(0, high)
        w, h = random.uniform(0.8, 2.2) * step, random.uniform(0.8, 1.8) * step
        draw.polygon([(x, y), (x + w, y + slant * w), (x + w, y + h), (x, y + h)], fill="#CBE6C3")
    shore = high * random.uniform(0.75, 0.95)
    points = [(share * wide / 8, shore + step * 0.3 * math.sin(share)) for share in range(9)]
    draw.polygon([*points, (wide, high), (0, high)], fill="#A8D5F5")
    for number in range(-6, max(wide, high) // step + 8):
        at = number * step + random.uniform(-0.15, 0.15) * step
        main = number % 4 == 0
        color, thick = ("#F9DE8F", step // 7) if main else ("#FFFFFF", step // 11)
        draw.line([(0, at), (wide, at + slant * wide)], fill=color, width=thick)
        draw.line([(at, 0), (at - slant * high, high)], fill=color, width=thick)


def _dot(image: Image.Image, point: _Point, width: int, height: int) -> None:
    x, y = point[0] * width, point[1] * height
    for radius, color in ((17, "#FFFFFF"), (12, "#4285F4")):
        _ellipse(image, (x - radius, y - radius, x + radius, y + radius), color)


def _pin(image: Image.Image, marker: Marker, width: int, height: int, label_px: int) -> None:
    size = round(label_px * 2.47)
    x, y = round(marker.x * width), round(marker.y * height)
    for grow, color in ((8, "#FFFFFF"), (0, marker.color)):
        mask = fonts.glyph_mask("map-marker", size + grow).image
        place = (x - mask.width // 2, y - mask.height + grow // 2 + 6)
        image.paste(ImageColor.getrgb(color), place, mask)
    right = x + round(size * 0.43)
    if marker.label:
        text = fonts.text_mask(marker.label, label_px, bold=True)
        for shift in ((-2, 0), (2, 0), (0, -2), (0, 2)):
            place = (right + shift[0], y - size // 2 + text.y // 2 + shift[1])
            image.paste((255, 255, 255), place, text.image)
        image.paste((32, 33, 36), (right, y - size // 2 + text.y // 2), text.image)

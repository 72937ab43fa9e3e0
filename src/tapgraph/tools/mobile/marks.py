"""Drawing on screenshots: numbered marks for a model, and actions for a report."""

import functools
import importlib.resources
import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

from tapgraph.tools.mobile.actions import Action, DoubleTap, LongPress, Swipe, Tap
from tapgraph.tools.mobile.geometry import Bounds
from tapgraph.tools.mobile.screen import Element, Role, Screen

__all__ = ["draw_action", "draw_marks"]

_Color: TypeAlias = tuple[int, int, int]
_BLUE: _Color = (25, 90, 220)
_COLORS: Mapping[Role, _Color] = {
    Role.INPUT: (170, 30, 150),
    Role.TEXT: (95, 99, 104),
    Role.IMAGE: (95, 99, 104),
    Role.PROGRESS: (95, 99, 104),
    Role.LIST: (0, 128, 110),
    Role.SWITCH: (200, 80, 0),
    Role.CHECKBOX: (200, 80, 0),
    Role.RADIO: (200, 80, 0),
    Role.SLIDER: (200, 80, 0),
    Role.RATING: (200, 80, 0),
}
_ACTION_COLOR: _Color = (220, 20, 60)
_WHITE: _Color = (255, 255, 255)


def draw_marks(screen: Screen) -> Image.Image:
    """The screenshot with a box around every element and its number beside it.

    The numbers are those of `describe`. Colours tell roles apart: blue for what is pressed, purple
    for inputs, orange for what is set, green for lists, grey for what is only read. A number stands
    where it covers least of the others and of the elements.

    Raises:
        ValueError: the screen has no picture.
    """
    if screen.screenshot is None:
        raise ValueError("the screen has no picture to draw on; read it with pictures")
    image = screen.screenshot.convert("RGB")
    draw = ImageDraw.Draw(image)
    unit_px = min(image.size) / 1080
    font = _font(max(12, round(30 * unit_px)))
    line_px = max(2, round(3 * unit_px))
    frame = Bounds(0, 0, image.width, image.height)
    # Wide frames first, so that the frames of what they hold are drawn over them.
    for element in sorted(screen.elements, key=lambda one: -one.bounds.area):
        box = _box(element.bounds.intersection(frame))
        draw.rectangle(box, outline=_COLORS.get(element.role, _BLUE), width=line_px)
    labels: list[Bounds] = []
    contents = [one.bounds for one in screen.elements if one.role is not Role.LIST]
    for element in sorted(screen.elements, key=lambda one: (one.bounds.area, one.number)):
        text = str(element.number)
        width = round(font.getlength(text)) + 4 * line_px
        height = round(1.2 * font.size)
        label = _best_place(element, (width, height), frame, labels, contents)
        labels.append(label)
        color = _COLORS.get(element.role, _BLUE)
        draw.rounded_rectangle(_box(label), radius=2 * line_px, fill=color, outline=_WHITE)
        draw.text((label.center.x, label.center.y), text, font=font, fill=_WHITE, anchor="mm")
    return image


def draw_action(image: Image.Image, action: Action) -> Image.Image:
    """A copy of the screenshot with the finger's touch or way on it.

    A tap is a ring, a double tap two, a long press a filled ring, a swipe an arrow from where the
    finger goes down. Actions without a place leave the copy as it is.
    """
    drawn = image.convert("RGB")
    unit_px = min(image.size) / 1080
    layer = Image.new("RGBA", drawn.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    match action:
        case Tap(x=x, y=y):
            _ring(draw, x, y, 60 * unit_px)
        case DoubleTap(x=x, y=y):
            _ring(draw, x, y, 78 * unit_px)
            _ring(draw, x, y, 42 * unit_px)
        case LongPress(x=x, y=y):
            _ring(draw, x, y, 70 * unit_px, fill_alpha=150)
        case Swipe():
            _arrow(draw, action, unit_px)
        case _:
            return drawn
    drawn.paste(layer, mask=layer.getchannel("A"))
    return drawn


def _best_place(
    element: Element,
    size: tuple[int, int],
    frame: Bounds,
    labels: Sequence[Bounds],
    contents: Sequence[Bounds],
) -> Bounds:
    """Of the places at its corners and sides, the one that covers least and is not far off."""
    width, height = size
    bounds = element.bounds.intersection(frame)
    middle = bounds.center
    corners = (
        (bounds.left, bounds.top - height),
        (bounds.right - width, bounds.top - height),
        (bounds.left - width, bounds.top),
        (bounds.right, bounds.top),
        (bounds.left, bounds.bottom),
        (bounds.right - width, bounds.bottom),
        (bounds.left - width, middle.y - height // 2),
        (bounds.right, middle.y - height // 2),
        (bounds.right - width, bounds.top),
        (bounds.left, bounds.top),
        (bounds.left, bounds.bottom - height),
        (bounds.right - width, bounds.bottom - height),
    )
    places = [
        Bounds(x, y, x + width, y + height)
        for left, top in corners
        for x in [min(max(left, 0), frame.right - width)]
        for y in [min(max(top, 0), frame.bottom - height)]
    ]

    reach = functools.reduce(Bounds.union, places)
    labels = [one for one in labels if reach.overlap(one)]
    contents = [one for one in contents if reach.overlap(one)]
    area = width * height
    is_roomy = element.is_actionable and bounds.area >= 10 * area

    def cost(place: Bounds) -> float:
        over_labels = sum(map(place.overlap, labels))
        # Covering a large element hides little of it, a small one may vanish.
        over_contents = sum(
            place.overlap(content) * area / (content.area + area) for content in contents
        )
        outside = area - place.overlap(bounds) if is_roomy else 0
        return 8 * over_labels + over_contents + 0.3 * outside

    return min(places, key=cost)


def _ring(draw: ImageDraw.ImageDraw, x: int, y: int, radius: float, fill_alpha: int = 60) -> None:
    line_px = max(3, round(radius / 7))
    box = (x - radius, y - radius, x + radius, y + radius)
    wide = (box[0] - line_px, box[1] - line_px, box[2] + line_px, box[3] + line_px)
    draw.ellipse(wide, outline=(*_WHITE, 230), width=line_px)
    draw.ellipse(
        box, fill=(*_ACTION_COLOR, fill_alpha), outline=(*_ACTION_COLOR, 255), width=line_px
    )
    dot = radius / 8
    draw.ellipse((x - dot, y - dot, x + dot, y + dot), fill=(*_ACTION_COLOR, 255))


def _arrow(draw: ImageDraw.ImageDraw, swipe: Swipe, unit_px: float) -> None:
    start, end = (swipe.x1, swipe.y1), (swipe.x2, swipe.y2)
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    head_px = 56 * unit_px
    neck = (end[0] - 0.7 * head_px * math.cos(angle), end[1] - 0.7 * head_px * math.sin(angle))
    for color, extra_px in (((*_WHITE, 230), 5 * unit_px), ((*_ACTION_COLOR, 255), 0.0)):
        draw.line((*start, *neck), fill=color, width=round(14 * unit_px + 2 * extra_px))
        reach = head_px + 2 * extra_px
        tip = (end[0] + extra_px * math.cos(angle), end[1] + extra_px * math.sin(angle))
        wings = [
            (tip[0] - reach * math.cos(angle + turn), tip[1] - reach * math.sin(angle + turn))
            for turn in (-0.5, 0.5)
        ]
        draw.polygon([tip, *wings], fill=color)
    _ring(draw, *start, 34 * unit_px)


def _box(bounds: Bounds) -> tuple[int, int, int, int]:
    """The last pixels inside, as Pillow wants them; never inverted."""
    left, top = bounds.left, bounds.top
    return left, top, max(left, bounds.right - 1), max(top, bounds.bottom - 1)


@functools.lru_cache(maxsize=8)
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    folder = importlib.resources.files("font_roboto") / "files"
    return ImageFont.truetype(str(folder / "Roboto-Bold.ttf"), size_px)

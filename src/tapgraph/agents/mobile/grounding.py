"""From what the Operator wrote to pixels: element numbers, directions and coordinate spaces."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from tapgraph.agents.mobile.offer import Offer
from tapgraph.agents.mobile.replies import OperatorReply
from tapgraph.errors import ToolError
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.llm_backend.pictures import size_as_sent
from tapgraph.memory import Shortcut
from tapgraph.tools.api.calls import checked_arguments
from tapgraph.tools.mobile.actions import action_from_wire, action_to_wire
from tapgraph.tools.mobile.coordinates import from_place, to_pixels
from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.screen import Element, Screen, scaled
from tapgraph.tools.mobile.swipes import directed_swipe, list_around
from tapgraph.tools.mobile.target import Target, target_at

__all__ = ["Grounded", "as_seen_by", "ground", "last_point", "written_point"]

_POINTS = (("x", "y"), ("x1", "y1"), ("x2", "y2"))


@dataclass(frozen=True, slots=True)
class Grounded:
    """A call that can be carried out.

    Attributes:
        name: of an action, a shortcut or a tool.
        arguments: points in pixels.
        target: what is touched; None where nothing is.
        direction: the way of a swipe that was given by it.
    """

    name: str
    arguments: dict[str, object]
    target: Target | None = None
    direction: str = ""


def ground(reply: OperatorReply, screen: Screen, offer: Offer, traits: ModelTraits) -> Grounded:
    """The call that the reply means on this screen.

    Raises:
        ToolError: an unknown name, element or argument, or a point outside the screen.
    """
    arguments: dict[str, object] = dict(reply.arguments)
    if offer.is_tool(reply.action) and offer.tools is not None:
        api = offer.tools.catalog[reply.action]
        return Grounded(reply.action, dict(checked_arguments(api, reply.arguments)))
    shortcut = offer.shortcut(reply.action)
    if shortcut is None and reply.action not in offer.actions:
        known = ", ".join(offer.names)
        raise ToolError(f"nothing is called {reply.action!r} here; use one of {known}")
    element = _named_element(arguments.pop("element", None), screen)
    direction = ""
    if reply.action == "Swipe" and "direction" in arguments:
        direction = str(arguments["direction"]).lower()
        arguments = _directed_swipe(arguments, element, screen, traits)
    elif element is not None:
        arguments |= _touch_of(element)
    else:
        arguments |= _points_in_pixels(arguments, traits, screen.size)
    if shortcut is not None:
        _check_shortcut_arguments(shortcut, arguments)
    else:
        wire = action_to_wire(action_from_wire({"name": reply.action, "arguments": arguments}))
        arguments = wire["arguments"]  # type: ignore[assignment]  # action_to_wire gives an object
    is_anywhere = bool(direction) and element is None
    target = None if is_anywhere else _touched(arguments, element, screen)
    return Grounded(reply.action, arguments, target, direction)


def _touched(
    arguments: Mapping[str, object], element: Element | None, screen: Screen
) -> Target | None:
    for x_name, y_name in _POINTS:
        x, y = arguments.get(x_name), arguments.get(y_name)
        if isinstance(x, int | float) and isinstance(y, int | float):
            return target_at(screen, Point(round(x), round(y)), element)
    return None


def written_point(target: Target, traits: ModelTraits) -> str:
    """The point as the model would write it."""
    return from_place(target.place, traits.coordinate_space, _seen_size(target.size, traits))


def _named_element(number: object, screen: Screen) -> Element | None:
    if number is None:
        return None
    for element in screen.elements:
        if str(element.number) == str(number):
            return element
    raise ToolError(f"the screen has no element [{number}]; it has 1 to {len(screen.elements)}")


def _touch_of(element: Element) -> dict[str, int]:
    if element.is_covered:
        raise ToolError(f"[{element.number}] lies under other elements; touch one of those")
    return {"x": element.touch_point.x, "y": element.touch_point.y}


def _directed_swipe(
    arguments: Mapping[str, object], element: Element | None, screen: Screen, traits: ModelTraits
) -> dict[str, object]:
    """The swipe that a direction means, in an element, in the list at a point, or anywhere."""
    point = _points_in_pixels(arguments, traits, screen.size)
    unknown = sorted(set(arguments) - {"direction", *point} | ({"x1", "x2"} & set(point)))
    if unknown:
        raise ToolError(f"Swipe takes a direction or two points, not both; got also {unknown}")
    inside = element.bounds if element is not None else None
    if point and element is None:
        inside = list_around(Point(point["x"], point["y"]), screen)
    swipe = directed_swipe(str(arguments["direction"]).lower(), screen, inside)
    return dataclasses.asdict(swipe)


def _points_in_pixels(
    arguments: Mapping[str, object], traits: ModelTraits, size: Size
) -> dict[str, int]:
    points: dict[str, int] = {}
    for x_name, y_name in _POINTS:
        x, y = _number(arguments.get(x_name)), _number(arguments.get(y_name))
        if x is not None and y is not None:
            seen = _seen_size(size, traits)
            point = to_pixels(x, y, traits.coordinate_space, size, picture=seen)
            points |= {x_name: point.x, y_name: point.y}
    return points


def _number(value: object) -> float | None:
    """The number, also where it was written as text."""
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except ValueError:
        return None


def as_seen_by(screen: Screen, traits: ModelTraits) -> Screen:
    """The screen with every place in the numbers in which the model writes points.

    Models that write shares from 0 to 1 read places in thousandths.
    """
    seen = _seen_size(screen.size, traits)
    if seen == screen.size:
        return screen
    return scaled(screen, seen)


def last_point(size: Size, traits: ModelTraits) -> Point:
    """The point with the largest x and y that the model may write."""
    seen = _seen_size(size, traits)
    match traits.coordinate_space:
        case "pixels":
            return Point(seen.width_px - 1, seen.height_px - 1)
        case "0-1":
            return Point(1, 1)
    return Point(seen.width_px, seen.height_px)


def _seen_size(size: Size, traits: ModelTraits) -> Size:
    match traits.coordinate_space:
        case "0-999":
            return Size(999, 999)
        case "0-1" | "0-1000":
            return Size(1000, 1000)
    if not traits.sees_images:
        return size
    width_px, height_px = size_as_sent((size.width_px, size.height_px), traits.image_max_px)
    return Size(width_px, height_px)


def _check_shortcut_arguments(shortcut: Shortcut, arguments: Mapping[str, object]) -> None:
    missing = [name for name in shortcut.arguments if name not in arguments]
    unknown = [name for name in arguments if name not in shortcut.arguments]
    if missing or unknown:
        raise ToolError(
            f"{shortcut.name} takes {', '.join(shortcut.arguments) or 'no arguments'}"
            + (f"; missing: {', '.join(missing)}" if missing else "")
            + (f"; unknown: {', '.join(unknown)}" if unknown else "")
        )

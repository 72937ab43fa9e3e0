"""The `mobile: …Gesture` commands of UiAutomator2."""

from tapgraph.tools.mobile.geometry import Bounds, Point
from tapgraph.tools.mobile.simulator.server.call import Call
from tapgraph.tools.mobile.simulator.server.element_commands import locate
from tapgraph.tools.mobile.simulator.server.gestures import LONG_PRESS_MS
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError

__all__ = [
    "click_gesture",
    "double_click_gesture",
    "drag_gesture",
    "fling_gesture",
    "long_click_gesture",
    "pinch_gesture",
    "scroll_gesture",
    "scroll_until",
    "swipe_gesture",
]

_LEAST_FLING = 50
_SWIPES_OF_A_FLING = 2
_MOST_SWIPES = 30
_OPPOSITE = {"up": "down", "down": "up", "left": "right", "right": "left"}


def click_gesture(call: Call) -> None:
    """Tap an element or a point."""
    point = _point(call, "x", "y")
    call.phone.tap(point.x, point.y)


def double_click_gesture(call: Call) -> None:
    """Tap an element or a point twice."""
    point = _point(call, "x", "y")
    call.phone.double_tap(point.x, point.y)


def long_click_gesture(call: Call) -> None:
    """Hold a finger on an element or a point."""
    point = _point(call, "x", "y")
    if call.body.number("duration", LONG_PRESS_MS) < LONG_PRESS_MS:
        call.phone.tap(point.x, point.y)
    else:
        call.phone.long_press(point.x, point.y)


def drag_gesture(call: Call) -> None:
    """Drag from an element or a point to another point."""
    start = _point(call, "startX", "startY")
    end = _on_screen(call, Point(_pixel(call, "endX"), _pixel(call, "endY")))
    call.phone.swipe(start.x, start.y, end.x, end.y)


def swipe_gesture(call: Call) -> None:
    """Swipe inside an element or an area; `direction` is the finger's."""
    _swipe(call, call.body.text("direction"), percent=_percent(call))


def scroll_gesture(call: Call) -> object:
    """Scroll an element or an area; true when it can be scrolled further that way.

    `direction` is the one in which one wants to see more, so the finger goes against it.
    """
    direction = call.body.text("direction")
    before = call.phone.page_source()
    _swipe(call, _OPPOSITE.get(direction, direction), percent=_percent(call))
    return call.phone.page_source() != before


def fling_gesture(call: Call) -> object:
    """Fling an element or an area; true when it can be scrolled further that way."""
    direction = call.body.text("direction")
    if call.body.number("speed", _LEAST_FLING) < _LEAST_FLING:
        raise ProtocolError("invalid argument", f"'speed' must be at least {_LEAST_FLING} px/s")
    before = call.phone.page_source()
    for _ in range(_SWIPES_OF_A_FLING):
        _swipe(call, _OPPOSITE.get(direction, direction), percent=1.0)
    return call.phone.page_source() != before


def pinch_gesture(call: Call) -> None:
    """Two fingers in an element or an area; nothing on the simulated phone zooms."""
    _percent(call)
    _area(call)


def scroll_until(call: Call) -> None:
    """Scroll until a locator finds something; refused at the end of the list."""
    strategy, selector = call.body.text("strategy"), call.body.text("selector")
    most_swipes = call.body.integer("maxSwipes", _MOST_SWIPES)
    size = call.phone.size
    middle, low, high = size.width_px // 2, round(size.height_px * 0.3), round(size.height_px * 0.7)
    for forward in (False, True):
        for _ in range(most_swipes):
            if locate(call, lambda tree: tree.root, strategy, selector)[1]:
                return
            before = call.phone.page_source()
            start, end = (high, low) if forward else (low, high)
            call.phone.swipe(middle, start, middle, end)
            if call.phone.page_source() == before:
                break
    raise ProtocolError("no such element", f"Cannot scroll to the element {selector!r:.300}")


def _percent(call: Call) -> float:
    percent = call.body.number("percent")
    if not 0 < percent <= 1:
        raise ProtocolError("invalid argument", f"'percent' must be in (0, 1], got {percent:g}")
    return percent


def _swipe(call: Call, direction: str, *, percent: float) -> None:
    if direction not in _OPPOSITE:
        raise ProtocolError(
            "invalid argument", f"'direction' must be up, down, left or right, got {direction!r}"
        )
    area = _area(call)
    half_x, half_y = 0, 0
    if direction in {"left", "right"}:
        half_x = round((area.width - 1) * percent / 2) * (1 if direction == "right" else -1)
    else:
        half_y = round((area.height - 1) * percent / 2) * (1 if direction == "down" else -1)
    center = area.center
    start = _on_screen(call, Point(center.x - half_x, center.y - half_y))
    end = _on_screen(call, Point(center.x + half_x, center.y + half_y))
    call.phone.swipe(start.x, start.y, end.x, end.y)


def _area(call: Call) -> Bounds:
    if "elementId" in call.body:
        return _element_bounds(call)
    left, top = _pixel(call, "left"), _pixel(call, "top")
    width, height = _pixel(call, "width"), _pixel(call, "height")
    area = Bounds(left, top, left + width, top + height)
    if area.is_empty:
        raise ProtocolError("invalid argument", "'width' and 'height' must be above 0")
    return area


def _point(call: Call, x_name: str, y_name: str) -> Point:
    if "elementId" not in call.body:
        return _on_screen(call, Point(_pixel(call, x_name), _pixel(call, y_name)))
    bounds = _element_bounds(call)
    if x_name in call.body and y_name in call.body:
        offset = Point(_pixel(call, x_name), _pixel(call, y_name))
        return _on_screen(call, Point(bounds.left + offset.x, bounds.top + offset.y))
    return bounds.center


def _element_bounds(call: Call) -> Bounds:
    node = call.session.elements.find(call.body.text("elementId"), call.look())
    if node.bounds.is_empty:
        raise ProtocolError("element not interactable", "the element has no area on the screen")
    return node.bounds


def _pixel(call: Call, name: str) -> int:
    return round(call.body.number(name))


def _on_screen(call: Call, point: Point) -> Point:
    size = call.phone.size
    if 0 <= point.x < size.width_px and 0 <= point.y < size.height_px:
        return point
    raise ProtocolError(
        "move target out of bounds",
        f"({point.x}, {point.y}) is outside of the screen of {size.width_px}x{size.height_px} "
        "pixels",
    )

"""Where a finger must go for a control: on it, or on the list that has to be scrolled first."""

from collections.abc import Iterator

from tapgraph.tools.mobile.actions import Action, Back, LongPress, Swipe, Tap
from tapgraph.tools.mobile.geometry import Bounds, Point
from tapgraph.tools.mobile.simulator.android_system import AndroidSystem
from tapgraph.tools.mobile.simulator.touch import touched
from tapgraph.tools.mobile.simulator.views import Field, Scroll, ScrollColumn, View
from tapgraph.tools.mobile.simulator.window_manager import WindowManager

__all__ = ["controls", "field_of", "touch"]

_LONGEST_DRAG = 0.6
_SHORTEST_DRAG_PX = 120


def controls(windows: WindowManager, name: str, key: str = "", within: str = "") -> list[View]:
    """The views of that id and key that can be seen, inside of the one of the key `within`."""
    roots = [window.root for window in windows.visible_windows]
    if within:
        roots = [view for root in roots for view in root.walk() if view.key == within]
    return [
        view
        for root in roots
        for view in root.walk()
        if (not name or view.id == name) and (not key or view.key == key)
    ]


def touch(system: AndroidSystem, view: View, *, is_long: bool = False) -> Action:
    """A touch of the view where it can be touched; else what brings it nearer."""
    point = next((one for one in _points(view) if _is_hit(system, view, one)), None)
    if point is not None:
        return LongPress(point.x, point.y) if is_long else Tap(point.x, point.y)
    if system.windows.text.keyboard_shown:
        return Back()
    return _drag(system, view)


def field_of(view: View) -> Field:
    """The field that a view is or holds.

    Raises:
        TypeError: there is none.
    """
    for one in view.walk():
        if isinstance(one, Field):
            return one
    raise TypeError(f"{view!r} is no field")


def _points(view: View) -> Iterator[Point]:
    seen = view.visible
    if seen.width < 8 or seen.height < 8:
        return
    yield seen.center
    for across in (1, 3, 2):
        for down in (2, 1, 3):
            yield Point(seen.left + seen.width * across // 4, seen.top + seen.height * down // 4)


def _is_hit(system: AndroidSystem, view: View, point: Point) -> bool:
    windows = system.windows
    for window in windows.windows:
        if window.kind == "keyboard" and window.root.bounds.contains(point):
            return False
    return touched(windows.active.root, point, lambda one: one.clickable) is view


def _drag(system: AndroidSystem, view: View) -> Swipe:
    """A swipe on the innermost list that hides the view."""
    root = system.windows.active.root
    lists = [
        one
        for one in root.walk()
        if isinstance(one, Scroll) and view.identity.startswith(f"{one.identity}/")
    ]
    for scroll in reversed(lists):
        seen, place = scroll.visible, view.bounds
        is_down = isinstance(scroll, ScrollColumn)
        before, after = _beyond(seen, place, is_down=is_down)
        if before or after:
            return _swipe(seen, before or -after, is_down=is_down)
    seen = lists[-1].visible if lists else root.visible
    return _swipe(seen, -_SHORTEST_DRAG_PX, is_down=True)


def _beyond(seen: Bounds, place: Bounds, *, is_down: bool) -> tuple[int, int]:
    """How many pixels lie before the start of a list, and how many behind its end."""
    if is_down:
        return max(0, seen.top - place.top), max(0, place.bottom - seen.bottom)
    return max(0, seen.left - place.left), max(0, place.right - seen.right)


def _swipe(seen: Bounds, by: int, *, is_down: bool) -> Swipe:
    longest = int((seen.height if is_down else seen.width) * _LONGEST_DRAG)
    length = max(-longest, min(longest, by))
    if abs(length) < _SHORTEST_DRAG_PX:
        length = _SHORTEST_DRAG_PX if by > 0 else -_SHORTEST_DRAG_PX
    x, y = seen.center.x, seen.center.y
    if is_down:
        return Swipe(x, y - length // 2, x, y + length // 2)
    return Swipe(x - length // 2, y, x + length // 2, y)

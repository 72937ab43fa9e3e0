"""`UiScrollable`: scroll until a view is on the screen."""

from collections.abc import Callable
from dataclasses import dataclass

from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.simulator.server.java_expression import Expression, MethodCall, Value
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError
from tapgraph.tools.mobile.simulator.server.screen_tree import ScreenTree, TreeNode
from tapgraph.tools.mobile.simulator.server.ui_selector import UiSelector, selector_from

__all__ = ["ScrollSearch", "scroll_search_from"]

_DEFAULT_SWIPES = 30
_MOST_SWIPES = 100
_DEAD_ZONE = 0.15
"""Share of a scrollable at each end that a swipe leaves alone; UiScrollable uses 0.1."""


@dataclass(frozen=True, slots=True)
class ScrollSearch:
    """Scroll a container from its beginning until a view shows.

    Attributes:
        container: the view that scrolls.
        target: the view that is wanted.
        most_swipes: in each direction.
    """

    container: UiSelector
    target: UiSelector
    is_horizontal: bool = False
    most_swipes: int = _DEFAULT_SWIPES

    def run(
        self,
        look: Callable[[], ScreenTree],
        swipe: Callable[[Point, Point], None],
    ) -> tuple[ScreenTree, list[TreeNode]]:
        """The last screen and the views found on it, none when the end came first."""
        tree = look()
        found = self.target.matches_below(tree.root)
        for forward in (False, True):
            swipes = 0
            while not found and swipes < self.most_swipes:
                swiped = self._swiped(tree, look, swipe, forward=forward)
                swipes += 1
                if swiped is None:
                    break
                tree = swiped
                found = self.target.matches_below(tree.root)
        return tree, found

    def _swiped(
        self,
        tree: ScreenTree,
        look: Callable[[], ScreenTree],
        swipe: Callable[[Point, Point], None],
        *,
        forward: bool,
    ) -> ScreenTree | None:
        containers = self.container.matches_below(tree.root)
        if not containers:
            raise ProtocolError("no such element", "no view matches the UiScrollable's selector")
        bounds = containers[0].bounds
        low, high = _DEAD_ZONE, 1 - _DEAD_ZONE
        if self.is_horizontal:
            ends = [
                Point(round(bounds.left + share * bounds.width), bounds.center.y)
                for share in (low, high)
            ]
        else:
            ends = [
                Point(bounds.center.x, round(bounds.top + share * bounds.height))
                for share in (low, high)
            ]
        swipe(*(reversed(ends) if forward else ends))
        after = look()
        return None if _same_views(tree, after) else after


def scroll_search_from(expression: Expression) -> ScrollSearch:
    """The search that `new UiScrollable(...).scrollIntoView(...)` describes.

    Raises:
        ProtocolError: `invalid selector` for methods that are not supported.
    """
    if len(expression.constructor.arguments) != 1 or not expression.calls:
        raise ProtocolError(
            "invalid selector",
            "write new UiScrollable(new UiSelector()...).scrollIntoView(new UiSelector()...)",
        )
    container = selector_from(expression.constructor.arguments[0])
    is_horizontal = False
    most_swipes = _DEFAULT_SWIPES
    for call in expression.calls[:-1]:
        if call.name in {"setAsHorizontalList", "setAsVerticalList"}:
            is_horizontal = call.name == "setAsHorizontalList"
        elif call.name == "setMaxSearchSwipes":
            most_swipes = _swipe_count(call)
        elif call.name != "setSwipeDeadZonePercentage":
            raise _unsupported(call)
    target = _target(expression.calls[-1])
    return ScrollSearch(container, target, is_horizontal, most_swipes)


def _target(call: MethodCall) -> UiSelector:
    methods = {"scrollTextIntoView": "text", "scrollDescriptionIntoView": "description"}
    if call.name == "scrollIntoView" and len(call.arguments) == 1:
        return selector_from(call.arguments[0])
    if call.name in methods and len(call.arguments) == 1:
        wanted: Value = call.arguments[0]
        selector = Expression(
            MethodCall("UiSelector", ()), (MethodCall(methods[call.name], (wanted,)),)
        )
        return selector_from(selector)
    raise _unsupported(call)


def _swipe_count(call: MethodCall) -> int:
    match call.arguments:
        case (int(count),) if 1 <= count <= _MOST_SWIPES:
            return count
    raise ProtocolError(
        "invalid selector", f"setMaxSearchSwipes takes a number from 1 to {_MOST_SWIPES}"
    )


def _unsupported(call: MethodCall) -> ProtocolError:
    return ProtocolError(
        "invalid selector",
        f"UiScrollable has no method {call.name!r} with these arguments here; it has "
        "scrollIntoView, scrollTextIntoView, scrollDescriptionIntoView, setAsHorizontalList, "
        "setAsVerticalList, setMaxSearchSwipes, setSwipeDeadZonePercentage",
    )


def _same_views(before: ScreenTree, after: ScreenTree) -> bool:
    return [(node.class_name, node.attribute("text"), node.bounds) for node in before.walk()] == [
        (node.class_name, node.attribute("text"), node.bounds) for node in after.walk()
    ]

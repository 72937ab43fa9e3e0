"""`UiScrollable`: a container that scrolls, and the view that is looked for in it."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

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
_FORWARD: Mapping[str, bool] = {
    "scrollForward": True,
    "flingForward": True,
    "scrollToEnd": True,
    "flingToEnd": True,
    "scrollBackward": False,
    "flingBackward": False,
    "scrollToBeginning": False,
    "flingToBeginning": False,
}
_CHILDREN = {
    "getChildByText": "text",
    "getChildByDescription": "description",
    "getChildByInstance": "instance",
}
_SETTERS = frozenset({"setSwipeDeadZonePercentage", "setMaxSearchSwipes"})

Look = Callable[[], ScreenTree]
Swipe = Callable[[Point, Point], None]


@dataclass(slots=True)
class _Scrolling:
    """The container on the screen, and how it is swiped."""

    container: UiSelector
    look: Look
    swipe: Swipe
    is_horizontal: bool = False
    most_swipes: int = _DEFAULT_SWIPES
    tree: ScreenTree = field(init=False)

    def __post_init__(self) -> None:
        self.tree = self.look()

    def bring(self, target: UiSelector) -> list[TreeNode]:
        """The views meant, after scrolling to the beginning and then on until one shows."""
        found = target.matches_below(self.tree.root)
        for forward in (False, True):
            swipes = 0
            while not found and swipes < self.most_swipes and self.swiped(forward=forward):
                swipes += 1
                found = target.matches_below(self.tree.root)
        return found

    def go(self, *, forward: bool, times: int) -> None:
        """Swipe so often, or until nothing moves any more."""
        for _ in range(times):
            if not self.swiped(forward=forward):
                return

    def swiped(self, *, forward: bool) -> bool:
        """Swipe once; whether something moved."""
        containers = self.container.matches_below(self.tree.root)
        if not containers:
            raise ProtocolError("no such element", "no view matches the UiScrollable's selector")
        bounds = containers[0].bounds
        shares = (_DEAD_ZONE, 1 - _DEAD_ZONE)
        if self.is_horizontal:
            ends = [
                Point(round(bounds.left + one * bounds.width), bounds.center.y) for one in shares
            ]
        else:
            ends = [
                Point(bounds.center.x, round(bounds.top + one * bounds.height)) for one in shares
            ]
        self.swipe(*(reversed(ends) if forward else ends))
        before, self.tree = self.tree, self.look()
        return not _same_views(before, self.tree)


@dataclass(frozen=True, slots=True)
class ScrollSearch:
    """What `new UiScrollable(...)` and the methods called on it mean, in their order."""

    container: UiSelector
    calls: tuple[MethodCall, ...]

    def run(self, look: Look, swipe: Swipe) -> tuple[ScreenTree, list[TreeNode]]:
        """The last screen, and the views that the last method that gives any has given.

        Where none does (`scrollForward`), it is the container, as on UiAutomator2's server.
        """
        scrolling = _Scrolling(self.container, look, swipe)
        target = self.container
        for call in self.calls:
            target = _called(call, scrolling) or target
        return scrolling.tree, target.matches_below(scrolling.tree.root)


def scroll_search_from(expression: Expression) -> ScrollSearch:
    """The search that `new UiScrollable(new UiSelector()...)...` describes.

    Raises:
        ProtocolError: `invalid selector` for methods that UiScrollable does not have, or arguments
            that they do not take.
    """
    if len(expression.constructor.arguments) != 1:
        raise ProtocolError(
            "invalid selector", "UiScrollable takes one UiSelector: new UiScrollable(new "
            "UiSelector().scrollable(true))"
        )  # fmt: skip
    container = selector_from(expression.constructor.arguments[0])
    for call in expression.calls:
        _check(call)
    return ScrollSearch(container, expression.calls)


def _called(call: MethodCall, scrolling: _Scrolling) -> UiSelector | None:
    """Do what the method does; the views that it gives, None where it gives none."""
    if call.name in {"setAsHorizontalList", "setAsVerticalList"}:
        scrolling.is_horizontal = call.name == "setAsHorizontalList"
    elif call.name == "setMaxSearchSwipes":
        scrolling.most_swipes = _count(call, 0)
    elif call.name in _FORWARD:
        once = call.name in {"scrollForward", "flingForward", "scrollBackward", "flingBackward"}
        times = 1 if once else _count(call, 0)
        scrolling.go(forward=_FORWARD[call.name], times=times)
    elif call.name not in _SETTERS:
        target = _target(call)
        scrolling.bring(target)
        return target
    return None


def _target(call: MethodCall) -> UiSelector:
    match call.name, call.arguments:
        case "scrollIntoView", (value,):
            return selector_from(value)
        case "scrollTextIntoView", (str(text),):
            return _selector(MethodCall("text", (text,)))
        case "scrollDescriptionIntoView", (str(text),):
            return _selector(MethodCall("description", (text,)))
        case name, (Expression() as child, value, *_) if name in _CHILDREN:
            return _child(child, _CHILDREN[name], value)
    raise _unsupported(call)


def _child(child: Expression, method: str, value: Value) -> UiSelector:
    """A view of the given pattern that says the text itself, or holds a view that does."""
    if method == "instance":
        numbered = MethodCall(method, (value,))
        return selector_from(Expression(child.constructor, (*child.calls, numbered)))
    pattern, wanted = selector_from(child), _selector(MethodCall(method, (value,)))

    def says(node: TreeNode) -> bool:
        return all(test(node) for test in wanted.tests) or bool(wanted.matches_below(node))

    return dataclasses.replace(pattern, tests=(*pattern.tests, says))


def _selector(call: MethodCall) -> UiSelector:
    return selector_from(Expression(MethodCall("UiSelector", ()), (call,)))


def _check(call: MethodCall) -> None:
    if call.name in {"setAsHorizontalList", "setAsVerticalList"} or call.name in _SETTERS:
        if call.name == "setMaxSearchSwipes":
            _count(call, 0)
    elif call.name in _FORWARD:
        if call.arguments or call.name.endswith(("ToEnd", "ToBeginning")):
            _count(call, 0)
    else:
        _target(call)


def _count(call: MethodCall, place: int) -> int:
    value = call.arguments[place] if len(call.arguments) > place else None
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST_SWIPES:
        return value
    raise ProtocolError("invalid selector", f"{call.name} takes a number from 1 to {_MOST_SWIPES}")


def _unsupported(call: MethodCall) -> ProtocolError:
    names = ["scrollIntoView", "scrollTextIntoView", "scrollDescriptionIntoView", *_CHILDREN]
    names += [*_FORWARD, "setAsHorizontalList", "setAsVerticalList", *_SETTERS]
    return ProtocolError(
        "invalid selector",
        f"UiScrollable has no public method {call.name} with these arguments; it has "
        + ", ".join(names),
    )


def _same_views(before: ScreenTree, after: ScreenTree) -> bool:
    return [(node.class_name, node.attribute("text"), node.bounds) for node in before.walk()] == [
        (node.class_name, node.attribute("text"), node.bounds) for node in after.walk()
    ]

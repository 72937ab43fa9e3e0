"""Commands that find elements and use them."""

import time
from collections.abc import Callable, Mapping, Sequence

from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.simulator.server.call import Call
from tapgraph.tools.mobile.simulator.server.css_selector import selector_from_css
from tapgraph.tools.mobile.simulator.server.locators import (
    UIAUTOMATOR,
    Locator,
    find_below,
    parse_uiautomator,
)
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError
from tapgraph.tools.mobile.simulator.server.screen_tree import ScreenTree, TreeNode
from tapgraph.tools.mobile.simulator.server.session_commands import base64_png
from tapgraph.tools.mobile.simulator.server.ui_selector import UiSelector

__all__ = [
    "active_element",
    "attribute",
    "clear",
    "click",
    "displayed",
    "element_screenshot",
    "enabled",
    "find_child",
    "find_children",
    "find_element",
    "find_elements",
    "locate",
    "location_in_view",
    "name",
    "rect",
    "selected",
    "send_keys",
    "text",
]

_POLL_S = 0.05
_LONGEST_TEXT = 20_000
_BOOLEANS = frozenset({
    "checkable",
    "checked",
    "clickable",
    "displayed",
    "enabled",
    "focusable",
    "focused",
    "long-clickable",
    "password",
    "scrollable",
    "selected",
})
_ATTRIBUTE_NAMES: Mapping[str, str] = {
    "class": "class",
    "className": "class",
    "content-desc": "content-desc",
    "contentDescription": "content-desc",
    "hint": "hint",
    "longClickable": "long-clickable",
    "package": "package",
    "resource-id": "resource-id",
    "resourceId": "resource-id",
    "text": "text",
    **{one: one for one in _BOOLEANS},
}


def find_element(call: Call) -> object:
    """The first element on the screen that a locator means."""
    return _first(call, _find(call, lambda tree: tree.root))


def find_elements(call: Call) -> object:
    """All elements on the screen that a locator means."""
    return _find(call, lambda tree: tree.root)


def find_child(call: Call) -> object:
    """The first element inside an element that a locator means."""
    return _first(call, _find(call, lambda tree: _parent(call, tree)))


def find_children(call: Call) -> object:
    """All elements inside an element that a locator means."""
    return _find(call, lambda tree: _parent(call, tree))


def _parent(call: Call, tree: ScreenTree) -> TreeNode:
    return call.session.elements.find(call.path["element_id"], tree)


def _first(call: Call, references: Sequence[dict[str, str]]) -> dict[str, str]:
    if references:
        return references[0]
    raise ProtocolError(
        "no such element",
        f"nothing on the screen is found by {call.body.text('using')!r} with "
        f"{call.body.text('value')!r:.500}",
    )


def _find(call: Call, scope_of: Callable[[ScreenTree], TreeNode]) -> list[dict[str, str]]:
    strategy = call.body.text("using")
    selector = call.body.text("value")
    deadline = time.monotonic() + call.session.implicit_wait_s
    while True:
        tree, found = locate(call, scope_of, strategy, selector)
        if found or time.monotonic() >= deadline:
            return [call.session.elements.reference(node, tree) for node in found]
        time.sleep(_POLL_S)


def locate(
    call: Call, scope_of: Callable[[ScreenTree], TreeNode], strategy: str, selector: str
) -> tuple[ScreenTree, list[TreeNode]]:
    """The screen, and the views on it that a locator means; UiScrollable scrolls first."""
    if strategy == "css selector":
        package = str(
            call.session.capabilities.get("appium:appPackage") or call.phone.foreground[0]
        )
        locator: Locator = selector_from_css(selector, package=package)
    elif strategy == UIAUTOMATOR:
        locator = parse_uiautomator(selector)
    else:
        tree = call.look()
        return tree, find_below(scope_of(tree), strategy, selector)
    if isinstance(locator, UiSelector):
        tree = call.look()
        return tree, locator.matches_below(scope_of(tree))

    def swipe(start: Point, end: Point) -> None:
        call.phone.swipe(start.x, start.y, end.x, end.y)

    return locator.run(call.look, swipe)


def active_element(call: Call) -> object:
    """The view that has the input focus."""
    tree = call.look()
    for node in tree.walk():
        if node.is_set("focused"):
            return call.session.elements.reference(node, tree)
    raise ProtocolError("no such element", "no view has the focus")


def click(call: Call) -> None:
    """Tap the middle of the element."""
    center = _visible_center(call.element())
    call.phone.tap(center.x, center.y)


def send_keys(call: Call) -> None:
    """Type into the element, which is focused first; older clients send `value`, not `text`."""
    if "text" in call.body:
        typed = call.body.text("text")
    else:
        typed = "".join(_character(one) for one in call.body.sequence("value"))
    if len(typed) > _LONGEST_TEXT:
        raise ProtocolError("invalid argument", f"more than {_LONGEST_TEXT} characters")
    _focus(call)
    call.phone.type_text(typed)


def clear(call: Call) -> None:
    """Empty the element."""
    _focus(call)
    call.phone.clear_text()


def _character(value: object) -> str:
    if not isinstance(value, str):
        raise ProtocolError("invalid argument", f"'value' must hold strings, got {value!r:.200}")
    return value


def _focus(call: Call) -> None:
    node = call.element()
    if "EditText" not in node.class_name:
        raise ProtocolError("invalid element state", f"{node.class_name} is no text field")
    if not node.is_set("enabled"):
        raise ProtocolError("invalid element state", "the text field is disabled")
    if node.is_set("focused"):
        return
    center = _visible_center(node)
    call.phone.tap(center.x, center.y)
    if not call.element().is_set("focused"):
        raise ProtocolError(
            "element not interactable", "the text field did not take the focus when it was tapped"
        )


def _visible_center(node: TreeNode) -> Point:
    if node.bounds.is_empty:
        raise ProtocolError("element not interactable", "the element has no area on the screen")
    return node.bounds.center


def text(call: Call) -> object:
    """What the element says."""
    return call.element().attribute("text")


def attribute(call: Call) -> object:
    """An attribute as UiAutomator2 names it, always as text; null where it is not set."""
    wanted = call.path["name"]
    node = call.element()
    if wanted == "name":
        return node.attribute("content-desc") or node.attribute("text")
    if wanted == "bounds":
        return node.attribute("bounds")
    if wanted not in _ATTRIBUTE_NAMES:
        raise ProtocolError(
            "unsupported operation",
            f"elements have no attribute {wanted!r}; they have "
            + ", ".join(sorted({*_ATTRIBUTE_NAMES, "bounds", "name"})),
        )
    found = _ATTRIBUTE_NAMES[wanted]
    if found == "class":
        return node.class_name
    return node.xml.get(found, "false" if found in _BOOLEANS else None)


def name(call: Call) -> object:
    """The Android class, which takes the place of a tag name."""
    return call.element().class_name


def rect(call: Call) -> object:
    """Place and size in pixels."""
    bounds = call.element().bounds
    return {"x": bounds.left, "y": bounds.top, "width": bounds.width, "height": bounds.height}


def location_in_view(call: Call) -> object:
    """The upper left corner."""
    bounds = call.element().bounds
    return {"x": bounds.left, "y": bounds.top}


def displayed(call: Call) -> object:
    """Whether a person sees it."""
    return call.element().is_set("displayed")


def enabled(call: Call) -> object:
    """Whether it can be used."""
    return call.element().is_set("enabled")


def selected(call: Call) -> object:
    """Whether it is selected or checked."""
    node = call.element()
    return node.is_set("selected") or node.is_set("checked")


def element_screenshot(call: Call) -> object:
    """The part of the screen that the element takes."""
    bounds = call.element().bounds
    picture = call.screenshot()
    if bounds.is_empty:
        raise ProtocolError("unknown error", "the element has no area on the screen")
    return base64_png(picture.crop((bounds.left, bounds.top, bounds.right, bounds.bottom)))

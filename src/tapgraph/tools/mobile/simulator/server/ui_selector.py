"""`UiSelector`: which views a uiautomator locator means."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tapgraph.tools.mobile.simulator.server.java_expression import Expression, MethodCall, Value
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError
from tapgraph.tools.mobile.simulator.server.screen_tree import TreeNode

__all__ = ["UiSelector", "selector_from"]

_Test: TypeAlias = Callable[[TreeNode], bool]

_TEXT_METHODS: Mapping[str, tuple[str, str]] = {
    "text": ("text", "equals"),
    "textContains": ("text", "contains"),
    "textStartsWith": ("text", "starts"),
    "textMatches": ("text", "matches"),
    "description": ("content-desc", "equals"),
    "descriptionContains": ("content-desc", "contains"),
    "descriptionStartsWith": ("content-desc", "starts"),
    "descriptionMatches": ("content-desc", "matches"),
    "resourceId": ("resource-id", "equals"),
    "resourceIdMatches": ("resource-id", "matches"),
    "className": ("class", "equals"),
    "classNameMatches": ("class", "matches"),
    "packageName": ("package", "equals"),
    "packageNameMatches": ("package", "matches"),
}
_FLAG_METHODS: Mapping[str, str] = {
    "checkable": "checkable",
    "checked": "checked",
    "clickable": "clickable",
    "enabled": "enabled",
    "focusable": "focusable",
    "focused": "focused",
    "longClickable": "long-clickable",
    "scrollable": "scrollable",
    "selected": "selected",
}
_OTHER_METHODS = ("index", "instance", "childSelector", "fromParent")


@dataclass(frozen=True, slots=True)
class UiSelector:
    """Tests that a view must pass.

    Attributes:
        instance: keeps only this one of the views that pass, from 0 in document order.
        child: then looks for this one below each of them.
        sibling: then looks for this one below the parent of each of them.
    """

    tests: tuple[_Test, ...] = ()
    instance: int | None = None
    child: "UiSelector | None" = None
    sibling: "UiSelector | None" = None

    def matches_below(self, scope: TreeNode) -> list[TreeNode]:
        """The views below `scope` that it means, in document order."""
        nodes = scope.walk()
        next(nodes)
        found = [node for node in nodes if all(test(node) for test in self.tests)]
        if self.instance is not None:
            found = found[self.instance : self.instance + 1]
        if self.child is not None:
            return _without_repeats(
                below for node in found for below in self.child.matches_below(node)
            )
        if self.sibling is not None:
            return _without_repeats(
                beside
                for node in found
                if (parent := node.xml.getparent()) is not None
                for beside in self.sibling.matches_below(TreeNode(parent))
            )
        return found


def selector_from(value: Value) -> UiSelector:
    """The selector that `new UiSelector()...` describes.

    Raises:
        ProtocolError: `invalid selector` for anything else, or a method that is not supported.
    """
    if not isinstance(value, Expression) or value.constructor.name != "UiSelector":
        raise ProtocolError("invalid selector", f"a UiSelector is needed, got {value!r:.200}")
    tests: list[_Test] = []
    instance: int | None = None
    child: UiSelector | None = None
    sibling: UiSelector | None = None
    for call in value.calls:
        if call.name == "instance":
            instance = _number(call)
        elif call.name == "childSelector":
            child = selector_from(_only(call))
        elif call.name == "fromParent":
            sibling = selector_from(_only(call))
        else:
            tests.append(_test(call))
    return UiSelector(tuple(tests), instance, child, sibling)


def _test(call: MethodCall) -> _Test:
    if call.name in _TEXT_METHODS:
        attribute, comparison = _TEXT_METHODS[call.name]
        return _text_test(attribute, comparison, _text(call))
    if call.name in _FLAG_METHODS:
        attribute = _FLAG_METHODS[call.name]
        wanted = _flag(call)
        return lambda node: node.is_set(attribute) is wanted
    if call.name == "index":
        index = str(_number(call))
        return lambda node: node.attribute("index") == index
    known = ", ".join((*_TEXT_METHODS, *_FLAG_METHODS, *_OTHER_METHODS))
    raise ProtocolError(
        "invalid selector", f"UiSelector has no method {call.name!r} here; it has {known}"
    )


def _text_test(attribute: str, comparison: str, wanted: str) -> _Test:
    if comparison == "equals":
        return lambda node: node.attribute(attribute) == wanted
    if comparison == "contains":
        return lambda node: wanted.lower() in node.attribute(attribute).lower()
    if comparison == "starts":
        return lambda node: node.attribute(attribute).lower().startswith(wanted.lower())
    try:
        pattern = re.compile(wanted, re.DOTALL)
    except re.error as error:
        raise ProtocolError(
            "invalid selector", f"{wanted!r} is no regular expression: {error}"
        ) from error
    return lambda node: pattern.fullmatch(node.attribute(attribute)) is not None


def _only(call: MethodCall) -> Value:
    if len(call.arguments) != 1:
        raise ProtocolError(
            "invalid selector", f"{call.name} takes one argument, got {len(call.arguments)}"
        )
    return call.arguments[0]


def _text(call: MethodCall) -> str:
    value = _only(call)
    if not isinstance(value, str):
        raise ProtocolError("invalid selector", f"{call.name} takes a string, got {value!r:.200}")
    return value


def _number(call: MethodCall) -> int:
    value = _only(call)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ProtocolError(
            "invalid selector", f"{call.name} takes a number from 0 on, got {value!r:.200}"
        )
    return value


def _flag(call: MethodCall) -> bool:
    if not call.arguments:
        return True
    value = _only(call)
    if not isinstance(value, bool):
        raise ProtocolError(
            "invalid selector", f"{call.name} takes true or false, got {value!r:.200}"
        )
    return value


def _without_repeats(nodes: Iterator[TreeNode]) -> list[TreeNode]:
    return list(dict.fromkeys(nodes))

"""The six ways to name an element, and what each finds on a screen."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from lxml import etree

from tapgraph.tools.mobile.simulator.server.java_expression import parse_expression
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError
from tapgraph.tools.mobile.simulator.server.screen_tree import TreeNode
from tapgraph.tools.mobile.simulator.server.ui_scrollable import ScrollSearch, scroll_search_from
from tapgraph.tools.mobile.simulator.server.ui_selector import UiSelector, selector_from

__all__ = ["UIAUTOMATOR", "Locator", "find_below", "parse_uiautomator"]

UIAUTOMATOR = "-android uiautomator"
Locator: TypeAlias = UiSelector | ScrollSearch


def find_below(scope: TreeNode, strategy: str, selector: str) -> list[TreeNode]:
    """The views below `scope` that a locator other than uiautomator means, in document order.

    Raises:
        ProtocolError: `invalid selector` for an unknown strategy or a broken XPath.
    """
    if strategy not in _FINDERS:
        known = ", ".join((*_FINDERS, "css selector", UIAUTOMATOR))
        raise ProtocolError(
            "invalid selector",
            f"Locator Strategy '{strategy}' is not supported for this session; use one of {known}",
        )
    return _FINDERS[strategy](scope, selector)


def parse_uiautomator(source: str) -> Locator:
    """What a uiautomator locator means.

    Raises:
        ProtocolError: `invalid selector` when it cannot be read or uses what is not supported.
    """
    expression = parse_expression(source)
    if expression.constructor.name == "UiScrollable":
        return scroll_search_from(expression)
    return selector_from(expression)


def _by_id(scope: TreeNode, wanted: str) -> list[TreeNode]:
    def fits(resource_id: str) -> bool:
        return resource_id == wanted or (
            ":id/" not in wanted and resource_id.endswith(f":id/{wanted}")
        )

    return [node for node in _below(scope) if fits(node.attribute("resource-id"))]


def _by_accessibility_id(scope: TreeNode, wanted: str) -> list[TreeNode]:
    return [node for node in _below(scope) if node.attribute("content-desc") == wanted]


def _by_class_name(scope: TreeNode, wanted: str) -> list[TreeNode]:
    return [node for node in _below(scope) if node.class_name == wanted]


def _by_xpath(scope: TreeNode, path: str) -> list[TreeNode]:
    try:
        result = scope.xml.xpath(path)
    except etree.XPathError as error:
        raise ProtocolError("invalid selector", f"{path!r} is no XPath: {error}") from error
    below = set(_below(scope))
    found: list[TreeNode] = []
    for one in result if isinstance(result, list) else [result]:
        if not isinstance(one, etree._Element):
            raise ProtocolError("invalid selector", f"{path!r} does not select elements")
        found.append(TreeNode(one))
    return [node for node in found if node in below]


def _below(scope: TreeNode) -> list[TreeNode]:
    nodes = scope.walk()
    next(nodes)
    return list(nodes)


_FINDERS: Mapping[str, Callable[[TreeNode, str], list[TreeNode]]] = {
    "id": _by_id,
    "accessibility id": _by_accessibility_id,
    "class name": _by_class_name,
    "xpath": _by_xpath,
}

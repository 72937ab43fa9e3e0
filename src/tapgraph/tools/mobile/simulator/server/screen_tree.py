"""The page source of one moment, as nodes that locators can search."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from tapgraph.tools.mobile.geometry import Bounds

__all__ = ["ScreenTree", "TreeNode"]

_BOUNDS = re.compile(r"\[(-?\d+),(-?\d+)\]\[(-?\d+),(-?\d+)\]")


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A view on the screen, as UiAutomator2 tells of it."""

    xml: etree._Element

    def attribute(self, name: str) -> str:
        """The attribute as it stands in the page source, empty where it is missing."""
        return str(self.xml.get(name, ""))

    def is_set(self, name: str) -> bool:
        """Whether a boolean attribute is true."""
        return self.xml.get(name) == "true"

    @property
    def bounds(self) -> Bounds:
        """The rectangle in pixels."""
        match = _BOUNDS.fullmatch(self.attribute("bounds"))
        if match is None:
            return Bounds(0, 0, 0, 0)
        left, top, right, bottom = (int(number) for number in match.groups())
        return Bounds(left, top, right, bottom)

    @property
    def class_name(self) -> str:
        """The Android class."""
        return self.attribute("class") or str(self.xml.tag)

    @property
    def path(self) -> tuple[int, ...]:
        """The position among the siblings, from the root down."""
        steps: list[int] = []
        node = self.xml
        while (parent := node.getparent()) is not None:
            steps.append(parent.index(node))
            node = parent
        return tuple(reversed(steps))

    def walk(self) -> Iterator["TreeNode"]:
        """Itself, then all below, in document order."""
        for element in self.xml.iter(etree.Element):
            yield TreeNode(element)


class ScreenTree:
    """All windows of one moment."""

    def __init__(self, source: str) -> None:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        self._root = etree.fromstring(source.encode(), parser)

    @property
    def root(self) -> TreeNode:
        """The `hierarchy` element, which is no view itself."""
        return TreeNode(self._root)

    def walk(self) -> Iterator[TreeNode]:
        """Every view, in document order."""
        nodes = self.root.walk()
        next(nodes)
        yield from nodes

    def at(self, path: tuple[int, ...]) -> TreeNode | None:
        """The view at this position, None where there is none."""
        node = self._root
        for step in path:
            if step >= len(node):
                return None
            node = node[step]
        return TreeNode(node)

"""A web page as a view hierarchy: one script in the page walks what a person sees of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from lxml import etree

from tapgraph.errors import ToolError
from tapgraph.tools.mobile.geometry import Bounds, Point, Size

__all__ = ["Page", "page_script", "read_page", "view_element"]

_NOT_XML = dict.fromkeys([
    *range(9),
    11,
    12,
    *range(14, 32),
    *range(0xD800, 0xE000),
    0xFFFE,
    0xFFFF,
])


@dataclass(frozen=True, slots=True)
class Page:
    """What the script told of the page in front.

    Attributes:
        size: of the visible part, in the units of its bounds.
        zoom: how many units each CSS pixel takes.
        shift: CSS pixels of the layout left of the visible part, and above it.
        views: nested views: attributes `a`, bounds `b`, children `c`.
    """

    size: Size
    zoom: float
    shift: tuple[float, float]
    title: str
    url: str
    is_loading: bool
    scrolls: bool
    views: Sequence[Mapping[str, Any]]

    def client_point(self, point: Point) -> Point:
        """A point of the visible part, in CSS pixels as scripts and touches count them."""
        x, y = self.shift
        return Point(int(point.x / self.zoom + x), int(point.y / self.zoom + y))

    def hierarchy(self, package: str) -> str:
        """The page as a dump of one window.

        >>> page = Page(Size(9, 9), 1.0, (0.0, 0.0), "", "", False, False, [])
        >>> page.hierarchy("example.org")[:53]
        '<hierarchy rotation="0" width="9" height="9"><android'
        """
        width, height = self.size.width_px, self.size.height_px
        root = etree.Element("hierarchy", rotation="0", width=str(width), height=str(height))
        whole = Bounds(0, 0, width, height)
        root.append(self.window(package, whole, scale=1.0))
        return etree.tostring(root, encoding="unicode")

    def window(self, package: str, place: Bounds, *, scale: float) -> etree._Element:
        """The page as one element, drawn into a `place` that has `scale` units for each of its."""
        kind = "android.widget.ScrollView" if self.scrolls else "android.view.View"
        attributes = {"class": kind, "scrollable": self.scrolls, "package": package}
        window = view_element(attributes, place)
        if self.is_loading:
            bar = Bounds(place.left, place.top, place.right, place.top + 8)
            window.append(view_element({"class": "android.widget.ProgressBar"}, bar))
        for view in self.views:
            window.append(_placed(view, package, place, scale))
        return window


def read_page(execute: Callable[[str], object]) -> Page:
    """The page in front; `execute` runs a script in it.

    Raises:
        ToolError: the script gave something else than a page.
    """
    told = execute(page_script())
    if not isinstance(told, dict) or "views" not in told:
        raise ToolError(f"the page cannot be read: its script gave {told!r:.80}")
    return Page(
        size=Size(round(told["width"]), round(told["height"])),
        zoom=float(told["zoom"][0]),
        shift=(float(told["zoom"][1]), float(told["zoom"][2])),
        title=str(told["title"]),
        url=str(told["url"]),
        is_loading=bool(told["isLoading"]),
        scrolls=bool(told["scrolls"]),
        views=told["views"],
    )


@cache
def page_script() -> str:
    """The script that walks a page."""
    return resources.files(__package__).joinpath("page_tree.js").read_text(encoding="utf-8")


def view_element(attributes: Mapping[str, object], bounds: Bounds) -> etree._Element:
    """A view as UiAutomator2 writes it."""
    written = {
        name: str(value).lower() if isinstance(value, bool) else str(value).translate(_NOT_XML)
        for name, value in attributes.items()
        if value not in (None, "")
    }
    written["bounds"] = f"[{bounds.left},{bounds.top}][{bounds.right},{bounds.bottom}]"
    return etree.Element(str(attributes["class"]), written)


def _placed(view: Mapping[str, Any], package: str, place: Bounds, scale: float) -> etree._Element:
    left, top, right, bottom = view["b"]
    bounds = Bounds(
        place.left + round(left * scale),
        place.top + round(top * scale),
        place.left + round(right * scale),
        place.top + round(bottom * scale),
    )
    element = view_element({**view["a"], "package": package}, bounds)
    for child in view["c"]:
        element.append(_placed(child, package, place, scale))
    return element

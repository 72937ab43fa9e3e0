"""What stands in a web view of an app whose own hierarchy says nothing about it."""

import logging
from collections.abc import Iterator

from lxml import etree

from tapgraph.errors import DeviceLost, ToolError
from tapgraph.tools.mobile.appium_session import AppiumSession, Driver
from tapgraph.tools.mobile.geometry import Bounds
from tapgraph.tools.mobile.ui_tree import UiNode, UiTree, parse_ui_tree
from tapgraph.tools.mobile.web.page_tree import Page, read_page

__all__ = ["WebViewReader"]

_NATIVE = "NATIVE_APP"
_PREFIX = "WEBVIEW"
_LEAST_SHARE = 0.05

_logger = logging.getLogger(__name__)


class WebViewReader:
    """Looks into blind web views through Appium's contexts.

    That works for apps that allow it (`setWebContentsDebuggingEnabled`), with a chromedriver of
    the view's version on the Appium server. An app that refused is not asked again.
    """

    def __init__(self, session: AppiumSession) -> None:
        self._session = session
        self._refused: set[str] = set()

    def filled(self, tree: UiTree) -> UiTree:
        """The hierarchy with the page inside of its largest blind web view, or as it was."""
        view = max(_blind_views(tree), key=lambda one: one.bounds.area, default=None)
        if view is None or view.package in self._refused:
            return tree
        try:
            page = self._session.read(
                "look into the web view", lambda driver: _page_inside(driver, view.package)
            )
        except DeviceLost:
            raise
        except ToolError as error:
            _logger.info("%s", error)
            page = None
        if page is None:
            self._refused.add(view.package)
            return tree
        return _with_page(tree, view, page)


def _blind_views(tree: UiTree) -> Iterator[UiNode]:
    """Large web views without a word inside."""
    screen_area = max((window.bounds.area for window in tree.windows), default=0)
    for node in tree.walk():
        if "WebView" not in node.class_name or node.bounds.area < _LEAST_SHARE * screen_area:
            continue
        inside = [one for one in node.walk() if one is not node]
        if not any(one.text or one.content_desc for one in inside):
            yield node


def _page_inside(driver: Driver, package: str) -> Page | None:
    """The page in this app's web view; the driver is in the native context before and after."""
    names = [str(name) for name in driver.contexts if str(name).startswith(_PREFIX)]
    if not names:
        return None
    own = [name for name in names if name == f"{_PREFIX}_{package}"]
    try:
        driver.switch_to.context((own or names)[-1])
        return read_page(driver.execute_script)
    finally:
        driver.switch_to.context(_NATIVE)


def _with_page(tree: UiTree, view: UiNode, page: Page) -> UiTree:
    bounds = view.bounds
    corners = f"[{bounds.left},{bounds.top}][{bounds.right},{bounds.bottom}]"
    root = etree.fromstring(tree.xml.encode(), etree.XMLParser(resolve_entities=False))
    place = Bounds(bounds.left, bounds.top, bounds.right, bounds.bottom)
    scale = place.width / max(1, page.size.width_px)
    for element in root.iter(etree.Element):
        kind = element.get("class") or str(element.tag)
        if kind == view.class_name and element.get("bounds") == corners:
            element[:] = [page.window(view.package, place, scale=scale)]
            break
    return parse_ui_tree(etree.tostring(root, encoding="unicode"))

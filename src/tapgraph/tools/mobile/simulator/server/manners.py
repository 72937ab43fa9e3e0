"""How much the server tells of its phone: all that helps, or what a real phone tells."""

from collections.abc import Sequence

from lxml import etree
from PIL import Image

from tapgraph.tools.mobile.simulator.app import App
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError

__all__ = ["AndroidManners", "Manners"]

_SECURE = frozenset({"com.harborbank.mobile", "com.google.android.apps.authenticator2"})
_BESIDE_THE_APPS = (
    "android",
    "com.android.settings.intelligence",
    "com.android.providers.settings",
    "com.android.providers.calendar",
    "com.android.providers.contacts",
    "com.android.providers.downloads",
    "com.android.systemui",
    "com.google.android.gms",
    "com.google.android.inputmethod.latin",
    "com.google.android.permissioncontroller",
    "com.google.android.webview",
)
"""Packages that every phone lists and no launcher shows."""


class Manners:
    """As kind as can be: apps have labels, trees are flat, and nothing is secret."""

    def listed_apps(self, apps: Sequence[App]) -> dict[str, dict[str, str]]:
        """What `mobile: listApps` tells; `label` is more than UiAutomator2 tells."""
        return {
            app.package: {"packageName": app.package, "versionCode": "1", "label": app.label}
            for app in apps
        }

    def source(self, phone: Phone) -> str:
        """The view hierarchy."""
        return phone.page_source()

    def picture(self, phone: Phone) -> Image.Image:
        """The screen."""
        return phone.screenshot()

    def wait_for_root(self, phone: Phone) -> None:
        """Return when the page source can be told: at once."""


class AndroidManners(Manners):
    """As unkind as a phone.

    Packages without labels, among them those of providers; trees with the wrappers and attributes
    that Android adds; black pictures of screens that protect themselves; and no page source, once,
    while a page is new.
    """

    def __init__(self) -> None:
        self._page = ("", "")

    def listed_apps(self, apps: Sequence[App]) -> dict[str, dict[str, str]]:
        """Packages alone, in no order that means anything."""
        packages = sorted([*(app.package for app in apps), *_BESIDE_THE_APPS])
        return {package: {"packageName": package, "versionCode": "1"} for package in packages}

    def source(self, phone: Phone) -> str:
        """The hierarchy with Android's wrappers and attributes."""
        root = etree.fromstring(phone.page_source().encode())
        for window in root:
            _complete(window)
        for window in list(root):
            if not window.tag.endswith("Toast"):
                _wrap(window)
        return etree.tostring(root, encoding="UTF-8", xml_declaration=True).decode()

    def picture(self, phone: Phone) -> Image.Image:
        """The screen; black where its app protects it."""
        picture = phone.screenshot()
        is_secure = phone.foreground[0] in _SECURE
        return Image.new("RGB", picture.size) if is_secure else picture

    def wait_for_root(self, phone: Phone) -> None:
        """Return when the page is not new.

        Raises:
            ProtocolError: it is, as UiAutomator2 says it while a screen animates.
        """
        page, self._page = self._page, phone.foreground
        if page != self._page:
            raise ProtocolError(
                "unknown error",
                "Timed out after 10000ms waiting for the root AccessibilityNodeInfo in the active "
                "window. Make sure the active window is not constantly hogging the main UI thread",
            )


def _complete(view: etree._Element) -> None:
    """Add what Android tells of every view."""
    for place, child in enumerate(view, 1):
        _complete(child)
        child.set("drawing-order", str(place))
    view.set("a11y-important", "true")
    view.set("screen-reader-focusable", "false")
    is_title = view.get("resource-id", "").endswith(("/title", "/alertTitle"))
    view.set("heading", "true" if is_title else "false")
    if view.get("scrollable") == "true" and len(view):
        inner = _layer(view, "android.view.ViewGroup")
        inner[:] = list(view)
        view.append(inner)


def _wrap(window: etree._Element) -> None:
    """Put the layers around a window's views that every window of Android has."""
    inside = list(window)
    outer = _layer(window, "android.widget.LinearLayout")
    inner = _layer(window, "android.widget.FrameLayout")
    inner[:] = inside
    outer.append(inner)
    window.append(outer)


def _layer(view: etree._Element, kind: str) -> etree._Element:
    attributes: dict[str, str] = {
        str(name): "false" for name, value in view.items() if value in {"true", "false"}
    }
    attributes |= {"enabled": "true", "displayed": "true", "a11y-important": "false"}
    attributes |= {"index": "0", "package": view.get("package", ""), "class": kind, "text": ""}
    return etree.Element(
        kind, attributes | {"bounds": view.get("bounds", ""), "drawing-order": "1"}
    )

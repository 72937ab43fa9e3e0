"""The UI dump of a screen, as Appium's UiAutomator2 driver prints `page_source`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.simulator.views import Field, Scroll, View
from tapgraph.tools.mobile.simulator.window_manager import Window

__all__ = ["XmlToast", "page_source_xml"]

_HEADER: Final = "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>"
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPECIAL: Final = re.compile('[&<>"\t\n\r\U00010000-\U0010ffff]')
_NAMED: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_NOT_A_TAG: Final = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True)
class XmlToast:
    """The toast that is shown, and the app that shows it."""

    package: str
    text: str
    bounds: Bounds


def escaped(text: str) -> str:
    r"""Text for an attribute: without what XML cannot hold, emoji as references, as Android does.

    >>> escaped('a "b" & \x00\n')
    'a &quot;b&quot; &amp; &#10;'
    """
    return _SPECIAL.sub(
        lambda found: _NAMED.get(found[0]) or f"&#{ord(found[0])};", _NOT_XML.sub("", text)
    )


def page_source_xml(
    windows: Sequence[Window], size: Size, rotation: int, *, toast: XmlToast | None
) -> str:
    """The dump of these windows, the lowest first.

    Args:
        windows: laid-out.
        size: of the screen.
        rotation: in quarter turns.
        toast: the one that is shown, if any.
    """
    lines = [
        _HEADER,
        f'<hierarchy index="0" class="hierarchy" rotation="{rotation}" '
        f'width="{size.width_px}" height="{size.height_px}">',
    ]
    for number, window in enumerate(windows):
        _print_view(lines, window.root, window.package, number, depth=1)
    if toast is not None:
        lines.append(_toast_line(toast, index=len(windows)))
    lines.append("</hierarchy>")
    return "\n".join(lines)


def _print_view(lines: list[str], view: View, package: str, index: int, depth: int) -> None:
    indent = "  " * depth
    tag = _NOT_A_TAG.sub(".", view.class_name)
    attributes = _attributes(view, package, index)
    children = [
        child for child in view.children if not child.decorative and not child.visible.is_empty
    ]
    if not children:
        lines.append(f"{indent}<{tag} {attributes} />")
        return
    lines.append(f"{indent}<{tag} {attributes}>")
    for number, child in enumerate(children):
        _print_view(lines, child, package, number, depth + 1)
    lines.append(f"{indent}</{tag}>")


def _attributes(view: View, package: str, index: int) -> str:
    field = view if isinstance(view, Field) else None
    text = shown = view.text
    if field is not None:
        shown = "\N{BULLET}" * len(field.value) if field.password else field.value
        # An empty EditText reports its hint as text, here as on a phone.
        text = shown or field.hint
    scrollable = isinstance(view, Scroll) and view.scroll_range_px > 0
    long_clickable = view.on_long_click is not None or field is not None
    optional = ""
    if view.id:
        resource_id = view.id if ":" in view.id else f"{package}:id/{view.id}"
        optional += f' resource-id="{escaped(resource_id)}"'
    if view.desc:
        optional += f' content-desc="{escaped(view.desc)}"'
    hint = ""
    if field is not None and field.hint:
        hint = f' hint="{escaped(field.hint)}" showing-hint="{_word(not shown)}"'
    return (
        f'index="{index}" package="{package}" class="{view.class_name}" text="{escaped(text)}"'
        f'{optional} checkable="{_word(view.checkable)}" checked="{_word(view.checked)}" '
        f'clickable="{_word(view.clickable)}" enabled="{_word(view.enabled)}" '
        f'focusable="{_word(view.focusable)}" '
        f'focused="{_word(field is not None and field.focused)}" '
        f'long-clickable="{_word(long_clickable)}" '
        f'password="{_word(field is not None and field.password)}" '
        f'scrollable="{_word(scrollable)}" selected="{_word(view.selected)}" '
        f'bounds="{_corners(view.visible)}" displayed="true"{hint}'
    )


def _word(value: bool) -> str:
    return "true" if value else "false"


def _corners(bounds: Bounds) -> str:
    return f"[{bounds.left},{bounds.top}][{bounds.right},{bounds.bottom}]"


def _toast_line(toast: XmlToast, *, index: int) -> str:
    flags = " ".join(
        f'{name}="{_word(name == "enabled")}"'
        for name in (
            "checkable",
            "checked",
            "clickable",
            "enabled",
            "focusable",
            "focused",
            "long-clickable",
            "password",
            "scrollable",
            "selected",
        )
    )
    return (
        f'  <android.widget.Toast index="{index}" package="{toast.package}" '
        f'class="android.widget.Toast" text="{escaped(toast.text)}" {flags} '
        f'bounds="{_corners(toast.bounds)}" displayed="true" />'
    )

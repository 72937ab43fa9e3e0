"""The view hierarchy of a phone, read from what Appium or `uiautomator dump` print."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from tapgraph.errors import UnreadableTree
from tapgraph.tools.mobile.geometry import Bounds

__all__ = ["UiNode", "UiTree", "parse_ui_tree"]

_MAX_CHARACTERS = 4_000_000
_MAX_NODES = 20_000
_MAX_DEPTH = 200
_BOUNDS = re.compile(r"\[(-?\d{1,7}),(-?\d{1,7})\]\[(-?\d{1,7}),(-?\d{1,7})\]")
_DECLARATION = re.compile(rb"""<\?xml[^>]{0,200}?encoding=["']([A-Za-z0-9._-]{1,40})["']""")
_NO_BOUNDS = Bounds(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class UiNode:
    """One view; names as in the dump, missing attributes empty or False.

    `enabled` and `displayed` are True, and `drawing_order` is 0, where the dump does not say.
    Bounds are as printed: they may be inverted, without area or outside the screen.
    """

    class_name: str
    package: str
    resource_id: str
    text: str
    content_desc: str
    hint: str
    bounds: Bounds
    clickable: bool
    long_clickable: bool
    scrollable: bool
    checkable: bool
    checked: bool
    enabled: bool
    focusable: bool
    focused: bool
    selected: bool
    password: bool
    displayed: bool
    drawing_order: int
    children: tuple["UiNode", ...]

    def walk(self) -> Iterator["UiNode"]:
        """Itself, then all below, in document order."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


@dataclass(frozen=True, slots=True)
class UiTree:
    """All windows of a screen in document order, with the text that they were read from.

    Attributes:
        windows: the top-level views; none in a hierarchy that is empty.
        rotation: quarter turns, 0 to 3.
        width_px: width of the screen where the dump says it (Appium), else None.
        height_px: height of the screen where the dump says it (Appium), else None.
        xml: the dump as decoded text, without what stood before and after the hierarchy.
    """

    windows: tuple[UiNode, ...]
    rotation: int
    width_px: int | None
    height_px: int | None
    xml: str

    def walk(self) -> Iterator[UiNode]:
        """Every node of every window, in document order."""
        for window in self.windows:
            yield from window.walk()


def parse_ui_tree(xml: str | bytes) -> UiTree:
    """The hierarchy in an Appium `page_source` or in the output of `uiautomator dump`.

    Repaired: a byte-order mark; lines before the XML ("UI hierchary dumped to: ...") and after it;
    bytes in the encoding that their mark or declaration names (UTF-8 where they name none); bounds
    that are missing or no numbers, which become empty.

    Refused, because a guess would show the agent a screen that is not there: nothing or blanks; no
    `hierarchy` element; text that is cut off or not well-formed, such as quotes swallowed by a
    wrong decoding; bytes that are not in the encoding they declare (GBK declared as UTF-8); a
    document type, which no dump has and attacks need; more than 4 million characters, 20,000 nodes
    or 200 levels.

    Raises:
        UnreadableTree: one of the refused cases; one sentence says which.

    >>> node = '<node class="a.B" bounds="[0,0][9,9]"/>'
    >>> tree = parse_ui_tree(f'<hierarchy rotation="1">{node}</hierarchy>')
    >>> tree.rotation, tree.windows[0].class_name, tree.windows[0].bounds.width
    (1, 'a.B', 9)
    """
    text = _without_surroundings(xml if isinstance(xml, str) else _decoded(xml))
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        load_dtd=False,
        dtd_validation=False,
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except UnicodeEncodeError as error:
        raise UnreadableTree(f"the UI dump holds half a character: {error.reason}") from error
    except etree.XMLSyntaxError as error:
        raise UnreadableTree(f"the UI dump is not well-formed XML: {error.msg}") from error
    if root.tag != "hierarchy":
        raise UnreadableTree(f"the UI dump's root is {root.tag!r} where 'hierarchy' was expected")
    _check_size(root)
    return UiTree(
        windows=tuple([_node(child) for child in root]),
        rotation=_number(root.get("rotation")) or 0,
        width_px=_number(root.get("width")),
        height_px=_number(root.get("height")),
        xml=text,
    )


def _decoded(xml: bytes) -> str:
    encoding = "utf-8"
    if xml.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif declared := _DECLARATION.search(xml[:1000]):
        encoding = declared[1].decode("ascii")
    try:
        return xml.decode(encoding)
    except LookupError as error:
        raise UnreadableTree(f"the UI dump declares the unknown encoding {encoding!r}") from error
    except UnicodeError as error:
        raise UnreadableTree(
            f"the UI dump's bytes are not in the encoding {encoding!r} that it declares: {error}"
        ) from error


def _without_surroundings(text: str) -> str:
    if len(text) > _MAX_CHARACTERS:
        raise UnreadableTree(
            f"the UI dump has {len(text):,} characters, more than {_MAX_CHARACTERS:,}"
        )
    if not text.strip("\ufeff \t\r\n\0"):
        raise UnreadableTree("the UI dump is empty")
    root = text.find("<hierarchy")
    if root < 0:
        raise UnreadableTree(f"the UI dump holds no 'hierarchy' element: {text.strip()[:80]!r}")
    if "<!DOCTYPE" in text:
        raise UnreadableTree("the UI dump holds a document type, which is not read")
    close = "</hierarchy>"
    end = text.rfind(close)
    if end >= 0:
        return text[root : end + len(close)]
    # An empty hierarchy closes itself; anything else without an end tag is cut off, and the parser
    # will say so.
    end = text.find("/>", root)
    return text[root : end + 2] if text.count("<", root) == 1 and end >= 0 else text[root:]


def _check_size(root: etree._Element) -> None:
    nodes = 0
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        nodes += event == "start"
        if depth > _MAX_DEPTH:
            raise UnreadableTree(f"the UI dump is nested more than {_MAX_DEPTH} levels deep")
        if nodes > _MAX_NODES:
            raise UnreadableTree(f"the UI dump has more than {_MAX_NODES:,} nodes")


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and re.fullmatch(r"\d{1,6}", value) else None


def _bounds(value: str | None) -> Bounds:
    match = _BOUNDS.fullmatch(value or "")
    return Bounds(*map(int, match.groups())) if match else _NO_BOUNDS


def _node(element: etree._Element) -> UiNode:
    attributes: dict[str, str] = dict(element.items())  # type: ignore[arg-type]
    get = attributes.get
    return UiNode(
        class_name=get("class") or str(element.tag),
        package=get("package", ""),
        resource_id=get("resource-id", ""),
        text=get("text", ""),
        content_desc=get("content-desc", ""),
        hint=get("hint", ""),
        bounds=_bounds(get("bounds")),
        clickable=get("clickable") == "true",
        long_clickable=get("long-clickable") == "true",
        scrollable=get("scrollable") == "true",
        checkable=get("checkable") == "true",
        checked=get("checked") == "true",
        enabled=get("enabled") != "false",
        focusable=get("focusable") == "true",
        focused=get("focused") == "true",
        selected=get("selected") == "true",
        password=get("password") == "true",
        displayed=get("displayed") != "false" and get("visible-to-user") != "false",
        drawing_order=_number(get("drawing-order")) or 0,
        children=tuple([_node(child) for child in element]),
    )

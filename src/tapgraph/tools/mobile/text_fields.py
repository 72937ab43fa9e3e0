"""The text fields of a screen, and one of them found again after something was typed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tapgraph.tools.mobile.geometry import Bounds
from tapgraph.tools.mobile.typed_text import is_typed
from tapgraph.tools.mobile.ui_tree import UiNode, UiTree

__all__ = [
    "TextField",
    "are_filled",
    "boxes_from",
    "focused_field",
    "found_again",
    "is_same_page",
    "takes_keys",
    "text_fields",
]

_EDITABLE = re.compile(r"EditText|AutoComplete|TextInput|SearchView\$SearchAuto")
_SEARCHES = re.compile(r"search|query|find", re.IGNORECASE)
_OWN_VIEW = re.compile(r"^(?!android\.|androidx\.|com\.google\.android\.material\.)\w+(\.\w+)+$")
_LEAST_BOXES = 3
_MOST_BOX_SHAPE = 2.5
_ROW_SLACK_PX = 4
_SAME_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class TextField:
    """A view that can be typed into.

    Attributes:
        shown: the words in it, which are its hint while it is empty.
        hint: the words that it shows while it is empty.
        is_password: what is read is dots, only their number counts.
        is_search: its id or hint speaks of searching.
        has_focus: whether keys go to it.
    """

    shown: str
    hint: str
    is_password: bool
    is_search: bool
    has_focus: bool
    resource_id: str
    bounds: Bounds

    @property
    def text(self) -> str:
        """What it holds. Someone may have typed the very words of the hint; nothing tells."""
        return "" if self.shown == self.hint else self.shown

    def holds_after(self, before: "TextField", typed: str) -> bool:
        """Whether it holds what it held `before`, with `typed` put in anywhere."""
        if self.is_password:
            return len(self.text) - len(before.text) in _lengths(typed)
        return any(is_typed(typed, old, self.shown) for old in (before.text, before.shown))


def text_fields(tree: UiTree) -> tuple[TextField, ...]:
    """All of them, in document order."""
    return tuple(
        TextField(
            shown=node.text,
            hint=node.hint,
            is_password=node.password,
            is_search=bool(_SEARCHES.search(f"{node.resource_id} {node.hint} {node.content_desc}")),
            has_focus=node.focused,
            resource_id=node.resource_id,
            bounds=node.bounds,
        )
        for node in tree.walk()
        if _is_editable(node)
    )


def focused_field(tree: UiTree) -> TextField | None:
    """The text field with the focus, None where there is none.

    Other views are passed over: lists and buttons can have a focus of their own.
    """
    return next((field for field in text_fields(tree) if field.has_focus), None)


def takes_keys(tree: UiTree) -> bool:
    """Whether a view of the app's own has the focus, such as a terminal or a drawn page."""
    return any(node.focused and _OWN_VIEW.match(node.class_name) for node in tree.walk())


def found_again(field: TextField, before: UiTree, after: UiTree) -> TextField | None:
    """The field on a later screen; None where it is gone or cannot be told from another.

    A field without a name is the same when it stands where it stood, on the same page.
    """

    def are_equal(one: TextField) -> bool:
        return (one.resource_id, one.is_password) == (field.resource_id, field.is_password)

    then = [one for one in text_fields(before) if are_equal(one)]
    now = [one for one in text_fields(after) if are_equal(one)]
    if not field.resource_id and not is_same_page(before, after):
        return None
    if len(then) == len(now):
        return now[then.index(field)]
    return next((one for one in now if one.bounds == field.bounds), None)


def boxes_from(field: TextField, fields: Sequence[TextField]) -> tuple[TextField, ...]:
    """The boxes for one character each of a row, from `field` on; none where it is no such row."""
    bounds = field.bounds
    if bounds.width > _MOST_BOX_SHAPE * bounds.height:
        return ()
    row = [
        other
        for other in fields
        if abs(other.bounds.top - bounds.top) <= _ROW_SLACK_PX
        and abs(other.bounds.width - bounds.width) <= _ROW_SLACK_PX
        and len(other.text) <= 1
    ]
    if len(row) < _LEAST_BOXES:
        return ()
    row.sort(key=lambda other: other.bounds.left)
    return tuple(other for other in row if other.bounds.left >= bounds.left)


def are_filled(typed: str, before: Sequence[TextField], after: Sequence[TextField]) -> bool:
    """Whether `typed` stands in several fields together, as in boxes for one digit each."""
    if len(before) != len(after):
        return False
    changed = [now for then, now in zip(before, after, strict=True) if then.shown != now.shown]
    held = "".join(now.text for now in changed)
    if any(now.is_password for now in changed):
        return len(held) in _lengths(typed)
    return len(changed) > 1 and is_typed(typed, "", held)


def is_same_page(before: UiTree, after: UiTree) -> bool:
    """Whether most of the words beside the fields stayed and as few are new."""
    then, now = (
        {node.text or node.content_desc for node in tree.walk() if not _is_editable(node)} - {""}
        for tree in (before, after)
    )
    return then == now or len(then & now) > _SAME_SHARE * len(then | now)


def _is_editable(node: UiNode) -> bool:
    return node.password or _EDITABLE.search(node.class_name) is not None


def _lengths(typed: str) -> frozenset[int]:
    """A dot stands for a UTF-16 unit on some phones and for a character on others."""
    return frozenset({len(typed), len(typed.encode("utf-16-le")) // 2})

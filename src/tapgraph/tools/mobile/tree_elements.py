"""The elements that a person sees, built from a view hierarchy."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tapgraph.tools.mobile.covered_pages import Page, covered_pages
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.label_text import label_text
from tapgraph.tools.mobile.screen import Element, Role, numbered
from tapgraph.tools.mobile.ui_tree import UiNode, UiTree

__all__ = [
    "KEYBOARD_PACKAGE",
    "blind_regions",
    "elements_from_tree",
    "is_useful",
    "tells_what_is_seen",
]

KEYBOARD_PACKAGE = re.compile(r"inputmethod|keyboard|honeyboard|swiftkey|\.ime\b|\.latin$")
_SYSTEM_UI = "com.android.systemui"
_BAR_SHARE = 0.07
"""A system window lower than this share of the screen's long side is a status or navigation bar."""
_SLIVER_SHARE = 0.004
"""Less than this share of the short side is too thin to see or to touch."""
_BIG_SHARE = 0.5
"""From this share of the screen on, a container is a page, and not one thing with one label."""
_STACK_SHARE = 0.012
"""Less than this share of the long side at the edge of a web page is no part of the page on screen:
a web view pushes what lies outside of it together there."""
_MOST_MERGED = 12
_CLASS_ROLES: Sequence[tuple[re.Pattern[str], Role]] = tuple(
    (re.compile(pattern), role)
    for pattern, role in (
        (r"EditText|AutoComplete|TextInputEdit", Role.INPUT),
        (r"RadioButton", Role.RADIO),
        (r"CheckBox|CheckedTextView", Role.CHECKBOX),
        (r"Switch|ToggleButton", Role.SWITCH),
        (r"SeekBar|Slider", Role.SLIDER),
        (r"RatingBar", Role.RATING),
        (r"ProgressBar|ProgressIndicator", Role.PROGRESS),
        (r"Spinner$", Role.DROPDOWN),
        (r"Tab$|TabView$|BottomNavigationItemView|NavigationBarItemView", Role.TAB),
        (r"KeyboardKey|NumPadKey|Keyboard\$Key", Role.KEY),
    )
)
_KEY_ID = re.compile(r":id/(key|digit|num)_?[0-9a-z]$")
_CHECKABLE = frozenset({Role.SWITCH, Role.CHECKBOX, Role.RADIO})
_TELLING_WITHOUT_TEXT = _CHECKABLE | {Role.PROGRESS}


def elements_from_tree(tree: UiTree, size: Size, *, front_package: str = "") -> tuple[Element, ...]:
    """What a person can see and use, numbered in reading order.

    - Only what lies on the screen, inside the scrolled containers around it, and not under the
      middle of a window above. A small window lies above a large one; of equal ones the later.
    - Status bar, navigation bar and the keys of a keyboard are left out: clock and battery are no
      part of a task, and `Back`, `Home`, `Type` and `Enter` are actions of their own. A keyboard
      that is the app in front (`front_package`, its settings for instance) is shown.
    - Something clickable takes the text of everything inside that cannot be used by itself; that
      is not repeated. Something that fills half of the screen takes none.
    - A switch, check box, radio button or slider without text takes the label of its row.
    - `displayed="false"` hides a view, unless it stands on every view of the dump.
    - Private-use glyphs and object replacement characters are no text.
    - Of pages that are drawn over each other only the upper one is told (`covered_pages`).
    - What a web view pushes together at its edges is off the page.
    """
    screen = Bounds(0, 0, size.width_px, size.height_px)
    believes_displayed = any(node.displayed for node in tree.walk())
    builder = _Builder(screen, believes_displayed=believes_displayed)
    seen: list[_Found] = []
    covers: list[Bounds] = []
    order = {id(window): place for place, window in enumerate(tree.windows)}
    windows = sorted(
        tree.windows,
        key=lambda window: (window.bounds.intersection(screen).area, -order[id(window)]),
    )
    for window in windows:
        if _is_keyboard(window, front_package, alone=len(windows) == 1):
            covers.append(window.bounds)
            continue
        found = [] if _is_system_bar(window, screen) else builder.found_in(window, screen)
        seen += [
            one for one in found if not any(cover.contains(one.bounds.center) for cover in covers)
        ]
        # A touch on a toast reaches what lies under it.
        is_solid = not window.class_name.endswith("Toast")
        if is_solid and (found or _is_system_bar(window, screen)):
            covers.append(window.bounds)
    return numbered(one.as_element() for one in _labelled_by_row(seen))


def blind_regions(tree: UiTree, elements: Iterable[Element], size: Size) -> tuple[Bounds, ...]:
    """Large parts of the screen about which the hierarchy says nothing, the largest first.

    A part is a picture, a web page or a drawing surface (maps, videos, games) of at least 5 % of
    the screen that holds the middle of no element smaller than itself.
    """
    screen = Bounds(0, 0, size.width_px, size.height_px)
    middles = [
        element.bounds
        for element in elements
        if (element.text or element.is_actionable) and not element.scrollable
    ]
    regions: list[Bounds] = []
    for node in tree.walk():
        bounds = node.bounds.intersection(screen)
        if bounds.area < 0.05 * screen.area or not _may_hide_pixels(node):
            continue
        known = any(
            bounds.contains(other.center) and other.area < 0.9 * bounds.area for other in middles
        )
        if not known and bounds not in regions:
            regions.append(bounds)
    return tuple(sorted(regions, key=lambda region: -region.area))


def is_useful(tree: UiTree, size: Size) -> bool:
    """Whether the hierarchy tells what a person sees; see `tells_what_is_seen`."""
    return tells_what_is_seen(tree, elements_from_tree(tree, size), size)


def tells_what_is_seen(tree: UiTree, elements: Sequence[Element], size: Size) -> bool:
    """Whether the elements of a hierarchy make reading the picture unnecessary.

    They are not when no element that is smaller than half of the screen has a text, or when one
    region that the hierarchy says nothing about (`blind_regions`) makes up 60 % of the screen: a
    game drawn on one surface, a web page whose views have no area.
    """
    area = size.width_px * size.height_px
    if not any(element.text and element.bounds.area < _BIG_SHARE * area for element in elements):
        return False
    largest = next(iter(blind_regions(tree, elements, size)), None)
    return largest is None or largest.area < 0.6 * area


@dataclass(slots=True, eq=False)
class _Found:
    """An element in the making; `is_loose` says that a clickable container may swallow it."""

    node: UiNode
    bounds: Bounds
    role: Role
    text: str
    is_loose: bool
    checked: bool | None

    def as_element(self) -> Element:
        node = self.node
        hint = label_text(node.hint)
        return Element(
            number=0,
            bounds=self.bounds,
            text=self.text,
            role=self.role,
            resource_id=node.resource_id,
            clickable=node.clickable,
            scrollable=node.scrollable,
            checked=self.checked,
            focused=node.focused,
            selected=node.selected,
            enabled=node.enabled,
            password=node.password,
            shows_hint=self.role is Role.INPUT
            and bool(hint)
            and label_text(node.text) in {"", hint},
        )


class _Builder:
    def __init__(self, screen: Bounds, *, believes_displayed: bool) -> None:
        self._screen = screen
        self._believes_displayed = believes_displayed
        self._sliver_px = _SLIVER_SHARE * min(screen.width, screen.height)

    def found_in(self, node: UiNode, clip: Bounds, *, in_web: bool = False) -> list[_Found]:
        bounds = node.bounds.intersection(clip)
        is_web = "WebView" in node.class_name
        inner = bounds if (node.scrollable or is_web) and not bounds.is_empty else clip
        below = self._found_below(node, inner, in_web=in_web or is_web)
        hidden = self._believes_displayed and not node.displayed
        if hidden or min(bounds.width, bounds.height) < self._sliver_px:
            return below
        if in_web and self._is_pushed_to_edge(bounds, clip):
            return below
        role = _role(node)
        label = _own_label(node, role)
        if role is Role.LIST:
            return [self._made(node, bounds, role, label), *below]
        is_one_thing = _is_usable(node, role) or node.selected or node.checkable
        if not (is_one_thing or label or role in _TELLING_WITHOUT_TEXT):
            return below
        if not is_one_thing:
            rest = [one for one in below if not (one.is_loose and one.text and one.text in label)]
            return [self._made(node, bounds, role, label), *rest]
        return self._merged(self._made(node, bounds, role, label), below)

    def _found_below(self, node: UiNode, clip: Bounds, *, in_web: bool) -> list[_Found]:
        found = [self.found_in(child, clip, in_web=in_web) for child in node.children]
        pages = [
            Page(
                child.bounds.intersection(clip),
                child.drawing_order,
                [one.bounds for one in inside if one.text and one.role is not Role.LIST],
            )
            for child, inside in zip(node.children, found, strict=True)
        ]
        covered = covered_pages(pages, self._screen)
        return [one for index, some in enumerate(found) if index not in covered for one in some]

    def _is_pushed_to_edge(self, bounds: Bounds, page: Bounds) -> bool:
        least_px = _STACK_SHARE * max(self._screen.width, self._screen.height)
        return (
            bounds.height < least_px and (bounds.top == page.top or bounds.bottom == page.bottom)
        ) or (bounds.width < least_px and (bounds.left == page.left or bounds.right == page.right))

    def _made(self, node: UiNode, bounds: Bounds, role: Role, label: str) -> _Found:
        checked = node.checked if node.checkable or role in _CHECKABLE else None
        loose = not _is_usable(node, role) and role not in {Role.LIST, Role.PROGRESS}
        return _Found(node, bounds, role, label, loose, checked)

    def _merged(self, container: _Found, below: list[_Found]) -> list[_Found]:
        members = _members_of_groups(container, below)
        loose = [one for one in below if one.is_loose and one not in members]
        kept = [one for one in below if not one.is_loose or one in members]
        is_page = (
            container.bounds.area >= _BIG_SHARE * self._screen.area
            or len(loose) > _MOST_MERGED
            or any(one.role is Role.LIST for one in kept)
        )
        if is_page:
            return [container, *below] if container.text else below
        toggles = [one for one in loose if one.role in _CHECKABLE]
        if len(toggles) == 1 and container.role in {Role.BUTTON, Role.TEXT, *_CHECKABLE}:
            # Where both tell a state, Compose keeps it on the row, older views on the button in it.
            container.role = toggles[0].role
            container.checked = bool(container.checked) or toggles[0].checked
        parts = [container.text] if container.text else []
        for one in loose:
            if one.text and not any(one.text in part for part in parts):
                parts.append(one.text)
        container.text = ", ".join(parts)
        for one in kept:
            if not one.text and (one.role in _CHECKABLE or one.role is Role.SLIDER):
                one.text = container.text
        if not container.text and (
            kept or (container.node.selected and not container.node.clickable)
        ):
            return kept
        return [container, *kept]


def _members_of_groups(container: _Found, below: Sequence[_Found]) -> list[_Found]:
    """Choices among others that cannot be pressed now, because they are chosen already.

    They are told by themselves, and not as words of the card that their group stands on.
    """
    toggles = [one for one in below if one.role in _CHECKABLE and one.text]
    return [
        one
        for one in below
        if one.is_loose
        and one.text
        and (
            (
                one in toggles
                and any(other.role is one.role for other in toggles if other is not one)
            )
            or (
                one.node.selected
                and not container.node.selected
                and any(not other.is_loose and _are_in_line(one, other) for other in below)
            )
        )
    ]


def _are_in_line(one: _Found, other: _Found) -> bool:
    """Whether both are in a row, or in a column, and as high or as wide."""
    return (one.bounds.top, one.bounds.bottom) == (other.bounds.top, other.bounds.bottom) or (
        one.bounds.left,
        one.bounds.right,
    ) == (other.bounds.left, other.bounds.right)


def _role(node: UiNode) -> Role:
    name = re.split(r"[.$]", node.class_name)[-1] or node.class_name
    if node.password:
        return Role.INPUT
    for pattern, role in _CLASS_ROLES:
        if pattern.search(name):
            return role
    if _KEY_ID.search(node.resource_id):
        return Role.KEY
    if node.checkable:
        # Compose and web pages draw switches and check boxes on plain views.
        return Role.SWITCH if node.bounds.width > 1.4 * node.bounds.height else Role.CHECKBOX
    if node.scrollable:
        return Role.LIST
    if node.clickable or name.endswith("Button"):
        return Role.BUTTON
    return Role.IMAGE if name.endswith(("ImageView", "Image")) else Role.TEXT


def _is_usable(node: UiNode, role: Role) -> bool:
    return node.clickable or role in {Role.INPUT, Role.SLIDER, Role.KEY}


def _own_label(node: UiNode, role: Role) -> str:
    text, description = label_text(node.text), label_text(node.content_desc)
    if role is Role.INPUT:
        return text or label_text(node.hint) or description
    if role in {Role.SLIDER, Role.RATING} and text and description and text not in description:
        return f"{description}, {text}"
    return text or description


def _labelled_by_row(found: Sequence[_Found]) -> Iterator[_Found]:
    """Each of them; what can be set but has no text takes the nearest text of its row."""
    for one in found:
        if not one.text and (one.role in _CHECKABLE or one.role is Role.SLIDER):
            middle = one.bounds.center.y
            beside = [
                other
                for other in found
                if other.text
                and other.role is Role.TEXT
                and other.bounds.top <= middle < other.bounds.bottom
            ]
            nearest = min(
                beside,
                key=lambda other: min(
                    abs(one.bounds.left - other.bounds.right),
                    abs(other.bounds.left - one.bounds.right),
                ),
                default=None,
            )
            if nearest is not None:
                one.text = nearest.text
        yield one


def _is_keyboard(window: UiNode, front_package: str, *, alone: bool) -> bool:
    return (
        not alone
        and window.package != front_package
        and KEYBOARD_PACKAGE.search(window.package) is not None
    )


def _is_system_bar(window: UiNode, screen: Bounds) -> bool:
    bounds = window.bounds.intersection(screen)
    thinnest = min(bounds.height, bounds.width)
    return window.package == _SYSTEM_UI and thinnest <= _BAR_SHARE * max(
        screen.height, screen.width
    )


def _may_hide_pixels(node: UiNode) -> bool:
    name = node.class_name
    if "WebView" in name or "SurfaceView" in name or "TextureView" in name:
        return True
    return not node.children and (
        node.class_name.endswith(("ImageView", "Image")) or "surface" in node.resource_id.lower()
    )

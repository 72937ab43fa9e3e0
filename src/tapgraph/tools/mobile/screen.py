"""What an agent knows about a phone's screen at one moment."""

import dataclasses
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from PIL import Image

from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Point, Size, free_point

__all__ = [
    "Element",
    "Role",
    "Screen",
    "SeenIcon",
    "SeenState",
    "Source",
    "fingerprint_of",
    "numbered",
    "scaled",
]

_LEAST_ROOM_PX = 4
"""Less than this is too thin to be touched for sure where bounds were rounded."""

Source = Literal["tree", "ocr", "both"]
"""Where knowledge came from: the view hierarchy, reading the picture, or both in agreement."""


class Role(StrEnum):
    """What a person takes an element for."""

    BUTTON = "button"
    TEXT = "text"
    INPUT = "input"
    IMAGE = "image"
    SWITCH = "switch"
    CHECKBOX = "checkbox"
    RADIO = "radio"
    SLIDER = "slider"
    RATING = "rating"
    DROPDOWN = "dropdown"
    LIST = "list"
    TAB = "tab"
    KEY = "key"
    PROGRESS = "progress"


@dataclass(frozen=True, slots=True)
class SeenIcon:
    """What a picture without words looks like.

    Attributes:
        kind: in words, such as `trash`.
        confidence: 0 to 1.
    """

    kind: str
    confidence: float


@dataclass(frozen=True, slots=True)
class SeenState:
    """What a whole screen looks like.

    Attributes:
        state: in one word, such as `loading`.
        confidence: 0 to 1.
    """

    state: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Element:
    """Something on the screen that a person can see and perhaps use.

    Attributes:
        number: its place in reading order, from 1.
        bounds: the part of it that is on the screen.
        text: what it says or is called; empty where nothing is known.
        resource_id: the name that its programmer gave it, empty where there is none.
        checked: None for what cannot be checked.
        shows_hint: an empty input whose `text` is only its hint.
        free_point: where to touch it when its middle belongs to another usable element, such as a
            button on a card.
        is_covered: every point of it belongs to other usable elements: it cannot be touched.
        icon: what its picture shows, where it has no text and icons are named.
    """

    number: int
    bounds: Bounds
    text: str
    role: Role
    resource_id: str = ""
    clickable: bool = False
    scrollable: bool = False
    checked: bool | None = None
    focused: bool = False
    selected: bool = False
    enabled: bool = True
    password: bool = False
    shows_hint: bool = False
    source: Source = "tree"
    free_point: Point | None = None
    is_covered: bool = False
    icon: SeenIcon | None = None

    @property
    def touch_point(self) -> Point:
        """Where a finger reaches it and nothing else; its middle unless that is another's."""
        return self.free_point or self.bounds.center

    @property
    def is_actionable(self) -> bool:
        """Whether touching it is meant to do something."""
        return self.clickable or self.scrollable or self.role in {Role.INPUT, Role.SLIDER}


@dataclass(frozen=True, slots=True)
class Screen:
    """One look at a phone.

    Attributes:
        size: of the screenshot; every coordinate refers to it.
        elements: in reading order; `elements[n - 1].number == n`.
        screenshot: None where no picture was asked for.
        tree_xml: the view hierarchy, empty where it could not be read.
        fingerprint: equal for two looks at which a person sees the same, the clock apart.
        source: what the elements were read from.
        looks_like: the states that its picture surely shows, where the hierarchy tells little and
            this was asked for.
        local_time: the phone's day, date and time in words; empty where they are not known.
        is_stable: False when the phone was still changing or loading at the time limit.
        warnings: sentences for a person about what could not be seen.
        device_s: time that the phone took, and that was spent waiting for it, pictures apart.
        picture_s: time that taking the picture took.
        ocr_s: time that reading the picture took.
    """

    size: Size
    elements: tuple[Element, ...]
    app: AppInfo
    keyboard_shown: bool
    screenshot: Image.Image | None
    tree_xml: str
    fingerprint: str
    source: Source = "tree"
    looks_like: tuple[SeenState, ...] = ()
    local_time: str = field(default="", compare=False)
    is_stable: bool = True
    warnings: tuple[str, ...] = ()
    device_s: float = field(default=0.0, compare=False)
    picture_s: float = field(default=0.0, compare=False)
    ocr_s: float = field(default=0.0, compare=False)

    def element_at(self, point: Point) -> Element | None:
        """The smallest element around the point, of those that can be used if there are any."""
        around = [element for element in self.elements if element.bounds.contains(point)]
        return min(
            around,
            key=lambda element: (not element.is_actionable, element.bounds.area),
            default=None,
        )


def numbered(elements: Iterable[Element]) -> tuple[Element, ...]:
    """The elements in reading order, numbered from 1, each with a point where it can be touched.

    Rows go from top to bottom, and elements from left to right within a row. Two elements share a
    row when their middles are no farther apart than half the height of the lower one. A list stands
    where it begins.
    """

    def line(element: Element) -> float:
        bounds = element.bounds
        return bounds.top if element.scrollable else (bounds.top + bounds.bottom) / 2

    rows: list[list[Element]] = []
    for element in sorted(elements, key=lambda one: (line(one), one.bounds.left, one.text)):
        first = rows[-1][0] if rows else None
        if (
            first is not None
            and not element.scrollable
            and not first.scrollable
            and line(element) - line(first) <= min(element.bounds.height, first.bounds.height) / 2
        ):
            rows[-1].append(element)
        else:
            rows.append([element])
    ordered = [
        element
        for row in rows
        for element in sorted(row, key=lambda one: (one.bounds.left, one.bounds.top))
    ]
    usable = [element for element in ordered if _takes_touches(element)]
    return tuple(
        dataclasses.replace(_reachable(element, usable), number=number)
        for number, element in enumerate(ordered, 1)
    )


def _takes_touches(element: Element) -> bool:
    return element.is_actionable and not element.scrollable


def _reachable(element: Element, usable: Iterable[Element]) -> Element:
    """The element with a free point where smaller usable ones lie on its middle."""
    if not _takes_touches(element):
        return element
    bounds = element.bounds
    above = [one.bounds for one in usable if one.bounds.area < bounds.area]
    if not any(other.contains(bounds.center) for other in above):
        return dataclasses.replace(element, free_point=None, is_covered=False)
    point = free_point(bounds, above, least_px=_LEAST_ROOM_PX)
    return dataclasses.replace(element, free_point=point, is_covered=point is None)


def scaled(screen: Screen, size: Size) -> Screen:
    """The screen with every place as on a picture of another size."""
    across, down = size.width_px / screen.size.width_px, size.height_px / screen.size.height_px
    elements = tuple(
        dataclasses.replace(
            element,
            bounds=Bounds(
                round(element.bounds.left * across),
                round(element.bounds.top * down),
                round(element.bounds.right * across),
                round(element.bounds.bottom * down),
            ),
            free_point=element.free_point
            and Point(round(element.free_point.x * across), round(element.free_point.y * down)),
        )
        for element in screen.elements
    )
    return dataclasses.replace(screen, size=size, elements=elements)


def fingerprint_of(
    app: AppInfo, elements: Iterable[Element], *, keyboard_shown: bool, picture: str = ""
) -> str:
    """A short digest of what a person sees.

    Clocks of the system are left out. `picture` is a digest of the pixels where the elements alone
    do not tell one screen from another.
    """
    digest = hashlib.blake2b(digest_size=10)
    digest.update(repr((app.package, app.activity, keyboard_shown, picture)).encode())
    for element in elements:
        if element.resource_id.startswith("com.android.systemui:id/") and (
            element.resource_id.endswith(("clock", "date", "time"))
        ):
            continue
        seen = (
            element.role.value,
            element.text,
            element.bounds.left,
            element.bounds.top,
            element.bounds.right,
            element.bounds.bottom,
            element.checked,
            element.focused,
            element.selected,
            element.enabled,
        )
        digest.update(repr(seen).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()

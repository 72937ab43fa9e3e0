"""What an action touches: named so that a person, a model and another screen can find it again."""

from dataclasses import dataclass

from tapgraph.tools.mobile.geometry import Bounds, Point, Size
from tapgraph.tools.mobile.screen import Element, Role, Screen
from tapgraph.tools.mobile.screen_text import quoted, shortened

__all__ = ["Target", "found_again", "target_at"]

_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Target:
    """A place that a finger goes to, and what stands there.

    Attributes:
        point: where it is touched, in pixels of a screen of `size`.
        text: what the element says; empty for one without words, and where there is no element.
        role: the element's role; empty where the point belongs to no element.
        resource_id: the element's name by its programmer.
        index: its place among elements of the same role, id and text, from 1.
        equals: how many of those the screen had.
        bounds: the element's, None where there is none.
    """

    point: Point
    size: Size
    text: str = ""
    role: str = ""
    resource_id: str = ""
    index: int = 1
    equals: int = 1
    bounds: Bounds | None = None

    @property
    def place(self) -> tuple[float, float]:
        """The point as shares of the screen's width and height, from 0 to 1."""
        return self.point.x / self.size.width_px, self.point.y / self.size.height_px

    @property
    def identity(self) -> str:
        """Equal for two touches of one thing, even some pixels apart; empty for a bare point."""
        name = self.text or self.resource_id
        return f"{self.role} {name} {self.index}" if self.role and name else ""

    @property
    def words(self) -> str:
        """How to name it to a person or a model; empty for a bare point.

        >>> Target(Point(1, 2), Size(10, 10), "Search here", "input").words
        '"Search here" (input)'
        >>> Target(Point(1, 2), Size(10, 10), "Add", "button", index=2, equals=3).words
        '"Add" (button, 2 of 3)'
        """
        name = quoted(shortened(self.text, _LONGEST_NAME)) if self.text else ""
        if not name and self.resource_id:
            name = f"id={quoted(self.resource_id.rpartition('/')[2])}"
        among = f", {self.index} of {self.equals}" if self.equals > 1 else ""
        return f"{name} ({self.role}{among})" if name and self.role else ""


def target_at(screen: Screen, point: Point, element: Element | None = None) -> Target:
    """What is touched at a point: `element` where that is known, else what stands there."""
    touched = element or screen.element_at(point)
    if touched is None:
        return Target(point, screen.size)
    alike = _alike(touched, screen)
    return Target(
        point=point,
        size=screen.size,
        text="" if touched.password else touched.text,
        role=touched.role.value,
        resource_id=touched.resource_id,
        index=alike.index(touched) + 1,
        equals=len(alike),
        bounds=touched.bounds,
    )


def found_again(point: Point, before: Screen, now: Screen) -> Point | None:
    """Where what stood at a point of one screen stands on another one; None where it is gone.

    Of several equals the one with the same place among them is taken while their number is the
    same, else the nearest.
    """
    touched = before.element_at(point)
    if touched is None or now.fingerprint == before.fingerprint:
        return point
    then, alike = _alike(touched, before), _alike(touched, now)
    if not alike:
        return None
    if len(alike) == len(then):
        return alike[then.index(touched)].touch_point
    return min(
        (element.touch_point for element in alike),
        key=lambda other: abs(other.x - point.x) + abs(other.y - point.y),
    )


def _alike(element: Element, screen: Screen) -> list[Element]:
    """The elements that go by the same name, in reading order."""
    return [one for one in screen.elements if _name(one) == _name(element)]


def _name(element: Element) -> tuple[str, ...]:
    # What an input holds changes while it is used.
    if element.resource_id and element.role is Role.INPUT:
        return (element.role, element.resource_id)
    return (element.role, element.resource_id, element.text)

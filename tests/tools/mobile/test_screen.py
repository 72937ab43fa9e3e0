import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Point, Size
from tapgraph.tools.mobile.screen import Element, Role, Screen, fingerprint_of, numbered

APP = AppInfo("org.example", "Example", ".Main")


def element(left: int, top: int, width: int, height: int, text: str = "") -> Element:
    return Element(0, Bounds(left, top, left + width, top + height), text, Role.BUTTON)


def test_reading_order_is_rows_from_the_top_then_from_the_left() -> None:
    right = element(800, 100, 200, 60, "right")
    left = element(40, 110, 600, 40, "left")
    below = element(40, 180, 600, 60, "below")
    ordered = numbered([below, right, left])
    assert [one.text for one in ordered] == ["left", "right", "below"]
    assert [one.number for one in ordered] == [1, 2, 3]


def test_a_list_stands_where_it_begins() -> None:
    rows = dataclasses.replace(element(0, 200, 1000, 2000, "rows"), scrollable=True)
    ordered = numbered([element(0, 400, 1000, 100, "row"), rows, element(0, 0, 99, 99, "title")])
    assert [one.text for one in ordered] == ["title", "rows", "row"]


boxes = st.tuples(
    st.integers(0, 1000), st.integers(0, 2000), st.integers(1, 900), st.integers(1, 900)
)


@given(st.lists(boxes, max_size=30, unique=True).flatmap(st.permutations))
def test_reading_order_does_not_depend_on_the_order_of_the_views(
    shuffled: list[tuple[int, int, int, int]],
) -> None:
    elements = [element(*box, text=str(box)) for box in shuffled]
    assert numbered(elements) == numbered(sorted(elements, key=lambda one: one.text))


def test_the_fingerprint_tells_states_apart_and_ignores_the_clock() -> None:
    box = element(0, 0, 100, 100, "Wi-Fi")
    clock = dataclasses.replace(
        element(0, 0, 90, 40, "10:24"), resource_id="com.android.systemui:id/clock"
    )
    later = dataclasses.replace(clock, text="10:25")
    base = fingerprint_of(APP, [box, clock], keyboard_shown=False)
    assert base == fingerprint_of(APP, [box, later], keyboard_shown=False)
    assert base != fingerprint_of(
        APP, [dataclasses.replace(box, checked=True)], keyboard_shown=False
    )
    assert base != fingerprint_of(APP, [box], keyboard_shown=True)
    assert base != fingerprint_of(
        dataclasses.replace(APP, activity=".Other"), [box], keyboard_shown=False
    )


def test_the_element_at_a_point_is_the_smallest_usable_one() -> None:
    row = dataclasses.replace(element(0, 0, 1000, 200, "row"), clickable=True)
    label = dataclasses.replace(element(10, 10, 100, 50, "label"), role=Role.TEXT)
    more = dataclasses.replace(element(900, 50, 90, 90, "more"), clickable=True)
    screen = Screen(Size(1080, 2400), (row, label, more), APP, False, None, "", "")
    assert screen.element_at(Point(20, 20)) == row
    assert screen.element_at(Point(950, 100)) == more
    assert screen.element_at(Point(20, 900)) is None

"""Where a target stands on another screen."""

import pytest

from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Point, Size
from tapgraph.tools.mobile.screen import Element, Role, Screen
from tapgraph.tools.mobile.target import Target, found_again, target_at


def row(
    number: int, top: int, text: str = "Add", role: Role = Role.BUTTON, name: str = ""
) -> Element:
    return Element(number, Bounds(0, top, 100, top + 100), text, role, resource_id=name)


def screen(fingerprint: str, *elements: Element) -> Screen:
    return Screen(
        Size(1080, 2400), elements, AppInfo("com.example", "Example"), keyboard_shown=False,
        screenshot=None, tree_xml="", fingerprint=fingerprint,
    )  # fmt: skip


THREE = screen("three", row(1, 0), row(2, 300), row(3, 600))


def test_of_as_many_equals_the_one_with_the_same_place_among_them_is_taken() -> None:
    moved = screen("moved", row(1, 600), row(2, 900), row(3, 1200))
    assert found_again(Point(50, 350), THREE, moved) == Point(50, 950)


def test_of_fewer_equals_the_nearest_is_taken() -> None:
    fewer = screen("fewer", row(1, 310), row(2, 2000))
    assert found_again(Point(50, 350), THREE, fewer) == Point(50, 360)


def test_near_is_measured_in_both_directions() -> None:
    wide = Element(1, Bounds(800, 300, 900, 400), "Add", Role.BUTTON)
    assert found_again(Point(50, 350), THREE, screen("s", wide, row(2, 500))) == Point(50, 550)


def test_what_is_gone_is_not_found() -> None:
    assert found_again(Point(50, 350), THREE, screen("s", row(1, 300, "Remove"))) is None


def test_a_point_without_an_element_stays() -> None:
    assert found_again(Point(500, 350), THREE, screen("s")) == Point(500, 350)


def test_on_the_same_screen_the_point_stays() -> None:
    assert found_again(Point(7, 350), THREE, THREE) == Point(7, 350)


def test_an_input_is_found_whatever_it_holds() -> None:
    before = screen("b", row(1, 0, "", Role.INPUT, "a:id/field"))
    now = screen("n", row(1, 500, "cafe", Role.INPUT, "a:id/field"))
    assert found_again(Point(5, 5), before, now) == Point(50, 550)


def test_an_input_without_a_name_is_found_by_its_words() -> None:
    before = screen("b", row(1, 0, "Search", Role.INPUT))
    assert found_again(Point(5, 5), before, screen("n", row(1, 500, "cafe", Role.INPUT))) is None


def test_a_target_says_which_of_its_equals_it_is() -> None:
    target = target_at(THREE, Point(50, 350))
    assert (target.index, target.equals, target.words) == (2, 3, '"Add" (button, 2 of 3)')
    assert target.identity == "button Add 2"


@pytest.mark.parametrize(
    ("target", "words", "identity"),
    [
        (Target(Point(1, 2), Size(10, 10)), "", ""),
        (Target(Point(1, 2), Size(10, 10), role="button"), "", ""),
        (Target(Point(1, 2), Size(10, 10), role="input", resource_id="a:id/field"),
         'id="field" (input)', "input a:id/field 1"),
    ],
)  # fmt: skip
def test_what_has_no_name_is_a_bare_point(target: Target, words: str, identity: str) -> None:
    assert (target.words, target.identity) == (words, identity)


def test_a_password_is_not_told() -> None:
    field = Element(1, Bounds(0, 0, 10, 10), "hunter2", Role.INPUT, "a:id/pin", password=True)
    assert "hunter2" not in str(target_at(screen("s", field), Point(5, 5)))


def test_a_point_as_a_share_of_the_screen() -> None:
    assert Target(Point(270, 600), Size(1080, 2400)).place == (0.25, 0.25)

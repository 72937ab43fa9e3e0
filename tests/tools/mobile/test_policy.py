import pytest

from tapgraph.tools.mobile.actions import Back, DoubleTap, LongPress, Tap
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.policy import assess
from tapgraph.tools.mobile.screen import Element, Role, Screen


def screen(text: str, role: Role = Role.BUTTON) -> Screen:
    element = Element(1, Bounds(0, 0, 100, 100), text, role, clickable=True)
    return Screen(
        size=Size(1080, 2400),
        elements=(element,),
        app=AppInfo("com.example", "Example"),
        keyboard_shown=False,
        screenshot=None,
        tree_xml="",
        fingerprint="f",
    )


@pytest.mark.parametrize(
    ("label", "risk"),
    [
        ("Place your order", "pay"),
        ("Pay now", "pay"),
        ("BUY  NOW", "pay"),
        ("Send", "send"),
        ("Delete", "delete"),
        ("Delete note", "delete"),
        ("Erase all data", "delete"),
        ("Uninstall", "delete"),
        ("Allow", "grant"),
        ("Allow all the time", "grant"),
        ("Install", "install"),
    ],
)
def test_a_button_that_harms_is_risky(label: str, risk: str) -> None:
    found = assess(Tap(50, 50), screen(label))
    assert found is not None
    assert found.risk == risk


@pytest.mark.parametrize(
    "label",
    ["While using the app", "Don't allow", "Payment history", "How to delete a note", "Posts",
     "Cancel", "Send feedback to the maker of this app", ""],
)  # fmt: skip
def test_what_only_mentions_a_risk_is_free(label: str) -> None:
    assert assess(Tap(50, 50), screen(label)) is None


def test_every_kind_of_touch_is_judged_and_a_key_is_not() -> None:
    assert assess(DoubleTap(50, 50), screen("Delete")) is not None
    assert assess(LongPress(50, 50), screen("Delete")) is not None
    assert assess(Back(), screen("Delete")) is None


def test_a_field_that_holds_a_risky_word_may_be_focused() -> None:
    assert assess(Tap(50, 50), screen("Delete", Role.INPUT)) is None


def test_a_touch_beside_the_button_is_free() -> None:
    assert assess(Tap(500, 500), screen("Delete")) is None

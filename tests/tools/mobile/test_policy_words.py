"""The words of each risk, each at its edges."""

import pytest

from tapgraph.tools.mobile.actions import Swipe, Tap
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.policy import RiskyAction, assess
from tapgraph.tools.mobile.screen import Element, Role, Screen


def touched(label: str) -> RiskyAction | None:
    element = Element(1, Bounds(0, 0, 100, 100), label, Role.BUTTON, clickable=True)
    screen = Screen(
        Size(1080, 2400), (element,), AppInfo("com.example", "Example"), keyboard_shown=False,
        screenshot=None, tree_xml="", fingerprint="f",
    )  # fmt: skip
    assert assess(Swipe(50, 50, 60, 60), screen) is None
    return assess(Tap(50, 50), screen)


@pytest.mark.parametrize(
    ("risk", "labels"),
    [
        ("pay", "Pay|Pay with Visa|Buy now|Place order|Checkout|Check out|Purchase|Subscribe|"
         "Donate"),
        ("send", "Send message|Send email|Send money|Post|Tweet|Publish|Reply"),
        ("delete", "Permanently delete|Erase|Remove|Delete all|Remove account|Erase everything|"
         "Delete forever|Factory reset|Format|Delete notes"),
        ("grant", "Always allow|Allow access|Allow full access|Always allow all the time|Grant|"
         "Share location|Share my location"),
        ("install", "Install anyway|Update all"),
    ],
)  # fmt: skip
def test_each_wording_has_its_risk(risk: str, labels: str) -> None:
    found = {label: touched(label) for label in labels.split("|")}
    assert {label: each.risk for label, each in found.items() if each} == dict.fromkeys(
        labels.split("|"), risk
    )


@pytest.mark.parametrize(
    "label",
    ["Allow once", "Deny", "Paypal", "Payment", "Sender", "Postpone", "Installed", "Update",
     "Formatting", "Delete later", "Sharing", "Buy", "Subscribed"],
)  # fmt: skip
def test_other_words_have_none(label: str) -> None:
    assert touched(label) is None


def test_what_is_asked_is_the_label_in_one_line() -> None:
    assert touched(" Delete \n note ") == RiskyAction("delete", "Delete note")

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.simulator.phone_profile import PHONE
from tapgraph.tools.mobile.simulator.ui_xml import XmlToast, page_source_xml
from tapgraph.tools.mobile.simulator.views import Column, Field, Label, View
from tapgraph.tools.mobile.simulator.window_manager import Window

if TYPE_CHECKING:
    from tests.tools.mobile.simulator.conftest import Demo


# Names and order as in real dumps of Appium's UiAutomator2 driver.
ATTRIBUTES = [
    "index",
    "package",
    "class",
    "text",
    "resource-id",
    "content-desc",
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
    "bounds",
    "displayed",
    "hint",
    "showing-hint",
]
SIZE = Size(1080, 2400)


def dump(view: View, toast: XmlToast | None = None) -> etree._Element:
    window = Window("org.example", "alert", view, "test")
    window.lay_out(SIZE, 0, {}, PHONE)
    xml = page_source_xml([window], SIZE, 0, toast=toast)
    return etree.fromstring(xml.encode(), etree.XMLParser(resolve_entities=False))


def test_root_says_what_appium_says(demo: "Demo") -> None:
    lines = demo.phone.page_source().splitlines()
    assert lines[0] == "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>"
    assert lines[1] == (
        '<hierarchy index="0" class="hierarchy" rotation="0" width="1080" height="2400">'
    )
    assert lines[2].startswith('  <android.widget.FrameLayout index="0" package="org.example.demo"')
    assert lines[-1] == "</hierarchy>"


def test_attributes_stand_in_the_order_of_a_real_dump(demo: "Demo") -> None:
    demo.tap("query")
    root = etree.fromstring(demo.phone.page_source().encode())
    for node in root.iterdescendants():
        names = [str(name) for name in node.attrib]
        assert names == [name for name in ATTRIBUTES if name in names]
        assert set(ATTRIBUTES[:4]) | set(ATTRIBUTES[6:18]) <= set(names)
        assert node.get("class") == node.tag


def test_empty_names_are_left_out() -> None:
    (node,) = dump(Label("plain"))
    assert "resource-id" not in node.attrib
    assert "content-desc" not in node.attrib


def test_id_gets_the_package_unless_it_has_one() -> None:
    (node,) = dump(Column([Label("a", id="title"), Label("b", id="android:id/text1")]))
    assert [child.get("resource-id") for child in node] == [
        "org.example:id/title",
        "android:id/text1",
    ]


def test_emoji_is_a_decimal_reference() -> None:
    window = Window("org.example", "alert", Label("\U0001f4c1\n"), "test")
    window.lay_out(SIZE, 0, {}, PHONE)
    assert 'text="&#128193;&#10;"' in page_source_xml([window], SIZE, 0, toast=None)


@given(st.text())
def test_any_text_survives_but_for_what_xml_cannot_hold(text: str) -> None:
    (node,) = dump(Column([Label(text), Field("", value=text)]))
    kept = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "", text)
    assert [child.get("text") for child in node] == [kept, kept]


def test_class_name_with_a_dollar_is_a_legal_tag() -> None:
    (node,) = dump(Label("x", class_name="com.google.TabLayout$Tab"))
    assert node.get("class") == "com.google.TabLayout$Tab"
    assert node.tag == "com.google.TabLayout.Tab"


def test_toast_is_a_window_of_its_own() -> None:
    toast = XmlToast("org.example", "Saved <1>", Bounds(1, 2, 3, 4))
    nodes = list(dump(Label("x"), toast))
    assert nodes[-1].tag == "android.widget.Toast"
    assert (nodes[-1].get("text"), nodes[-1].get("bounds")) == ("Saved <1>", "[1,2][3,4]")


@pytest.mark.parametrize("swipe_px", [0, 350, 900])
def test_scrolled_children_are_clipped_or_left_out(demo: "Demo", swipe_px: int) -> None:
    if swipe_px:
        demo.phone.swipe(540, 1800, 540, 1800 - swipe_px)
    viewport = demo.node("list").bounds
    items = [node for node in demo.tree.walk() if node.resource_id.endswith("/item")]
    assert 5 < len(items) < 20
    for item in items:
        for node in item.walk():
            assert not node.bounds.is_empty
            assert node.bounds.intersection(viewport) == node.bounds

"""Trees as phones print them: chosen items, covered pages, cards with buttons, pushed web views."""

from pathlib import Path

import pytest

from tapgraph.tools.mobile.actions import Tap
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.label_text import label_text
from tapgraph.tools.mobile.policy import assess
from tapgraph.tools.mobile.screen import Element, Screen
from tapgraph.tools.mobile.screen_text import describe, element_line
from tapgraph.tools.mobile.target import found_again
from tapgraph.tools.mobile.tree_elements import elements_from_tree
from tapgraph.tools.mobile.ui_tree import parse_ui_tree

SIZE = Size(1080, 2400)


def node(bounds: str, *children: str, name: str = "android.view.View", flags: str = "") -> str:
    """A node; `flags` are further attributes as they stand in a dump."""
    return f'<node class="{name}" bounds="{bounds}" {flags}>{"".join(children)}</node>'


def text(bounds: str, words: str) -> str:
    return node(bounds, name="android.widget.TextView", flags=f'text="{words}"')


def read(*nodes: str) -> tuple[Element, ...]:
    tree = parse_ui_tree("<hierarchy>" + node("[0,0][1080,2400]", *nodes) + "</hierarchy>")
    return elements_from_tree(tree, SIZE)


def read_case(path: Path) -> tuple[Element, ...]:
    tree = parse_ui_tree(path.read_bytes())
    assert tree.width_px is not None
    assert tree.height_px is not None
    return elements_from_tree(tree, Size(tree.width_px, tree.height_px))


def told(elements: tuple[Element, ...]) -> list[tuple[str, str]]:
    return [(one.role.value, one.text) for one in elements]


def states(elements: tuple[Element, ...]) -> list[tuple[str, str, bool | None]]:
    return [(one.role.value, one.text, one.checked) for one in elements]


def test_the_chosen_row_of_compose_is_one_radio_button(phone_cases: Path) -> None:
    assert states(read_case(phone_cases / "compose_radio.xml")) == [
        ("radio", "Chrome", False),
        ("radio", "Firefox", True),
    ]


def choice(top: int, words: str, *, chosen: bool) -> str:
    """A row of Compose: the chosen one cannot be pressed."""
    bounds = f"[48,{top}][1032,{top + 120}]"
    flags = f'checkable="true" checked="{chosen}" clickable="{not chosen}"'.lower()
    button = node(bounds, name="android.widget.RadioButton")
    return node(bounds, text(f"[144,{top + 30}][600,{top + 90}]", words), button, flags=flags)


def test_the_chosen_row_on_a_card_is_no_word_of_the_card() -> None:
    card = node(
        "[24,300][1056,900]",
        text("[48,320][600,380]", "Quality"),
        choice(400, "High", chosen=False),
        choice(520, "Medium", chosen=True),
        choice(640, "Low", chosen=False),
        flags='clickable="true"',
    )
    assert set(states(read(card))) == {
        ("button", "Quality", None),
        ("radio", "High", False),
        ("radio", "Medium", True),
        ("radio", "Low", False),
    }


def test_the_selected_chip_on_a_card_is_told_by_itself() -> None:
    card = node(
        "[24,300][1056,900]",
        text("[48,320][600,380]", "Filter"),
        node("[48,400][248,480]", text("[60,410][200,470]", "All"), flags='selected="true"'),
        node("[260,400][460,480]", text("[270,410][400,470]", "Unread"), flags='clickable="true"'),
        flags='clickable="true"',
    )
    assert {(one.text, one.selected) for one in read(card)} == {
        ("Filter", False),
        ("All", True),
        ("Unread", False),
    }


def test_a_row_whose_inner_check_box_tells_the_state_has_that_state() -> None:
    box = node(
        "[900,320][980,400]",
        name="android.widget.CheckBox",
        flags='checkable="true" checked="true"',
    )
    row = node(
        "[0,300][1080,420]", text("[40,330][500,390]", "Wi-Fi"), box, flags='clickable="true"'
    )
    assert states(read(row)) == [("checkbox", "Wi-Fi", True)]


def test_only_the_page_that_is_drawn_last_is_told(phone_cases: Path) -> None:
    seen = [one.text for one in read_case(phone_cases / "two_pages_one_window.xml")]
    assert seen == ["Position history", "Example Energy"]


def page(order: int, *children: str, bounds: str = "[0,0][1080,2400]") -> str:
    return node(bounds, *children, flags=f'drawing-order="{order}"')


LIST = [text(f"[40,{top}][800,{top + 60}]", f"Row {top}") for top in range(100, 2300, 200)]


@pytest.mark.parametrize("front_stands_first", [True, False])
def test_rows_under_the_empty_part_of_the_upper_page_are_covered(front_stands_first: bool) -> None:
    front = page(3, text("[40,90][700,150]", "Details"), text("[40,300][700,360]", "Price"))
    pages = [front, page(1, *LIST)]
    seen = read(*(pages if front_stands_first else reversed(pages)))
    assert [one.text for one in seen] == ["Details", "Price"]


def test_a_floating_button_in_a_container_of_full_size_covers_no_page() -> None:
    button = node("[800,2080][1000,2280]", flags='clickable="true" content-desc="Compose"')
    hint = text("[700,2080][780,2280]", "New")
    seen = read(page(1, *LIST), page(2, button, hint))
    assert {"Row 100", "Compose", "New"} <= {one.text for one in seen}


def test_pages_side_by_side_and_pages_without_an_order_are_all_told() -> None:
    left = page(1, text("[40,100][400,160]", "Inbox"), bounds="[0,0][540,2400]")
    right = page(2, text("[600,100][900,160]", "Letter"), bounds="[540,0][1080,2400]")
    assert [one.text for one in read(left, right)] == ["Inbox", "Letter"]
    same = text("[40,100][400,160]", "A"), text("[40,100][400,160]", "B")
    assert len(read(node("[0,0][1080,2400]", *same), node("[0,0][1080,2400]", *same))) == 4


def test_a_card_is_touched_beside_its_button(phone_cases: Path) -> None:
    card, button = read_case(phone_cases / "centre_of_card.xml")
    assert (card.text, button.text) == ("Fastest free server", "Disconnect")
    assert button.bounds.contains(card.bounds.center)
    assert card.bounds.contains(card.touch_point)
    assert not button.bounds.contains(card.touch_point)
    assert button.touch_point == button.bounds.center


ROW = "[0,300][1080,500]"


def test_a_row_is_touched_where_none_of_its_buttons_is() -> None:
    middle = node("[200,310][900,490]", flags='clickable="true" content-desc="Play"')
    row, _ = read(node(ROW, text("[20,380][190,420]", "Song"), middle, flags='clickable="true"'))
    assert row.touch_point == Point(100, 400)
    assert element_line(row) == '[1] button "Song" (100,400)'


def test_a_row_that_its_buttons_fill_is_said_to_be_covered() -> None:
    whole = node("[0,300][1080,499]", flags='clickable="true" content-desc="Play"')
    button, row = read(
        node(ROW, text("[20,380][190,420]", "Song"), whole, flags='clickable="true"')
    )
    assert row.is_covered
    assert not button.is_covered
    assert " covered" in element_line(row)


def test_what_is_found_again_is_touched_at_its_free_point() -> None:
    middle = node("[200,310][900,490]", flags='clickable="true" content-desc="Play"')
    song = node(ROW, text("[20,380][190,420]", "Song"), middle, flags='clickable="true"')
    before, after = screen_of(read(song), "1"), screen_of(read(song), "2")
    assert found_again(Point(50, 400), before, after) == Point(100, 400)


def screen_of(elements: tuple[Element, ...], fingerprint: str) -> Screen:
    app = AppInfo("org.example", "Example")
    return Screen(SIZE, elements, app, False, None, "", fingerprint)


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("\uec84, Home", "Home"),
        ("Lock Screen, Return, \uec3c", "Lock Screen, Return"),
        ("\ue001, \ue002, Mail", "Mail"),
        ("Cart, \uf07a, 3 items", "Cart, 3 items"),
        ("\uf015 Home", "Home"),
        ("\ufffc, Photo", "Photo"),
        ("Chat \U000f0361 | \U000f0362", "Chat"),
        ("One, two,", "One, two,"),
        (", Home", ", Home"),
    ],
)
def test_icon_characters_leave_a_label_with_their_commas(label: str, shown: str) -> None:
    assert label_text(label) == shown


def test_icon_labels_of_a_dump_are_words(phone_cases: Path) -> None:
    seen = {one.text for one in read_case(phone_cases / "icon_font_label.xml")}
    assert seen == {"Home", "Lock Screen, Return"}


def test_what_a_web_view_pushed_to_its_end_is_off_the_page(phone_cases: Path) -> None:
    assert told(read_case(phone_cases / "webview_stack.xml")) == [
        ("list", ""),
        ("button", "Visible"),
    ]


@pytest.mark.parametrize(
    "bounds", ["[200,300][250,306]", "[0,500][5,560]", "[1075,500][1080,560]", "[9,1992][90,2000]"]
)
def test_what_is_pushed_to_any_edge_of_a_page_is_off_it(bounds: str) -> None:
    shown = node("[50,400][200,480]", flags='clickable="true" text="Shown"')
    pushed = node(bounds, flags='clickable="true" text="Pushed"')
    web = node("[0,300][1080,2000]", shown, pushed, name="android.webkit.WebView")
    assert told(read(web)) == [("button", "Shown")]


def test_thin_links_inside_a_page_and_thin_views_outside_of_one_are_told() -> None:
    link = node("[50,900][200,910]", flags='clickable="true" text="Link"')
    web = node("[0,300][1080,2000]", link, name="android.webkit.WebView")
    bar = node("[0,2390][1080,2400]", flags='clickable="true" text="Handle"')
    assert told(read(web, bar)) == [("button", "Link"), ("button", "Handle")]


def test_a_long_table_is_not_said_to_need_scrolling() -> None:
    cells = [
        text(f"[0,{20 * row}][900,{20 * row + 18}]", f"Cell number {row}") for row in range(99)
    ]
    last = describe(screen_of(read(*cells), "1"), budget_tokens=300).splitlines()[-1]
    assert "left out" in last
    assert "scroll" not in last


def test_little_of_what_can_be_touched_on_real_screens_asks(shared_data: Path) -> None:
    asking, count = [], 0
    for dump in sorted((shared_data / "ui_dumps").glob("*.xml")):
        if dump.name.startswith("malformed"):
            continue
        tree = parse_ui_tree(dump.read_bytes())
        size = Size(tree.width_px or SIZE.width_px, tree.height_px or SIZE.height_px)
        screen = Screen(
            size=size,
            elements=elements_from_tree(tree, size),
            app=AppInfo("app", "App"),
            keyboard_shown=False,
            screenshot=None,
            tree_xml="",
            fingerprint="",
        )
        usable = [one for one in screen.elements if one.clickable]
        count += len(usable)
        asking += [
            one.text
            for one in usable
            if assess(Tap(one.touch_point.x, one.touch_point.y), screen, tree) is not None
        ]
    assert count > 400
    rightly = {
        "\u53d1\u5e03",
        "\u5b89\u88c5",
        "Emergency call",
        "While using the app",
        "Only this time",
    }
    needlessly = [text for text in asking if text not in rightly]
    assert sorted(needlessly) == ["CLEAR", "Delete", "Reset Params", "Reset View"]
    assert rightly <= set(asking)

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.tools.mobile.simulator.conftest import Demo


DEMO = "org.example.demo"
IME = "com.google.android.inputmethod.latin"
BACK, HOME, ENTER, DELETE = 4, 3, 66, 67

HARD_TEXTS = [
    "plain",
    "naïve Ünïcode “quotes” 'single' \"double\"",
    "# hash // slashes ; & | < > ` $(x) \\ %s",
    "emoji 🎧 family 👨\u200d👩\u200d👧 flag 🇩🇪",
    "中文 日本語 العربية",
    "two\nlines\tand a tab",
]


def test_tap_on_a_field_focuses_it_and_raises_the_keyboard(demo: "Demo") -> None:
    assert demo.phone.focused_field() is None
    demo.tap("query")
    field = demo.phone.focused_field()
    assert field is not None
    assert field.id == "query"
    assert demo.phone.keyboard_shown
    assert demo.node("query").focused
    assert [window.package for window in demo.tree.windows] == [DEMO, IME]


def test_back_hides_the_keyboard_before_it_leaves(demo: "Demo") -> None:
    demo.tap("query")
    demo.phone.press_key(BACK)
    assert not demo.phone.keyboard_shown
    assert demo.phone.foreground[0] == DEMO
    assert demo.phone.focused_field() is not None


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_typed_text_is_read_back(demo: "Demo", text: str) -> None:
    demo.tap("Item 1")
    demo.tap("note")
    demo.phone.type_text(text)
    assert demo.node("note").text == text
    assert demo.held == text
    demo.phone.screenshot()


def test_typing_appends_and_clear_empties(demo: "Demo") -> None:
    demo.tap("query")
    demo.phone.type_text("best ")
    demo.phone.type_text("tea")
    assert demo.node("query").text == "best tea"
    demo.phone.clear_text()
    assert demo.held == ""
    demo.phone.set_text("coffee")
    assert demo.node("query").text == "coffee"


def test_empty_field_prints_its_hint_as_android_does(demo: "Demo") -> None:
    assert demo.node("query").text == "Search here"
    assert demo.node("query").hint == "Search here"


def test_password_is_printed_as_bullets(demo: "Demo") -> None:
    demo.tap("Item 1")
    demo.tap("password")
    demo.phone.type_text("s3cret")
    assert demo.node("password").text == "\N{BULLET}" * 6
    assert "s3cret" not in demo.phone.page_source()
    assert demo.node("password").password


def test_fields_without_callbacks_keep_their_text(demo: "Demo") -> None:
    demo.tap("Item 1")
    demo.tap("password")
    demo.phone.type_text("abc")
    demo.tap("note")
    demo.phone.type_text("x")
    assert demo.node("password").text == "\N{BULLET}" * 3


def test_enter_submits_a_search(demo: "Demo") -> None:
    demo.tap("query")
    demo.phone.type_text("tea")
    demo.phone.press_key(ENTER)
    assert demo.node("results").text == "Results for tea"
    assert not demo.phone.keyboard_shown


def test_editor_action_submits_a_search(demo: "Demo") -> None:
    demo.tap("query")
    demo.phone.type_text("tea")
    demo.phone.editor_action("search")
    assert "Results for tea" in demo.words


def test_enter_starts_a_new_line_in_a_note(demo: "Demo") -> None:
    demo.tap("Item 1")
    demo.tap("note")
    demo.phone.type_text("a")
    demo.phone.press_key(ENTER)
    demo.phone.type_text("b")
    assert demo.node("note").text == "a\nb"
    assert demo.phone.keyboard_shown


def test_keys_are_tapped_one_by_one(demo: "Demo") -> None:
    demo.tap("query")
    for key in ("Shift", "H", "i", "space", "Symbols", "4", "@", "Letters", "x", "Delete"):
        demo.tap(key)
    assert demo.held == "Hi 4@"
    demo.tap("Search")
    assert "Results for Hi 4@" in demo.words


def test_every_key_of_every_layer_can_be_tapped(demo: "Demo") -> None:
    demo.tap("query")
    tried = 0
    for layer in ("Symbols", "More symbols", "Letters", "Shift"):
        demo.tap(layer)
        keys = [node for node in demo.tree.windows[1].walk() if node.clickable]
        tried += len(keys)
        assert all(node.bounds.width >= 60 and node.bounds.height >= 90 for node in keys)
    assert tried > 100


def test_hardware_keys_type_and_delete(demo: "Demo") -> None:
    demo.tap("query")
    for keycode in (29, 54, 62, 8, DELETE, 131):
        demo.phone.press_key(keycode)
    assert demo.held == "az "


def test_focused_field_is_not_hidden_by_the_keyboard(demo: "Demo") -> None:
    demo.phone.rotate(1)
    demo.tap("query")
    field, keyboard = demo.node("query").bounds, demo.node("keyboard_area").bounds
    assert field.bottom <= keyboard.top
    assert field.height > 0


def test_focus_is_gone_with_its_page(demo: "Demo") -> None:
    demo.tap("query")
    demo.phone.press_key(HOME)
    assert not demo.phone.keyboard_shown
    assert demo.phone.focused_field() is None


def test_text_written_by_the_app_replaces_what_was_typed(demo: "Demo") -> None:
    demo.tap("Item 1")
    demo.tap("note")
    demo.phone.type_text("to save")
    demo.phone.press_key(BACK)
    demo.tap("save")
    assert demo.phone.database(DEMO).execute("SELECT text FROM saved").fetchall() == [
        ("opened 1",),
        ("to save",),
    ]
    demo.tap("Item 1")
    assert demo.node("note").text == "Note"

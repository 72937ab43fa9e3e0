"""Fields that format, boxes in a row, forms that send themselves, and views of their own."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from selenium.common.exceptions import UnknownMethodException

from tapgraph.errors import ToolError, TypingFailed, UnreadableTree
from tapgraph.tools.mobile.appium_server import AppiumServer
from tapgraph.tools.mobile.appium_session import AppiumSession
from tapgraph.tools.mobile.appium_typing import AppiumKeyboard
from tapgraph.tools.mobile.typed_text import is_typed
from tapgraph.tools.mobile.ui_tree import UiTree, parse_ui_tree

HELD_RIGHTLY = [
    ("5551234567", "", "(555) 123-4567"),
    ("1500", "", "1,500"),
    ("4242424242424242", "", "4242 4242 4242 4242"),
    ("02012026", "", "02/01/2026"),
    ("abc-12", "", "ABC-12"),
    ("example.org", "", "https://example.org/"),
    # Further forms of each kind.
    ("5551234567", "", "+1 (555) 123-4567"),
    ("+15551234567", "", "(555) 123-4567"),
    ("234567", "(555) 1", "(555) 123-4567"),
    ("(555) 123-4567", "", "5551234567"),
    ("1500", "", "$1,500.00"),
    ("1500", "", "1.500,00 \u20ac"),
    ("12345", "", "12\u202f345"),
    ("1500", "", "15.00"),
    ("5", "0.00", "0.05"),
    ("72", "", "72 kg"),
    ("1.5", "", "1,5"),
    ("123", "", "\u0661\u0662\u0663"),
    ("0226", "", "02/26"),
    ("0201", "", "02/01/YYYY"),
    ("02.01.2026", "", "02/01/2026"),
    ("DE89370400440532013000", "", "DE89 3704 0044 0532 0130 00"),
    ("quiet", "", "QUIET"),
    ("https://www.example.org", "", "example.org"),
    # What a field fills up, and what a keyboard writes more beautifully.
    ("12.5", "", "$12.50"),
    ("7,5", "", "7,50"),
    ("3/9/2026", "", "03/09/2026"),
    ("3.9.2026", "", "03.09.2026"),
    ("10:5", "", "10:05"),
    ('say "hi"', "", "say \u201chi\u201d"),
    ("it's so -- wait...", "", "It\u2019s so \u2014 wait\u2026"),
]


@pytest.mark.parametrize(("typed", "old", "held"), HELD_RIGHTLY)
def test_right_letters_and_digits_in_the_form_of_a_field_are_typed(
    typed: str, old: str, held: str
) -> None:
    assert is_typed(typed, old, held)


@pytest.mark.parametrize(
    ("typed", "old", "held"),
    [
        ("5551234567", "", "(555) 123-456"),
        ("+49 170", "", "+1 170"),
        ("1.5", "", "15"),
        ("15", "", "1500"),
        ("-5", "", "5"),
        ("12", "", "21"),
        ("5", "", "55"),
        ("two words", "", "twowords"),
        ("a@b.org", "", "ab.org"),
        ("hello", "", "hell"),
        ("example.org", "", "https://example.com/"),
        ("12", "AB", "12 ABC"),
        ("1.5", "", "1.05"),
        ("12.5", "", "1250"),
        ("3/9/2026", "", "09/03/2026"),
        ("say 'hi'", "", "say hi"),
        ("again", "again", "again"),
    ],
)
def test_other_letters_digits_and_telling_marks_are_not_typed(
    typed: str, old: str, held: str
) -> None:
    assert not is_typed(typed, old, held)


class Form:
    """A page of fields as a phone shows it; each key goes to the field with the focus."""

    def __init__(self, *, fields: int = 1, width: int = 800, title: str = "Form") -> None:
        self.held = [""] * fields
        self.focus: int | None = 0
        self.width = width
        self.title = title
        self.ids = True
        self.view = ""
        self.keyboard = True
        self.knows_type = True
        self.unreadable = 0
        self.commands: list[str] = []

    def form_of(self, text: str) -> str:
        return text

    def press(self, key: str) -> None:
        if self.focus is not None and self.focus < len(self.held):
            self.held[self.focus] = self.form_of(self.held[self.focus] + key)

    def type(self, text: str) -> None:
        self.commands.append(f"type {text}")
        if not self.knows_type:
            raise UnknownMethodException("not implemented")
        for key in text:
            self.press(key)

    def set_text(self, text: str) -> None:
        self.commands.append(f"set {text}")
        for key in text:
            self.press(key)

    def clear(self) -> None:
        self.commands.append("clear")
        if self.focus is not None:
            self.held[self.focus] = ""

    def touch(self, x: int) -> None:
        self.commands.append("tap")
        self.focus = x // (self.width + 20)

    def field(self, place: int) -> str:
        left = place * (self.width + 20)
        name = f"org.example:id/f{place}" if self.ids else ""
        return (
            f'<node class="android.widget.EditText" resource-id="{name}" text="{self.held[place]}" '
            f'focused="{str(place == self.focus).lower()}" '
            f'bounds="[{left},300][{left + self.width},400]"/>'
        )

    def tree(self) -> UiTree:
        if self.unreadable > 0:
            self.unreadable -= 1
            raise UnreadableTree("no root")
        fields = "".join(self.field(place) for place in range(len(self.held)))
        return parse_ui_tree(
            f'<hierarchy><node text="{self.title}" bounds="[0,0][1080,90]"/>{fields}{self.view}'
            "</hierarchy>"
        )


class FormDriver:
    """The few commands of a driver that typing needs."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.capabilities: dict[str, object] = {}
        element = SimpleNamespace(send_keys=form.set_text, clear=form.clear)
        self.switch_to = SimpleNamespace(active_element=element)

    def execute_script(self, script: str, arguments: dict[str, Any]) -> None:
        if script == "mobile: type":
            self.form.type(arguments["text"])
        else:
            self.form.commands.append(script)

    def is_keyboard_shown(self) -> bool:
        return self.form.keyboard

    def execute(self, command: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
        for source in (arguments or {}).get("actions", []):
            moves = [one["x"] for one in source["actions"] if one["type"] == "pointerMove"]
            for x in moves:
                self.form.touch(x)
        return {"value": None}


def keyboard(form: Form) -> AppiumKeyboard:
    """A keyboard whose clock goes on by half a second with each look at it."""
    driver = FormDriver(form)
    server = cast("AppiumServer", SimpleNamespace(new_driver=lambda _: driver, url="http://x"))
    ticks = iter(range(10_000))
    return AppiumKeyboard(
        AppiumSession(server, {}), form.tree, sleep=lambda _: None, clock=lambda: next(ticks) / 2
    )


class Masked(Form):
    """A field for phone numbers."""

    def form_of(self, text: str) -> str:
        digits = "".join(one for one in text if one.isdigit())[:10]
        return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}" if len(digits) > 6 else digits


def test_a_mask_is_typed_once_and_nothing_is_cleared() -> None:
    form = Masked()
    assert keyboard(form).type("5551234567") == "typed"
    assert form.held == ["(555) 123-4567"]
    assert form.commands == ["type 5551234567"]


def test_a_mask_that_takes_no_more_is_told_and_not_typed_again() -> None:
    form = Masked()
    with pytest.raises(TypingFailed, match=r"\(555\) 123-4567"):
        keyboard(form).type("555123456789")
    assert form.commands == ["type 555123456789"]


class Boxes(Form):
    """Boxes for one digit each; `goes_on` says whether the focus moves by itself."""

    goes_on = True

    def __init__(self) -> None:
        super().__init__(fields=6, width=100)

    def form_of(self, text: str) -> str:
        return text[:1]

    def press(self, key: str) -> None:
        super().press(key)
        if self.goes_on and self.focus is not None:
            self.focus = min(self.focus + 1, 5)


@pytest.mark.parametrize("has_ids", [True, False])
def test_boxes_in_a_row_hold_a_digit_each(has_ids: bool) -> None:
    form = Boxes()
    form.ids = has_ids
    assert keyboard(form).type("123456") == "typed"
    assert form.held == list("123456")
    assert form.commands == ["type 123456"]


@pytest.mark.parametrize("knows_type", [True, False])
def test_boxes_whose_focus_stays_are_filled_box_by_box(knows_type: bool) -> None:
    form = Boxes()
    form.goes_on, form.knows_type = False, knows_type
    assert keyboard(form).type("123456") == "typed box by box"
    assert form.held == list("123456")
    assert "clear" not in form.commands


def test_a_focus_that_moves_on_when_a_field_is_full_is_no_failure() -> None:
    form = Boxes()
    assert keyboard(form).type("1") == "typed"
    assert form.held == ["1", "", "", "", "", ""]


class SendsItself(Boxes):
    """Goes to another page with the last digit."""

    next_fields: Sequence[str] = ()

    def press(self, key: str) -> None:
        super().press(key)
        if all(self.held):
            self.held, self.title, self.focus = list(self.next_fields), "Welcome", 0


@pytest.mark.parametrize("next_fields", [(), ("",), ("", "")])
@pytest.mark.parametrize("has_ids", [True, False])
def test_a_form_that_sends_itself_is_left_alone(next_fields: Sequence[str], has_ids: bool) -> None:
    form = SendsItself()
    form.next_fields, form.ids = next_fields, has_ids
    assert "went on by itself" in keyboard(form).type("123456")
    assert form.held == list(next_fields)
    assert form.commands == ["type 123456"]


class Chat(Form):
    """Sends the message as soon as it ends with a point, and empties its field."""

    def press(self, key: str) -> None:
        super().press(key)
        if key == ".":
            self.title, self.held = f"You: {self.held[0]}", [""]


def test_a_message_that_was_sent_by_itself_is_not_typed_again() -> None:
    form = Chat()
    assert "went on by itself" in keyboard(form).type("See you.")
    assert form.commands == ["type See you."]


TERMINAL = '<node class="com.termux.view.TerminalView" focused="true" bounds="[0,90][1080,900]"/>'


@pytest.mark.parametrize(("view", "is_shown"), [(TERMINAL, False), ("", True)])
def test_a_view_that_takes_keys_gets_them_once(view: str, is_shown: bool) -> None:
    form = Form(fields=0)
    form.view, form.keyboard = view, is_shown
    assert "does not tell its text" in keyboard(form).type("ls -l")
    assert form.commands == ["type ls -l"]


def test_a_focused_button_takes_no_text() -> None:
    form = Form(fields=0)
    form.keyboard = False
    form.view = '<node class="android.widget.Button" focused="true" bounds="[0,90][1080,900]"/>'
    with pytest.raises(ToolError, match="no text field has the focus"):
        keyboard(form).type("text")


class Forgets(Form):
    """Loses the last letter of what is typed first."""

    def type(self, text: str) -> None:
        super().type(text[:-1])


def test_a_plain_field_that_lost_a_letter_is_still_set_again() -> None:
    form = Forgets()
    assert keyboard(form).type("plain") == "typed through the element"
    assert form.held == ["plain"]


ACTIONS: dict[str, Callable[[AppiumKeyboard], object]] = {
    "type": lambda keys: keys.type("abc"),
    "clear the text": lambda keys: keys.clear(),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_screen_that_cannot_be_read_is_an_error_of_the_action(action: str) -> None:
    form = Form()
    form.unreadable = 99
    with pytest.raises(ToolError, match=f"cannot {action}: the screen cannot be read"):
        ACTIONS[action](keyboard(form))
    assert form.commands == []


def test_enter_is_pressed_once_where_the_screen_cannot_be_read() -> None:
    form = Form()
    form.unreadable = 99
    keyboard(form).enter()
    assert form.commands == ["mobile: pressKey"]


def test_text_that_cannot_be_read_back_is_not_typed_again() -> None:
    form = Form()

    def breaks(text: str) -> None:
        Form.type(form, text)
        form.unreadable = 99

    form.type = breaks  # type: ignore[method-assign]  # the screen breaks while it is typed into
    assert "could not be read back" in keyboard(form).type("abc")
    assert form.commands == ["type abc"]


def test_clearing_may_leave_the_form_of_a_field() -> None:
    class Amount(Form):
        def clear(self) -> None:
            self.held = ["$0.00"]

    form = Amount()
    form.held = ["$15.00"]
    keyboard(form).clear()
    assert form.held == ["$0.00"]


@pytest.mark.parametrize("left", ["abc", ":-)"])
def test_a_field_that_cannot_be_cleared_is_told(left: str) -> None:
    class Stubborn(Form):
        def clear(self) -> None:
            self.commands.append("clear")

    form = Stubborn()
    form.held = [left]
    with pytest.raises(ToolError, match="still holds"):
        keyboard(form).clear()

"""Typing into the focused field of a phone, and making sure that it holds what was typed."""

import re
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from appium.webdriver.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement

from tapgraph.errors import ToolError, TypingFailed
from tapgraph.tools.mobile.appium_session import AppiumSession, UnsupportedCommand
from tapgraph.tools.mobile.ui_tree import UiTree

__all__ = ["AppiumKeyboard", "FocusedField", "focused_field"]

_EDITABLE = re.compile(r"EditText|AutoComplete|TextInput|SearchView\$SearchAuto")
_SEARCHES = re.compile(r"search|query|find", re.IGNORECASE)
_ENTER_KEY_CODE = 66
_READ_BACK_S = 1.5
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class FocusedField:
    """The text field that has the input focus.

    Attributes:
        shown: the words in it, which are its hint while it is empty.
        hint: the words that it shows while it is empty.
        is_password: what is read is dots, only their number counts.
        is_search: its id or hint speaks of searching.
    """

    shown: str
    hint: str
    is_password: bool
    is_search: bool

    @property
    def text(self) -> str:
        """What it holds. Someone may have typed the very words of the hint; nothing tells."""
        return "" if self.shown == self.hint else self.shown

    def holds_after(self, before: "FocusedField", typed: str) -> bool:
        """Whether it holds what it held `before`, with `typed` put in anywhere."""
        if self.is_password:
            # A dot stands for a UTF-16 unit on some phones and for a character on others.
            grown = len(self.text) - len(before.text)
            return grown in {len(typed), len(typed.encode("utf-16-le")) // 2}
        return any(
            _is_put_in(_comparable(typed), _comparable(old), _comparable(self.shown))
            for old in (before.text, before.shown)
        )


def focused_field(tree: UiTree) -> FocusedField | None:
    """The editable view with the focus, None where there is none.

    Other views are passed over: lists and buttons can have a focus of their own.
    """
    for node in tree.walk():
        if node.focused and (node.password or _EDITABLE.search(node.class_name)):
            return FocusedField(
                shown=node.text,
                hint=node.hint,
                is_password=node.password,
                is_search=bool(
                    _SEARCHES.search(f"{node.resource_id} {node.hint} {node.content_desc}")
                ),
            )
    return None


class AppiumKeyboard:
    """What one does with a keyboard, through an Appium session."""

    def __init__(
        self,
        session: AppiumSession,
        read_tree: Callable[[], UiTree],
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._read_tree = read_tree
        self._sleep = sleep
        self._clock = clock

    def type(self, text: str) -> str:
        """Add text to the focused field and read the field back; returns how it was typed.

        `mobile: type` comes first, as it types like a person. Where it typed nothing or is not
        known, the field is set through the element; where the field holds something else than
        expected, it is cleared and set once.

        Raises:
            ToolError: no field has the focus, or there is nothing to type.
            TypingFailed: the field holds something else in the end; the text says what.
        """
        if not text:
            raise ToolError("there is no text to type")
        before = self._focused("type")
        try:
            self._session.act(
                "type", lambda driver: driver.execute_script("mobile: type", {"text": text})
            )
            way = "typed"
        except UnsupportedCommand:
            self._send_keys(text)
            way = "typed through the element"
        after = self._wait_for(lambda now: now.holds_after(before, text))
        if after.holds_after(before, text):
            return way
        if after == before:
            self._send_keys(text)
        elif not before.is_password:
            self.clear()
            self._send_keys(before.text + text)
        after = self._wait_for(lambda now: now.holds_after(before, text))
        if after.holds_after(before, text):
            return "typed through the element"
        if after.is_password:
            raise TypingFailed(
                f"after typing {len(text)} characters the password field holds {len(after.text)}"
            )
        raise TypingFailed(f"after typing {text!r} the field holds {after.text!r}")

    def clear(self) -> None:
        """Empty the focused field.

        Raises:
            ToolError: no field has the focus, or it cannot be emptied.
        """
        self._focused("clear the text")
        self._session.act("clear the text", lambda driver: _active_element(driver).clear())
        after = self._wait_for(lambda now: not now.text)
        if after.text:
            held = "hidden characters" if after.is_password else repr(after.text)
            raise ToolError(f"after clearing, the field still holds {held}")

    def enter(self) -> None:
        """Press the keyboard's action key.

        A field that searches gets the editor action `search`. Every other one gets the Enter key,
        because Android then runs the action that the field asks for, or starts a new line. When
        nothing changes on the screen, the other way is tried.
        """
        tree = self._read_tree()
        field = focused_field(tree)
        ways = [self._press_enter_key]
        if field is not None and field.is_search:
            ways.insert(0, lambda: self._editor_action("search"))
        elif field is not None:
            ways.append(lambda: self._editor_action("done"))
        for way in ways[:-1]:
            try:
                way()
            except UnsupportedCommand:
                continue
            if self._screen_changes(tree):
                return
        try:
            ways[-1]()
        except UnsupportedCommand:
            if len(ways) == 1:
                raise

    def _press_enter_key(self) -> None:
        self._session.act(
            "press Enter",
            lambda driver: driver.execute_script("mobile: pressKey", {"keycode": _ENTER_KEY_CODE}),
        )

    def _editor_action(self, action: str) -> None:
        self._session.act(
            "press Enter",
            lambda driver: driver.execute_script("mobile: performEditorAction", {"action": action}),
        )

    def _send_keys(self, text: str) -> None:
        self._session.act("type", lambda driver: _active_element(driver).send_keys(text))

    def _focused(self, what: str) -> FocusedField:
        field = focused_field(self._read_tree())
        if field is None:
            raise ToolError(f"cannot {what}: no text field has the focus; tap a text field first")
        return field

    def _wait_for(self, fits: Callable[[FocusedField], bool]) -> FocusedField:
        """The field as soon as it fits, or as it is when time is up."""
        deadline = self._clock() + _READ_BACK_S
        while True:
            field = focused_field(self._read_tree())
            if field is None:
                raise TypingFailed(
                    "the text field lost the focus while it was typed into: look at the screen"
                )
            if fits(field) or self._clock() >= deadline:
                return field
            self._sleep(_POLL_S)

    def _screen_changes(self, before: UiTree) -> bool:
        deadline = self._clock() + _READ_BACK_S
        while True:
            if self._read_tree().windows != before.windows:
                return True
            if self._clock() >= deadline:
                return False
            self._sleep(_POLL_S)


def _active_element(driver: WebDriver) -> WebElement:
    return driver.switch_to.active_element


def _is_put_in(added: str, old: str, new: str) -> bool:
    """Whether `new` is `old` with `added` at some place, most likely the end."""
    if len(new) != len(old) + len(added):
        return False
    return any(new == old[:place] + added + old[place:] for place in range(len(old), -1, -1))


def _comparable(text: str) -> str:
    """Composed, with one kind of line end: keyboards and dumps differ in both."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))

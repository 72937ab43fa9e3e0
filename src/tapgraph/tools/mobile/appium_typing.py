"""Typing into the focused field of a phone, and making sure that it holds what was typed."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appium.webdriver.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement

from tapgraph.errors import ToolError, TypingFailed, UnreadableTree
from tapgraph.tools.mobile import appium_fingers
from tapgraph.tools.mobile.appium_session import AppiumSession, UnsupportedCommand
from tapgraph.tools.mobile.text_fields import (
    TextField,
    are_filled,
    boxes_from,
    focused_field,
    found_again,
    is_same_page,
    takes_keys,
    text_fields,
)
from tapgraph.tools.mobile.typed_text import is_form
from tapgraph.tools.mobile.ui_tree import UiTree

__all__ = ["AppiumKeyboard"]

_ENTER_KEY_CODE = 66
_READ_BACK_S = 1.5
_POLL_S = 0.05

_logger = logging.getLogger(__name__)


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
        expected, it is cleared and set once. A field that writes numbers, codes and addresses in a
        form of its own holds what was typed (`is_typed`), and one that shows a form is never set
        again. A row of boxes for one character each is filled box by box. A page that went on or
        sent the text by itself, and a view of the app's own that takes keys but tells no text, are
        left alone.

        Raises:
            ToolError: no field has the focus, there is nothing to type, or the screen cannot be
                read.
            TypingFailed: the field holds something else in the end; the text says what.
        """
        if not text:
            raise ToolError("there is no text to type")
        tree = self._tree("type")
        before = focused_field(tree)
        if before is None:
            if not (takes_keys(tree) or self._keyboard_shown()):
                raise ToolError("cannot type: no text field has the focus; tap a text field first")
            return f"{self._send(text)}; the view does not tell its text"
        typing = _Typing(text, tree, before)
        way = self._send(text)
        after = self._wait_for(typing.is_done)
        if after is None:
            return f"{way}; the screen could not be read back"
        if typing.is_done(after):
            return way
        now = typing.field_in(after)
        if now is None or (now.text == before.text and not is_same_page(tree, after)):
            return f"{way}; then the page went on by itself"
        way = self._put_right(typing, now, boxes_from(before, text_fields(after)))
        after = self._wait_for(typing.is_done)
        if after is not None and not typing.is_done(after):
            raise typing.failure(after)
        return way

    def _put_right(self, typing: "_Typing", now: TextField, boxes: Sequence[TextField]) -> str:
        """Try once more in a field that does not hold what was typed; returns how."""
        if 1 < len(typing.text) <= len(boxes):
            self._fill(boxes, typing.text)
            return "typed box by box"
        if not now.has_focus:
            raise TypingFailed(
                "the text field lost the focus while it was typed into: look at the screen"
            )
        if now.shown == typing.field.shown:
            self._send_keys(typing.text)
        elif not now.is_password and not typing.has_form(now):
            self.clear()
            self._send_keys(typing.field.text + typing.text)
        return "typed through the element"

    def clear(self) -> None:
        """Empty the focused field; its form, such as brackets or a zero, may stay.

        Raises:
            ToolError: no field has the focus, it cannot be emptied, or the screen cannot be read.
        """
        page = self._tree("clear the text")
        before = focused_field(page)
        if before is None:
            raise ToolError(
                "cannot clear the text: no text field has the focus; tap a text field first"
            )
        self._session.act("clear the text", lambda driver: _active_element(driver).clear())

        def is_empty(tree: UiTree) -> bool:
            field = found_again(before, page, tree)
            if field is None or not field.text:
                return True
            return field.text != before.text and is_form(field.text)

        after = self._wait_for(is_empty)
        if after is not None and not is_empty(after):
            field = found_again(before, page, after) or before
            held = "hidden characters" if field.is_password else repr(field.text)
            raise ToolError(f"after clearing, the field still holds {held}")

    def enter(self) -> None:
        """Press the keyboard's action key.

        A field that searches gets the editor action `search`. Every other one gets the Enter key,
        because Android then runs the action that the field asks for, or starts a new line. Nothing
        is pressed twice: only where the driver knows no editor actions is the key pressed instead.
        """
        tree = self._readable_tree()
        field = focused_field(tree) if tree is not None else None
        if field is not None and field.is_search:
            try:
                self._editor_action("search")
            except UnsupportedCommand:
                pass
            else:
                return
        self._press_enter_key()

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

    def _send(self, text: str) -> str:
        try:
            self._session.act(
                "type", lambda driver: driver.execute_script("mobile: type", {"text": text})
            )
        except UnsupportedCommand:
            self._send_keys(text)
            return "typed through the element"
        return "typed"

    def _send_keys(self, text: str) -> None:
        self._session.act("type", lambda driver: _active_element(driver).send_keys(text))

    def _fill(self, boxes: Sequence[TextField], text: str) -> None:
        """One character for each box that is still empty."""
        for box, character in zip(boxes, text, strict=False):
            if not box.text:
                appium_fingers.tap(self._session, box.bounds.center)
                self._send(character)

    def _keyboard_shown(self) -> bool:
        try:
            return bool(
                self._session.read(
                    "tell whether the keyboard is shown", lambda driver: driver.is_keyboard_shown()
                )
            )
        except ToolError:
            return False

    def _tree(self, what: str) -> UiTree:
        tree = self._readable_tree()
        if tree is None:
            raise ToolError(f"cannot {what}: the screen cannot be read now; nothing happened")
        return tree

    def _readable_tree(self) -> UiTree | None:
        """The hierarchy, asked for again until time is up; None where it cannot be read."""
        return self._wait_for(lambda _: True)

    def _wait_for(self, fits: Callable[[UiTree], bool]) -> UiTree | None:
        """The screen as soon as it fits, or as it was last; None where none could be read."""
        deadline = self._clock() + _READ_BACK_S
        last: UiTree | None = None
        while True:
            try:
                last = self._read_tree()
            except UnreadableTree as error:
                _logger.info("the screen cannot be read: %s", error)
            else:
                if fits(last):
                    return last
            if self._clock() >= deadline:
                return last
            self._sleep(_POLL_S)


@dataclass(frozen=True, slots=True)
class _Typing:
    """What is typed, and the screen and the field before it was."""

    text: str
    tree: UiTree
    field: TextField

    def field_in(self, tree: UiTree) -> TextField | None:
        return found_again(self.field, self.tree, tree)

    def is_done(self, tree: UiTree) -> bool:
        field = self.field_in(tree)
        return (field is not None and field.holds_after(self.field, self.text)) or are_filled(
            self.text, text_fields(self.tree), text_fields(tree)
        )

    def has_form(self, field: TextField) -> bool:
        """Whether the field wrote marks that nobody typed."""
        marks = {one for one in field.text if not one.isalnum()}
        return not marks <= {*self.field.text, *self.text}

    def failure(self, tree: UiTree) -> TypingFailed:
        field = self.field_in(tree)
        if field is None:
            return TypingFailed(
                "the text field is gone since it was typed into: look at the screen"
            )
        if field.is_password:
            return TypingFailed(
                f"after typing {len(self.text)} characters the password field holds "
                f"{len(field.text)}"
            )
        return TypingFailed(f"after typing {self.text!r} the field holds {field.text!r}")


def _active_element(driver: WebDriver) -> WebElement:
    return driver.switch_to.active_element

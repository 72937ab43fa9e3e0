"""Typing into the focused field of a page, and making sure that it holds what was typed."""

import time
from collections.abc import Callable

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver

from tapgraph.errors import ToolError, TypingFailed, UnreadableTree
from tapgraph.tools.mobile.appium_session import AppiumSession
from tapgraph.tools.mobile.text_fields import (
    TextField,
    are_filled,
    focused_field,
    found_again,
    text_fields,
)
from tapgraph.tools.mobile.ui_tree import UiTree
from tapgraph.tools.mobile.web import page_scripts

__all__ = ["WebKeyboard"]

_READ_BACK_S = 1.5
_POLL_S = 0.05
_WHOLE_VALUES = {
    "date": "2026-03-09",
    "time": "14:30",
    "month": "2026-03",
    "week": "2026-W11",
    "datetime-local": "2026-03-09T14:30",
}
"""Fields whose parts are chosen one by one in a browser's own way, and a value of each."""


class WebKeyboard:
    """Keys go to the element with the focus, inside frames and shadow roots too."""

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

        A field of date or time takes its value whole, in the form of the standard (2026-03-09).

        Raises:
            ToolError: no field has the focus, or there is nothing to type.
            TypingFailed: the field holds something else in the end; the text says what.
        """
        if not text:
            raise ToolError("there is no text to type")
        way = self._session.act(
            "type", lambda driver: driver.execute_script(page_scripts.PREPARE_TYPING)
        )
        if way is None:
            raise ToolError("cannot type: no text field has the focus; tap a text field first")
        if way in _WHOLE_VALUES:
            return self._set(str(way), text)
        before, page = self._focused()
        keys = f"{Keys.END if way == 'end key' else ''}{text}".replace("\n", Keys.ENTER)
        self._session.act("type", lambda driver: ActionChains(driver).send_keys(keys).perform())
        if before is None:
            return "typed; the field does not tell its text"
        self._check(before, page, text)
        return "typed"

    def clear(self) -> None:
        """Empty the focused field.

        Raises:
            ToolError: no field has the focus.
        """
        if not self._session.act(
            "clear the text", lambda driver: driver.execute_script(page_scripts.CLEAR)
        ):
            raise ToolError(
                "cannot clear the text: no text field has the focus; tap a text field first"
            )

    def enter(self) -> None:
        """Press the Enter key."""
        self._session.act(
            "press Enter", lambda driver: ActionChains(driver).send_keys(Keys.ENTER).perform()
        )

    def _set(self, kind: str, text: str) -> str:
        def put(driver: WebDriver) -> object:
            return driver.execute_script(page_scripts.SET_VALUE, text.strip())

        if not self._session.act("type", put):
            raise TypingFailed(
                f"a field of type {kind} takes a value such as {_WHOLE_VALUES[kind]}, "
                f"not {text!r}; it is empty now"
            )
        return "set as a whole"

    def _focused(self) -> tuple[TextField | None, UiTree]:
        try:
            page = self._read_tree()
        except UnreadableTree as error:
            raise ToolError(f"cannot type: {error}; nothing happened") from error
        return focused_field(page), page

    def _check(self, before: TextField, page: UiTree, text: str) -> None:
        """Return when the field holds the text, boxes in a row do, or it is gone with its page."""
        deadline = self._clock() + _READ_BACK_S
        while True:
            try:
                shown = self._read_tree()
            except UnreadableTree:
                return
            now = found_again(before, page, shown)
            if now is None or now.holds_after(before, text):
                return
            if are_filled(text, text_fields(page), text_fields(shown)):
                return
            if self._clock() >= deadline:
                held = f"{len(now.text)} characters" if now.is_password else repr(now.text)
                typed = f"{len(text)} characters" if now.is_password else repr(text)
                raise TypingFailed(f"after typing {typed} the field holds {held}")
            self._sleep(_POLL_S)

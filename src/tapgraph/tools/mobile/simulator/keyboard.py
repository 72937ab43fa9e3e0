"""The soft keyboard: a view for each key, and what a tap on it means."""

from collections.abc import Callable
from typing import Final, Literal

from tapgraph.tools.mobile.simulator.canvas import mixed
from tapgraph.tools.mobile.simulator.speech import Language, Speech
from tapgraph.tools.mobile.simulator.theme import Theme
from tapgraph.tools.mobile.simulator.views import (
    Button,
    Column,
    Frame,
    IconButton,
    Row,
    Spacer,
    View,
)

__all__ = ["KEYBOARD_PACKAGE", "LOW_ROW_DP", "ROW_DP", "Keyboard", "Layer", "keyboard_height_dp"]

KEYBOARD_PACKAGE: Final = "com.google.android.inputmethod.latin"
Layer = Literal["letters", "capitals", "symbols", "more"]

_LETTERS: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("qwertyuiop", "asdfghjkl", "zxcvbnm"),
    "de": ("qwertzuiopü", "asdfghjklöä", "yxcvbnm"),
}
_SYMBOLS: Final = ("1234567890", "@#$_&-+()/", "*\"':;!?")
_MORE: Final = (
    "~`|\u2022\u221a\u03c0\u00f7\u00d7\u00a7\u2206",
    "\u00a3\u00a2\u20ac\u00a5^\u00b0={}\\",
    "%\u00a9\u00ae[]<>",
)
_ACTIONS: Final = {
    "search": ("magnify", "Search"),
    "done": ("check", "Done"),
    "newline": ("keyboard-return", "Enter"),
}
_SILENT_NAMES: Final = {",": "comma", ".": "period", " ": "space"}
ROW_DP: Final = 54
LOW_ROW_DP: Final = 40
"""How high a row of keys is, and where the screen is short."""


def keyboard_height_dp(row_dp: int) -> int:
    """How high the keyboard's window is."""
    return 4 * row_dp + 8 + 36


class Keyboard:
    """Turns taps on keys into text.

    Attributes:
        layer: what the keys show.
    """

    def __init__(
        self,
        type_text: Callable[[str], None],
        delete: Callable[[], None],
        act: Callable[[], None],
        hide: Callable[[], None],
        theme: Theme,
        speech: Speech,
    ) -> None:
        self._type_text = type_text
        self._delete = delete
        self._act = act
        self._hide = hide
        self._theme = theme
        self._speech = speech
        self.layer: Layer = "letters"

    def build(self, action: str, row_dp: int) -> View:
        """The keyboard's views, for a field with this action key."""
        rows = [self._characters(number) for number in range(2)]
        rows += [self._third_row(), self._last_row(action)]
        for row in rows:
            row.height = row_dp
        strip = Row(
            [
                Spacer(weight=1),
                IconButton(
                    "chevron-down", desc=self._speech.say("Hide keyboard"), on_click=self._hide
                ),
            ],
            height=36,
        )
        strip.children[1].height = 36
        return Column(
            [*rows, strip],
            id="keyboard_area",
            background=self._theme.field,
            padding=(3, 8, 3, 0),
        )

    def _row(self, number: int) -> str:
        if self.layer == "symbols":
            return _SYMBOLS[number]
        if self.layer == "more":
            return _MORE[number]
        letters = _LETTERS[self._speech.language][number]
        return letters.upper() if self.layer == "capitals" else letters

    def _characters(self, number: int) -> Row:
        keys = [self._character_key(character) for character in self._row(number)]
        row = Row([*keys])
        if len(keys) < 10:
            row.children = [Spacer(weight=0.5), *keys, Spacer(weight=0.5)]
        return row

    def _third_row(self) -> Row:
        keys: list[View] = [self._character_key(character) for character in self._row(2)]
        delete = self._glyph_key("backspace-outline", "Delete", self._delete, id="key_pos_del")
        return Row([self._layer_key(), *keys, delete])

    def _layer_key(self) -> View:
        if self.layer in {"letters", "capitals"}:
            is_capital = self.layer == "capitals"
            glyph = "apple-keyboard-caps" if is_capital else "apple-keyboard-shift"
            to: Layer = "letters" if is_capital else "capitals"
            key = self._glyph_key(glyph, "Shift", lambda: self._show(to), id="key_pos_shift")
            key.selected = is_capital
            return key
        if self.layer == "symbols":
            return self._word_key("=\\<", "More symbols", lambda: self._show("more"), weight=1.5)
        return self._word_key("?123", "Symbols", lambda: self._show("symbols"), weight=1.5)

    def _last_row(self, action: str) -> Row:
        glyph, desc = _ACTIONS[action]
        if self.layer in {"letters", "capitals"}:
            layer = self._word_key("?123", "Symbols", lambda: self._show("symbols"), weight=1.5)
        else:
            layer = self._word_key("ABC", "Letters", lambda: self._show("letters"), weight=1.5)
        space = self._character_key(" ")
        space.weight = 5
        enter = self._glyph_key(glyph, desc, self._act, id="key_pos_ime_action")
        enter.children[0].background = mixed(self._theme.accent, self._theme.paper, 0.6)
        comma, period = self._character_key(","), self._character_key(".")
        for key in (comma, period):
            key.children[0].background = self._theme.key
        return Row([layer, comma, space, period, enter])

    def _show(self, layer: Layer) -> None:
        self.layer = layer

    def _press(self, character: str) -> None:
        if self.layer == "capitals":
            self.layer = "letters"
        self._type_text(character)

    def _character_key(self, character: str) -> View:
        name = _SILENT_NAMES.get(character)
        face = Button(
            character.strip(),
            style="text",
            foreground=self._theme.ink,
            size_sp=20,
            background=self._theme.sheet,
        )
        return _key(
            face, self._speech.say(name) if name else character, lambda: self._press(character)
        )

    def _word_key(self, text: str, desc: str, on_click: Callable[[], None], weight: float) -> View:
        face = Button(
            text, style="text", foreground=self._theme.ink, size_sp=15, background=self._theme.key
        )
        return _key(face, self._speech.say(desc), on_click, weight)

    def _glyph_key(self, glyph: str, desc: str, on_click: Callable[[], None], *, id: str) -> View:  # noqa: A002
        face = IconButton(glyph, color=self._theme.ink, background=self._theme.key)
        key = _key(face, self._speech.say(desc), on_click, 1.5)
        key.id = id
        return key


def _key(face: View, desc: str, on_click: Callable[[], None], weight: float = 1.0) -> View:
    """A key fills its cell, so that no touch falls between two; its face is a little smaller."""
    face.decorative = True
    face.width = face.height = "match"
    face.corner_dp = 6
    return Frame(
        [face],
        desc=desc,
        height="match",
        weight=weight,
        padding=(3, 4),
        on_click=on_click,
    )

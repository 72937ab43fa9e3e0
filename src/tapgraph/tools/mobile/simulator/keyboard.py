"""The soft keyboard: a view for each key, and what a tap on it means."""

from collections.abc import Callable
from typing import Final, Literal

from tapgraph.tools.mobile.simulator.views import (
    Button,
    Column,
    Frame,
    IconButton,
    Row,
    Spacer,
    View,
)

__all__ = ["KEYBOARD_PACKAGE", "Keyboard", "Layer", "keyboard_height_dp"]

KEYBOARD_PACKAGE: Final = "com.google.android.inputmethod.latin"
Layer = Literal["letters", "capitals", "symbols", "more"]

_LETTERS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SYMBOLS: Final = ("1234567890", "@#$_&-+()/", "*\"':;!?")
_MORE: Final = (
    "~`|\u2022\u221a\u03c0\u00f7\u00d7\u00a7\u2206",
    "\u00a3\u00a2\u20ac\u00a5^\u00b0={}\\",
    "%\u00a9\u00ae[]<>",
)
_ROWS: Final[dict[str, tuple[str, ...]]] = {
    "letters": _LETTERS,
    "capitals": tuple(row.upper() for row in _LETTERS),
    "symbols": _SYMBOLS,
    "more": _MORE,
}
_ACTIONS: Final = {
    "search": ("magnify", "Search"),
    "done": ("check", "Done"),
    "newline": ("keyboard-return", "Enter"),
}
_SILENT_NAMES: Final = {",": "comma", ".": "period", " ": "space"}
_SHEET, _KEY, _SPECIAL, _ACCENT = "#E9EDF4", "#FFFFFF", "#D3DAE6", "#A8C7FA"


def _row_dp(landscape: bool) -> int:
    return 40 if landscape else 54


def keyboard_height_dp(*, landscape: bool) -> int:
    """How high the keyboard's window is."""
    return 4 * _row_dp(landscape) + 8 + 36


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
    ) -> None:
        self._type_text = type_text
        self._delete = delete
        self._act = act
        self._hide = hide
        self.layer: Layer = "letters"

    def build(self, action: str, *, landscape: bool) -> View:
        """The keyboard's views, for a field with this action key."""
        rows = [self._characters(number) for number in range(2)]
        rows += [self._third_row(), self._last_row(action)]
        for row in rows:
            row.height = _row_dp(landscape)
        strip = Row(
            [
                Spacer(weight=1),
                IconButton("chevron-down", desc="Hide keyboard", on_click=self._hide),
            ],
            height=36,
        )
        strip.children[1].height = 36
        return Column(
            [*rows, strip],
            id="keyboard_area",
            background=_SHEET,
            padding=(3, 8, 3, 0),
        )

    def _characters(self, number: int) -> Row:
        keys = [self._character_key(character) for character in _ROWS[self.layer][number]]
        row = Row([*keys])
        if len(keys) < 10:
            row.children = [Spacer(weight=0.5), *keys, Spacer(weight=0.5)]
        return row

    def _third_row(self) -> Row:
        keys: list[View] = [self._character_key(character) for character in _ROWS[self.layer][2]]
        delete = _glyph_key("backspace-outline", "Delete", self._delete, id="key_pos_del")
        return Row([self._layer_key(), *keys, delete])

    def _layer_key(self) -> View:
        if self.layer in {"letters", "capitals"}:
            is_capital = self.layer == "capitals"
            glyph = "apple-keyboard-caps" if is_capital else "apple-keyboard-shift"
            to: Layer = "letters" if is_capital else "capitals"
            key = _glyph_key(glyph, "Shift", lambda: self._show(to), id="key_pos_shift")
            key.selected = is_capital
            return key
        if self.layer == "symbols":
            return _word_key("=\\<", "More symbols", lambda: self._show("more"), weight=1.5)
        return _word_key("?123", "Symbols", lambda: self._show("symbols"), weight=1.5)

    def _last_row(self, action: str) -> Row:
        glyph, desc = _ACTIONS[action]
        if self.layer in {"letters", "capitals"}:
            layer = _word_key("?123", "Symbols", lambda: self._show("symbols"), weight=1.5)
        else:
            layer = _word_key("ABC", "Letters", lambda: self._show("letters"), weight=1.5)
        space = self._character_key(" ")
        space.weight = 5
        enter = _glyph_key(glyph, desc, self._act, id="key_pos_ime_action")
        enter.children[0].background = _ACCENT
        comma, period = self._character_key(","), self._character_key(".")
        for key in (comma, period):
            key.children[0].background = _SPECIAL
        return Row([layer, comma, space, period, enter])

    def _show(self, layer: Layer) -> None:
        self.layer = layer

    def _press(self, character: str) -> None:
        if self.layer == "capitals":
            self.layer = "letters"
        self._type_text(character)

    def _character_key(self, character: str) -> View:
        name = _SILENT_NAMES.get(character, character)
        return _key(
            Button(character.strip(), style="text", color="#1F1F1F", size_sp=20, background=_KEY),
            name,
            lambda: self._press(character),
        )


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


def _word_key(text: str, desc: str, on_click: Callable[[], None], weight: float) -> View:
    face = Button(text, style="text", color="#1F1F1F", size_sp=15, background=_SPECIAL)
    return _key(face, desc, on_click, weight)


def _glyph_key(glyph: str, desc: str, on_click: Callable[[], None], *, id: str) -> View:  # noqa: A002
    face = IconButton(glyph, color="#1F1F1F", background=_SPECIAL)
    key = _key(face, desc, on_click, 1.5)
    key.id = id
    return key

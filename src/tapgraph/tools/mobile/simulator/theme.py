"""Colours that views take where they name none of their own."""

from dataclasses import dataclass, replace
from typing import Final, Self

__all__ = ["DARK", "LIGHT", "Theme"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """The colours of a window.

    Attributes:
        paper: behind everything.
        sheet: of cards, and behind dialogs.
        ink: of text.
        muted: of text that matters less.
        line: of borders and of lines between rows.
        accent: of what can be touched.
        field: of text fields without a border.
        key: of buttons that are not loud, and of keys with a word.
    """

    paper: str
    sheet: str
    ink: str
    muted: str
    line: str
    accent: str
    field: str
    key: str

    def raised(self) -> Self:
        """The colours of what floats above a page."""
        return replace(self, paper=self.sheet)


LIGHT: Final = Theme(
    paper="#FFFFFF",
    sheet="#FFFFFF",
    ink="#1F1F1F",
    muted="#5F6368",
    line="#DADCE0",
    accent="#0B57D0",
    field="#EDF1F8",
    key="#D3DAE6",
)
DARK: Final = Theme(
    paper="#16181D",
    sheet="#24262B",
    ink="#F1F3F4",
    muted="#A9AFB8",
    line="#3C4043",
    accent="#A8C7FA",
    field="#2D3036",
    key="#3B4048",
)

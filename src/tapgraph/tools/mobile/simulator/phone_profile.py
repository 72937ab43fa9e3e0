"""Which phone it is: screen, density, font size, darkness and language."""

import re
from dataclasses import dataclass, replace
from typing import Final, Self

from tapgraph.errors import UsageError
from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.simulator.speech import Language, Speech
from tapgraph.tools.mobile.simulator.theme import DARK, LIGHT, Theme

__all__ = [
    "NAVIGATION_BAR_DP",
    "PHONE",
    "SMALL_PHONE",
    "STATUS_BAR_DP",
    "TABLET",
    "PhoneProfile",
]

STATUS_BAR_DP: Final = 34
NAVIGATION_BAR_DP: Final = 24
_SCREEN: Final = Size(1080, 2400)
_SCREENS: Final = {
    "phone": (_SCREEN, 420),
    "small": (Size(720, 1280), 320),
    "tablet": (Size(2560, 1600), 320),
}
_LANGUAGES: Final[dict[str, Language]] = {"en": "en", "de": "de"}
_NUMBER: Final = re.compile(r"\d(\.\d+)?")
_DPI_OF_A_DP: Final = 160
_SMALLEST_SCREEN_DP: Final = 320
_SHORT_DP: Final = 480


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneProfile:
    """What differs between phones and between their owners' settings; it lasts for a phone's life.

    Attributes:
        screen: in pixels, as the phone stands before it is turned.
        dpi: dots per inch; a dp is a pixel at 160.
        font_scale: how much larger than usual text is.
        is_dark: whether the dark theme is on.
        language: of the system and of the apps; what people wrote stays as it is.

    Raises:
        UsageError: no phone is like that.
    """

    screen: Size = _SCREEN
    dpi: int = 420
    font_scale: float = 1.0
    is_dark: bool = False
    language: Language = "en"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The phone that a text such as `tablet,dark,de,font=1.3` describes; empty for the usual.

        Raises:
            UsageError: a part cannot be understood.

        >>> PhoneProfile.parse("small, de").language
        'de'
        """
        profile = cls()
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            name, _, value = part.partition("=")
            if part in _SCREENS:
                screen, dpi = _SCREENS[part]
                profile = replace(profile, screen=screen, dpi=dpi)
            elif part in _LANGUAGES:
                profile = replace(profile, language=_LANGUAGES[part])
            elif part == "dark":
                profile = replace(profile, is_dark=True)
            elif name == "font" and _NUMBER.fullmatch(value):
                profile = replace(profile, font_scale=float(value))
            else:
                raise UsageError(
                    f"cannot read {part!r} of the phone; write small or tablet, dark, de and "
                    "font=1.3, as many as you like, with commas between"
                )
        return profile

    def __post_init__(self) -> None:
        shorter_px = min(self.screen.width_px, self.screen.height_px)
        if self.dpi < 1 or self.dp(shorter_px) < _SMALLEST_SCREEN_DP:
            raise UsageError(
                f"a screen must be at least {_SMALLEST_SCREEN_DP} dp wide and high, got "
                f"{self.screen.width_px}x{self.screen.height_px} pixels at {self.dpi} dpi"
            )
        if not 0.85 <= self.font_scale <= 2.0:
            raise UsageError(f"the font scale must be from 0.85 to 2, got {self.font_scale:g}")
        if self.language not in _LANGUAGES:
            raise UsageError(f"the language must be 'en' or 'de', got {self.language!r}")

    @property
    def speech(self) -> Speech:
        """How the phone says things."""
        return Speech(self.language)

    @property
    def theme(self) -> Theme:
        """The colours of the system, and of apps that have none of their own."""
        return DARK if self.is_dark else LIGHT

    def px(self, dp: float) -> int:
        """Whole pixels for a length in dp.

        >>> PhoneProfile().px(48)
        126
        """
        return round(dp * self.dpi / _DPI_OF_A_DP)

    def text_px(self, size_sp: float) -> int:
        """Whole pixels for the size of a text in sp."""
        return round(size_sp * self.font_scale * self.dpi / _DPI_OF_A_DP)

    def dp(self, length_px: int) -> int:
        """Whole dp for a length in pixels."""
        return length_px * _DPI_OF_A_DP // self.dpi

    def size_at(self, rotation: int) -> Size:
        """The screen's size at a rotation in quarter turns."""
        if rotation % 2 == 0:
            return self.screen
        return Size(self.screen.height_px, self.screen.width_px)

    def is_short(self, size: Size) -> bool:
        """Whether a screen leaves little height: a phone that lies on its side."""
        return self.dp(size.height_px) < _SHORT_DP


PHONE: Final = PhoneProfile()
SMALL_PHONE: Final = PhoneProfile.parse("small")
TABLET: Final = PhoneProfile.parse("tablet")
"""A tablet, which stands on its long side before it is turned."""

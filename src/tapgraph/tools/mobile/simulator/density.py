"""How large the simulated screen is, and how many pixels a dp has."""

from typing import Final

from tapgraph.tools.mobile.geometry import Size

__all__ = [
    "DENSITY",
    "NAVIGATION_BAR_DP",
    "PORTRAIT",
    "STATUS_BAR_DP",
    "px",
    "screen_size",
]

DENSITY: Final = 2.625
"""Pixels per dp: 420 dots per inch."""
PORTRAIT: Final = Size(1080, 2400)
STATUS_BAR_DP: Final = 34
NAVIGATION_BAR_DP: Final = 24


def px(dp: float) -> int:
    """Whole pixels for a length in dp.

    >>> px(48)
    126
    """
    return round(dp * DENSITY)


def screen_size(rotation: int) -> Size:
    """The screen's size at a rotation in quarter turns."""
    if rotation % 2 == 0:
        return PORTRAIT
    return Size(PORTRAIT.height_px, PORTRAIT.width_px)

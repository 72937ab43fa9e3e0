"""The words of a view's label, without what shows nothing that a reader knows."""

import re

__all__ = ["label_text"]

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
_ICONS = re.compile("[\ufff9-\ufffd\ue000-\uf8ff\U000f0000-\U0010fffd]")
"""Characters of icon fonts (private use) and those that stand for a picture."""
_BLANKS = re.compile(" {2,}")
_SEPARATOR = re.compile("([,;|\u00b7\u2022\u060c\u3001\uff0c])")


def label_text(text: str) -> str:
    r"""The text without icons and invisible characters; blanks at the ends removed.

    An icon that is a part of its own goes with the comma that parts it from the words.

    >>> label_text("5 \uf005 (120)")
    '5 (120)'
    >>> label_text(" Caf\u00e9\u200b\ufffc\n"), label_text("Cart, \uf07a, 3 items")
    ('Café', 'Cart, 3 items')
    """
    shown = _INVISIBLE.sub("", text.replace("\r\n", "\n"))
    if not _ICONS.search(shown):
        return shown.strip()
    separator, words = "", ""
    for place, part in enumerate(_SEPARATOR.split(shown)):
        if place % 2:
            separator = part
            continue
        without_icons = _ICONS.sub("", part)
        is_icon = without_icons != part and not without_icons.strip()
        if without_icons != part:
            without_icons = _BLANKS.sub(" ", without_icons)
        if not is_icon:
            words = f"{words}{separator}{without_icons}" if words else without_icons
    return words.strip()

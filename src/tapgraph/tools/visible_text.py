"""Text of screens and models made safe to show to people."""

import re

__all__ = ["visible_text"]

_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff]"
)


def visible_text(text: str) -> str:
    r"""The text with control characters, and those that hide or reorder text, named.

    A terminal obeys the first, a browser the others. Line breaks and tabs stay.

    >>> visible_text("exe.\u202egnp \x1b[2J")
    'exe.⟨U+202E⟩gnp ⟨U+001B⟩[2J'
    """
    return _OBEYED.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text)

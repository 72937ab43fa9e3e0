"""Labels as the table of risky words compares them: without case, accents and amounts."""

import functools
import re
import unicodedata

from tapgraph.tools.policy.table import phrases

__all__ = ["matter_of", "names_amount", "plain_label", "without_accents"]

_NUMBER = r"(?:\d{1,3}(?: \d{3})+(?!\d)|\d[\d.,'\u00a0\u202f]*)"
_COUNTED = re.compile(r"[#\u2116]\s?\d+")
_PLAIN_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_MARKS = re.compile("[\u0300-\u036f]")
_LETTERS = str.maketrans({
    "\u0142": "l",
    "\u00f8": "o",
    "\u0131": "i",
    "\u00e6": "ae",
    "\u0153": "oe",
    "\u2019": "'",
    "\u02bc": "'",
})
"""What has no accent that can be taken off: l with a stroke, i without a dot, apostrophes."""
_UNSEEN = frozenset({"Cf", "Co"})


def plain_label(text: str) -> str:
    """The label in small letters, without accents and what nobody sees.

    An amount of money is `¤`, a number `#`, and one like #12 `№`.

    >>> plain_label("Zahlung: 12,99 € für 2 Artikel (#77)")
    'zahlung:  ¤  fur # artikel (№)'
    """
    plain = without_accents(unicodedata.normalize("NFKC", text))
    seen = "".join(sign for sign in plain if unicodedata.category(sign) not in _UNSEEN)
    return _PLAIN_NUMBER.sub("#", _COUNTED.sub("\u2116", _amount().sub(" ¤ ", seen)))


def names_amount(text: str) -> bool:
    """Whether the text names an amount of money."""
    return "¤" in plain_label(text)


def matter_of(label: str) -> str:
    """The label without numbers that are no amounts, such as those of a countdown.

    >>> matter_of("Pay $5 (29)") == matter_of("Pay $5 (28)")
    True
    >>> matter_of("Pay $5") == matter_of("Pay $6")
    False
    """
    folded = label.casefold()
    kept, end = [], 0
    for amount in _amount().finditer(folded):
        kept += [_PLAIN_NUMBER.sub("#", folded[end : amount.start()]), amount[0]]
        end = amount.end()
    return "".join([*kept, _PLAIN_NUMBER.sub("#", folded[end:])])


def without_accents(text: str) -> str:
    """The text in small letters without the marks on them; other scripts keep theirs."""
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return unicodedata.normalize("NFC", _MARKS.sub("", decomposed)).translate(_LETTERS)


@functools.cache
def _amount() -> re.Pattern[str]:
    currency = f"(?:{'|'.join(map(without_accents, phrases('currency')))})"
    return re.compile(
        rf"(?<![^\W\d_]){currency}\s?[-\u2212]?{_NUMBER}(?:\s?{currency}(?![a-z]))?"
        rf"|{_NUMBER}\s?{currency}(?![a-z])"
    )

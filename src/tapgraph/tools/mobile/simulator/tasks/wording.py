"""Reading words in instructions, notes and lists of products."""

import re
from typing import Literal

from tapgraph.tools.mobile.simulator.apps.shops import SHOP_BRANDS

__all__ = [
    "PRODUCT_ROW",
    "SHOP",
    "Sentiment",
    "content_words",
    "count_of",
    "sentiment_of",
    "shop_label",
    "shop_package",
]

Sentiment = Literal["positive", "negative", "mixed", "not said"]

SHOP = r"(?P<shop>amazon(?: shopping)?|walmart|best ?buy)\b"
PRODUCT_ROW = re.compile(
    r"(?:(?:Limited time deal|Rollback|Sale), )?(?P<name>[^…]+?), \d\.\d(?:, \d\.\d stars)?, "
    r"\([\d,]+\), (?P<price>\$[\d,.]+\d)(?:, Was (?P<old>\$[\d,.]+\d), -\d+%)?, Delivery in .*"
)
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_EMPTY = frozenset({"a", "an", "the", "of", "and", "or", "for", "some", "any", "in", "on", "at"})
_POSITIVE = (
    "positive|favou?rabl[ey]|good|great|excellent|happy|satisfied|content|like[ds]?|love[ds]?|praise[ds]?"
    "|recommend(?:ed)?|enthusiastic|pleased"
)
_NEGATIVE = (
    "negative|unfavou?rabl[ey]|bad|poor|unhappy|dissatisfied|disappoint(?:ed|ing|ment)|complain(?:t|ts|ed)?"
    "|critical|dislike[ds]?|terrible|frustrat(?:ed|ing)"
)
_VERDICT = re.compile(
    r"(?:overall|general(?:ly)?|mostly|largely|mainly|predominantly|sentiment)\b[^.\n]{0,60}?"
    rf"\b(?:(?P<mixed>mixed|neutral)|(?P<negative>{_NEGATIVE})|(?P<positive>{_POSITIVE}))\b"
)


def count_of(word: str) -> int | None:
    """The number that a word or digits mean; None for other words.

    >>> count_of("three"), count_of("12"), count_of("several")
    (3, 12, None)
    """
    if word.isdecimal():
        return int(word)
    lowered = word.lower()
    return _NUMBERS.index(lowered) if lowered in _NUMBERS else None


def content_words(text: str) -> tuple[str, ...]:
    """The words that mean something, in lower case and singular.

    >>> content_words("The fresh Oranges, and a glass")
    ('fresh', 'orange', 'glass')
    """
    words = re.findall(r"[^\W_]+", text.lower())
    return tuple(
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        for word in words
        if word not in _EMPTY
    )


def shop_label(word: str) -> str:
    """The label of the shop's app.

    >>> shop_label("amazon"), shop_label("BestBuy")
    ('Amazon Shopping', 'Best Buy')
    """
    wanted = word.lower().replace(" ", "")
    return next(
        style.label
        for style in SHOP_BRANDS
        if style.label.lower().replace(" ", "").startswith(wanted)
    )


def shop_package(label: str) -> str:
    """The package of the shop's app."""
    return next(style.package for style in SHOP_BRANDS if style.label == label)


def sentiment_of(text: str) -> Sentiment:
    """The sentiment that a text sums up.

    A sentence that says it outright decides ("overall the reviews are positive"); without one, the
    more frequent kind of words does.

    >>> sentiment_of("Overall sentiment: mostly positive, although one complained.")
    'positive'
    >>> sentiment_of("Two are disappointed and complain, one is happy.")
    'negative'
    """
    lowered = text.lower()
    verdict = _VERDICT.search(lowered)
    if verdict is not None:
        return next(kind for kind in ("mixed", "negative", "positive") if verdict[kind] is not None)
    praise = len(re.findall(rf"\b(?:{_POSITIVE})\b", lowered))
    blame = len(re.findall(rf"\b(?:{_NEGATIVE})\b", lowered))
    if praise == blame:
        return "mixed" if praise else "not said"
    return "positive" if praise > blame else "negative"

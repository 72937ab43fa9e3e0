"""Reading words and numbers in instructions and notes."""

import re

__all__ = ["content_words", "count_of"]

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_EMPTY = frozenset({"a", "an", "the", "of", "and", "or", "for", "some", "any", "in", "on", "at"})


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

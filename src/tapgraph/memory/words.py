"""The words of a text, as the index of words in the database has them."""

import re
import unicodedata

__all__ = ["likeness", "words_of"]

_WORD = re.compile(r"[^\W_]+")
_STOP_WORDS = frozenset({
    *("a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "into", "is", "it"),
    *("its", "of", "on", "or", "that", "the", "then", "this", "to", "was", "with"),
    *("am", "auf", "das", "dem", "den", "der", "des", "die", "ein", "eine", "im", "ist", "mit"),
    *("oder", "und", "von", "zu"),
})


def words_of(text: str) -> tuple[str, ...]:
    """The words that say something, without accents and in small letters, each once.

    >>> words_of("Open the Café's menu, then open it")
    ('open', 'cafe', 's', 'menu')
    """
    plain = unicodedata.normalize("NFKD", text.lower())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    found = (word for word in _WORD.findall(bare) if word not in _STOP_WORDS)
    return tuple(dict.fromkeys(found))


def likeness(one: str, other: str) -> float:
    """The share of words that both have among those that either has, from 0 to 1.

    >>> likeness("Tap Search first.", "First tap the search!")
    1.0
    """
    ours, theirs = set(words_of(one)), set(words_of(other))
    return len(ours & theirs) / len(ours | theirs) if ours or theirs else 1.0

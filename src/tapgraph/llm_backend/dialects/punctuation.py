"""Chinese punctuation as plain punctuation, one character for one: places stay the same."""

__all__ = ["plain", "plain_quotes"]

_MARKS = str.maketrans(
    "\uff08\uff09\uff0c\uff1a\uff1d\uff3b\uff3d\uff5b\uff5d",
    "(),:=[]{}",
)
_QUOTES = str.maketrans("\u201c\u201d\uff02\u2018\u2019\uff07", "\"\"\"'''")


def plain(text: str) -> str:
    """The text with plain brackets, commas, colons and equals signs.

    >>> plain("do\uff08x\uff1d1\uff09")
    'do(x=1)'
    """
    return text.translate(_MARKS)


def plain_quotes(text: str) -> str:
    """The text with straight quotes."""
    return text.translate(_QUOTES)

"""Which sentiment a note expresses."""

import re
from typing import Literal

__all__ = ["Sentiment", "sentiment_of"]

Sentiment = Literal["positive", "negative", "mixed", "not said"]

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

"""What a summary of reviews takes up, and which opinion it finds to be the general one.

Reviews on the phone are made of a few sentences, each of which makes one point. A summary may put
a point into words of its own; a few stems tell it. What else it says is not judged.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from tapgraph.tools.mobile.simulator.world.review import Review, majority_is_positive

__all__ = [
    "POINTS", "Point", "Tone", "points", "points_of", "tone_of", "tone_of_points",
    "tone_of_reviews", "tones_in",
]  # fmt: skip

Tone: TypeAlias = Literal["positive", "negative"]


@dataclass(frozen=True, slots=True)
class Point:
    """A point that reviews make: the stems that tell it, the first as in the reviews."""

    tone: Tone
    stems: tuple[str, ...]


def _points(tone: Tone, *stems: str) -> tuple[Point, ...]:
    return tuple(Point(tone, tuple(one.split("|"))) for one in stems)


POINTS: Final[Mapping[str, tuple[Point, ...]]] = {
    "restaurant": (
        *_points("positive", "broth", "refilled|server|attentive", "roast duck",
                 "portions|generous", "spice level|spic", "kept the kitchen open|stayed open",
                 "vegetable|veggie"),
        *_points("negative", "fifty minutes|waited|waiting|long wait|slow|wrong order",
                 "clumped|noodle", "loud|music|nois", "bill|overcharg|never saw", "salt|sugar",
                 "sticky|dirty"),
    ),
    "headphones": (
        *_points("positive", "noise cancel|noise-cancel|anc", "so light|lightweight|comfort|weigh",
                 "battery", "bass|sound quality|natural sound", "glasses|soft",
                 "switching|multipoint|pairing", "callers|call quality"),
        *_points("negative", "crackl|support", "creak|headband", "microphone|mic|keyboard",
                 "equalizer|account|app", "drops|bluetooth|disconnect",
                 "flake|peel|wear out"),
    ),
}  # fmt: skip
"""By the subject of the reviews."""
_WORDS: Final[Mapping[Tone, str]] = {
    "positive": "positiv|favou?rabl|good|great|excellent|happy|satisf|prais|lov|lik|enjoy|pleas|"
                "impress|recommend|content|best|strong",
    "negative": "negativ|unfavou?rabl|unhappy|dissatisf|unsatisf|disappoint|displeas|bad|poor|"
                "critici|critical|complain|frustrat|regret|dislik|worst|weak",
}  # fmt: skip
_TONED: Final = re.compile(
    rf"\b(?P<no>(?:not|n't|never|hardly)\s(?:\w+\s)?)?"
    rf"(?:(?P<positive>{_WORDS['positive']})|(?P<negative>{_WORDS['negative']}))\w*"
)  # fmt: skip
_OF_ALL: Final = re.compile(r"\b(?:overall|general|most|majorit|main|larg|sentiment|consensus)\w*")


def points(text: str, subject: str) -> set[Point]:
    """The points that a text makes or takes up.

    >>> [one.stems[0] for one in points("People love the battery.", "headphones")]
    ['battery']
    """
    told = text.casefold()
    return {
        one for one in POINTS[subject]
        if any(re.search(rf"\b{re.escape(stem)}", told) for stem in one.stems)
    }  # fmt: skip


def points_of(reviews: Sequence[Review], subject: str) -> set[Point]:
    """The points that these reviews make."""
    told = "\n".join(one.text for one in reviews).casefold()
    return {one for one in POINTS[subject] if re.search(rf"\b{re.escape(one.stems[0])}", told)}


def tone_of(text: str) -> Tone | None:
    """The opinion that a text gives as the general one; None where it gives none.

    That is the first one after a word such as "overall", or else the one with more words.

    >>> tone_of("Mostly positive, though a few complain."), tone_of("Some praise, overall negative")
    ('positive', 'negative')
    >>> tone_of("People are not happy."), tone_of("It has a battery.")
    ('negative', None)
    """
    told = text.casefold()
    for mark in _OF_ALL.finditer(told):
        found = _TONED.search(told, mark.end())
        if found is not None:
            return _tone(found)
    return _more_frequent([_tone(one) for one in _TONED.finditer(told)])


def tone_of_points(found: Collection[Point]) -> Tone | None:
    """The tone of most of these points."""
    return _more_frequent([one.tone for one in found])


def _more_frequent(tones: Sequence[Tone]) -> Tone | None:
    balance = tones.count("positive") - tones.count("negative")
    return None if balance == 0 else "positive" if balance > 0 else "negative"


def tones_in(text: str) -> set[Tone]:
    """The opinions that a text has words for."""
    return {_tone(one) for one in _TONED.finditer(text.casefold())}


def tone_of_reviews(reviews: Sequence[Review]) -> Tone:
    """The opinion of most who wrote them."""
    return "positive" if majority_is_positive(tuple(reviews)) else "negative"


def _tone(found: re.Match[str]) -> Tone:
    is_positive = (found["positive"] is not None) != (found["no"] is not None)
    return "positive" if is_positive else "negative"

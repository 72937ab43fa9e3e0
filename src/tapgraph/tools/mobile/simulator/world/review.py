"""Reviews: what people of the simulated world wrote about places, products and sights."""

from dataclasses import dataclass
from random import Random

from tapgraph.tools.mobile.simulator.world.review_text import (
    FIRST_NAMES,
    NEGATIVE_TITLES,
    OPINIONS,
    POSITIVE_TITLES,
    SHORT_NEGATIVE,
    SHORT_POSITIVE,
)

__all__ = ["Review", "compose_reviews", "majority_is_positive"]

DETAILED_FROM_CHARACTERS = 100
_LEADING = 4


@dataclass(frozen=True, slots=True)
class Review:
    """What one person wrote.

    Attributes:
        author: first name and initial.
        stars: 1 to 5; 4 and 5 are praise, 1 and 2 complaint, 3 does not occur.
        title: a headline of a few words.
        text: one to four sentences.
        age: how long ago, such as "2 months ago".
    """

    author: str
    stars: int
    title: str
    text: str
    age: str

    @property
    def is_positive(self) -> bool:
        """Whether the writer was content."""
        return self.stars >= 4

    @property
    def is_detailed(self) -> bool:
        """Whether the review says more than one short sentence."""
        return len(self.text) >= DETAILED_FROM_CHARACTERS


def majority_is_positive(reviews: tuple[Review, ...]) -> bool:
    """Whether more writers praise than complain."""
    return sum(1 if review.is_positive else -1 for review in reviews) > 0


def compose_reviews(
    random: Random, subject: str, *, count: int, positive: bool
) -> tuple[Review, ...]:
    """`count` reviews on a subject of `OPINIONS`; three quarters of them have the wanted tone.

    Of the first four, which are all detailed, three have the wanted tone, so that a person who
    reads only those comes to the same conclusion as one who reads all.
    """
    tones = [positive] * 3 + [not positive]
    rest = count - _LEADING
    minority = max(0, round(count / 4) - 1)
    others = [not positive] * minority + [positive] * (rest - minority)
    random.shuffle(others)
    random.shuffle(tones)
    writers = random.sample(FIRST_NAMES, min(count, len(FIRST_NAMES)))
    reviews = [
        _compose(random, subject, writer, tone, detailed=place < _LEADING or random.random() < 0.6)
        for place, (writer, tone) in enumerate(zip(writers, [*tones, *others], strict=False))
    ]
    return _without_repetition(random, reviews, subject)


def _compose(random: Random, subject: str, writer: str, tone: bool, *, detailed: bool) -> Review:
    praise, complaints = OPINIONS[subject]
    author = f"{writer} {random.choice('ABCDEFGHJKLMNPRSTW')}."
    stars = random.choice((4, 5, 5)) if tone else random.choice((1, 2, 2))
    title = random.choice(POSITIVE_TITLES if tone else NEGATIVE_TITLES)
    sentences = praise if tone else complaints
    text = random.choice(SHORT_POSITIVE if tone else SHORT_NEGATIVE)
    if detailed:
        text = " ".join(random.sample(sentences, 2))
        if len(text) < DETAILED_FROM_CHARACTERS or random.random() < 0.5:
            text = " ".join(random.sample(sentences, 3))
    return Review(author, stars, title, text, _age(random))


def _without_repetition(random: Random, reviews: list[Review], subject: str) -> tuple[Review, ...]:
    seen: set[str] = set()
    kept = []
    for review in reviews:
        fresh = review
        while fresh.text in seen:
            writer = review.author.split(" ", 1)[0]
            fresh = _compose(random, subject, writer, review.is_positive, detailed=True)
        seen.add(fresh.text)
        kept.append(fresh)
    return tuple(kept)


def _age(random: Random) -> str:
    unit, most = random.choice((("day", 28), ("week", 7), ("month", 11), ("year", 3)))
    amount = random.randint(1, most)
    return f"{amount} {unit}{'s' if amount > 1 else ''} ago"

"""Films: what cinemas show and people write about."""

from dataclasses import dataclass
from random import Random
from typing import Final

__all__ = ["GENRES", "Film", "generate_films"]

GENRES: Final = ("Drama", "Comedy", "Horror", "Thriller", "Animation", "Science fiction")
_TITLES: Final = (
    "The Quiet Harbor", "The Quiet Harbor II", "Paper Moons", "Nine Minutes to Midnight",
    "A Fox in Winter", "The Last Lighthouse", "The Lost Lighthouse", "Orbit", "Salt & Snow",
    "Grandmother's Robot", "Grandmother's Robots",
)  # fmt: skip
_HORROR: Final = (
    "The Cellar Below",
    "Whisper House",
    "Teeth of the Marsh",
    "Do Not Answer",
    "The Ninth Pew",
)


@dataclass(frozen=True, slots=True)
class Film:
    """A film.

    Attributes:
        number: its identity within the world.
        stars: what the audience gives it, 0.0 to 5.0; no two films have the same.
        released_days_ago: negative for a film that is still to come.
        place: 1 for the one that most people see at present; 0 for one that is still to come.
        is_liked: whether most of those who write about it praise it.
    """

    number: int
    title: str
    genre: str
    stars: float
    minutes: int
    released_days_ago: int
    place: int
    is_liked: bool

    @property
    def is_in_theaters(self) -> bool:
        """Whether it is shown now."""
        return self.released_days_ago >= 0


def generate_films(random: Random) -> tuple[Film, ...]:
    """Nine films that are shown, three of them horror films, then three that are still to come.

    One of those to come is a horror film, so that the latest one and the latest one in theaters
    differ. No two came out on the same day.
    """
    horror = random.sample(_HORROR, 4)
    others = random.sample(_TITLES, 8)
    shown = [*((title, "Horror") for title in horror[:3]), *((t, "") for t in others[:6])]
    random.shuffle(shown)
    coming = [(horror[3], "Horror"), *((title, "") for title in others[6:])]
    stars = random.sample(range(21, 50), len(shown) + len(coming))
    ages = random.sample(range(60), len(shown))
    waits = random.sample(range(7, 60), len(coming))
    places = random.sample(range(1, len(shown) + 1), len(shown))
    calm = [genre for genre in GENRES if genre != "Horror"]
    return tuple(
        Film(
            number=number + 1,
            title=title,
            genre=genre or random.choice(calm),
            stars=stars[number] / 10,
            minutes=random.randrange(78, 170),
            released_days_ago=days,
            place=place,
            is_liked=random.random() < 0.5,
        )
        for number, ((title, genre), days, place) in enumerate(
            zip([*shown, *coming], [*ages, *(-wait for wait in waits)], [*places, 0, 0, 0],
                strict=True)
        )
    )  # fmt: skip

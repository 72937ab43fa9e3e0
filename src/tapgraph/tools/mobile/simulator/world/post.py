"""Posts: what accounts of the two feeds wrote, and how well others like it."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tapgraph.tools.mobile.simulator.world.film import Film
from tapgraph.tools.mobile.simulator.world.place import Place
from tapgraph.tools.mobile.simulator.world.post_data import (
    CREATORS,
    DISH_POSTS,
    FILM_POSTS,
    REPLIES,
    TOPICS,
    Topic,
)

__all__ = ["HIGHLY_LIKED_FROM", "Author", "Post", "Reply", "generate_authors", "generate_posts"]

HIGHLY_LIKED_FROM = 1000
"""A post with at least this many likes counts as highly liked."""


@dataclass(frozen=True, slots=True)
class Author:
    """An account of one feed; `handle` is its unique name."""

    feed: str
    handle: str
    display_name: str
    bio: str
    followers: int
    following: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What an account answered to a post."""

    handle: str
    text: str
    likes: int


@dataclass(frozen=True, slots=True)
class Post:
    """One post.

    Attributes:
        number: its identity within the world.
        feed: the label of the app.
        handle: the account that wrote it.
        title: empty on feeds without titles.
        topic: what the list of trends calls its subject.
        words: further words that find it.
        hours_ago: its age.
    """

    number: int
    feed: str
    handle: str
    title: str
    text: str
    topic: str
    words: tuple[str, ...]
    likes: int
    hours_ago: int
    replies: tuple[Reply, ...]

    @property
    def is_highly_liked(self) -> bool:
        """Whether it has at least `HIGHLY_LIKED_FROM` likes."""
        return self.likes >= HIGHLY_LIKED_FROM

    @property
    def age(self) -> str:
        """Its age in the way feeds write it, such as "5h" or "3d"."""
        return f"{self.hours_ago}h" if self.hours_ago < 24 else f"{self.hours_ago // 24}d"


def generate_authors(random: Random) -> tuple[Author, ...]:
    """All accounts of both feeds."""
    return tuple(
        Author(
            feed,
            creator.handle,
            creator.display_name,
            creator.bio,
            random.randint(200, 90000),
            random.randint(20, 900),
        )
        for feed, creators in CREATORS.items()
        for creator in creators
    )


def generate_posts(
    random: Random, films: tuple[Film, ...], places: tuple[Place, ...]
) -> tuple[Post, ...]:
    """All posts of both feeds.

    On each topic with five or more authors three or four of them are liked highly, each for all
    that they wrote, and the others reach at most 700 likes. On Lemon8 three of four who write about
    a film agree with most people; on X there are posts on dishes of the places at the airport.
    """
    posts: list[Post] = []
    for topic in TOPICS:
        order = random.sample(topic.handles, len(topic.handles))
        popular = set(order[: random.choice((3, 4))]) if len(order) >= 5 else set(order[:1])
        for turn, (title, text) in enumerate(topic.posts):
            handle = order[turn % len(order)]
            likes = random.randint(1400, 58000) if handle in popular else random.randint(12, 700)
            posts.append(_post(random, len(posts) + 1, topic, handle, title, text, likes))
    for topic in (*_on_films(random, films), *_on_dishes(random, places)):
        for (title, text), handle in zip(topic.posts, topic.handles, strict=True):
            likes = random.randint(20, 700)
            posts.append(_post(random, len(posts) + 1, topic, handle, title, text, likes))
    return tuple(posts)


def _on_films(random: Random, films: tuple[Film, ...]) -> Iterator[Topic]:
    praise, complaints = FILM_POSTS
    handles = [creator.handle for creator in CREATORS["Lemon8"]]
    for film in (film for film in films if film.is_in_theaters):
        mine, others = (praise, complaints) if film.is_liked else (complaints, praise)
        texts = [*random.sample(mine, 3), random.choice(others)]
        random.shuffle(texts)
        words = ("movie", "movies", "film", "review", "reviews", film.genre.lower(), "movie night")
        posts = tuple((f"{film.title}, my review", f"{film.title}: {text}") for text in texts)
        yield Topic("Lemon8", "Movie night", words, tuple(random.sample(handles, 4)), posts)


def _on_dishes(random: Random, places: tuple[Place, ...]) -> Iterator[Topic]:
    handles = [creator.handle for creator in CREATORS["X"]]
    for place in (place for place in places if "Hare" in place.city):
        dishes = random.sample([dish for dish, _ in place.menu], 2)
        texts = random.sample(DISH_POSTS, 2)
        posts = tuple(("", text.format(place=place.name, dish=dish.lower()))
                      for text, dish in zip(texts, dishes, strict=True))  # fmt: skip
        words = ("food", "restaurant", "dishes", "dish", "signature", "chinese", "hare")
        yield Topic("X", "Airport food", words, tuple(random.sample(handles, 2)), posts)


def _post(
    random: Random, number: int, topic: Topic, handle: str, title: str, text: str, likes: int
) -> Post:
    others = [creator.handle for creator in CREATORS[topic.feed] if creator.handle != handle]
    texts = random.sample(REPLIES, random.randint(2, 4))
    return Post(
        number=number,
        feed=topic.feed,
        handle=handle,
        title=title,
        text=text,
        topic=topic.name,
        words=topic.words,
        likes=likes,
        hours_ago=random.randint(1, 240),
        replies=tuple(
            Reply(random.choice(others), reply, random.randint(0, 90)) for reply in texts
        ),
    )

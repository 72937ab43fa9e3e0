"""The world that all apps of the simulated phone show."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from tapgraph.tools.mobile.simulator.world.film import Film, generate_films
from tapgraph.tools.mobile.simulator.world.paper import (
    Paper,
    Scholar,
    generate_papers,
    generate_scholars,
)
from tapgraph.tools.mobile.simulator.world.place import Place, generate_places
from tapgraph.tools.mobile.simulator.world.post import (
    Author,
    Post,
    generate_authors,
    generate_posts,
)
from tapgraph.tools.mobile.simulator.world.product import Product, generate_products
from tapgraph.tools.mobile.simulator.world.recipe import Recipe, generate_recipes
from tapgraph.tools.mobile.simulator.world.travel import City, generate_cities

__all__ = ["World", "matches_query", "query_words", "share_found"]

_IGNORED = frozenset({
    "a", "an", "and", "any", "at", "best", "by", "ca", "find", "for", "from", "get", "good",
    "great",
    "il", "in", "me", "my", "near", "nearby", "nearest", "of", "on", "or", "rated", "show", "some",
    "that", "the", "to", "top", "with",
})  # fmt: skip
_AIRPORT = frozenset({"hare", "ohare", "ord"})
_AROUND_AIRPORT = frozenset({"chicago", "airport", "international", "o"})


@dataclass(frozen=True, slots=True)
class World:
    """Everything that the apps show; the same seed gives an equal world.

    >>> World.generate(3) == World.generate(3)
    True
    >>> World.generate(3) == World.generate(4)
    False
    """

    seed: int
    places: tuple[Place, ...]
    products: tuple[Product, ...]
    authors: tuple[Author, ...]
    posts: tuple[Post, ...]
    cities: tuple[City, ...]
    films: tuple[Film, ...]
    recipes: tuple[Recipe, ...]
    scholars: tuple[Scholar, ...]
    papers: tuple[Paper, ...]

    @classmethod
    @lru_cache(maxsize=16)
    def generate(cls, seed: int) -> "World":
        """The world of a seed; each part has a random stream of its own.

        It never changes, so that phones on the same world share it.
        """
        places = generate_places(Random(f"places {seed}"))
        films = generate_films(Random(f"films {seed}"))
        scholars = generate_scholars(Random(f"scholars {seed}"))
        return cls(
            seed=seed,
            places=places,
            products=generate_products(Random(f"products {seed}")),
            authors=generate_authors(Random(f"authors {seed}")),
            posts=generate_posts(Random(f"posts {seed}"), films, places),
            cities=generate_cities(Random(f"cities {seed}")),
            films=films,
            recipes=generate_recipes(Random(f"recipes {seed}")),
            scholars=scholars,
            papers=generate_papers(Random(f"papers {seed}"), scholars),
        )

    def places_matching(self, query: str) -> tuple[Place, ...]:
        """The places that a search finds, the nearest first.

        A query that names a far-away area finds only places there; others find those only by
        their whole name.
        """
        wants_airport = not _AIRPORT.isdisjoint(_words(query))
        rest = " ".join(word for word in _words(query) if word not in _AIRPORT | _AROUND_AIRPORT)
        city = next((name for name in ("champaign", "urbana") if name in _words(rest)), None)
        rest = rest.replace(city, "") if city else rest
        found = [
            place
            for place in self.places
            if (("Hare" in place.city) == wants_airport or place.name.lower() in query.lower())
            and (city is None or place.city.lower() == city)
            and matches_query(rest, _place_texts(place))
        ]
        return tuple(sorted(found, key=lambda place: place.distance_mi))

    def products_matching(self, shop: str, query: str) -> tuple[Product, ...]:
        """What a search in a shop finds: products with all words first, then those with some."""
        wanted = query_words(query)
        scored = []
        for product in self.products:
            if product.shop != shop:
                continue
            known = _known((product.name, product.brand, product.category, *product.words))
            hits = sum(1 for word in wanted if word in known)
            if hits and hits * 2 >= len(wanted):
                scored.append((-hits, product.number, product))
        return tuple(product for _, _, product in sorted(scored))

    def posts_matching(self, feed: str, query: str) -> tuple[Post, ...]:
        """The posts of a feed that a search finds, the best liked first."""
        found = [
            post
            for post in self.posts
            if post.feed == feed
            and matches_query(query, (post.title, post.text, post.topic, post.handle, *post.words))
        ]
        return tuple(sorted(found, key=lambda post: -post.likes))

    def author(self, feed: str, handle: str) -> Author:
        """The account of that name."""
        return next(
            author for author in self.authors if (author.feed, author.handle) == (feed, handle)
        )

    def trends(self, feed: str) -> tuple[str, ...]:
        """The topics of a feed, the one with most likes first."""
        likes: dict[str, int] = {}
        for post in self.posts:
            if post.feed == feed:
                likes[post.topic] = likes.get(post.topic, 0) + post.likes
        return tuple(sorted(likes, key=lambda topic: -likes[topic]))

    def cities_matching(self, query: str) -> tuple[City, ...]:
        """The cities that a search finds by name, alias, region or a sight's name."""
        wanted = " ".join(_words(query))
        exact = [
            city
            for city in self.cities
            if f" {city.name.lower()} " in f" {wanted} "
            or any(f" {alias} " in f" {wanted} " for alias in city.aliases)
        ]
        if exact:
            return tuple(exact)
        return tuple(
            city
            for city in self.cities
            if wanted and wanted in f"{city.name} {city.region}".lower()
        )


def _place_texts(place: Place) -> tuple[str, ...]:
    street = place.address.split(", ")[0]
    kinds = {"St": "street", "Ave": "avenue", "Rd": "road"}
    whole = kinds.get(street.split()[-1], "")
    return (place.name, place.kind, street, whole, *place.words, *place.features)


def matches_query(query: str, texts: Iterable[str]) -> bool:
    """Whether each word of a search that means something stands in one of the texts.

    >>> matches_query("best bakeries near me", ["Bakery", "bakeries"]), matches_query("", ["x"])
    (True, False)
    """
    wanted = query_words(query)
    known = _known(tuple(texts))
    return bool(wanted) and all(word in known for word in wanted)


def share_found(query: str, texts: Iterable[str]) -> float:
    """The share of the words of a search that stands in one of the texts, from 0 to 1.

    >>> share_found("bread and butter", ["Bread"]), share_found("the", ["the"])
    (0.5, 0.0)
    """
    wanted = query_words(query)
    known = _known(tuple(texts))
    return sum(word in known for word in wanted) / len(wanted) if wanted else 0.0


@lru_cache(maxsize=4096)
def _known(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_singular(word) for text in texts for word in _words(text))


def query_words(query: str) -> tuple[str, ...]:
    """The words of a search that mean something, in the singular.

    >>> query_words("the best hotels in Champaign, IL")
    ('hotel', 'champaign')
    """
    return tuple(_singular(word) for word in _words(query) if word not in _IGNORED)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _singular(word: str) -> str:
    if len(word) > 5 and word.endswith("oes"):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word

"""Cities with ranked lists of sights, restaurants and hotels."""

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from tapgraph.tools.mobile.simulator.world.review import Review, compose_reviews
from tapgraph.tools.mobile.simulator.world.travel_data import (
    CITIES,
    DISH_PRAISE,
    DISHES,
    CityData,
)

__all__ = ["Attraction", "AttractionKind", "City", "generate_cities"]

AttractionKind = Literal["Things to do", "Restaurants", "Hotels"]


@dataclass(frozen=True, slots=True)
class Attraction:
    """An entry of a ranked list.

    Attributes:
        number: its identity within the world.
        rank: 1 is the best of its kind in its city.
        rating: 1.0 to 5.0 in halves or tenths; it never rises with the rank's number.
        tag: such as "Art Museums".
        price_usd: a night in a hotel; 0 for others.
        dishes: what guests of a restaurant must try; its reviews praise each of them.
    """

    number: int
    city: str
    kind: AttractionKind
    rank: int
    name: str
    tag: str
    rating: float
    review_count: int
    about: str
    reviews: tuple[Review, ...]
    price_usd: int = 0
    dishes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class City:
    """A city; `aliases` are further names that find it, in lower case."""

    name: str
    region: str
    aliases: tuple[str, ...]
    attractions: tuple[Attraction, ...]

    def ranked(self, kind: AttractionKind) -> tuple[Attraction, ...]:
        """The entries of one kind, the best first."""
        return tuple(
            sorted(
                (entry for entry in self.attractions if entry.kind == kind),
                key=lambda entry: entry.rank,
            )
        )


def generate_cities(random: Random) -> tuple[City, ...]:
    """All cities; how each list is ranked depends on the seed."""
    cities = []
    first = 1
    for source in CITIES:
        attractions = (
            *_ranked(random, source, "Things to do", source.sights, first),
            *_ranked(random, source, "Restaurants", source.restaurants, first + 100),
            *_ranked(
                random,
                source,
                "Hotels",
                tuple((name, "Hotel") for name in source.hotels),
                first + 200,
            ),
        )
        cities.append(City(source.name, source.region, source.aliases, attractions))
        first += 300
    return tuple(cities)


def _ranked(
    random: Random,
    city: CityData,
    kind: AttractionKind,
    entries: tuple[tuple[str, str], ...],
    first: int,
) -> tuple[Attraction, ...]:
    ratings = sorted((random.randint(36, 49) / 10 for _ in entries), reverse=True)
    shuffled = random.sample(entries, len(entries))
    dishes = {name: _dishes(random, tag, kind) for name, tag in shuffled}
    subject = {"Things to do": "attraction", "Restaurants": "restaurant", "Hotels": "hotel"}[kind]
    return tuple(
        Attraction(
            number=first + place,
            city=city.name,
            kind=kind,
            rank=place + 1,
            name=name,
            tag=tag,
            rating=rating,
            review_count=random.randint(180, 42000),
            about=_about(random, name, tag, city.name),
            reviews=_praising(
                random,
                dishes[name],
                compose_reviews(
                    random, subject, count=random.randint(4, 6), positive=rating >= 3.8
                ),
            ),
            dishes=dishes[name],
            price_usd=random.randint(89, 320) if kind == "Hotels" else 0,
        )
        for place, ((name, tag), rating) in enumerate(zip(shuffled, ratings, strict=True))
    )


def _dishes(random: Random, tag: str, kind: AttractionKind) -> tuple[str, ...]:
    return tuple(random.sample(DISHES.get(tag, DISHES[""]), 2)) if kind == "Restaurants" else ()


def _praising(
    random: Random, dishes: tuple[str, ...], reviews: tuple[Review, ...]
) -> tuple[Review, ...]:
    """The reviews, each dish praised in one, by those who are content as long as there are such."""
    order = sorted(range(len(reviews)), key=lambda place: -reviews[place].stars)
    told = list(reviews)
    for place, dish in zip(order, dishes, strict=False):
        praise = random.choice(DISH_PRAISE).format(dish=dish)
        told[place] = replace(told[place], text=f"{told[place].text} {praise}")
    return tuple(told)


def _about(random: Random, name: str, tag: str, city: str) -> str:
    openings = (
        f"{name} is among the places that people of {city} show their guests first.",
        f"Few visitors leave {city} without a stop at {name}.",
        f"Locals come to {name} on weekday mornings, when it is calm.",
    )
    closings = (
        "Allow two hours, more with children.",
        "Public transport stops at the door.",
        "Comfortable shoes help, and so does an early start.",
        "Tickets and tables are best booked a day ahead.",
    )
    return f"{random.choice(openings)} Listed under {tag}. {random.choice(closings)}"

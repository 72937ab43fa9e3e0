"""Places: shops, restaurants, parks around the user, and how to drive there."""

from dataclasses import dataclass
from datetime import datetime, time
from math import cos, radians, sin
from random import Random

from tapgraph.tools.mobile.simulator.world.place_data import KINDS, O_HARE_NAMES, STREETS, Kind
from tapgraph.tools.mobile.simulator.world.review import Review, compose_reviews

__all__ = ["HOME_ADDRESS", "HOME_CITY", "Hours", "Place", "generate_places"]

HOME_ADDRESS = "Green St & Wright St"
HOME_CITY = "Champaign"
_HOME = (40.1106, -88.2288)
_MILES_PER_DEGREE = 69.0
_BEARINGS = {HOME_CITY: (200, 340), "Urbana": (20, 160), "Chicago O'Hare": (14, 20)}
"""Which way the places of a city lie from the user, in degrees from north."""
_ONLY_WITH = {"Serves duck dishes": "duck", "Birthday cakes to order": "birthday cake"}
"""What only those sell that say so."""
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Hours:
    """Opening and closing hour of one day; 24 is midnight, equal hours mean closed."""

    opens: int
    closes: int

    @property
    def is_closed(self) -> bool:
        """Whether the place stays shut on this day."""
        return self.opens == self.closes

    def describe(self) -> str:
        """How a person writes it.

        >>> Hours(7, 18).describe(), Hours(0, 24).describe(), Hours(3, 3).describe()
        ('7 AM - 6 PM', 'Open 24 hours', 'Closed')
        """
        if self.is_closed:
            return "Closed"
        if (self.opens, self.closes) == (0, 24):
            return "Open 24 hours"
        return f"{_clock(self.opens)} - {_clock(self.closes)}"


@dataclass(frozen=True, slots=True)
class Place:
    """A place on the map.

    Attributes:
        number: its identity within the world.
        kind: such as "Bakery".
        words: further words that find it.
        hours: from Monday to Sunday.
        rating: 1.0 to 5.0, one decimal.
        distance_mi: from the user, in miles, one decimal.
        drive_min: minutes by car.
        menu: what it sells, with the price in dollars.
        route: the turns from the user to the place.
    """

    number: int
    name: str
    kind: str
    words: tuple[str, ...]
    address: str
    city: str
    phone: str
    hours: tuple[Hours, ...]
    rating: float
    review_count: int
    reviews: tuple[Review, ...]
    menu: tuple[tuple[str, float], ...]
    features: tuple[str, ...]
    price_level: int
    latitude: float
    longitude: float
    distance_mi: float
    drive_min: int
    route: tuple[str, ...]

    def hours_on(self, moment: datetime) -> Hours:
        """The hours of that day."""
        return self.hours[moment.weekday()]

    def is_open(self, moment: datetime) -> bool:
        """Whether a visitor gets in at that moment."""
        hours = self.hours_on(moment)
        return not hours.is_closed and hours.opens <= moment.hour < hours.closes

    def state_at(self, moment: datetime) -> str:
        """What a map shows about opening, such as "Open · Closes 6 PM"."""
        hours = self.hours_on(moment)
        if (hours.opens, hours.closes) == (0, 24):
            return "Open 24 hours"
        if self.is_open(moment):
            return f"Open · Closes {_clock(hours.closes)}"
        shut = "Closed today" if hours.is_closed else "Closed"
        if not hours.is_closed and moment.hour < hours.opens:
            return f"Closed · Opens {_clock(hours.opens)}"
        tomorrow = (moment.weekday() + 1) % 7
        following = next(
            day % 7 for day in range(tomorrow, tomorrow + 7) if not self.hours[day % 7].is_closed
        )
        return f"{shut} · Opens {_clock(self.hours[following].opens)} {_DAYS[following][:3]}"

    def week(self) -> tuple[tuple[str, str], ...]:
        """Each day with its hours as a person writes them."""
        return tuple((day, hours.describe()) for day, hours in zip(_DAYS, self.hours, strict=True))


def generate_places(random: Random) -> tuple[Place, ...]:
    """All places of a world.

    Within one kind no two are equally far or rated equally. Of a kind with five places or more the
    nearest is rated 4.0 or less and another one better, so that "the nearest" and "the nearest
    good one" differ. Half of a kind is in Champaign, half in Urbana; the nearest of each half is
    open longest and offers all that its kind may offer.
    """
    places: list[Place] = []
    for kind in KINDS:
        count = len(kind.names)
        cities = [(HOME_CITY, "Urbana")[place % 2] for place in range(count)]
        random.shuffle(cities)
        for name, distance, rating, city in zip(
            random.sample(kind.names, count),
            _distances(random, count),
            _ratings(random, count),
            cities,
            strict=True,
        ):
            is_first = all((one.kind, one.city) != (kind.label, city) for one in places)
            number = len(places) + 1
            places.append(
                _place(random, number, kind, name, distance, rating, city, is_best=is_first)
            )
    chinese = next(kind for kind in KINDS if kind.label == "Chinese restaurant")
    for name, rating in zip(O_HARE_NAMES, _ratings(random, len(O_HARE_NAMES)), strict=True):
        distance = round(136 + random.randint(0, 60) / 10, 1)
        number = len(places) + 1
        places.append(_place(random, number, chinese, name, distance, rating, "Chicago O'Hare"))
    return tuple(places)


def _distances(random: Random, count: int) -> list[float]:
    nearest = random.randrange(3, 15)
    others = random.sample(range(15, 64), count - 1)
    return sorted(tenths / 10 for tenths in (nearest, *others))


def _ratings(random: Random, count: int) -> list[float]:
    """One rating for each place, from the nearest to the farthest, all different."""
    low = [tenths / 10 for tenths in range(31, 41)]
    high = [tenths / 10 for tenths in range(41, 50)]
    if count < 5:
        return random.sample(low[4:] + high, count)
    good = random.sample(high, count - count // 3)
    bad = random.sample(low, count // 3)
    rest = good + bad[1:]
    random.shuffle(rest)
    return [bad[0], *rest]


def _place(
    random: Random,
    number: int,
    kind: Kind,
    name: str,
    distance_mi: float,
    rating: float,
    city: str,
    *,
    is_best: bool = False,
) -> Place:
    is_far = distance_mi > 100
    bearing = radians(random.uniform(*_BEARINGS[city]))
    north = distance_mi * cos(bearing) / _MILES_PER_DEGREE
    east = distance_mi * sin(bearing) / (_MILES_PER_DEGREE * cos(radians(_HOME[0])))
    street = random.choice(STREETS) if not is_far else "Mannheim Rd"
    side = random.choice(("N", "S", "E", "W"))
    code = "773" if is_far else "217"
    count = len(kind.features)
    features = tuple(
        sorted(random.sample(kind.features, count if is_best else random.randint(1, count)))
    )
    menu = tuple(
        (dish, round(price * random.choice((0.9, 1.0, 1.1)), 2)) for dish, price in kind.menu
    )
    for feature, dish in _ONLY_WITH.items():
        if feature in kind.features and feature not in features:
            menu = tuple(item for item in menu if dish not in item[0].lower())
    return Place(
        number=number,
        name=name,
        kind=kind.label,
        words=kind.words,
        address=f"{random.randint(102, 2998)} {side} {street}, {city}, IL",
        city=city,
        phone=f"({code}) 555-{random.randint(100, 199):04d}",
        hours=_week(random, kind.hours, is_best=is_best),
        rating=rating,
        review_count=random.randint(24, 1900),
        reviews=compose_reviews(
            random, kind.subject, count=random.randint(5, 7), positive=rating > 4.0
        ),
        menu=menu,
        features=features,
        price_level=random.choice((1, 1, 2, 2, 3)),
        latitude=round(_HOME[0] + north, 5),
        longitude=round(_HOME[1] + east, 5),
        distance_mi=distance_mi,
        drive_min=round(2 + distance_mi * (1.1 if is_far else 2.6)),
        route=_route(random, street, name, distance_mi),
    )


def _week(random: Random, usual: tuple[int, int], *, is_best: bool) -> tuple[Hours, ...]:
    """Hours from Monday to Sunday; some places stay shut on a day in the middle of the week."""
    if usual == (0, 24):
        return (Hours(0, 24),) * 7
    opens, closes = usual
    closes = min(24, closes + (2 if is_best else random.choice((-1, 0, 0, 1, 2))))
    weekdays = [Hours(opens, closes)] * 5
    if not is_best and random.random() < 0.25:
        weekdays[random.randrange(5)] = Hours(0, 0)
    saturday = Hours(opens + 1, min(24, closes + 1))
    sunday = random.choice((Hours(0, 0), Hours(opens + 2, closes - 1)))
    return (*weekdays, saturday, sunday)


def _route(random: Random, street: str, name: str, distance_mi: float) -> tuple[str, ...]:
    between = random.sample([other for other in STREETS if other not in (street, "Green St")], 2)
    if distance_mi > 100:
        between = ["I-57 N", "I-294 N"]
    turns = [random.choice(("left", "right")) for _ in range(3)]
    return (
        f"Head {random.choice(('east', 'west'))} on Green St",
        f"Turn {turns[0]} onto {between[0]}",
        f"Turn {turns[1]} onto {between[1]}",
        f"Turn {turns[2]} onto {street}",
        f"{name} will be on the {random.choice(('left', 'right'))}",
    )


def _clock(hour: int) -> str:
    moment = time(hour % 24)
    return f"{moment.hour % 12 or 12} {'AM' if moment.hour < 12 else 'PM'}"

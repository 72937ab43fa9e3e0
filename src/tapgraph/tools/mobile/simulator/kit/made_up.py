"""Made-up names, numbers and moments for the things of an app."""

from datetime import datetime, timedelta
from random import Random
from typing import Final

__all__ = ["lookalike", "moment", "people", "phone_number", "price_cents", "street"]

_FIRST: Final = (
    "Ana Ben Carla Dev Elif Femi Greta Hugo Ines Jonas Kaya Liam Mira Noor Oscar Petra Quinn Rosa "
    "Sven Tara Umar Vera Wes Yara Zoe Marek Lucia Tomas Amara Felix"
)
_LAST: Final = (
    "Abbott Barros Castell Dunmore Eriksen Farrow Gallo Hartwig Ibarra Jansen Keller Lindqvist "
    "Moreau Nakata Okafor Pereira Quist Rourke Sandoval Tanaka Ulrich Varga Whitlock Yilmaz Zeller"
)
_STREETS: Final = (
    "Alder Birch Cedar Dock Elm Ferry Grove Harbor Iris Juniper Kiln Larch Mill North Orchard"
)
_ENDINGS: Final = {"a": "e", "e": "a", "n": "m", "r": "rs", "s": "z", "o": "a", "k": "ck"}


def people(random: Random, count: int) -> list[str]:
    """So many different full names; the last one is easily taken for the first.

    >>> len(set(people(Random(1), 12)))
    12
    """
    firsts = random.sample(_FIRST.split(), count)
    names = [f"{first} {random.choice(_LAST.split())}" for first in firsts]
    names[-1] = lookalike(names[0])
    return names


def lookalike(name: str) -> str:
    """A name that differs by little.

    >>> lookalike("Ana Keller")
    'Ana Kellers'
    """
    return name[:-1] + _ENDINGS.get(name[-1], f"{name[-1]}s")


def phone_number(random: Random) -> str:
    """A number of the range that is kept for fiction.

    >>> phone_number(Random(1))[:10]
    '(217) 555-'
    """
    return f"({random.choice((217, 312, 618))}) 555-01{random.randrange(100):02}"


def street(random: Random) -> str:
    """An address within a town."""
    return f"{random.randrange(10, 990)} {random.choice(_STREETS.split())} Street"


def price_cents(random: Random, low: float, high: float) -> int:
    """A price as shops like it, in cents; the bounds are in dollars."""
    return int(random.uniform(low, high)) * 100 + random.choice((49, 79, 89, 95, 99))


def moment(now: datetime, *, days: int = 0, hour: int = 0, minute: int = 0) -> str:
    """A moment some days from now, as `when` columns hold it."""
    day = (now + timedelta(days=days)).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return day.isoformat(timespec="minutes")

"""Stays and sights: what to see, where to sleep, and which booking is meant."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import (
    all_of,
    did,
    kept,
    note_says,
    tells,
    there_are,
    there_is,
    value_is,
)
from tapgraph.evals.phone.sim.spelling import spelled_count, spelled_money, told_day, told_money
from tapgraph.evals.phone.sim.ways import ask, do, look_at, plan_event, tell, write_note
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["TRAVEL_TASKS"]

_STAYS: Final = "Booking.com"
_SIGHTS: Final = "Tripadvisor"
_NUMBERS: Final = {2: "two", 3: "three", 4: "four"}
_WISHES: Final[Mapping[str, Callable[[Record], bool]]] = {
    "with breakfast": lambda stay: stay.flag("has_breakfast"),
    "with free cancellation": lambda stay: stay.flag("is_refundable"),
    "with a guest score of 7 or more": lambda stay: float(stay.values["score"]) >= 7,
}
_ORDERS: Final[Mapping[str, Callable[[Record], float]]] = {
    "with the best guest score": lambda stay: -float(stay.values["score"]),
    "with the lowest price": lambda stay: stay.number("price"),
}
"""What one may look for in a stay; the best has the lowest number."""


def note_sights(draw: Draw) -> Sketch:
    """The first sights of a city's list, in a note."""
    city = draw.one(draw.all(_SIGHTS, "city"))
    count, word = draw.one(list(_NUMBERS.items()))
    sights = _ranked(draw, city, "Things to do")
    wanted, rest = sights[:count], sights[count:]
    draw.demand(bool(rest))
    names = [one.title for one in wanted]
    others = [one.title for one in rest if not any(one.title in name for name in names)]
    return Sketch(
        says=(
            f"Write the top {word} things to do in {city.title} on Tripadvisor into a note.",
            f"I will be in {city.title}. Note which {word} sights Tripadvisor ranks first there, "
            "no more than these.",
        ),
        rubrics=(
            *(note_says(f"the note has {name}", name) for name in names),
            note_says("the note has all of them, and no others", *names, but_not=others),
        ),
        aims=(look_at(_SIGHTS, "city", city, facts=names),
              write_note(f"{city.title} sights", "\n".join(names))),
        wrong={"one too many": (write_note(city.title, "\n".join((*names, rest[0].title))),),
               "one too few": (write_note(city.title, "\n".join(names[:-1])),)},
        parameters={"city": city.title, "count": count},
    )  # fmt: skip


def tell_hotel_price(draw: Draw) -> Sketch:
    """What a night in the best ranked hotel of a city costs."""
    city = draw.one(draw.all(_SIGHTS, "city"))
    best, *others = _ranked(draw, city, "Hotels")
    price = _dollars(best)
    prices = [_dollars(one) for one in others]
    draw.demand(bool(others) and price not in prices)
    read = look_at(_SIGHTS, "attraction", best, facts=(f"{best.title}: {best.text('price')}",))
    return Sketch(
        says=(
            f"What does a night in the hotel cost that Tripadvisor ranks first in {city.title}? "
            "Just the price.",
            f"Find the number one hotel of {city.title} on Tripadvisor and tell me from how many "
            "dollars a night it is.",
        ),
        rubrics=(
            did("the city was opened", _SIGHTS, "city_opened", city),
            tells("the price is right", str(price), but_not=[str(one) for one in prices]),
        ),
        aims=(look_at(_SIGHTS, "city", city, settings={"kind": "Hotels"}), read,
              tell(f"From ${price} a night")),
        wrong={"the second": (look_at(_SIGHTS, "city", city), tell(f"From ${prices[0]} a night"))},
        parameters={"city": city.title, "hotel": best.title},
    )  # fmt: skip


def count_stays(draw: Draw) -> Sketch:
    """How many stays of a city fulfil a wish."""
    city, wish = draw.one(_cities(draw)), draw.one(list(_WISHES))
    stays = _in(draw, city)
    count = sum(map(_WISHES[wish], stays))
    draw.demand(1 < count < len(stays))
    read = look_at(_STAYS, "search", settings={"query": city},
                   facts=(f"{count} of {len(stays)}",))  # fmt: skip
    return Sketch(
        says=(
            f"How many places to stay {wish} does {_STAYS} list in {city}? Count those that are "
            "sold out too. Just the number.",
            f"Count the stays {wish} in {city} on {_STAYS}, booked out or not, and tell me the "
            "number.",
        ),
        rubrics=(
            did("the app was opened", _STAYS, "search_opened"),
            tells("the number is right", spelled_count(count)),
        ),
        aims=(read, tell(str(count))),
        wrong={"all of them": (read, tell(str(len(stays)))),
               "one too few": (read, tell(str(count - 1)))},
        parameters={"city": city, "wish": wish, "count": count},
    )  # fmt: skip


def book_cheapest_fitting(draw: Draw) -> Sketch:
    """The cheapest stay of a city that fulfils a wish, booked for days, people and a name."""
    city, wish = draw.one(_cities(draw)), draw.one(list(_WISHES))
    free = [one for one in _in(draw, city) if not one.flag("is_sold_out")]
    cheapest, *_ = by_price = sorted(free, key=_price)
    fitting = [one for one in by_price if _WISHES[wish](one)]
    draw.demand(bool(fitting) and cheapest.id != fitting[0].id)
    best = fitting[0]
    draw.demand([_price(one) for one in fitting].count(_price(best)) == 1)
    nights, name = draw.one(("2", "3", "5")), draw.one(("Alex Moreau", "Kim Moreau"))
    guests = draw.one(("1 adult", "2 adults", "4 adults"))
    day = draw.now.date() + timedelta(days=draw.random.randrange(4, 30))
    form = {"arrives": day.isoformat(), "nights": nights, "guests": guests, "guest": name}
    later = {**form, "arrives": (day + timedelta(days=1)).isoformat()}
    trips = len(draw.all(_STAYS, "trip"))
    return Sketch(
        says=(
            f"Book the cheapest stay {wish} in {city} on {_STAYS} that is not sold out: {nights} "
            f"nights from {told_day(day)}, {guests}, in the name of {name}.",
            f"{guests} for {nights} nights in {city}, arriving {told_day(day)}. Take whatever is "
            f"cheapest {wish} and still free on {_STAYS}; the guest is {name}.",
        ),
        rubrics=(
            there_is("the right stay was booked", _STAYS, "trip", stay=best.id, guest=name),
            there_is("for these days", _STAYS, "trip", stay=best.id, arrives=form["arrives"],
                     nights=int(nights)),
            there_is("for these people", _STAYS, "trip", stay=best.id, guests=guests, guest=name),
            all_of("nothing else was booked",
                   there_is("it", _STAYS, "trip", stay=best.id, guest=name,
                            arrives=form["arrives"]),
                   there_are("trips", _STAYS, "trip", trips + 1)),
        ),
        aims=(_book(best, form),),
        wrong={"the cheapest of all": (_book(cheapest, form),),
               "a day late": (_book(best, later),),
               "the guests forgotten": (_book(best, {**form, "guests": "2 adults, 1 child"}),)},
        parameters={"city": city, "wish": wish, "arrives": form["arrives"], "nights": nights},
    )  # fmt: skip


def cancel_trip(draw: Draw) -> Sketch:
    """The booking in a city, and no other."""
    coming = _trips_to_come(draw)
    trip = draw.one(coming)
    city = draw.app(_STAYS).follow(trip, "stay").text("city")
    day = told_day(trip.when("arrives"))
    others = [one for one in draw.all(_STAYS, "trip") if one.id != trip.id]
    other = draw.one([one for one in coming if one.id != trip.id])
    cancel = do(_STAYS, "trip", "cancel_booking", trip)
    return Sketch(
        says=(
            f"Cancel my booking in {city} on {_STAYS}, the one from {day}.",
            f"I am not going to {city} on {day} after all. Call off that stay in {_STAYS}, and "
            "keep the rest of my trips.",
        ),
        rubrics=(
            value_is("the booking is canceled", _STAYS, trip, "is_canceled", 1),
            all_of("the other trips are kept",
                   value_is("that", _STAYS, trip, "is_canceled", 1),
                   kept("others", _STAYS, others, "is_canceled")),
        ),
        aims=(cancel,),
        wrong={"another one": (do(_STAYS, "trip", "cancel_booking", other),),
               "both": (cancel, do(_STAYS, "trip", "cancel_booking", other))},
        parameters={"city": city},
    )  # fmt: skip


def ask_which_trip(draw: Draw) -> Sketch:
    """A booking to be canceled where there are two."""
    coming = _trips_to_come(draw)
    draw.demand(len(coming) > 1)
    names = " or ".join(one.title for one in coming)
    return Sketch(
        says=(
            f"Cancel my upcoming hotel booking on {_STAYS}.",
            f"My plans changed: please cancel the stay that I have booked on {_STAYS}.",
            f"Call off my coming trip on {_STAYS}. Ask me if anything is unclear.",
        ),
        rubrics=(
            did("the trips were looked at", _STAYS, "trips_opened"),
            there_are("nothing was canceled yet", _STAYS, "trip", len(draw.all(_STAYS, "trip")),
                      is_canceled=0),
        ),
        aims=(look_at(_STAYS, "trips", facts=(names,)), ask(f"Which one: {names}?")),
        right_end="ask",
        wrong={"either of them": (do(_STAYS, "trip", "cancel_booking", draw.one(coming)),)},
        parameters={"trips": len(coming)},
    )  # fmt: skip


def plan_city_trip(draw: Draw) -> Sketch:
    """A stay booked, its first day in the calendar, and the best sight of the city in a note."""
    city = draw.one([one for one in draw.all(_SIGHTS, "city") if one.title in _cities(draw)])
    wish, order = draw.one(list(_ORDERS.items()))
    stays = [one for one in _in(draw, city.title) if not one.flag("is_sold_out")]
    best, second = _two(sorted(stays, key=order), draw)
    draw.demand(order(best) < order(second))
    sight, other_sight, *_ = _ranked(draw, city, "Things to do")
    day = draw.now.date() + timedelta(days=draw.random.randrange(5, 30))
    at, title = f"{day.isoformat()}T09:00", f"Trip to {city.title}"
    late = f"{(day + timedelta(days=1)).isoformat()}T09:00"
    form = {"arrives": day.isoformat(), "nights": "2", "guest": "Alex Moreau"}
    note = write_note(city.title, sight.title)
    return Sketch(
        says=(
            f"Plan my trip to {city.title}: on {_STAYS}, book the stay {wish} that is not sold "
            f"out, for 2 nights from {told_day(day)} (guest Alex Moreau). Put \"{title}\" into my "
            "calendar for that day at 9:00, and note the sight that Tripadvisor ranks first.",
            f"I am going to {city.title} on {told_day(day)} for 2 nights. On {_STAYS}, reserve the "
            f"place {wish} that still has rooms, for Alex Moreau. Then add an event \"{title}\" on "
            "that day at 9 am, and write Tripadvisor's number one thing to do there into a note.",
        ),
        rubrics=(
            there_is("the best stay is booked", _STAYS, "trip", stay=best.id, nights=2,
                     arrives=form["arrives"], guest=form["guest"]),
            there_is("the day is in the calendar", "Calendar", "event", title=title, starts=at),
            note_says("the sight is noted", sight.title, but_not=[other_sight.title]),
        ),
        aims=(_book(best, form), plan_event(title, at),
              look_at(_SIGHTS, "city", city, facts=(f"first: {sight.title}",)), note),
        wrong={"the next best stay": (_book(second, form), plan_event(title, at), note),
               "a day late": (_book(best, form), plan_event(title, late), note),
               "another sight": (_book(best, form), plan_event(title, at),
                                 write_note(city.title, other_sight.title))},
        parameters={"city": city.title, "arrives": form["arrives"]},
    )  # fmt: skip


def tell_stay_total(draw: Draw) -> Sketch:
    """What some nights would cost, without booking them."""
    stay = draw.one([one for one in draw.all(_STAYS, "stay") if not one.flag("is_sold_out")])
    nights = draw.random.randrange(3, 8)
    total = nights * _price(stay)
    trips = len(draw.all(_STAYS, "trip"))
    read = look_at(_STAYS, "stay", stay, facts=(f"{told_money(_price(stay))} a night",))
    form = {"nights": "2", "guest": "Alex Moreau"}
    return Sketch(
        says=(
            f"How much would {nights} nights at {stay.title!r} cost on {_STAYS}? I only want to "
            "know, do not reserve.",
            f"Tell me the price of {nights} nights in the {stay.title} ({_STAYS}). No booking yet.",
        ),
        rubrics=(
            tells("the sum is right", spelled_money(total)),
            all_of("the price was looked up, and nothing was booked",
                   did("the app was opened", _STAYS, "search_opened"),
                   there_are("trips", _STAYS, "trip", trips)),
        ),
        aims=(read, tell(told_money(total))),
        wrong={"one night": (read, tell(told_money(_price(stay)))),
               "booked": (_book(stay, form), tell(told_money(total)))},
        parameters={"stay": stay.title, "nights": nights},
    )  # fmt: skip


def _ranked(draw: Draw, city: Record, kind: str) -> list[Record]:
    entries = [one for one in draw.all(_SIGHTS, "attraction")
               if one.number("city") == city.id and one.text("kind") == kind]  # fmt: skip
    return sorted(entries, key=lambda one: one.number("rank"))


def _dollars(hotel: Record) -> int:
    return int("".join(filter(str.isdigit, hotel.text("price"))))


def _cities(draw: Draw) -> list[str]:
    return sorted({one.text("city") for one in draw.all(_STAYS, "stay")})


def _in(draw: Draw, city: str) -> list[Record]:
    return [one for one in draw.all(_STAYS, "stay") if one.text("city") == city]


def _price(stay: Record) -> int:
    return stay.number("price")


def _two(stays: list[Record], draw: Draw) -> list[Record]:
    """The first two."""
    draw.demand(len(stays) > 1)
    return stays[:2]


def _trips_to_come(draw: Draw) -> list[Record]:
    return [one for one in draw.all(_STAYS, "trip") if one.when("arrives") > draw.now]


def _book(stay: Record, form: Mapping[str, str]) -> Aim:
    return do(_STAYS, "booking", "confirm_booking", stay, settings=form)


TRAVEL_TASKS = (
    Kind(note_sights, "medium"),
    Kind(tell_hotel_price, "easy"),
    Kind(count_stays, "medium"),
    Kind(tell_stay_total, "medium"),
    Kind(book_cheapest_fitting, "hard"),
    Kind(cancel_trip, "easy"),
    Kind(ask_which_trip, "medium"),
    Kind(plan_city_trip, "expert"),
)

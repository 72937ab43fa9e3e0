"""Scenario 5: where to go. Booking.com, Tripadvisor, Maps and Notes."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from tapgraph.evals.phone.mobile_eval_e.looking import (
    ends_at,
    events,
    is_named,
    listed,
    looked_at,
    noted,
    notes,
    open_app,
    opened,
    searched,
)
from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import (
    all_of,
    any_of,
    app_in_front,
    did,
    fact_in,
    in_front,
    says,
    there_is,
)
from tapgraph.evals.phone.sim.ways import do, look_at, write_note
from tapgraph.evals.suite import Evidence, Finding, Rubric
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["TRAVEL"]

_STAYS, _SIGHTS = "Booking.com", "Tripadvisor"
_FROM, _TO, _RETURN = "Chicago", "New York City", "Round trip"
_OFFERED_DAYS = (2, 9)
"""How many days from now the form of the flights suggests to leave and to come back."""
_TOP = 3
_GOOD = 4.0
_HIGHEST_PRICE, _LOWEST_SCORE = 200_00, 7.0


def show_cheapest_flight(draw: Draw) -> Sketch:
    """The cheapest flight to a city and back, within the next month."""
    today = draw.now.date()
    first = _first_of_next_month(today)
    start = first + timedelta(days=draw.random.randrange(12))
    days = {"departs": start.isoformat(), "returns": (start + timedelta(days=6)).isoformat()}
    form = {"trip": _RETURN, "origin": _FROM, "destination": _TO, **days}
    journey = draw.one(draw.all(_STAYS, "journey"))
    stop = look_at(_STAYS, "results", journey, settings={"sort": "Cheapest"})
    return Sketch(
        says=("",),
        rubrics=(
            opened(_STAYS, "search"),
            did("the flights were opened", _STAYS, "flights_opened"),
            _searched_flight("the city to leave is right", origin=_FROM),
            _searched_flight("the city to go to is right", destination=_TO),
            _searched_flight("it is a round trip", trip=_RETURN),
            _flies_within_a_month("the days are within the next month", today),
            all_of("flights of a round trip were found",
                   did("found", _STAYS, "results_opened"),
                   _searched_flight("a round trip", trip=_RETURN)),
            any_of("a flight was seen", did("a list", _STAYS, "results_opened"),
                   did("its page", _STAYS, "offer_opened")),
            _compared_flights("several flights were compared"),
            all_of("the cheapest flight there and back is in front",
                   _searched_flight("a round trip", trip=_RETURN),
                   _ends_at_cheapest("the cheapest")),
        ),
        aims=(_find_flights(form), stop),
        wrong={"one way": (_find_flights({**form, "trip": "One way"}), stop),
               "the days as offered": (_find_flights({
                   one: form[one] for one in ("trip", "origin", "destination")}), stop),
               "from another city": (_find_flights({**form, "origin": "Boston"}), stop),
               "to another city": (_find_flights({**form, "destination": "Seattle"}), stop),
               "not searched for": (look_at(_STAYS, "flights", settings=form),),
               "the fastest": (_find_flights(form),
                               look_at(_STAYS, "results", journey, settings={"sort": "Fastest"})),
               "not left there": (_find_flights(form), open_app("Notes"))},
        parameters={"departs": days["departs"]},
    )  # fmt: skip


def note_top_sights(draw: Draw) -> Sketch:
    """The first three sights of a city's list, in a note."""
    city, other = _city(draw, "Los Angeles"), _city(draw, "San Francisco")
    sights = _ranked(draw, city, "Things to do")
    top, rest = sights[:_TOP], sights[_TOP:]
    listing = look_at(_SIGHTS, "city", city, facts=[one.title for one in top])
    there = _ranked(draw, other, "Things to do")[:_TOP]
    search = _search_city(city)
    return Sketch(
        says=("",),
        rubrics=(
            opened(_SIGHTS, "home"),
            _searched_city("the city was searched for", draw, city),
            *(any_of(name, did("the list", _SIGHTS, "city_opened", city),
                     looked_at("pages", _SIGHTS, "attraction", sights, least=least))
              for name, least in (("a sight was found", 1), ("three sights were found", _TOP))),
            opened("Notes", "list"),
            noted("the note has the first three, and no others",
                  lambda text: says(text, _names(top), _names(rest))),
        ),
        aims=(search, listing, write_note(city.title, _lines(top))),
        wrong={"one more": (search, listing, write_note(city.title, _lines(sights[:_TOP + 1]))),
               "one less": (search, listing, write_note(city.title, _lines(top[1:]))),
               "another city": (_search_city(other), look_at(_SIGHTS, "city", other),
                                write_note(other.title, _lines(there))),
               "not looked into": (search, write_note(city.title, _lines(rest[:_TOP]))),
               "nothing noted": (search, listing)},
        parameters={"sights": ", ".join(one.title for one in top)},
    )  # fmt: skip


def plan_day_with_museums(draw: Draw) -> Sketch:
    """Museums and meals of a day in a city, without seafood, in a note."""
    city, other = _city(draw, "Palo Alto"), _city(draw, "San Francisco")
    sights, tables = (_ranked(draw, city, kind) for kind in ("Things to do", "Restaurants"))
    museums = [one for one in sights if "Museum" in one.text("tag")]
    fish = [one for one in tables if one.text("tag") == "Seafood"]
    meals = [one for one in tables if one not in fish]
    outdoors = [one for one in sights if one not in museums]
    draw.demand(len(museums) > 1 and len(meals) > 1 and bool(fish))
    plan = [museums[0], meals[0], museums[1], meals[1]]
    see, eat = (
        look_at(
            _SIGHTS,
            "city",
            city,
            settings={"kind": kind},
            facts=[f"{one.title} ({one.text('tag')})" for one in some],
        )
        for kind, some in (("Things to do", sights), ("Restaurants", tables))
    )
    pages = [look_at(_SIGHTS, "attraction", one) for one in plan]
    look = (_search_city(city), see, eat, *pages)
    return Sketch(
        says=("",),
        rubrics=(
            opened(_SIGHTS, "home"),
            _searched_city("the city was searched for", draw, city),
            _viewed("a sight was viewed", city, sights, 1),
            _viewed("several sights were viewed", city, sights, 2),
            any_of("restaurants were searched for",
                   all_of("by the list", did("the city", _SIGHTS, "city_opened", city),
                          did("the tab", _SIGHTS, "tab", detail="Restaurants")),
                   looked_at("by a page", _SIGHTS, "attraction", tables)),
            _viewed("a restaurant was viewed", city, tables, 1),
            _viewed("several restaurants were viewed", city, tables, 2),
            noted("the note has restaurants without seafood",
                  lambda text: _includes(text, meals, _names(fish))),
            noted("the note has museums", lambda text: _includes(text, museums)),
            opened("Notes", "list"),
            noted("the note is a plan for a day", lambda text: _plans_day(text, sights, tables)),
        ),
        aims=(*look, write_note(f"A day in {city.title}", _lines(plan))),
        wrong={"with seafood": (*look, write_note("Plan", _lines([*plan, fish[0]]))),
               "without museums": (*look, write_note("Plan", _lines(
                   [*outdoors[:2], *meals[:2]]))),
               "nothing but museums": (*look, write_note("Plan", _lines(museums[:2]))),
               "no restaurant looked at": (_search_city(city), see, *pages[::2],
                                           write_note("Plan", _lines(museums[:2]))),
               "one of each": (_search_city(city), see, pages[0], eat, pages[1],
                               write_note("Plan", _lines([museums[0], meals[0]]))),
               "another city": (_search_city(other), look_at(_SIGHTS, "city", other)),
               "nothing noted": look},
        parameters={"museums": len(museums)},
    )  # fmt: skip


def sum_up_dishes(draw: Draw) -> Sketch:
    """What guests of a good restaurant say that one must try, in a note."""
    city, other = _city(draw, "Chicago"), _city(draw, "New York City")
    tables = _ranked(draw, city, "Restaurants")
    good = [one for one in tables if float(one.values["rating"]) >= _GOOD] or tables[:1]
    dishes = _dishes(draw)
    best, worst = tables[0], tables[-1]
    draw.demand(worst not in good)
    listing = look_at(_SIGHTS, "city", city, settings={"kind": "Restaurants"})
    read = look_at(_SIGHTS, "attraction", best, facts=dishes[best.id])
    look = (_search_city(city), listing, read)
    there = _ranked(draw, other, "Restaurants")[0]
    return Sketch(
        says=("",),
        rubrics=(
            opened(_SIGHTS, "home"),
            any_of("restaurants of the city were searched for",
                   all_of("by the list", did("the city", _SIGHTS, "city_opened", city),
                          did("the tab", _SIGHTS, "tab", detail="Restaurants")),
                   looked_at("by a page", _SIGHTS, "attraction", tables)),
            looked_at("a good one was found", _SIGHTS, "attraction", good),
            looked_at("the page of a restaurant was opened", _SIGHTS, "attraction", tables),
            _reviews_told("a review was read", tables, dishes, 1),
            _reviews_told("several reviews were read", tables, dishes, 2),
            _reviews_told("the dishes of a good one were noted", good, dishes, 2),
            opened("Notes", "list"),
            noted("the note has a good one and its dishes",
                  lambda text: _sums_up_dishes(text, good, dishes)),
        ),
        aims=(*look, write_note(best.title, f"Must try at {best.title}: "
                                            f"{' and '.join(dishes[best.id])}")),
        wrong={"one dish": (_search_city(city), listing, look_at(_SIGHTS, "attraction", best),
                            write_note(best.title, f"Try the {dishes[best.id][0]}.")),
               "no dishes": (_search_city(city), listing, look_at(_SIGHTS, "attraction", best),
                             write_note(best.title, f"{best.title} is good.")),
               "the last of the list": (
                   _search_city(city), listing, look_at(_SIGHTS, "attraction", worst),
                   write_note(worst.title, f"{worst.title}: {', '.join(dishes[worst.id])}")),
               "another city": (
                   _search_city(other), look_at(_SIGHTS, "attraction", there),
                   write_note(there.title, f"{there.title}: {', '.join(dishes[there.id])}")),
               "nothing noted": look},
        parameters={"restaurant": best.title},
    )  # fmt: skip


def show_fitting_hotel(draw: Draw) -> Sketch:
    """A good and cheap hotel with a queen bed, after its way to a street was looked up."""
    stays = [one for one in draw.all(_STAYS, "stay") if one.text("city") == "Champaign"]
    cheap = [one for one in stays if _is_cheap(one)]
    liked = [one for one in stays if float(one.values["score"]) > _LOWEST_SCORE]
    right = [one for one in cheap if one in liked]
    wrong = draw.one([one for one in stays if one not in right])
    away = draw.one([one for one in draw.all(_STAYS, "stay") if one.text("city") == "Urbana"])
    wanted = draw.one(right)
    places = {one.title: one for one in draw.all("Maps", "place")}
    search = look_at(_STAYS, "search", settings={"query": "Champaign, IL"})
    page, near = look_at(_STAYS, "stay", wanted), look_at(_STAYS, "stay", wrong)
    find = look_at("Maps", "map", settings={"query": wanted.title})
    way = look_at("Maps", "directions", places[wanted.title])
    hotels = [places[one.title] for one in stays]
    looked_up = any_of("the hotel was looked up", *(
        searched(one.title, "Maps", one.title) for one in stays),
        looked_at("its page", "Maps", "place", hotels))  # fmt: skip
    return Sketch(
        says=("",),
        rubrics=(
            opened(_STAYS, "search"),
            searched("the city was searched for", _STAYS, "champaign"),
            any_of("a cheap hotel with a queen bed was found",
                   looked_at("its page", _STAYS, "stay", cheap),
                   _filtered("by filters", ("Queen bed", "on"), ("Price", "Up to $200"))),
            any_of("a well rated hotel was found", looked_at("its page", _STAYS, "stay", liked),
                   _filtered("by a filter", ("Score", "7.0 and up"))),
            opened("Maps", "map"),
            looked_up,
            any_of("its way to the street was looked up",
                   looked_at("the way from there", "Maps", "directions", hotels),
                   all_of("both on the map", looked_up, searched("", "Maps", "green st"))),
            all_of("the app of the stays is in front again", looked_up, app_in_front("it", _STAYS)),
            ends_at("a fitting hotel is in front", _STAYS, "stay", right),
        ),
        aims=(search, page, find, way, page),
        wrong={"one that does not fit": (search, near, find, way, near),
               "in the next city": (search, look_at(_STAYS, "stay", away),
                                    look_at("Maps", "map", settings={"query": away.title}),
                                    look_at("Maps", "directions", places[away.title]),
                                    look_at(_STAYS, "stay", away)),
               "not looked up": (search, page),
               "its way not looked up": (search, page, find, page),
               "left on the map": (search, page, find, way),
               "left in the list": (search, page, find, way,
                                    look_at(_STAYS, "search", settings={"query": "Champaign"})),
               "not searched for": (page, find, way, page)},
        parameters={"hotel": wanted.title},
    )  # fmt: skip


def _first_of_next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _find_flights(form: Mapping[str, str]) -> Aim:
    return do(_STAYS, "flights", "search_flights", settings=form)


def _searched_flight(name: str, **values: str) -> Rubric:
    """Flights were searched for, the last time with these values."""
    return all_of(name, did("searched", _STAYS, "flights_searched"),
                  there_is("the journey", _STAYS, "journey", **values))  # fmt: skip


def _flies_within_a_month(name: str, today: date) -> Rubric:
    """Both days lie between tomorrow and the end of the next month, and are not those offered."""
    last = _first_of_next_month(_first_of_next_month(today)) - timedelta(days=1)
    offered = tuple((today + timedelta(days=days)).isoformat() for days in _OFFERED_DAYS)

    def holds(seen: Evidence) -> Finding:
        days = seen.rows(_STAYS, "SELECT departs, returns FROM journey")[0]
        leaves, comes = (str(day)[:10] for day in days)
        is_within = today.isoformat() < leaves <= comes <= last.isoformat()
        return Finding(is_within and (leaves, comes) != offered, f"the days are {days}")

    return all_of(name, did("searched", _STAYS, "flights_searched"), Rubric("the days", holds))


def _compared_flights(name: str) -> Rubric:
    """The list was put into an order, or is in front, or several were opened, or the cheapest."""

    def holds(seen: Evidence) -> Finding:
        numbers = {number for number, _ in events(seen, _STAYS, "offer_opened")}
        return Finding(len(numbers) > 1, f"the pages of {len(numbers)} flights were opened")

    return any_of(
        name, Rubric("several pages", holds), _ends_at_cheapest("the cheapest"),
        all_of("in order", did("a list", _STAYS, "results_opened"), did("sorted", _STAYS, "sort")),
        in_front("the list", _STAYS, "results"),
    )  # fmt: skip


def _ends_at_cheapest(name: str) -> Rubric:
    """In front is the cheapest flight, or the list with the cheapest first."""

    def is_cheapest(seen: Evidence) -> Finding:
        prices = {row[0]: row[1] for row in seen.rows(_STAYS, "SELECT id, price FROM offer")}
        numbers = [number for number, _ in events(seen, _STAYS, "offer_opened")]
        price = prices.get(int(numbers[-1])) if numbers else None
        return Finding(price == min(prices.values()), f"it costs {price} of {prices}")

    def is_sorted(seen: Evidence) -> Finding:
        query = "SELECT kind, subject FROM events WHERE kind IN (?, ?) ORDER BY id DESC LIMIT 1"
        last = seen.rows(_STAYS, query, "sort", "results_opened")
        return Finding(last == [("sort", "Cheapest")], f"the last order is {last}")

    return any_of(name, all_of("its page", in_front("the page", _STAYS, "offer"),
                               Rubric("the cheapest", is_cheapest)),
                  all_of("the list", in_front("the page", _STAYS, "results"),
                         Rubric("the cheapest first", is_sorted)))  # fmt: skip


def _city(draw: Draw, name: str) -> Record:
    return draw.one([one for one in draw.all(_SIGHTS, "city") if one.title == name])


def _ranked(draw: Draw, city: Record, kind: str) -> list[Record]:
    entries = [one for one in draw.all(_SIGHTS, "attraction")
               if one.number("city") == city.id and one.text("kind") == kind]  # fmt: skip
    return sorted(entries, key=lambda one: one.number("rank"))


def _search_city(city: Record) -> Aim:
    return look_at(_SIGHTS, "home", settings={"query": f"things to do in {city.title}"})


def _searched_city(name: str, draw: Draw, city: Record) -> Rubric:
    """A search finds the city, or its page was opened."""
    world = draw.app(_SIGHTS).world
    numbers = {one.title: one.id for one in draw.all(_SIGHTS, "city")}

    def found(query: str) -> list[int]:
        return [numbers[one.name] for one in world.cities_matching(query)]

    return any_of(name, listed("a search", _SIGHTS, found, [city], 1),
                  did("its page", _SIGHTS, "city_opened", city))  # fmt: skip


def _names(things: Sequence[Record]) -> list[tuple[str, ...]]:
    """Each title, and without its article where that leaves more than one word."""
    short = [one.title.removeprefix("The ") for one in things]
    return [(one.title, name if " " in name else one.title)
            for one, name in zip(things, short, strict=True)]  # fmt: skip


def _lines(things: Sequence[Record]) -> str:
    return "\n".join(one.title for one in things)


def _viewed(name: str, city: Record, things: Sequence[Record], least: int) -> Rubric:
    """The pages of so many were opened, or they were taken from the city's list into a note."""

    def holds(seen: Evidence) -> Finding:
        taken = {one.title for text in notes(seen) for one in things
                 if any(fact_in(name, text) for name in _names([one])[0])}  # fmt: skip
        return Finding(len(taken) >= least, f"noted were {sorted(taken)}")

    in_list = all_of("from the list", did("the list", _SIGHTS, "city_opened", city),
                     Rubric("the note", holds))  # fmt: skip
    return any_of(name, looked_at("pages", _SIGHTS, "attraction", things, least=least), in_list)


def _includes(
    text: str, things: Sequence[Record], but_not: Sequence[tuple[str, ...]] = ()
) -> Finding:
    """Whether a text names at least one of them."""
    return says(text, [tuple(name for names in _names(things) for name in names)], but_not)


def _plans_day(text: str, sights: Sequence[Record], tables: Sequence[Record]) -> Finding:
    found = [_includes(text, some) for some in (sights, tables)]
    return Finding(all(one.holds for one in found), f"{text[:200]!r} must have a sight and a "
                   "restaurant of the city; the order of the day is not judged")  # fmt: skip


def _dishes(draw: Draw) -> dict[int, tuple[str, ...]]:
    """What must be tried in each restaurant; each dish is praised in one of its reviews."""
    cities = draw.app(_SIGHTS).world.cities
    return {one.number: one.dishes for city in cities for one in city.attractions}


def _reviews_told(
    name: str, tables: Sequence[Record], dishes: Mapping[int, Sequence[str]], least: int
) -> Rubric:
    """A page was opened, and so many dishes written down or told that only its reviews name."""

    def holds(seen: Evidence) -> Finding:
        told = "\n".join((*notes(seen), seen.notes, seen.answer))
        known = {one.title: [dish for dish in dishes[one.id] if is_named(told, dish)]
                 for one in tables}  # fmt: skip
        most = max(map(len, known.values()), default=0)
        return Finding(
            most >= least, f"written down were {[one for one in known.items() if one[1]]}"
        )

    return all_of(name, looked_at("a page", _SIGHTS, "attraction", tables),
                  Rubric("the dishes", holds))  # fmt: skip


def _sums_up_dishes(
    text: str, tables: Sequence[Record], dishes: Mapping[int, Sequence[str]]
) -> Finding:
    found = [says(text, [*_names([one]), *dishes[one.id]]) for one in tables]
    return next((one for one in found if one.holds), found[0])


def _is_cheap(stay: Record) -> bool:
    return "queen" in stay.text("bed") and stay.number("price") < _HIGHEST_PRICE


def _filtered(name: str, *filters: tuple[str, str]) -> Rubric:
    """All these filters were set."""
    return all_of(name, *(did(one, _STAYS, "filter", detail=f"{one} {option}")
                          for one, option in filters))  # fmt: skip


TRAVEL: Final[Mapping[str, Kind]] = {
    "5_cheap_flights_newyork": Kind(show_cheapest_flight, "medium"),
    "5_things_to_do_la": Kind(note_top_sights, "easy"),
    "5_palo_alto_tour": Kind(plan_day_with_museums, "hard"),
    "5_local_food_chicago": Kind(sum_up_dishes, "medium"),
    "5_hotel_champaign": Kind(show_fitting_hotel, "expert"),
}

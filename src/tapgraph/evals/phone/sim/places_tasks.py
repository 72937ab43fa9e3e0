"""Places around the user on Maps: which one is meant, when it is open, and whom to tell."""

from datetime import datetime, timedelta

from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import (
    all_of,
    did,
    in_front,
    note_says,
    tells,
    there_are,
    there_is,
    thing_says,
    value_is,
)
from tapgraph.evals.phone.sim.spelling import (
    spelled_count,
    spelled_phone,
    spelled_time,
    told_day,
)
from tapgraph.evals.phone.sim.texting import friends, only_they_know, texted
from tapgraph.evals.phone.sim.ways import (
    do,
    look_at,
    plan_event,
    send_message,
    tell,
    write_note,
)
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["PLACES_TASKS"]

_FARTHEST_MI = 100
"""What is farther is in another city."""


def show_way(draw: Draw) -> Sketch:
    """The way to the nearest place of a kind that is rated above a limit."""
    kind, places = _kind(draw)
    limit = draw.one((3.5, 3.8, 4.0, 4.2, 4.4))
    good = [one for one in places if _rating(one) > limit]
    draw.demand(bool(good) and _rating(places[0]) < limit)
    wanted, nearest = good[0], places[0]
    return Sketch(
        says=(
            f"Show me the way to the nearest {kind} that is rated higher than {limit} on Maps.",
            f"I want to drive to a {kind} with more than {limit} stars, the closest such one. "
            "Bring up the route in Maps.",
        ),
        rubrics=(
            did("the way to the place was shown", "Maps", "route_shown", wanted),
            in_front("it is on the screen", "Maps", "directions", wanted),
        ),
        aims=(look_at("Maps", "directions", wanted),),
        wrong={"the nearest of all": (look_at("Maps", "directions", nearest),),
               "not left there": (look_at("Maps", "directions", wanted),
                                  look_at("Maps", "place", wanted))},
        parameters={"kind": kind, "limit": str(limit), "place": wanted.title},
    )  # fmt: skip


def note_best_place(draw: Draw) -> Sketch:
    """Name and phone number of the best rated place of a kind, in a note."""
    kind, places = _kind(draw)
    best, second = sorted(places, key=_rating, reverse=True)[:2]
    others = [one.title for one in places if one.id != best.id]
    draw.demand(not any(best.title in other or other in best.title for other in others))
    return Sketch(
        says=(
            f"Find the highest-rated {kind} on Maps and save its name and phone number in a note.",
            f"Which {kind} around here has the best rating on Maps? Note what it is called and its "
            "phone number.",
        ),
        rubrics=(
            note_says("the note names it, and no other", best.title, but_not=others),
            note_says("the note has its number", best.title, spelled_phone(best.text("phone"))),
        ),
        aims=(look_at("Maps", "place", best,
                      facts=(f"{best.title}, {_rating(best)} stars: {best.text('phone')}",)),
              write_note(f"Best {kind}", f"{best.title}, {best.text('phone')}")),
        wrong={"the second best": (write_note("Best", f"{second.title}, {second.text('phone')}"),),
               "no number": (write_note("Best", best.title),)},
        parameters={"kind": kind, "place": best.title},
    )  # fmt: skip


def tell_closing_time(draw: Draw) -> Sketch:
    """When a place closes on a day of the weekend."""
    place, day = draw.one(_nearby(draw)), draw.one(("Saturday", "Sunday"))
    hours = _hours(place)
    draw.demand(" - " in hours[day] and " - " in hours["Friday"])
    opens, closes = map(_moment, hours[day].split(" - "))
    usual = _moment(hours["Friday"].split(" - ")[1])
    draw.demand(closes != usual and closes.hour not in {0, opens.hour})
    return Sketch(
        says=(
            f"Until when is {place.title!r} open on {day}s? Look it up on Maps.",
            f"What time does {place.title} close on a {day}, according to Maps?",
        ),
        rubrics=(
            did("the page of the place was opened", "Maps", "place_opened", place),
            tells("the time is right", spelled_time(closes), but_not=[spelled_time(usual)]),
        ),
        aims=(look_at("Maps", "place", place, facts=(f"{day}: {hours[day]}",)),
              tell(f"It closes at {hours[day].split(' - ')[1]}.")),
        wrong={"another day": (look_at("Maps", "place", place),
                               tell(f"It closes at {hours['Friday'].split(' - ')[1]}."))},
        parameters={"place": place.title, "day": day},
    )  # fmt: skip


def tell_cheaper_dish(draw: Draw) -> Sketch:
    """Which of two places sells a dish for less."""
    _, places = _kind(draw)
    one, two = draw.some(places, 2)
    menus = [_menu(draw, place) for place in (one, two)]
    dish = draw.one([name for name in menus[0] if name in menus[1]])
    prices = [menu[dish] for menu in menus]
    draw.demand(prices[0] != prices[1])
    cheap, dear = (one, two) if prices[0] < prices[1] else (two, one)
    read = [look_at("Maps", "place", place, settings={"tab": "Menu"},
                    facts=(f"{dish} at {place.title}: ${price / 100:.2f}",))
            for place, price in zip((one, two), prices, strict=True)]  # fmt: skip
    return Sketch(
        says=(
            f"By their menus on Maps, where is the {dish} cheaper: {one.title} or {two.title}? "
            "Answer with the name only.",
            f"{one.title} or {two.title}: which of the two asks less for {dish}? It is on Maps. "
            "Just give me the name.",
        ),
        rubrics=(
            all_of("both pages were opened", did(one.title, "Maps", "place_opened", one),
                   did(two.title, "Maps", "place_opened", two)),
            tells("the cheaper one is named", cheap.title, but_not=[dear.title]),
        ),
        aims=(*read, tell(cheap.title)),
        wrong={"the dearer one": (*read, tell(dear.title)),
               "a guess": (tell(cheap.title),)},
        parameters={"dish": dish, "cheaper": cheap.title, "dearer": dear.title},
    )  # fmt: skip


def save_place_open_on_sunday(draw: Draw) -> Sketch:
    """The one of two places that is open on a Sunday."""
    kind, places = _kind(draw)
    is_open = [one for one in places if _hours(one)["Sunday"] != "Closed"]
    is_closed = [one for one in places if _hours(one)["Sunday"] == "Closed"]
    good, bad = draw.one(is_open), draw.one(is_closed)
    first, second = draw.some((good.title, bad.title), 2)
    save = do("Maps", "place", "save", good)
    return Sketch(
        says=(
            f"I need a {kind} next Sunday. Save {first} or {second} on Maps, whichever is open "
            "then.",
            f"One of {first} and {second} opens on Sundays. Find out which on Maps and save that "
            "one.",
        ),
        rubrics=(
            value_is("the place that is open is saved", "Maps", good, "is_saved", 1),
            all_of("it alone is", value_is("that", "Maps", good, "is_saved", 1),
                   there_are("saved", "Maps", "place", 1, is_saved=1)),
        ),
        aims=(look_at("Maps", "place", bad, facts=(f"{bad.title} is closed on Sundays",)), save),
        wrong={"the other one": (do("Maps", "place", "save", bad),),
               "both": (save, do("Maps", "place", "save", bad))},
        parameters={"kind": kind, "place": good.title},
    )  # fmt: skip


def save_nearest_pair(draw: Draw) -> Sketch:
    """The nearest places of two kinds, and no more."""
    (one_kind, ones), (two_kind, twos) = _kind(draw), _kind(draw)
    draw.demand(one_kind != two_kind)
    one, two, near = ones[0], twos[0], twos[1]
    saves = [do("Maps", "place", "save", place) for place in (one, two)]
    return Sketch(
        says=(
            f"Save two places on Maps: the nearest {one_kind} and the nearest {two_kind}. Only "
            "these.",
            f"On Maps, bookmark the {one_kind} closest to me, and the closest {two_kind} as well.",
        ),
        rubrics=(
            value_is(f"the {one_kind} is saved", "Maps", one, "is_saved", 1),
            value_is(f"the {two_kind} is saved", "Maps", two, "is_saved", 1),
            all_of("these two and no others", there_are("saved", "Maps", "place", 2, is_saved=1),
                   value_is("one", "Maps", one, "is_saved", 1),
                   value_is("two", "Maps", two, "is_saved", 1)),
        ),
        aims=tuple(saves),
        wrong={"one too many": (*saves, do("Maps", "place", "save", near)),
               "the second nearest": (saves[0], do("Maps", "place", "save", near))},
        parameters={"one": one.title, "two": two.title},
    )  # fmt: skip


def refuse_too_good_place(draw: Draw) -> Sketch:
    """A rating that no place of a kind has."""
    kind, places = _kind(draw)
    best = max(places, key=_rating)
    limit = draw.one([one for one in (4.6, 4.8, 5.0) if one > _rating(best)])
    return Sketch(
        says=(
            f"Show me the way to a {kind} around here that is rated {limit} or better on Maps. "
            "Nothing below that, please.",
            f"I only go to a {kind} with at least {limit} stars. Bring up directions to one in "
            "Maps.",
        ),
        rubrics=(
            did("Maps was searched", "Maps", "search"),
            there_are("no way to another was shown", "Maps", "events", 0, kind="route_shown"),
        ),
        aims=(look_at("Maps", "map", settings={"query": kind},
                      facts=(f"the best {kind} has {_rating(best)} stars",)),),
        right_end="cannot",
        wrong={"the best all the same": (look_at("Maps", "directions", best),)},
        parameters={"kind": kind, "limit": str(limit)},
    )  # fmt: skip


def text_drive_minutes(draw: Draw) -> Sketch:
    """How long the drive to a place takes, to a friend."""
    place = draw.one(_nearby(draw))
    friend, other = friends(draw, 2)
    minutes = place.number("minutes")
    on_foot = round(float(place.values["miles"]) * 20)
    draw.demand(minutes > 1 and on_foot != minutes)
    message = f"{minutes} min to {place.title}"
    look = look_at("Maps", "directions", place, facts=(f"{minutes} min by car",))
    return Sketch(
        says=(
            f"Text {friend.title} how many minutes it takes me to drive to {place.title}. Maps "
            "knows.",
            f"{friend.title} waits for me at {place.title}. Look up on Maps how long I need by car "
            "and send them the minutes in a message.",
        ),
        rubrics=(
            did("the place was looked up", "Maps", "place_opened", place),
            texted("the message has the minutes", friend, *_minutes(minutes)),
            only_they_know(draw, friend),
        ),
        aims=(look, send_message(friend, message)),
        wrong={"on foot": (look, send_message(friend, f"{on_foot} min to {place.title}")),
               "to somebody else": (look, send_message(other, message))},
        parameters={"place": place.title, "friend": friend.title, "minutes": minutes},
    )  # fmt: skip


def plan_dinner(draw: Draw) -> Sketch:
    """Dinner at the best place of a kind in the calendar, with its address."""
    kind, places = _kind(draw, "restaurant")
    best, second = sorted(places, key=_rating, reverse=True)[:2]
    day = (draw.now + timedelta(days=draw.random.randrange(1, 10))).date()
    draw.demand(day.weekday() < 6)
    at = f"{day.isoformat()}T19:00"
    late = f"{day.isoformat()}T20:00"
    return Sketch(
        says=(
            f'Put "Dinner" into my calendar for {told_day(day)} at 19:00. The location is the '
            f"address of the best rated {kind} here on Maps.",
            f"I eat at the {kind} with the highest rating on Maps, on {told_day(day)} at 7 pm. Add "
            'a calendar event called "Dinner" with its address as the location.',
        ),
        rubrics=(
            there_is("the dinner is planned", "Calendar", "event", title="Dinner", starts=at),
            thing_says("its place is the address", "Calendar", "event", "place",
                       best.text("address").partition(",")[0], title="Dinner"),
        ),
        aims=(look_at("Maps", "place", best, facts=(best.text("address"),)),
              plan_event("Dinner", at, best.text("address"))),
        wrong={"the second best": (plan_event("Dinner", at, second.text("address")),),
               "an hour late": (plan_event("Dinner", late, best.text("address")),)},
        parameters={"kind": kind, "place": best.title, "starts": at},
    )  # fmt: skip


def _nearby(draw: Draw) -> list[Record]:
    places = [one for one in draw.all("Maps", "place")
              if float(one.values["miles"]) < _FARTHEST_MI]  # fmt: skip
    return sorted(places, key=lambda one: float(one.values["miles"]))


def _kind(draw: Draw, ending: str = "") -> tuple[str, list[Record]]:
    """A kind that only places around here are of, and those, the nearest first.

    Names, ratings and distances tell them apart.
    """
    nearby = _nearby(draw)
    far = {one.text("kind") for one in draw.all("Maps", "place")
           if float(one.values["miles"]) >= _FARTHEST_MI}  # fmt: skip
    kinds = sorted({one.text("kind") for one in nearby} - far)
    kind = draw.one([one for one in kinds if one.endswith(ending)])
    places = [one for one in nearby if one.text("kind") == kind]
    for column in ("name", "rating", "miles"):
        draw.demand(len({one.values[column] for one in places}) == len(places) > 1)
    return _lowered(kind), places


def _lowered(kind: str) -> str:
    """As in a sentence: only adjectives of countries keep their capital.

    >>> _lowered("Gas station"), _lowered("Thai restaurant")
    ('gas station', 'Thai restaurant')
    """
    return kind if kind.endswith(" restaurant") else kind.lower()


def _rating(place: Record) -> float:
    return float(place.values["rating"])


def _hours(place: Record) -> dict[str, str]:
    lines = (line.partition(": ") for line in place.text("hours").splitlines())
    return {day: hours for day, _, hours in lines}


def _moment(hour: str) -> datetime:
    return datetime.strptime(hour, "%I %p")  # noqa: DTZ007 - a time of no day


def _menu(draw: Draw, place: Record) -> dict[str, int]:
    return {one.title: one.number("price") for one in draw.all("Maps", "dish")
            if one.number("place") == place.id}  # fmt: skip


def _minutes(count: int) -> tuple[tuple[str, ...], ...]:
    """A number of minutes, with its unit or without."""
    units = ("min", "min.", "mins", "minutes")
    glued = tuple(f"{count}{unit}" for unit in units)
    return ((*spelled_count(count), *glued),)


PLACES_TASKS = (
    Kind(show_way, "medium"),
    Kind(note_best_place, "medium"),
    Kind(tell_closing_time, "easy"),
    Kind(tell_cheaper_dish, "medium"),
    Kind(save_place_open_on_sunday, "medium"),
    Kind(save_nearest_pair, "medium"),
    Kind(refuse_too_good_place, "medium"),
    Kind(text_drive_minutes, "hard"),
    Kind(plan_dinner, "hard"),
)

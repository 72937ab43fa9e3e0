"""Scenario 1: where to eat. Maps, X and Notes."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from tapgraph.evals.phone.mobile_eval_e.looking import (
    ends_at,
    is_named,
    listed,
    looked_at,
    noted,
    open_app,
    opened,
    searched,
)
from tapgraph.evals.phone.mobile_eval_e.opinions import Tone, points, points_of, tones_in
from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch, Undrawable
from tapgraph.evals.phone.sim.predicates import all_of, any_of, did, note_says
from tapgraph.evals.phone.sim.spelling import spelled_phone
from tapgraph.evals.phone.sim.ways import look_at, write_note
from tapgraph.evals.suite import Evidence, Finding, Rubric
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record
from tapgraph.tools.mobile.simulator.world.place import Place

__all__ = ["RESTAURANTS"]

_HOME, _NEXT, _AIRPORT = "Champaign", "Urbana", "Chicago O'Hare"
_NINE_PM = 21
_GOOD = 4.0
_NEAR_MIN = 10
_SUBJECT = "restaurant"
"""Of the reviews of restaurants."""


def find_late_korean(draw: Draw) -> Sketch:
    """The best rated Korean restaurant of a city that is open late, today or on most days."""
    korean = _places(draw, "Korean restaurant")
    here = [one for one in korean if one.city == _HOME]
    late_now = [one for one in here if one.hours_on(draw.now).closes > _NINE_PM]
    late = [one for one in here if sum(day.closes > _NINE_PM for day in one.hours) > 3]
    right = {_best(late).number, _best(late_now or late).number}
    wanted = _best(late)
    wrong = [one for one in korean if one.number not in right]
    search = look_at(
        "Maps",
        "map",
        settings={
            "query": f"Korean restaurants in {_HOME}",
            "Hours": "Open after 9 PM",
            "sort": "Rating",
        },
    )
    one_only = look_at("Maps", "map", settings={"query": f"Korean restaurant {wanted.name}"})
    stop = look_at("Maps", "place", _record(draw, wanted))
    rated = listed("a rating", "Maps", _found(draw), _records(draw, korean), 1)
    both = listed("ratings", "Maps", _found(draw), _records(draw, korean), 2)
    hours = did("the hours", "Maps", "filter", detail="Hours")
    pages = looked_at("a page", "Maps", "place", _records(draw, korean))
    two = looked_at("pages", "Maps", "place", _records(draw, korean), least=2)
    return Sketch(
        says=("",),
        rubrics=(
            opened("Maps", "map"),
            searched("Korean restaurants were searched for here", "Maps", "korean",
                     but_not=(_NEXT, "chicago")),
            any_of("a rating was seen", rated, pages),
            any_of("opening hours were seen", hours, pages),
            any_of("several were compared", two, all_of("in the list", both, hours)),
            ends_at("the best that is open late is in front", "Maps", "place",
                    [_record(draw, one) for one in here if one.number in right]),
        ),
        aims=(search, stop),
        wrong={"another one": (search, look_at("Maps", "place", _record(draw, draw.one(wrong)))),
               "not left there": (search, stop, look_at("Maps", "map")),
               "nothing compared": (one_only, stop),
               "the hours not looked at": (look_at("Maps", "map", settings={
                   "query": f"Korean restaurants in {_HOME}", "sort": "Rating"}),),
               "another city": (look_at("Maps", "map", settings={
                   "query": f"Korean restaurants in {_NEXT}", "Hours": "Open after 9 PM"}),)},
        parameters={"place": wanted.name},
    )  # fmt: skip


def show_way_to_good_bakery(draw: Draw) -> Sketch:
    """The way to the nearest bakery that is rated above 4.0."""
    bakeries = _places(draw, "Bakery")
    good = [one for one in bakeries if one.rating > _GOOD]
    wanted, nearest, far = good[0], bakeries[0], good[-1]
    near = [one for one in bakeries if one.distance_mi <= wanted.distance_mi]
    search = look_at("Maps", "map", settings={"query": "bakery near me", "sort": "Distance"})
    stop = look_at("Maps", "directions", _record(draw, wanted))
    return Sketch(
        says=("",),
        rubrics=(
            opened("Maps", "map"),
            searched("bakeries were searched for", "Maps", ("baker", "bakehouse", "patisserie",
                                                            "bread", "pastr")),
            looked_at("a good one was opened", "Maps", "place", _records(draw, good)),
            looked_at("a near one was opened", "Maps", "place", _records(draw, near)),
            looked_at("the nearest good one was opened", "Maps", "place",
                      _records(draw, [wanted])),
            ends_at("the way there is in front", "Maps", "directions", _records(draw, [wanted])),
        ),
        aims=(search, stop),
        wrong={"the nearest of all": (search, look_at("Maps", "directions",
                                                      _record(draw, nearest))),
               "a good one far away": (search, look_at("Maps", "directions", _record(draw, far))),
               "not left there": (search, stop, look_at("Maps", "place", _record(draw, wanted))),
               "not chosen": (search,)},
        parameters={"place": wanted.name},
    )  # fmt: skip


def sum_up_thai_reviews(draw: Draw) -> Sketch:
    """What people say about the best Thai restaurant of the next city that serves duck."""
    thai = _places(draw, "Thai restaurant")
    there = [one for one in thai if one.city == _NEXT]
    with_duck = [one for one in thai if _serves_duck(one)]
    best = _best([one for one in there if one in with_duck])
    right = [best, _best([one for one in there if one in with_duck or _is_said_to(one)])]
    other = draw.one([one for one in thai if one not in right])
    search = look_at("Maps", "map", settings={"query": f"Thai restaurants in {_NEXT}",
                                              "sort": "Rating"})  # fmt: skip
    read = _read_reviews(draw, best)
    praise, complaints = (_told(best, tone) for tone in ("positive", "negative"))
    full = write_note(f"Reviews of {best.name}", f"Liked: {praise} Disliked: {complaints}")
    short = look_at("Maps", "map", settings={"query": f"Thai restaurant {best.name}"})
    return Sketch(
        says=("",),
        rubrics=(
            opened("Maps", "map"),
            any_of("Thai restaurants were searched for there",
                   searched("the city", "Maps", "thai", _NEXT),
                   all_of("around", searched("Thai", "Maps", "thai", but_not=(_HOME,)),
                          looked_at("one there", "Maps", "place", _records(draw, there)))),
            any_of("a rating was seen",
                   listed("in the list", "Maps", _found(draw), _records(draw, thai), 1),
                   looked_at("on a page", "Maps", "place", _records(draw, thai))),
            looked_at("one that serves duck was opened", "Maps", "place",
                      _records(draw, [*with_duck, *right])),
            any_of("several ratings were seen",
                   listed("in the list", "Maps", _found(draw), _records(draw, thai), 2),
                   looked_at("on pages", "Maps", "place", _records(draw, thai), least=2)),
            any_of("the reviews of the right one were read",
                   *(_reviews_read(one.name, one) for one in right)),
            opened("Notes", "list"),
            any_of("a note sums them up",
                   *(noted(one.name, partial(_sums_up, one, thai)) for one in right)),
            any_of("it tells praise and complaints",
                   *(noted(one.name, partial(_tells_both, one, thai)) for one in right)),
        ),
        aims=(search, *read, full),
        wrong={"another place": (search, *_read_reviews(draw, other),
                                 write_note(f"Reviews of {other.name}", _told(other, "positive"))),
               "only praise": (search, *read, write_note(f"Reviews of {best.name}", praise)),
               "reviews not opened": (search, read[0], full),
               "nothing compared": (short, *read, full),
               "nothing noted": (search, *read, open_app("Notes"))},
        parameters={"place": best.name},
    )  # fmt: skip


def note_bakery_for_cake(draw: Draw) -> Sketch:
    """The phone number of a bakery close by that makes birthday cakes."""
    bakeries = _places(draw, "Bakery")
    near = [one for one in bakeries if one.drive_min <= _NEAR_MIN]
    baking = [one for one in bakeries if _bakes_for_birthdays(one)]
    right = [one for one in near if one in baking]
    others = [one for one in bakeries if one not in right]
    wanted = right[0]
    other = draw.one([one for one in others if one.phone != wanted.phone])
    fails = {"too far away": [one for one in baking if one not in near],
             "makes no such cakes": [one for one in near if one not in baking]}  # fmt: skip
    search = look_at("Maps", "map", settings={"query": "bakery birthday cakes near me"})
    look = look_at(
        "Maps",
        "place",
        _record(draw, wanted),
        facts=(f"{wanted.name}, {wanted.drive_min} min: {wanted.phone}",),
    )
    numbers = [
        note_says(
            one.name,
            spelled_phone(one.phone),
            but_not=[spelled_phone(other.phone) for other in others if other.phone != one.phone],
        )
        for one in right
    ]
    return Sketch(
        says=("",),
        rubrics=(
            opened("Maps", "map"),
            looked_at("one close by was opened", "Maps", "place", _records(draw, near)),
            looked_at("one that makes them was opened", "Maps", "place", _records(draw, baking)),
            looked_at("the page with the number of a right one was opened", "Maps", "place",
                      _records(draw, right)),
            opened("Notes", "list"),
            any_of("a note has its number", *numbers),
        ),
        aims=(search, look, write_note("Bakery for the birthday cake",
                                       f"{wanted.name}: {wanted.phone}")),
        wrong={"another one": (search, look_at("Maps", "place", _record(draw, other)),
                               write_note("Bakery", f"{other.name}: {other.phone}")),
               **{what: (search, look_at("Maps", "place", _record(draw, ones[0])),
                         write_note("Bakery", ones[0].phone))
                  for what, ones in fails.items() if ones},
               "no number": (search, look, write_note("Bakery", wanted.name)),
               "nothing noted": (search, look, open_app("Notes")),
               "two numbers": (search, look, write_note("Bakery", f"{wanted.phone} or "
                                                                  f"{other.phone}"))},
        parameters={"place": wanted.name},
    )  # fmt: skip


def note_dishes_near_airport(draw: Draw) -> Sketch:
    """What posts say on the dishes of a Chinese restaurant at the airport, and the way there."""
    chinese = _places(draw, "Chinese restaurant")
    there = [one for one in chinese if one.city == _AIRPORT]
    popular = _popular(there)
    chosen = draw.one(popular)
    other = draw.one([one for one in there if one is not chosen])
    home = draw.one([one for one in chinese if one not in there])
    dishes = _posted_dishes(draw, chosen)
    search = look_at("Maps", "map", settings={"query": "Chinese restaurants near O'Hare airport"})
    choose = look_at("Maps", "place", _record(draw, chosen))
    ask = look_at("X", "explore", settings={"query": chosen.name})
    note = write_note(f"{chosen.name} near O'Hare", f"People praise {' and '.join(dishes)}.")
    stop = look_at("Maps", "directions", _record(draw, chosen))
    rows = {one.name: _record(draw, one) for one in popular}
    return Sketch(
        says=("",),
        rubrics=(
            opened("Maps", "map"),
            searched("Chinese restaurants were searched for there", "Maps", "chinese",
                     ("hare", "ord")),
            looked_at("a popular one was opened", "Maps", "place", list(rows.values())),
            opened("X", "home"),
            any_of("posts on it were searched for",
                   *(_asked_about(one) for one in popular)),
            opened("Notes", "list"),
            any_of("a note has its dishes", *(
                all_of(one.name, _asked_about(one),
                       note_says("the note", *((dish,) for dish in _posted_dishes(draw, one))))
                for one in popular)),
            Rubric("Maps was opened again", _came_back),
            any_of("the way there is in front", *(
                all_of(one.name, _asked_about(one),
                       ends_at("the way", "Maps", "directions", [rows[one.name]]))
                for one in popular)),
        ),
        aims=(search, choose, ask, note, stop),
        wrong={"the way to another one": (search, choose, ask, note,
                                          look_at("Maps", "directions", _record(draw, other))),
               "one at home": (search, look_at("Maps", "place", _record(draw, home)),
                               look_at("X", "explore", settings={"query": home.name}),
                               write_note(home.name, "People praise it."),
                               look_at("Maps", "directions", _record(draw, home))),
               "not asked about": (search, choose, open_app("X"), note, stop),
               "no dish noted": (search, choose, ask, write_note(chosen.name, "Good."), stop),
               "not gone back": (search, choose, ask, note)},
        parameters={"place": chosen.name},
    )  # fmt: skip


def _places(draw: Draw, kind: str) -> list[Place]:
    """All of a kind, the nearest first."""
    found = [one for one in draw.app("Maps").world.places if one.kind == kind]
    return sorted(found, key=lambda one: one.distance_mi)


def _record(draw: Draw, place: Place) -> Record:
    return draw.app("Maps").store.get("place", place.number)


def _records(draw: Draw, places: Sequence[Place]) -> list[Record]:
    return [_record(draw, one) for one in places]


def _found(draw: Draw) -> Callable[[str], list[int]]:
    """The numbers of what a search on the map finds."""
    world = draw.app("Maps").world
    return lambda query: [one.number for one in world.places_matching(query)]


def _best(places: Sequence[Place]) -> Place:
    return max(places, key=lambda one: one.rating)


def _popular(places: Sequence[Place]) -> list[Place]:
    """Those that are rated well, and the best rated and the most rated of all."""
    most = max(places, key=lambda one: one.review_count)
    return [one for one in places if one.rating > _GOOD or one in {most, _best(places)}]


def _serves_duck(place: Place) -> bool:
    return any("duck" in one.casefold() for one in (*place.features, *_dishes(place)))


def _is_said_to(place: Place) -> bool:
    """Whether a review says that duck is served, as an agent might believe."""
    return any("duck" in one.text.casefold() for one in place.reviews)


def _bakes_for_birthdays(place: Place) -> bool:
    """Whether anything on its page says so: what it offers, its menu, or a review."""
    told = "\n".join((*place.features, *_dishes(place), *(one.text for one in place.reviews)))
    return is_named(told, ("birthday cake", "custom cake"))


def _dishes(place: Place) -> list[str]:
    return [name for name, _ in place.menu]


def _posted_dishes(draw: Draw, place: Place) -> list[str]:
    """The dishes of a place that posts on X name, without their sizes."""
    posts = [one.text.casefold() for one in draw.app("X").world.posts_matching("X", place.name)]
    short = [dish.partition(",")[0] for dish in _dishes(place)]
    return [dish for dish in short if any(dish.casefold() in post for post in posts)]


def _asked_about(place: Place) -> Rubric:
    """A search on X has the name of a place, or as much of it as tells it from the others."""
    return searched(f"posts on {place.name}", "X", *_telling(place.name))


def _telling(name: str) -> list[str]:
    return [word for word in name.casefold().split() if word not in {"house", "over"}]


def _came_back(seen: Evidence) -> Finding:
    """Maps is in front, or did something, after the note or the posts and also before them."""
    moments = {
        app: [str(row[0]) for row in seen.rows(app, "SELECT at FROM events ORDER BY id")]
        for app in ("Maps", "X", "Notes")
    }
    between = [*moments["X"], *moments["Notes"]]
    front = seen.screen.app if seen.screen is not None else None
    is_there = front is not None and front.label == "Maps"
    if not moments["Maps"] or not between:
        return Finding(False, "Maps, X and Notes were not all opened")
    was_there = moments["Maps"][0] < max(between)
    is_back = is_there or moments["Maps"][-1] > max(between)
    return Finding(was_there and is_back, f"Maps was there before: {was_there}, after: {is_back}")


def _read_reviews(draw: Draw, place: Place) -> tuple[Aim, Aim]:
    """Its page, then all its reviews."""
    page = _record(draw, place)
    return look_at("Maps", "place", page), look_at("Maps", "place", page,
                                                   settings={"tab": "Reviews"})  # fmt: skip


def _reviews_read(name: str, place: Place) -> Rubric:
    """The tab with the reviews was chosen on the page of the place."""

    def holds(seen: Evidence) -> Finding:
        query = "SELECT kind, subject FROM events WHERE kind IN ('place_opened', 'tab') ORDER BY id"
        about, read = "", set()
        for kind, subject in seen.rows("Maps", query):
            if kind == "place_opened":
                about = str(subject)
            elif subject == "Reviews":
                read.add(about)
        return Finding(str(place.number) in read, f"reviews were read of the places {read}")

    return Rubric(name, holds)


def _told(place: Place, tone: Tone) -> str:
    """A sentence of its reviews with a point of that tone."""
    for one in place.reviews:
        for sentence in one.text.split(". "):
            if any(point.tone == tone for point in points(sentence, _SUBJECT)):
                return sentence.rstrip(".") + "."
    raise Undrawable


def _sums_up(place: Place, others: Sequence[Place], text: str) -> Finding:
    """Whether a text takes up what the reviews of a place say, and not rather what none says."""
    told, made = points(text, _SUBJECT), points_of(place.reviews, _SUBJECT)
    right, wrong = told & made, told - made
    is_of_other = is_named(text, tuple(one.name for one in others)) and place.name not in text
    why = f"takes up {len(right)} points of the reviews and {len(wrong)} that nobody made"
    return Finding(len(right) > len(wrong) and not is_of_other, f"{why}; its words are not judged")


def _tells_both(place: Place, others: Sequence[Place], text: str) -> Finding:
    """Whether a summary of the place has praise and complaints, as points or in general words."""
    found = _sums_up(place, others, text)
    made = points(text, _SUBJECT) & points_of(place.reviews, _SUBJECT)
    tones = {one.tone for one in made} | tones_in(text)
    return Finding(found.holds and len(tones) > 1, f"{found.why}; it has {sorted(tones)}")


RESTAURANTS: Final[Mapping[str, Kind]] = {
    "1_late_night_korean_food": Kind(find_late_korean, "medium"),
    "1_nearest_bakery": Kind(show_way_to_good_bakery, "medium"),
    "1_thai_duck": Kind(sum_up_thai_reviews, "hard"),
    "1_bakery_birthday_cake": Kind(note_bakery_for_cake, "medium"),
    "1_chinese_ohare": Kind(note_dishes_near_airport, "expert"),
}
"""By the official identity of a task."""

"""Maps: search, results to sort and filter, pages of places, and the way there."""

from collections.abc import Iterator, Sequence
from functools import partial
from random import Random

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.kit.style import Style
from tapgraph.tools.mobile.simulator.views import (
    Chip,
    Column,
    Frame,
    Label,
    MapView,
    Marker,
    Row,
    ScrollRow,
    View,
)
from tapgraph.tools.mobile.simulator.world.place import HOME_ADDRESS, Place

__all__ = ["MAPS", "MAPS_PACKAGE"]

MAPS_PACKAGE = "com.google.android.apps.maps"
PLACE = kit.Entity(
    "place",
    {"name": "text", "kind": "text", "price": "text", "miles": "rating", "minutes": "number",
     "rating": "rating", "votes": "number", "address": "text", "phone": "text", "hours": "text",
     "features": "text", "picture": "text", "is_saved": "flag"},
)  # fmt: skip
REVIEW = kit.Entity(
    "review",
    {"author": "text", "place": "place", "stars": "rating", "age": "text", "title": "text",
     "text": "text"},
)  # fmt: skip
DISH = kit.Entity("dish", {"name": "text", "place": "place", "price": "money"})
LATE = {"Open after 9 PM": 21, "Open after 10 PM": 22, "Open after 11 PM": 23}
ALL_DAY = "Open 24 hours"
RATINGS = ("Any rating", "3.5 and up", "4.0 and up", "4.5 and up")
HOURS = ("Any time", *LATE, ALL_DAY, "Open on Saturday", "Open on Sunday")
PRICES = ("Any price", "$", "$$", "$$$")
USER = (0.45, 0.48)
"""Where the user stands on the map."""
SUGGESTIONS = (("silverware-fork-knife", "Restaurants"), ("coffee", "Cafes"),
               ("bread-slice", "Bakeries"), ("gas-station", "Gas"),
               ("medical-bag", "Pharmacies"), ("parking", "Parking"))  # fmt: skip
MODES = {"Drive": "car", "Transit": "bus", "Walk": "walk", "Cycle": "bike"}
WALK_MINUTES_PER_MILE, CYCLE_MINUTES_PER_MILE = 20, 6
WAY = ((0.18, 0.82), (0.18, 0.55), (0.52, 0.55), (0.52, 0.3), (0.8, 0.3))


def _fill(app: kit.KitApp, random: Random) -> None:
    del random
    for place in app.world.places:
        app.store.add(
            "place", id=place.number, name=place.name, kind=place.kind, miles=place.distance_mi,
            minutes=place.drive_min, rating=place.rating, votes=place.review_count,
            price=f"{'$' * place.price_level} · " if place.menu else "", address=place.address,
            phone=place.phone, hours="\n".join(f"{day}: {hours}" for day, hours in place.week()),
            features="\n".join(place.features), picture="food" if place.menu else "building",
        )  # fmt: skip
        for review in place.reviews:
            app.store.add("review", author=review.author, place=place.number, age=review.age,
                          stars=review.stars, title=review.title, text=review.text)  # fmt: skip
        for name, dollars in place.menu:
            app.store.add("dish", name=name, place=place.number, price=round(dollars * 100))


def _place(app: kit.StoredApp, record: kit.Record) -> Place:
    return next(place for place in app.world.places if place.number == record.id)


def _state(app: kit.StoredApp, record: kit.Record) -> str:
    return _place(app, record).state_at(app.phone.clock)


def _is_open(at: kit.At, record: kit.Record) -> bool:
    return _place(at.app, record).is_open(at.scene.now)


def _found(at: kit.At, query: str) -> Sequence[kit.Record]:
    return [at.app.store.get("place", place.number)
            for place in at.app.world.places_matching(query)]  # fmt: skip


def _is_rated(_: kit.At, record: kit.Record, option: str) -> bool:
    return float(record.values["rating"]) >= float(option.split()[0])


def _is_cheap(_: kit.At, record: kit.Record, option: str) -> bool:
    return record.text("price").strip(" ·") == option


def _is_open_then(at: kit.At, record: kit.Record, option: str) -> bool:
    """Whether it is open late today, or on a day, or at any hour."""
    place = _place(at.app, record)
    today = place.hours_on(at.scene.now)
    if option in LATE:
        return not today.is_closed and today.closes > LATE[option]
    if option == ALL_DAY:
        return (today.opens, today.closes) == (0, 24)
    return dict(place.week())[option.removeprefix("Open on ")] != "Closed"


class NearbyMap(kit.Block):
    """The map around the user with suggestions, while nothing is searched for."""

    def body(self, at: kit.At) -> list[View]:
        """Suggestions, then the map."""
        if at.held("query"):
            return []
        chips: list[View] = [
            Chip(at.style.say(words), key=words, glyph=glyph, background=at.style.paper,
                 on_click=partial(kit.search_for, at, words))
            for glyph, words in SUGGESTIONS
        ]  # fmt: skip
        pins = (*_pins(at.app.world.places), Marker(*USER, "", "#4285F4"))
        return [
            ScrollRow(chips, gap=8, padding=(12, 4)),
            Frame([MapView("Champaign", markers=pins)], width="match", height=400),
        ]


def _pins(places: Sequence[Place]) -> list[Marker]:
    """Pins of some places nearby, none of which hides another."""
    pins: list[Marker] = []
    for place in sorted(places, key=lambda place: place.distance_mi):
        x = USER[0] + (place.longitude + 88.2288) * 10
        y = USER[1] - (place.latitude - 40.1106) * 9
        is_inside = 0.06 < x < 0.7 and 0.2 < y < 0.8
        if is_inside and all(abs(y - pin.y) > 0.045 for pin in pins) and abs(y - USER[1]) > 0.03:
            pins.append(Marker(x, y, place.name))
    return pins[:8]


class Way(kit.Block):
    """How to go, the map with the way, and the turns."""

    def body(self, at: kit.At) -> list[View]:
        """Chips of the modes, map, time and distance, turns."""
        style, mode = at.style, at.held("mode", "Drive")
        place = _place(at.app, at.record)
        chips: list[View] = [
            Chip(f"{style.say(one)} {_duration(style, place, one)}", id="way", key=one, glyph=glyph,
                 checked=one == mode, selected=one == mode, on_click=partial(_choose_mode, at, one))
            for one, glyph in MODES.items()
        ]  # fmt: skip
        ends = (Marker(*WAY[0], style.say("You"), "#4285F4"), Marker(*WAY[-1], place.name))
        time = Label(_duration(style, place, mode), size_sp=22, bold=True, color="#188038")
        miles = Label(f"({place.distance_mi} mi)", size_sp=20, color=style.muted)
        turns = [Label(turn, size_sp=15, color=style.ink) for turn in _turns(place, mode)]
        return [
            ScrollRow(chips, gap=8, padding=(style.space_dp, 8)),
            MapView(place.name, height=250, route=WAY, markers=ends),
            Row([time, miles], gap=8, padding=(style.space_dp, 10)),
            Column([*turns], gap=16, padding=(style.space_dp, 4)),
        ]

    def settings(self, at: kit.At) -> Iterator[kit.Setting]:
        """`mode`: how to go."""
        yield kit.Setting("mode", at.held("mode", "Drive"), _mode_chip)


def _mode_chip(mode: str) -> kit.Touch:
    return kit.Touch(id="way", key=mode)


def _duration(style: Style, place: Place, mode: str) -> str:
    minutes = {
        "Drive": place.drive_min,
        "Transit": place.drive_min * 2 + 6,
        "Walk": round(place.distance_mi * WALK_MINUTES_PER_MILE),
        "Cycle": round(place.distance_mi * CYCLE_MINUTES_PER_MILE) + 1,
    }[mode]
    if minutes < 60:
        return style.speech.say("{minutes} min", minutes=minutes)
    return style.speech.say("{hours} hr {minutes} min", hours=minutes // 60, minutes=minutes % 60)


def _turns(place: Place, mode: str) -> Sequence[str]:
    if mode != "Transit":
        return place.route
    line, stops = place.number % 24 + 1, max(2, round(place.distance_mi * 3))
    return (
        f"Walk to the stop {HOME_ADDRESS}",
        f"Bus {line}, every {10 + line % 3 * 5} minutes: {stops} stops",
        place.route[-1],
    )


def _choose_mode(at: kit.At, mode: str) -> None:
    at.scene.hold("mode", mode)
    at.app.note("route_shown", at.record.id, mode)


class ShowRoute(kit.Effect):
    """Records that the way was shown; changes no thing."""

    entity = "place"

    def apply(self, at: kit.At) -> None:
        """The page opens with the way by car."""
        _choose_mode(at, "Drive")


REVIEWS = kit.Face(title="{author}", stars="stars", lines=("{age}", "{title}"), text="{text}")
OVERVIEW = (
    kit.Facts((("map-marker", "Address|Where", "{address}"), ("clock-outline", "Now", "{state}"),
               ("phone", "Phone", "{phone}"))),
    kit.Prose("Hours|Opening hours", "{hours}"),
    kit.Prose("Good to know|Features", "{features}"),
    kit.Rows(entity="review", face=REVIEWS, where=kit.refers("place"), limit=1, looks=("list",),
             heading="Reviews|What people say"),
)  # fmt: skip
MENU = kit.Rows(entity="dish", where=kit.refers("place"), looks=("list",), empty="No menu",
                face=kit.Face(title="{name}", lines=("{price}",)))  # fmt: skip
ALL_REVIEWS = kit.Rows(entity="review", face=REVIEWS, where=kit.refers("place"), looks=("list",),
                       end="No more reviews")  # fmt: skip
PAGES = (
    kit.Page(
        "map", "Maps", tab="Explore|Map|Nearby", glyph="map-marker",
        blocks=(
            kit.Rows(
                entity="place", opens="place", where=lambda at, _: bool(at.held("query")), empty="",
                end="You have reached the end of the list",
                face=kit.Face(title="{name}", stars="rating", votes="({votes})",
                              lines=("{kind} · {price}{miles} mi", "{state}"), picture="{picture}"),
                find=kit.Find(
                    searched=_found, hint="Search here|Find a place|Where to?",
                    sort_words="Sort by: |By |Order: ",
                    filters=(kit.Filter("Open now|Open", _is_open),
                             kit.Filter("Top rated|4.5 and up",
                                        lambda _, one: float(one.values["rating"]) >= 4.5)),
                    choices=(kit.OneOf("Rating|Stars", RATINGS, _is_rated),
                             kit.OneOf("Hours|Opening hours", HOURS, _is_open_then),
                             kit.OneOf("Price", PRICES, _is_cheap)),
                    sorts=(kit.Sort("Relevance|Best match", "votes", is_descending=True),
                           kit.Sort("Distance|Nearest", "miles"),
                           kit.Sort("Rating|Best rated", "rating", is_descending=True)),
                ),
            ),
            NearbyMap(),
            kit.Rows(entity="place", opens="place", where=lambda at, _: not at.held("query"),
                     heading="Latest in Champaign|Around you", empty="", limit=5,
                     face=kit.Face(title="{name}", lines=("{kind}", "{state}"),
                                   picture="{picture}"),
                     find=kit.Find(sorts=(kit.Sort("Distance", "miles"),))),
        ),
    ),
    kit.Page("saved", "Saved|Your places", glyph="bookmark",
             blocks=(kit.Rows(entity="place", opens="place", where=kit.has("is_saved"),
                              face=kit.Face(title="{name}", lines=("{kind}", "{state}"),
                                            picture="{picture}")),)),
    kit.Page(
        "place", "{name}", entity="place",
        blocks=(
            kit.Hero("{picture}", 170),
            kit.Headline("{name}", ("{kind} · {minutes} min drive · {miles} mi",), "rating"),
            kit.Buttons((
                kit.Act("Directions|Route|Get there", glyph="directions", opens="directions"),
                kit.Act("Call|Phone", glyph="phone", event="call", confirm="Call {name}?",
                        details="{phone}", toast="Calling {name}"),
                kit.Flip("Save|Keep", glyph="bookmark-outline", column="is_saved", on_words="Saved",
                         on_glyph="bookmark", event="saved"),
            )),
            kit.Tabs("tab", ("Overview", "Menu", "Reviews"),
                     contents={"Overview": OVERVIEW, "Menu": (MENU,), "Reviews": (ALL_REVIEWS,)}),
        ),
    ),
    kit.Page(
        "directions", "{name}", entity="place", arrival=(ShowRoute(),),
        blocks=(kit.Facts((("circle-slice-8", "From", f"Your location ({HOME_ADDRESS})"),
                           ("map-marker", "To", "{name}"))), Way()),
        main=kit.Act("Start|Go|Start navigation", glyph="navigation", event="navigation",
                     toast="Guiding you to {name}"),
    ),
)  # fmt: skip

MAPS = kit.AppSpec(
    package=MAPS_PACKAGE, label="Maps", glyph="map-marker", color="#34A853",
    entities=(PLACE, REVIEW, DISH), fill=_fill, pages=PAGES, tabs=("map", "saved"),
    permissions=("location",), computed={"state": _state},
    looks=kit.Looks(accents=("#0B57D0", "#137333", "#00796B")),
)  # fmt: skip

"""Flights: a search by cities and days, what it found, and the flights that were booked."""

from collections.abc import Mapping
from datetime import timedelta
from random import Random

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.kit.made_up import moment

__all__ = [
    "CITIES",
    "FLIGHT_ENTITIES",
    "FLIGHT_PAGES",
    "FLIGHT_ROWS",
    "FLIGHT_WORDS",
    "begin_flights",
]

JOURNEY = kit.Entity(
    "journey",
    {"origin": "text", "destination": "text", "trip": "text", "departs": "when",
     "returns": "when", "travelers": "text"},
    is_trace=True,
)  # fmt: skip
"""One thing only: what the user searched for last."""
OFFER = kit.Entity(
    "offer",
    {"airline": "text", "out": "text", "back": "text", "stops": "text", "minutes": "number",
     "price": "money"},
    is_trace=True,
)  # fmt: skip
FLIGHT = kit.Entity("flight", {"name": "text", "airline": "text", "departs": "when",
                               "total": "money"})  # fmt: skip
FLIGHT_ENTITIES = (JOURNEY, OFFER, FLIGHT)
CITIES = ("Boston", "Chicago", "Denver", "Los Angeles", "Miami", "New York City",
          "San Francisco", "Seattle")  # fmt: skip
TRIPS = ("Round trip", "One way")
AIRLINES = ("Prairie Air", "Lakes & Coast", "Blue Heron", "Skyline Express", "Northern Wings",
            "Aeris", "Cumulus")  # fmt: skip
FORM = (
    kit.FormField("trip", "Trip|Kind of trip", kind="choice", options=TRIPS),
    kit.FormField("origin", "From|Leaving from|Departure", kind="choice", options=CITIES),
    kit.FormField("destination", "To|Going to|Arrival", kind="choice",
                  options=(CITIES[-1], *CITIES[:-1])),
    kit.FormField("departs", "Departure day|Depart", kind="day"),
    kit.FormField("returns", "Return day|Return", kind="day",
                  starts_as=lambda at: (at.scene.now + timedelta(days=9)).date().isoformat()),
    kit.FormField("travelers", "Travelers|Who flies", kind="choice",
                  options=("1 adult", "2 adults", "2 adults, 1 child")),
)  # fmt: skip


def begin_flights(app: kit.KitApp) -> None:
    """What the user searched for some time ago, with its offers."""
    days = [moment(app.phone.clock, days=days)[:10] for days in (2, 9)]
    journey = {"origin": CITIES[2], "destination": CITIES[4], "trip": TRIPS[0],
               "departs": days[0], "returns": days[1], "travelers": "1 adult"}  # fmt: skip
    app.store.add("journey", **journey)
    _find(app, journey)


def _journey(at: kit.At) -> kit.Record:
    return at.all("journey")[0]


class FindFlights(kit.Effect):
    """Searches, and puts the new offers in the place of the old ones."""

    entity = "journey"

    def apply(self, at: kit.At) -> None:
        """Remember what was searched for; the offers depend on that and the world alone."""
        wanted = kit.SaveNew("journey", FORM).values(at)
        if wanted["origin"] == wanted["destination"]:
            raise kit.Refused("Choose two different cities")
        if wanted["trip"] == TRIPS[0] and str(wanted["returns"]) < str(wanted["departs"]):
            raise kit.Refused("You cannot return before you depart")
        at.app.store.change(_journey(at), **wanted)
        kit.RemoveAll("offer").apply(at)
        _find(at.app, wanted)


def _find(app: kit.StoredApp, wanted: Mapping[str, kit.Value]) -> None:
    random = Random(f"{app.world.seed}/{sorted(wanted.items())}")
    is_return = wanted["trip"] == TRIPS[0]
    fares = random.sample(range(59, 320), 6)
    for number, airline in enumerate(random.sample(AIRLINES, 6), 1):
        stops = random.choice((0, 0, 1, 2))
        minutes = random.randrange(95, 250) + 110 * stops
        app.store.add(
            "offer", id=number, airline=airline, minutes=minutes,
            price=fares[number - 1] * (1 + is_return) * 100,
            stops=("Direct", "1 stop", "2 stops")[stops], out=_times(random, minutes),
            back=_times(random, minutes) if is_return else "",
        )  # fmt: skip


def _times(random: Random, minutes: int) -> str:
    starts = random.randrange(5 * 60, 21 * 60, 5)
    ends = (starts + minutes) % (24 * 60)
    return f"{starts // 60:02}:{starts % 60:02} - {ends // 60:02}:{ends % 60:02}"


def _booking(at: kit.At) -> Mapping[str, kit.Value]:
    journey = _journey(at)
    way = f"{journey.text('origin')} to {journey.text('destination')}"
    return {"name": way, "airline": at.record.title, "departs": journey.text("departs"),
            "total": at.record.number("price")}  # fmt: skip


def _days(app: kit.StoredApp, journey: kit.Record) -> str:
    is_return = journey.text("trip") == TRIPS[0]
    return app.tell("{departs:day} - {returns:day}" if is_return else "{departs:day}", journey)


FLIGHT_WORDS = {"days": _days}
"""What templates of the pages may name besides columns."""
FLIGHT_ROWS = kit.Rows(
    entity="flight", looks=("list", "cards"), empty="",
    face=kit.Face(title="{name}", lines=("{airline}, {departs:day}",), value="{total}",
                  glyph="airplane"),
)  # fmt: skip
FLIGHT_PAGES = (
    kit.Page(
        "flights", "Flights|Find a flight", (kit.Form(FORM),), glyph="airplane",
        main=kit.Act("Search flights|Show flights|Search", glyph="magnify", opens="results",
                     event="flights_searched", effects=(FindFlights(),), about=_journey),
    ),
    kit.Page(
        "results", "{origin} - {destination}", entity="journey",
        blocks=(
            kit.Headline("{trip}", ("{origin} to {destination}", "{days}, {travelers}")),
            kit.Rows(
                entity="offer", opens="offer", looks=("list", "cards"), empty="No flights",
                face=kit.Face(title="{airline}", value="{price}", glyph="airplane",
                              lines=("{out}", "{back}", "{stops}, {minutes} min")),
                find=kit.Find(
                    filters=(kit.Filter("Direct|Nonstop", kit.equals("stops", "Direct")),),
                    sorts=(kit.Sort("Best|Our picks"), kit.Sort("Cheapest|Lowest price", "price"),
                           kit.Sort("Fastest|Shortest", "minutes")),
                ),
            ),
        ),
    ),
    kit.Page(
        "offer", "Your flight|Flight", entity="offer",
        blocks=(
            kit.Headline("{airline}", ("{price}",)),
            kit.Facts((("airplane-takeoff", "Outbound|There", "{out}"),
                       ("airplane-landing", "Return|Back", "{back}"),
                       ("map-marker-path", "Stops", "{stops}, {minutes} min"))),
        ),
        main=kit.Act("Book flight|Book|Buy", glyph="check", event="flight_booked", opens="trips",
                     confirm="Book this flight for {price}?",
                     effects=(kit.Insert("flight", _booking),)),
    ),
)  # fmt: skip

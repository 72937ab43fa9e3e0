"""Stays and flights: hotels by city, with dates, filters and reservations."""

from collections.abc import Mapping
from datetime import timedelta
from random import Random

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.apps.flights import (
    FLIGHT_ENTITIES,
    FLIGHT_PAGES,
    FLIGHT_ROWS,
    FLIGHT_WORDS,
    begin_flights,
)
from tapgraph.tools.mobile.simulator.kit.made_up import lookalike, moment, street

__all__ = ["STAYS"]

STAY = kit.Entity(
    "stay",
    {"name": "text", "city": "text", "region": "text", "kind": "text", "bed": "text",
     "address": "text", "score": "rating", "reviews": "number", "price": "money",
     "has_breakfast": "flag", "is_refundable": "flag", "is_sold_out": "flag", "is_saved": "flag"},
)  # fmt: skip
TRIP = kit.Entity(
    "trip",
    {"name": "text", "stay": "stay", "arrives": "when", "nights": "number", "guests": "text",
     "guest": "text", "total": "money", "is_canceled": "flag"},
)  # fmt: skip
CITIES = {"Lisbon": "Portugal", "Chicago": "Illinois", "Porto": "Portugal", "Krakow": "Poland",
          "Kyoto": "Japan"}  # fmt: skip
BEDS = ("1 queen bed", "1 king bed", "2 twin beds")
PRICES = ("Any price", "Up to $100", "Up to $200", "Up to $300")
SCORES = ("Any score", "7.0 and up", "8.0 and up", "9.0 and up")
NAMES = ("Grand Hotel", "Hotel Central", "Riverside Inn", "Old Town Flat", "Garden House")
KINDS = ("Hotel", "Hotel", "Guest house", "Apartment")
NIGHTS = ("1", "2", "3", "5", "7", "14")
FORM = (
    kit.FormField("arrives", "Check-in|Arrival", kind="day"),
    kit.FormField("nights", "Nights|How many nights", kind="choice", options=NIGHTS),
    kit.FormField("guests", "Guests|Travelers", kind="choice",
                  options=("1 adult", "2 adults", "2 adults, 1 child", "4 adults")),
    kit.FormField("guest", "Guest name|Main guest"),
)  # fmt: skip


def _fill(app: kit.KitApp, random: Random) -> None:
    begin_flights(app)
    for city, region in CITIES.items():
        names = random.sample(NAMES, 4)
        for name in (*names, lookalike(names[0])):
            app.store.add(
                "stay", name=f"{name} {city}", city=city, region=region,
                kind=random.choice(KINDS), bed=random.choice(BEDS), address=street(random),
                score=random.randrange(55, 97) / 10,
                reviews=random.randrange(12, 4000), price=random.randrange(48, 320) * 100,
                has_breakfast=random.random() < 0.5, is_refundable=random.random() < 0.6,
                is_sold_out=random.random() < 0.12, is_saved=name == names[1],
            )  # fmt: skip
    _fill_nearby(app, random)
    free = [stay for stay in app.store.all("stay") if stay.flag("is_refundable")]
    one_a_city = {stay.text("city"): stay for stay in random.sample(free, len(free))}
    for days, stay in zip((-60, 12, 40), one_a_city.values(), strict=False):
        app.store.add("trip", name=stay.title, stay=stay.id, nights=3, guests="2 adults",
                      guest="Alex Moreau", arrives=moment(app.phone.clock, days=days)[:10],
                      total=3 * stay.number("price"))  # fmt: skip


def _fill_nearby(app: kit.KitApp, random: Random) -> None:
    """The hotels that the map knows; in each city one is good, not dear and has a queen bed."""
    fitting: set[str] = set()
    for place in random.sample(app.world.places, len(app.world.places)):
        if place.kind != "Hotel":
            continue
        is_fitting = place.city not in fitting
        fitting.add(place.city)
        app.store.add(
            "stay", name=place.name, city=place.city, region="Illinois, IL", kind="Hotel",
            bed=BEDS[0] if is_fitting else random.choice(BEDS), reviews=place.review_count,
            address=place.address.split(", ")[0], is_refundable=True,
            score=random.randrange(71, 95) / 10 if is_fitting else random.randrange(48, 95) / 10,
            price=random.randrange(80, 195 if is_fitting else 330) * 100,
            has_breakfast="Free breakfast" in place.features,
        )  # fmt: skip


def _is_cheap(_: kit.At, stay: kit.Record, option: str) -> bool:
    return stay.number("price") <= int(option.removeprefix("Up to $")) * 100


def _is_scored(_: kit.At, stay: kit.Record, option: str) -> bool:
    return float(stay.values["score"]) >= float(option.split()[0])


def _trip(at: kit.At) -> Mapping[str, kit.Value]:
    nights = int(kit.filled_in(at, FORM[1]))
    arrives = kit.filled_in(at, FORM[0])
    if arrives < at.scene.now.date().isoformat():
        raise kit.Refused("Choose a day to come")
    return {"name": at.record.title, "stay": at.record.id, "nights": nights,
            "total": nights * at.record.number("price")}  # fmt: skip


def _can_cancel(at: kit.At) -> bool:
    trip = at.record
    is_free = at.app.follow(trip, "stay").flag("is_refundable")
    is_early = trip.when("arrives") - at.scene.now > timedelta(days=1)
    return is_free and is_early and not trip.flag("is_canceled")


def _stays(where: kit.Where | None = None, *, has_ads: bool = False) -> kit.Rows:
    return kit.Rows(
        entity="stay", opens="stay", where=where, empty="No stays|Nothing found",
        has_ads=has_ads,
        face=kit.Face(title="{name}", value="{price}", picture="building",
                      lines=("{kind}, {city}", "{bed}", "{score} ({reviews} reviews)"),
                      badges={"is_sold_out": "Sold out"}, is_off=kit.has("is_sold_out")),
        find=kit.Find(
            search=("{name}", "{city}", "{region}", "{kind}"),
            hint="Where are you going?|City or hotel|Destination",
            filters=(kit.Filter("Breakfast|Breakfast included", kit.has("has_breakfast")),
                     kit.Filter("Free cancellation", kit.has("is_refundable")),
                     kit.Filter("Queen bed", kit.equals("bed", BEDS[0])),
                     kit.Filter("Hotels", kit.equals("kind", "Hotel"))),
            choices=(kit.OneOf("Price", PRICES, _is_cheap),
                     kit.OneOf("Score|Guest score", SCORES, _is_scored)),
            sorts=(kit.Sort("Our picks|Recommended", "reviews", is_descending=True),
                   kit.Sort("Lowest price|Price", "price"),
                   kit.Sort("Best reviewed|Guest score", "score", is_descending=True)),
        ),
    )  # fmt: skip


SAVE = kit.Flip("Save|Add to wish list", glyph="heart-outline", column="is_saved",
                on_words="Saved", on_glyph="heart", event="saved")  # fmt: skip
PAGES = (
    *FLIGHT_PAGES,
    kit.Page("search", "Stays|Find a stay|Search", (_stays(has_ads=True),), glyph="magnify"),
    kit.Page("saved", "Saved|Wish list", glyph="heart",
             blocks=(_stays(kit.has("is_saved")),)),
    kit.Page(
        "trips", "Trips|My bookings", glyph="bag-suitcase",
        blocks=(FLIGHT_ROWS, kit.Rows(
            entity="trip", opens="trip", looks=("list", "cards"), empty="No trips yet|Where next?",
            face=kit.Face(title="{name}", lines=("{arrives:day}, {nights} nights", "{guests}"),
                          value="{total}", glyph="bag-suitcase", is_off=kit.has("is_canceled"),
                          badges={"is_canceled": "Canceled"}),
        ),),
    ),
    kit.Page(
        "stay", "{city}", entity="stay", acts=(SAVE,),
        blocks=(
            kit.Hero("building"), kit.Headline("{name}", ("{price} a night", "{kind}")),
            kit.Facts((("map-marker-outline", "Address|Where", "{address}, {city}"),
                       ("bed-queen-outline", "Room|Bed", "{bed}"),
                       ("star-outline", "Guest score|Reviews", "{score} of 10 ({reviews})"))),
            kit.Facts((("coffee-outline", "Breakfast", "Included"),),
                      is_there=kit.has("has_breakfast")),
            kit.Facts((("cash-refund", "Cancellation", "Free until the day before"),),
                      is_there=kit.has("is_refundable")),
        ),
        main=kit.Act("Reserve|Book|Choose dates", glyph="calendar-check", opens="booking",
                     is_possible=lambda at: not at.record.flag("is_sold_out")),
    ),
    kit.Page(
        "booking", "Your stay|Reservation", entity="stay",
        blocks=(kit.Headline("{name}", ("{price} a night",)), kit.Form(FORM)),
        main=kit.Act("Confirm booking|Complete reservation", glyph="check", event="booked",
                     effects=(kit.SaveNew("trip", FORM, _trip),), opens="trips",
                     confirm="Book this stay?|Reserve {name}?"),
    ),
    kit.Page(
        "trip", "Trip|Booking", entity="trip",
        blocks=(
            kit.Headline("{name}", ("{total}",)),
            kit.Facts((("calendar", "Check-in|Arrival", "{arrives:day}"),
                       ("weather-night", "Nights", "{nights}"),
                       ("account-multiple-outline", "Guests", "{guests}, {guest}"))),
            kit.Buttons((kit.Act("Cancel booking", glyph="close", event="canceled",
                                 is_there=_can_cancel, confirm="Cancel this booking?",
                                 effects=(kit.Change(lambda _: {"is_canceled": 1}),)),)),
        ),
    ),
)  # fmt: skip

STAYS = kit.AppSpec(
    package="com.booking", label="Booking.com", glyph="bed", color="#003580",
    entities=(STAY, TRIP, *FLIGHT_ENTITIES), fill=_fill, pages=PAGES,
    tabs=("search", "flights", "saved", "trips"), computed=FLIGHT_WORDS,
    looks=kit.Looks(accents=("#003580", "#006CE4", "#7A4B00")),
    interruptions=(kit.COOKIES, kit.SIGN_IN, kit.NEWSLETTER), permissions=("location",),
)  # fmt: skip

"""Cinema tickets: films, showings by day, seats, and the tickets bought."""

from collections.abc import Iterator, Mapping
from functools import partial
from random import Random
from typing import Final

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.kit.made_up import moment, price_cents
from tapgraph.tools.mobile.simulator.views import Column, Label, Row, View
from tapgraph.tools.mobile.simulator.world.film import GENRES

__all__ = ["CINEMA"]

FILM = kit.Entity(
    "film",
    {"title": "text", "genre": "text", "length": "text", "stars": "rating", "about": "text",
     "released": "when", "place": "number", "is_coming": "flag", "is_saved": "flag"},
)  # fmt: skip
THEATER = kit.Entity("theater", {"name": "text", "miles": "rating", "is_closed": "flag"})
SHOWING = kit.Entity(
    "showing",
    {"format": "text", "film": "film", "theater": "theater", "starts": "when", "price": "money",
     "is_sold_out": "flag"},
)  # fmt: skip
SEAT = kit.Entity("seat", {"name": "text", "showing": "showing"})
TICKET = kit.Entity(
    "ticket",
    {"film": "text", "theater": "text", "seats": "text", "starts": "when", "total": "money"},
)
THEATERS = ("Orpheum 8", "Lakeside Cinema", "Lakeside Cinema XL", "Mill Street Movies")
ROWS: Final = "ABCDEF"
SEATS_A_ROW: Final = 7


def _fill(app: kit.KitApp, random: Random) -> None:
    for place, name in enumerate(THEATERS):
        app.store.add("theater", name=name, miles=round(1.2 + 1.7 * place, 1), is_closed=place == 3)
    for one in app.world.films:
        kind = "film" if one.genre == "Animation" else one.genre.lower()
        film = app.store.add(
            "film", id=one.number, title=one.title, genre=one.genre, stars=one.stars,
            length=f"{one.minutes // 60} h {one.minutes % 60} min",
            is_coming=not one.is_in_theaters,
            about=f"A {kind} about people who look for something and find something else.",
            released=moment(app.phone.clock, days=-one.released_days_ago)[:10],
            place=one.place or len(app.world.films),
        )  # fmt: skip
        for days in range(4 if one.is_in_theaters else 0):
            for theater in random.sample((1, 2, 3), 2):
                showing = app.store.add(
                    "showing", film=film, theater=theater, price=price_cents(random, 8, 16),
                    starts=moment(app.phone.clock, days=days, hour=random.randrange(12, 23),
                                  minute=random.choice((0, 15, 30, 45))),
                    format=random.choice(("Standard", "3D", "Big screen")),
                    is_sold_out=random.random() < 0.1,
                )  # fmt: skip
                for number in random.sample(range(len(ROWS) * SEATS_A_ROW), 12):
                    name = f"{ROWS[number // SEATS_A_ROW]}{number % SEATS_A_ROW + 1}"
                    app.store.add("seat", name=name, showing=showing)
    app.store.add("ticket", film="Orbit", theater=THEATERS[0], seats="C3 C4", total=2398,
                  starts=moment(app.phone.clock, days=-9, hour=20))  # fmt: skip


class Seats(kit.Block):
    """The hall: a tap chooses a seat or gives it back; taken ones cannot be chosen."""

    def body(self, at: kit.At) -> list[View]:
        """The screen, then the rows of seats."""
        taken = {seat.title for seat in at.all("seat") if seat.number("showing") == at.record.id}
        screen = Label(at.style.say("SCREEN"), size_sp=11, color=at.style.muted, width="match",
                       align="center", padding=(0, 12), decorative=True)  # fmt: skip
        rows: list[View] = [
            Row([self._seat(at, f"{row}{number + 1}", taken) for number in range(SEATS_A_ROW)],
                gap=6, padding=(16, 3))
            for row in ROWS
        ]  # fmt: skip
        return [Column([screen, *rows], id="hall")]

    def settings(self, at: kit.At) -> Iterator[kit.Setting]:
        """`seats`, in their order with blanks between them."""
        chosen = at.held("seats")
        yield kit.Setting("seats", chosen, lambda wanted: kit.Touch(
            id=f"seat_{min(set(chosen.split()) ^ set(wanted.split())).lower()}"))  # fmt: skip

    def _seat(self, at: kit.At, name: str, taken: set[str]) -> View:
        style, chosen = at.style, at.held("seats").split()
        is_taken, is_chosen = name in taken, name in chosen
        ground = style.line if is_taken else style.accent if is_chosen else style.sheet
        return Label(
            name, id=f"seat_{name.lower()}", size_sp=13, align="center", weight=1, padding=(0, 10),
            color=style.accent_ink if is_chosen else style.muted if is_taken else style.ink,
            background=ground, border=style.line, corner_dp=min(10, style.corner_dp),
            enabled=not is_taken, selected=is_chosen, on_click=partial(_toggle, at, name),
            class_name="android.widget.Button",
        )  # fmt: skip


def _toggle(at: kit.At, name: str) -> None:
    chosen = set(at.held("seats").split())
    at.scene.hold("seats", " ".join(sorted(chosen ^ {name})))


def _price(at: kit.At) -> int:
    return len(at.held("seats").split()) * at.record.number("price")


class TakeSeats(kit.Effect):
    """Makes the chosen seats taken."""

    entity = "seat"

    def apply(self, at: kit.At) -> None:
        """One thing for each seat; then none is chosen any more."""
        for name in at.held("seats").split():
            at.app.store.add("seat", name=name, showing=at.record.id)
        at.scene.hold("seats", "")


def _can_buy(at: kit.At) -> bool:
    return bool(at.held("seats")) and not at.record.flag("is_sold_out")


def _ticket(at: kit.At) -> Mapping[str, kit.Value]:
    if not at.held("seats"):
        raise kit.Refused("Choose your seats first")
    return {"film": at.app.follow(at.record, "film").title, "seats": at.held("seats"),
            "theater": at.app.follow(at.record, "theater").title, "total": _price(at),
            "starts": at.record.text("starts")}  # fmt: skip


def _is_shown(at: kit.At, showing: kit.Record) -> bool:
    is_here = showing.number(at.record.entity.name) == at.record.id
    return is_here and showing.when("starts").date() == kit.chosen_day(at)


def _showings(title: str) -> kit.Rows:
    return kit.Rows(
        entity="showing", opens="showing", heading="Showtimes|Times & tickets", where=_is_shown,
        face=kit.Face(title="{starts:time}", lines=(title, "{format}"), value="{price}",
                      glyph="ticket-outline", is_off=kit.has("is_sold_out"),
                      badges={"is_sold_out": "Sold out"}),
        find=kit.Find(sorts=(kit.Sort("Time", "starts"),)), looks=("list", "cards"),
        empty="No showings on this day",
    )  # fmt: skip


BUY = kit.Act("Buy tickets|Pay|Check out", glyph="check", event="bought", opens="tickets",
              confirm="Buy these tickets?|Pay now?", is_possible=_can_buy,
              effects=(kit.Insert("ticket", _ticket), TakeSeats()))  # fmt: skip
SAVE = kit.Flip("Save|Add to watchlist", glyph="heart-outline", column="is_saved",
                on_words="Saved|On your watchlist", on_glyph="heart", event="saved")  # fmt: skip
PAGES = (
    kit.Page(
        "films", "Movies|Now playing", glyph="movie-open",
        blocks=(kit.Rows(
            entity="film", opens="film", has_ads=True,
            face=kit.Face(title="{title}", lines=("{genre}, {length}", "{state}"), stars="stars",
                          picture="art", badges={"is_coming": "Coming soon|Soon"}),
            find=kit.Find(
                search=("{title}", "{genre}"), hint="Search movies|Find a movie",
                filters=(kit.Filter("In theaters|Now playing", kit.lacks("is_coming")),
                         *(kit.Filter(one, kit.equals("genre", one)) for one in GENRES[:3])),
                sorts=(kit.Sort("Trending|Popular", "place"),
                       kit.Sort("Best rated", "stars", is_descending=True),
                       kit.Sort("Newest|Release date", "released", is_descending=True),
                       kit.Sort("Title|A to Z", "title")),
            ),
        ),),
    ),
    kit.Page(
        "theaters", "Theaters|Cinemas", glyph="theater",
        blocks=(kit.Rows(entity="theater", opens="theater", looks=("list", "cards"),
                         face=kit.Face(
                             title="{name}", lines=("{miles} mi",), glyph="theater",
                             badges={"is_closed": "Closed"},
                         )),),
    ),
    kit.Page(
        "tickets", "My tickets|Tickets|Orders", glyph="ticket-confirmation",
        blocks=(kit.Rows(entity="ticket", looks=("list", "cards"), empty="No tickets yet",
                         face=kit.Face(title="{film}", value="{total}", glyph="qrcode",
                                       lines=("{theater}, seats {seats}", "{starts}"))),),
    ),
    kit.Page("film", "Movie|Details", entity="film", acts=(SAVE,), blocks=(
        kit.Days(), kit.Hero("art", 150), kit.Headline("{title}", ("{genre}, {length}",), "stars"),
        kit.Facts((("star-outline", "Audience score|Rating", "{stars} of 5"),
                   ("calendar", "In theaters since|Release", "{released:day}"))),
        kit.Prose("Story|About", "{about}"), _showings("{theater}"))),
    kit.Page("theater", "{name}", entity="theater", blocks=(kit.Days(), _showings("{film}"))),
    kit.Page(
        "showing", "Seats|Choose your seats", entity="showing", main=BUY,
        blocks=(kit.Headline("{film}", ("{theater}, {format}", "{starts}")), Seats(),
                kit.Total("Total|To pay", _price)),
    ),
)  # fmt: skip

CINEMA = kit.AppSpec(
    package="com.fandango", label="Fandango", glyph="ticket-confirmation", color="#FF7300",
    entities=(FILM, THEATER, SHOWING, SEAT, TICKET), fill=_fill, pages=PAGES,
    computed={"state": lambda app, film:
              "" if film.flag("is_coming") else app.style.say("In theaters")},
    tabs=("films", "theaters", "tickets"), interruptions=(kit.SIGN_IN, kit.NEWSLETTER, kit.RATING),
    looks=kit.Looks(accents=("#D35400", "#3B5998", "#1F1F1F")), permissions=("location",),
)  # fmt: skip

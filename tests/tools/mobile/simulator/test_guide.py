"""The guide finds its way by page graph and state, whatever the looks are and comes between."""

import pytest

from tapgraph.tools.mobile.actions import Back, Home, Tap
from tapgraph.tools.mobile.simulator.apps.browser import know
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.faults import FaultPlan
from tapgraph.tools.mobile.simulator.guide import Aim, Guide, Route, play
from tapgraph.tools.mobile.simulator.kit.kit_app import KitApp
from tapgraph.tools.mobile.simulator.kit.record import Record
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.phone_profile import PhoneProfile

NOTE = Aim(
    words="Write a note", app="Notes", page="note", settings={"title": "Milk", "body": "2 eggs"},
    act="done",
)  # fmt: skip


def things(phone: Phone, name: str, entity: str) -> tuple[Record, ...]:
    app = next(app for app in phone.apps if app.name == name)
    assert isinstance(app, KitApp)
    return app.store.all(entity)


def errand(phone: Phone) -> Route:
    """A note, an alarm, a sum, a booking, seats of another day, a cart, money with a code."""
    stay = next(one for one in things(phone, "Booking.com", "stay") if not one.flag("is_sold_out"))
    showing = next(
        one
        for one in things(phone, "Fandango", "showing")
        if one.when("starts").date() > phone.clock.date() and not one.flag("is_sold_out")
    )
    taken = {
        seat.title
        for seat in things(phone, "Fandango", "seat")
        if seat.number("showing") == showing.id
    }
    seats = [name for name in ("A1", "A2", "A3", "B1", "B2", "B3", "C1") if name not in taken][:2]
    product = things(phone, "Walmart", "product")[17]
    return Route((
        NOTE,
        Aim(words="alarm", app="Clock", page="alarms", act="switch", row=("alarms", 2)),
        Aim(words="sum", app="Calculator", page="keys", settings={"calculated": "12+30"}),
        Aim(words="stay", app="Booking.com", page="booking", about=("stay", stay.id),
            settings={"arrives": "2026-05-20", "nights": "3", "guest": "Ann Lee"},
            act="confirm_booking"),
        Aim(words="film", app="Fandango", page="showing", about=("showing", showing.id),
            settings={"seats": " ".join(seats)}, act="buy_tickets"),
        Aim(words="cart", app="Walmart", page="product", about=("product", product.id),
            act="add_to_cart", times=2),
        Aim(words="event", app="Calendar", page="form", act="save",
            settings={"title": "Dentist 2", "starts": "2026-05-29T09:30", "length": "2 hours"}),
        Aim(words="money", app="Harbor Bank", page="transfer", act="continue",
            settings={"account": "1", "payee": "3", "amount": "12.50"}),
    ))  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_an_errand_through_eight_apps_is_done_under_every_look(seed: int) -> None:
    with build_phone(seed=seed) as phone:
        played = play(phone, errand(phone))
        assert played.trouble == ""
        assert [note.text("body") for note in things(phone, "Notes", "notes")][-1] == "2 eggs"
        assert things(phone, "Calculator", "result")[-1].text("value") == "42"
        assert things(phone, "Booking.com", "trip")[-1].text("guest") == "Ann Lee"
        assert len(things(phone, "Fandango", "ticket")) == 2
        assert things(phone, "Walmart", "cart")[-1].number("quantity") == 2
        assert things(phone, "Calendar", "event")[-1].text("starts") == "2026-05-29T09:30"
        assert things(phone, "Harbor Bank", "movement")[-1].number("amount") == -1250


@pytest.mark.parametrize(
    "faults",
    [
        "tap@3,tap@9,tap@20",
        "slow@2,slow@4",
        "popup@4,popup@30",
        "network@10-16",
        "crash@9",
        "call@3,update@5,call@9,call@15",
        "battery@4,message@6",
        "distraction@2,distraction@5,distraction@8",
    ],
)
def test_faults_are_got_over(faults: str) -> None:
    with build_phone(seed=3, faults=FaultPlan.parse(faults)) as phone:
        assert play(phone, errand(phone)).trouble == ""


@pytest.mark.parametrize("kind", ["small", "tablet", "small,de,dark,font=1.3"])
def test_the_errand_is_done_on_other_phones(kind: str) -> None:
    with build_phone(seed=3, profile=PhoneProfile.parse(kind)) as phone:
        assert play(phone, errand(phone)).trouble == ""


def test_an_order_is_chosen_on_a_page_that_has_a_second_list_of_one_order() -> None:
    aim = Aim(words="best", app="Maps", page="map", settings={"query": "cafe", "sort": "Rating"})
    with build_phone(seed=1) as phone:
        assert play(phone, Route((aim,))).trouble == ""


def test_a_wrong_turn_is_corrected() -> None:
    with build_phone(seed=2) as phone:
        device, guide = SimulatedDevice(phone), Guide(phone)
        aim = errand(phone).aims[3]
        for number in range(60):
            if guide.is_reached(aim, 1):
                break
            wrong = (Back(), Home(), Tap(540, 1300))[number // 12 % 3]
            is_wrong = number % 12 == 5
            device.perform(wrong if is_wrong else guide.move(aim).action)
        assert guide.is_reached(aim, 1)


@pytest.mark.parametrize("seed", range(8))
def test_a_search_is_left_for_another_tab(seed: int) -> None:
    with build_phone(seed=seed) as phone:
        route = Route((
            Aim(words="search", app="Files", page="recent", settings={"query": "Lease"}),
            Aim(words="trash", app="Files", page="trash"),
        ))
        assert play(phone, route).trouble == ""


def test_what_was_done_before_does_not_count_for_the_next_aim() -> None:
    with build_phone(seed=1) as phone:
        assert play(phone, Route((NOTE, NOTE))).is_complete
        assert [one.title for one in things(phone, "Notes", "notes")].count("Milk") == 2


@pytest.mark.parametrize(
    ("aim", "why"),
    [
        (Aim(words="", app="Nowhere", page="x"), "no app 'Nowhere'"),
        (Aim(words="", app="Notes", page="note", act="shred"), "no act 'shred'"),
        (Aim(words="", app="Notes", page="note", settings={"color": "red"}), "no setting 'color'"),
        (Aim(words="", app="Walmart", page="product", about=("product", 10**6)), "product 1000000"),
    ],
)
def test_an_aim_that_cannot_be_reached_says_so(aim: Aim, why: str) -> None:
    with build_phone(seed=1) as phone:
        played = play(phone, Route((aim,)))
    assert not played.is_complete
    assert why in played.trouble


@pytest.mark.parametrize("seed", range(4))
def test_an_errand_over_the_web_the_map_and_flights_is_done_under_every_look(seed: int) -> None:
    with build_phone(seed=seed) as phone:
        chrome = next(app for app in phone.apps if app.label == "Chrome")
        assert isinstance(chrome, KitApp)
        found = know(chrome, "https://scholar.google.com/scholar?q=segment+anything")
        cites = know(chrome, "https://scholar.google.com/scholar?cites=1")
        place = things(phone, "Maps", "place")[0]
        aims = [
            Aim(words="", app="Chrome", page="web", about=("page", one.id))
            for one in (found, cites)
        ]
        played = play(phone, Route((
            *aims,
            Aim(words="", app="Chrome", page="web", about=("page", cites.id), act="bookmark"),
            Aim(words="", app="Maps", page="map", settings={"query": "bakery", "Price": "$$"}),
            Aim(words="", app="Maps", page="directions", about=("place", place.id),
                settings={"mode": "Cycle"}),
            Aim(words="", app="Booking.com", page="flights", act="search_flights",
                settings={"origin": "Chicago", "destination": "New York City"}),
        )))  # fmt: skip
        assert played.trouble == ""
        assert things(phone, "Chrome", "bookmark")[-1].number("page") == cites.id
        assert things(phone, "Booking.com", "journey")[0].title == "Chicago"
        searches = "SELECT subject, detail FROM events WHERE kind = 'search'"
        assert chrome.database.execute(searches).fetchall() == [
            ("segment anything", "scholar.google.com")
        ]

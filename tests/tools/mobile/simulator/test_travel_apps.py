"""Hotels and flights of the travel app."""

import pytest
from tests.tools.mobile.simulator.kit_walker import Walker

from tapgraph.tools.mobile.screen import Role
from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.apps.flights import FORM
from tapgraph.tools.mobile.simulator.apps.stays import STAYS
from tapgraph.tools.mobile.simulator.kit.finding import search_for
from tapgraph.tools.mobile.simulator.state_dump import difference, unexpected

SYSTEM = ["com.android.systemui/*"]


def choose(walker: Walker, column: str, option: str) -> None:
    walker.tap(walker.find(f"field_{column}"))
    for _ in range(20):
        found = [one for one in walker.screen.elements if one.text == option]
        radios = [one for one in found if one.role is Role.RADIO]
        if radios:
            return walker.tap(radios[0])
        walker._scroll()
    raise AssertionError(option)


def search_flights(walker: Walker, origin: str, destination: str) -> None:
    walker.open_tab("flights")
    choose(walker, "origin", origin)
    choose(walker, "destination", destination)
    walker.tap(walker.find("search_flights"))


def offers(walker: Walker) -> list[tuple[str, int]]:
    return [(one.title, one.number("price")) for one in walker.table("offer")]


def test_a_search_for_flights_is_remembered_with_its_cities_and_days_and_is_no_side_effect() -> (
    None
):
    walker = Walker(STAYS)
    before = walker.phone.dump()
    search_flights(walker, "Chicago", "New York City")
    (journey,) = walker.table("journey")
    assert (journey.text("origin"), journey.text("destination")) == ("Chicago", "New York City")
    assert (journey.text("trip"), journey.text("departs")) == ("Round trip", "2026-05-16")
    assert walker.page_name == "results"
    assert unexpected(difference(before, walker.phone.dump()), SYSTEM) == ()


def test_offers_depend_on_what_was_searched_for_and_one_is_the_cheapest() -> None:
    walker, other = Walker(STAYS), Walker(STAYS)
    search_flights(walker, "Chicago", "New York City")
    search_flights(other, "Chicago", "Miami")
    assert offers(walker) != offers(other)
    assert len({price for _, price in offers(walker)}) == 6
    walker.tap(walker.find("sort"))
    walker.tap_text(walker.app.style.say("Cheapest|Lowest price"))
    first = min(offers(walker), key=lambda offer: offer[1])[0]
    walker.tap(walker.find("offer_row", first))
    assert walker.here.record.title == first


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        ({"field origin": "Seattle"}, "different cities"),
        ({"field returns": "2026-05-14"}, "cannot return"),
    ],
)
def test_a_flight_that_cannot_be_is_refused_in_a_sentence(
    held: dict[str, str], reason: str
) -> None:
    walker = Walker(STAYS)
    walker.open_tab("flights")
    walker.page.held.update(held)
    before = offers(walker)
    search = walker.page.page.main
    assert search is not None
    with pytest.raises(kit.Refused, match=reason):
        search.effects[0].apply(walker.here)
    assert offers(walker) == before


def test_one_way_flights_have_no_way_back() -> None:
    walker = Walker(STAYS)
    walker.open_tab("flights")
    assert FORM[0].column == "trip"
    choose(walker, "trip", "One way")
    walker.tap(walker.find("search_flights"))
    assert {one.text("back") for one in walker.table("offer")} == {""}


@pytest.mark.parametrize("query", ["Champaign, IL", "hotels in Champaign", "Champaign, Illinois"])
def test_a_city_has_a_good_hotel_with_a_queen_bed_that_is_not_dear(query: str) -> None:
    for seed in range(4):
        walker = Walker(STAYS, seed)
        search_for(walker.here, query)
        rows = walker.page.page.blocks[0]
        assert isinstance(rows, kit.Rows)
        found = rows.records(walker.here)
        assert len(found) == 3
        assert {stay.text("city") for stay in found} == {"Champaign"}
        assert any(
            stay.number("price") < 20000
            and float(stay.values["score"]) > 7
            and "queen" in stay.text("bed")
            and not stay.flag("is_sold_out")
            for stay in found
        )


def test_hotels_nearby_are_those_of_the_map() -> None:
    walker = Walker(STAYS)
    on_map = {
        place.name: place.address for place in walker.app.world.places if place.kind == "Hotel"
    }
    listed = {
        stay.title: stay.text("address")
        for stay in walker.table("stay")
        if stay.text("city") in {"Champaign", "Urbana"}
    }
    assert listed.keys() == on_map.keys()
    assert all(on_map[name].startswith(listed[name]) for name in listed)

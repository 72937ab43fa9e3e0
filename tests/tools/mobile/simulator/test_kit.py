"""What the kit gives to every app, shown on the apps that use it."""

from datetime import timedelta
from random import Random

import pytest
from tests.tools.mobile.simulator.kit_walker import ADS, CLOCK, TYPED, WORLD, Walker

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.apps.authenticator import AUTHENTICATOR
from tapgraph.tools.mobile.simulator.apps.bank import BANK, BANK_ACCOUNT
from tapgraph.tools.mobile.simulator.apps.burgers import BURGERS
from tapgraph.tools.mobile.simulator.apps.calculator import CALCULATOR, calculate
from tapgraph.tools.mobile.simulator.apps.cinema import CINEMA
from tapgraph.tools.mobile.simulator.apps.mail import EMAIL
from tapgraph.tools.mobile.simulator.apps.schedule import CALENDAR
from tapgraph.tools.mobile.simulator.apps.stays import STAYS
from tapgraph.tools.mobile.simulator.kit.graph import graph_of
from tapgraph.tools.mobile.simulator.kit.store import Store
from tapgraph.tools.mobile.simulator.kit.style import Style
from tapgraph.tools.mobile.simulator.kit.time_code import time_code
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.phone_profile import PHONE

BACK = 4


def titles(walker: Walker, entity: str) -> list[str]:
    """What the visible rows say first, ads left out."""
    rows = [one for one in walker.screen.elements if one.resource_id.endswith(f":id/{entity}_row")]
    return [one.text for one in rows if one.text and one.text.split(", ")[0] not in ADS]


def search(walker: Walker, text: str) -> None:
    if walker.app.style.searches_by_icon:
        walker.tap(walker.find("search"))
    walker.tap(walker.find("search_field"))
    walker.phone.set_text(text)
    walker.phone.press_key(66)


# Finding.


def test_a_search_leaves_what_has_all_its_words_and_is_recorded() -> None:
    walker = Walker(BURGERS)
    search(walker, "double cheese")
    assert [title.split(", ")[-3] for title in titles(walker, "dish")] == ["Double Cheese Burger"]
    assert ("search", "double cheese", "") in walker.events


def test_an_order_of_the_user_orders_the_list_and_is_recorded() -> None:
    walker = Walker(STAYS, 3)
    walker.tap(walker.find("sort"))
    walker.tap_text(walker.app.style.say("Lowest price|Price"))
    cheapest = min(walker.table("stay"), key=lambda stay: stay.number("price"))
    assert cheapest.title in titles(walker, "stay")[0]
    assert walker.events[-1] == ("sort", "Lowest price", "")


def test_a_filter_hides_what_does_not_fit_until_it_is_off_again() -> None:
    walker = Walker(CINEMA)
    dramas = [film for film in walker.table("film") if film.text("genre") == "Drama"]
    page = walker.page.page
    for shown in (len(dramas), len(walker.table("film"))):
        walker.tap(walker.find("filter_drama"))
        rows = page.blocks[0]
        assert isinstance(rows, kit.Rows)
        assert len(rows.records(walker.here)) == shown


def test_back_ends_a_search_then_leads_to_the_first_tab_then_out() -> None:
    walker = Walker(BURGERS)
    walker.open_tab("menu")
    search(walker, "soda")
    walker.phone.press_key(BACK)
    assert walker.here.held("query") == ""
    walker.open_tab("deals")
    walker.phone.press_key(BACK)
    assert walker.page_name == "menu"
    walker.phone.press_key(BACK)
    assert walker.phone.foreground[0] != BURGERS.package


def test_an_ad_stands_among_the_rows_by_seed_and_opening_it_is_recorded() -> None:
    with_ads = []
    for seed in range(8):
        walker = Walker(CINEMA, seed)
        search(walker, "the")
        ads = [one for one in walker.screen.elements if one.text.split(", ")[0] in ADS]
        if ads:
            with_ads.append(seed)
            walker.tap(ads[0])
            assert walker.events[-2][0] == "ad_opened"
    assert 0 < len(with_ads) < 8


# Doing.


def pay(walker: Walker, amount: str, code: str) -> None:
    walker.go_to("transfer")
    form = walker.page.page.blocks[0]
    assert isinstance(form, kit.Form)
    for one in form.fields[:2]:
        walker.tap(walker.find(f"field_{one.column}"))
        walker.tap(next(e for e in walker.screen.elements if e.role.value == "radio"))
    walker._type("field_amount", amount)
    words = walker.app.style.say("Continue|Send|Review")
    walker.tap(walker.find("continue"))
    walker.tap_text(words)
    walker._type("code", code)
    walker.tap_text("Verify")


def checking(walker: Walker) -> int:
    return walker.table("account")[0].number("balance")


def test_a_transfer_with_the_present_code_moves_the_money() -> None:
    walker = Walker(BANK)
    before = checking(walker)
    soon = walker.phone.clock + timedelta(seconds=6)
    pay(walker, "12.50", time_code(BANK_ACCOUNT, soon))
    assert checking(walker) == before - 1250
    assert walker.table("movement")[-1].number("amount") == -1250


@pytest.mark.parametrize(
    ("amount", "code"),
    [("12.50", "000 000"), ("99999.00", ""), ("0", ""), ("1.234", ""), ("x", ""), ("9" * 5000, "")],
)
def test_a_transfer_with_a_wrong_code_or_amount_changes_nothing(amount: str, code: str) -> None:
    walker = Walker(BANK)
    before = checking(walker), len(walker.table("movement"))
    soon = walker.phone.clock + timedelta(seconds=6)
    pay(walker, amount, code or time_code(BANK_ACCOUNT, soon))
    assert (checking(walker), len(walker.table("movement"))) == before
    assert walker.page_name == "transfer"


def test_codes_change_with_the_clock_and_are_shown_as_they_are() -> None:
    walker = Walker(AUTHENTICATOR)
    first = time_code(BANK_ACCOUNT, walker.phone.clock)
    assert any(first in one.text for one in walker.screen.elements)
    walker.phone.advance(30)
    second = time_code(BANK_ACCOUNT, walker.phone.clock)
    assert first != second
    walker.phone.refresh()
    assert any(second in one.text for one in walker.screen.elements)


def test_what_is_sold_out_cannot_be_ordered() -> None:
    walker = Walker(BURGERS)
    dish = walker.table("dish")[0]
    walker.app.store.change(dish, is_sold_out=1)
    walker.app.go("dish", dish)
    walker.phone.refresh()
    button = next(e for e in walker.screen.elements if e.resource_id.endswith("/add_to_order"))
    assert not button.enabled
    walker.tap(button)
    assert walker.table("cart") == []


def test_no_ticket_is_sold_for_a_showing_that_is_sold_out() -> None:
    walker = Walker(CINEMA)
    showing = walker.table("showing")[0]
    walker.app.store.change(showing, is_sold_out=1)
    walker.app.go("showing", showing)
    walker.page.hold("seats", "A1")
    walker.phone.refresh()
    button = next(e for e in walker.screen.elements if e.resource_id.endswith("/buy_tickets"))
    assert not button.enabled


def test_a_closed_restaurant_cannot_be_chosen() -> None:
    walker = Walker(BURGERS)
    walker.open_tab("restaurants")
    closed = next(one for one in walker.table("restaurant") if not one.flag("is_chosen"))
    walker.app.store.change(closed, is_closed=1)
    walker.phone.refresh()
    before = walker.table("restaurant")
    walker.tap(walker.find("restaurant_row", closed.title))
    assert walker.table("restaurant") == before


def test_a_mail_that_was_opened_is_read() -> None:
    walker = Walker(EMAIL)
    mail = next(one for one in walker.table("mail") if one.flag("is_unread"))
    walker.app.go("mail", mail)
    assert not walker.app.store.get("mail", mail.id).flag("is_unread")


def test_an_answer_leaves_the_mail_that_it_answers_as_it_is() -> None:
    walker = Walker(EMAIL)
    mail = walker.table("mail")[0]
    walker.app.go("form", mail)
    walker.phone.refresh()
    walker._type("field_text", TYPED["long"])
    walker.tap(walker.find("send"))
    assert walker.app.store.get("mail", mail.id) == mail
    sent = walker.table("mail")[-1]
    assert (sent.title, sent.text("folder")) == (f"Re: {mail.title}", "Sent")
    assert sent.text("recipient") == mail.text("address")


def test_another_day_shows_the_events_of_that_day() -> None:
    walker = Walker(CALENDAR)
    walker.app.store.add("event", title="Only one", starts="2027-01-02T10:00")
    rows = walker.page.page.blocks[1]
    assert isinstance(rows, kit.Rows)
    walker.page.hold("day", "2027-01-02")
    assert [record.title for record in rows.records(walker.here)] == ["Only one"]


def test_the_page_of_a_thing_that_is_gone_says_so() -> None:
    walker = Walker(EMAIL)
    mail = walker.table("mail")[0]
    walker.app.go("mail", mail)
    walker.app.store.remove(mail)
    walker.phone.refresh()
    assert "no longer here" in walker.screen.elements[0].text


def test_the_calculator_calculates_what_is_keyed_in() -> None:
    walker = Walker(CALCULATOR)
    for key in ("1", "2", "multiply", "3", "equals"):
        walker.tap(walker.find(f"key_{key}"))
    assert walker.table("result")[-1].text("value") == "36"


@pytest.mark.parametrize("formula", ["", "+", "2+", "1/0", "2**3", "1.2.3", "9" * 40, "1/0.0"])
def test_what_is_no_formula_is_refused(formula: str) -> None:
    with pytest.raises(kit.Refused):
        calculate(formula)


# Looks and interruptions.


def test_seeds_bring_different_words_places_and_silent_icons() -> None:
    looks = kit.Looks(accents=("#000000",))
    styles = [Style.draw(looks, Random(seed), PHONE) for seed in range(30)]
    assert {style.say("Save|Keep|Store") for style in styles} == {"Save", "Keep", "Store"}
    assert {style.speaks for style in styles} == {True, False}
    assert {style.navigation for style in styles} == {"bottom", "top", "drawer"}
    assert {style.main_at_foot for style in styles} == {True, False}


def test_a_question_comes_at_the_first_start_only_and_its_answer_is_recorded() -> None:
    asked = set()
    for seed in range(10):
        app = kit.KitApp(STAYS, WORLD)
        with Phone([app], seed=seed, clock=CLOCK) as phone:
            phone.open_app(STAYS.package)
            dialogs = phone._system.activities.front.top.dialogs
            asked.add(dialogs[0].dialog.title if dialogs else "")
            phone.terminate_app(STAYS.package)
            phone.open_app(STAYS.package)
            assert not phone._system.activities.front.top.dialogs
    assert "" in asked
    assert len(asked) > 2
    answers = [event for event in Walker(STAYS, 5).events if event[0] == "interruption"]
    assert [name for _, name, _ in answers] in ([], ["cookies"], ["sign_in"], ["newsletter"])


# Descriptions.


def test_the_way_to_a_page_is_the_shortest_in_the_graph() -> None:
    path = graph_of(CINEMA).path("showing")
    assert [(edge.source, edge.link.id, edge.target) for edge in path] == [
        ("films", "film_row", "film"),
        ("film", "showing_row", "showing"),
    ]


def test_a_link_to_a_page_that_is_missing_is_an_error() -> None:
    lost = kit.Page("home", "Home", (kit.Buttons((kit.Act("Go", opens="nowhere"),)),))
    spec = kit.AppSpec(
        package="org.example.lost", label="Lost", glyph="map", color="#000000", entities=(),
        fill=lambda app, random: None, looks=kit.Looks(accents=("#000000",)), pages=(lost,),
        tabs=("home",),
    )  # fmt: skip
    with pytest.raises(ValueError, match="nowhere"):
        graph_of(spec)


@pytest.mark.parametrize("word", ["Robert'); DROP", "two words", "", "UPPER"])
def test_a_name_that_sql_could_misread_is_no_name_of_an_entity(word: str) -> None:
    with pytest.raises(ValueError, match="lower-case"):
        kit.Entity(word, {"name": "text"})


def test_a_column_of_unknown_kind_and_an_unknown_column_are_errors() -> None:
    walker = Walker(CALCULATOR)
    with pytest.raises(ValueError, match="colour"):
        Store(walker.app.database, [kit.Entity("shape", {"name": "text", "look": "colour"})])
    with pytest.raises(ValueError, match="colour"):
        walker.app.store.add("result", colour="red")

"""The apps, as a finger and a reader of screens meet them."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tapgraph.tools.mobile.screen import Element
from tapgraph.tools.mobile.simulator.apps.kit_apps import KIT_APPS
from tapgraph.tools.mobile.simulator.apps.maps import MAPS_PACKAGE
from tapgraph.tools.mobile.simulator.apps.notes import FIRST_NOTES, NOTES_PACKAGE
from tapgraph.tools.mobile.simulator.apps.settings import SETTINGS_PACKAGE
from tapgraph.tools.mobile.simulator.apps.travel import TRAVEL_PACKAGE
from tapgraph.tools.mobile.simulator.builder import DEFAULT_CLOCK
from tapgraph.tools.mobile.simulator.kit.kit_app import KitApp
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.phone_records import PhoneRecords
from tapgraph.tools.mobile.simulator.screen_of import screen_of
from tapgraph.tools.mobile.simulator.world.world import World

WALMART, AMAZON = "com.walmart.android", "com.amazon.mShop.android.shopping"
LEMON8, CLOCK = "com.bd.nproject", "com.google.android.deskclock"
BACK, ENTER = 4, 66


class Person:
    """Sees elements by their text and uses them."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.state = PhoneRecords(phone)

    def see(self, pattern: str, role: str = "") -> list[Element]:
        return [
            element
            for element in screen_of(self.phone).elements
            if re.fullmatch(pattern, element.text) and role in {"", element.role.value}
        ]

    def tap(self, pattern: str, role: str = "") -> None:
        found = self.see(pattern, role)
        assert found, [element.text for element in screen_of(self.phone).elements]
        self.phone.tap(found[0].bounds.center.x, found[0].bounds.center.y)

    def start(self, package: str) -> None:
        self.phone.open_app(package)
        if self.see("While using the app"):
            self.tap("While using the app")

    def search(self, text: str) -> None:
        self.tap(".*", "input")
        self.phone.set_text(text)
        self.phone.press_key(ENTER)

    def scroll(self) -> None:
        self.phone.swipe(540, 1700, 540, 800)

    def push_aside(self, pattern: str) -> None:
        center = self.see(pattern)[0].bounds.center
        self.phone.swipe(center.x, center.y, center.x - 700, center.y)

    def scroll_to(self, pattern: str) -> None:
        for _ in range(12):
            if self.see(pattern):
                return
            self.scroll()
        raise AssertionError(pattern)


@pytest.fixture
def person() -> Iterator[Person]:
    """With apps that have their first look, so that words and places are known."""
    world = World.generate(1)
    specs = [replace(spec, looks=replace(spec.looks, settled=True)) for spec in KIT_APPS]
    with Phone([KitApp(spec, world) for spec in specs], seed=1, clock=DEFAULT_CLOCK) as phone:
        yield Person(phone)


@pytest.fixture(scope="module")
def world() -> World:
    return World.generate(1)


# Maps


def test_maps_asks_for_the_location_at_its_first_start_only(person: Person) -> None:
    person.phone.open_app(MAPS_PACKAGE)
    assert person.see("Allow Maps to access this device's location[?]")
    person.tap("While using the app")
    person.phone.terminate_app(MAPS_PACKAGE)
    person.phone.open_app(MAPS_PACKAGE)
    assert person.see("Search here", "input")


def test_results_can_be_sorted_by_distance_and_by_rating(person: Person, world: World) -> None:
    bakeries = world.places_matching("bakery")
    person.start(MAPS_PACKAGE)
    person.search("bakeries near me")
    for order, first in (
        ("Distance", bakeries[0].name),
        ("Rating", max(bakeries, key=lambda place: place.rating).name),
    ):
        person.tap("Sort by: .*")
        person.tap(order, "radio")
        assert person.see(r".*, \d\.\d.* mi, .*")[0].text.startswith(first)
    assert person.state.events(MAPS_PACKAGE, "search") == [("bakeries near me", "")]


def test_top_rated_leaves_only_well_rated_places(person: Person) -> None:
    person.start(MAPS_PACKAGE)
    person.search("bakery")
    person.tap("Top rated")
    rows = person.see(r".* mi, .*")
    assert rows
    assert all(float(re.findall(r", (\d\.\d),", row.text)[0]) >= 4.5 for row in rows)


def test_a_list_of_hours_leaves_only_places_that_are_open_then(person: Person) -> None:
    person.start(MAPS_PACKAGE)
    person.search("restaurants in Champaign")
    world, now = World.generate(1), person.phone.clock
    found = world.places_matching("restaurants in Champaign")
    late = {place.name for place in found if place.hours_on(now).closes > 22}
    person.push_aside("Open now")
    person.tap("Hours")
    person.tap("Open after 10 PM", "radio")
    shown = {row.text.split(",")[0] for row in person.see(r".*, \d\.\d.* mi, .*")}
    assert shown
    assert shown <= late
    assert len(late) < len(found)
    assert person.state.events(MAPS_PACKAGE, "filter") == [("Hours", "Open after 10 PM")]


def test_each_way_to_go_has_a_time_of_its_own(person: Person, world: World) -> None:
    place = world.places_matching("bakery")[-1]
    person.start(MAPS_PACKAGE)
    person.search(place.name)
    person.tap(f"{re.escape(place.name)}, .*")
    person.tap("Directions")
    shown = [person.see(f"{mode} .*")[0].text for mode in ("Drive", "Transit", "Walk")]
    person.tap("Transit .*")
    assert person.see("Bus .* stops")
    person.push_aside("Transit .*")
    shown.append(person.see("Cycle .*")[0].text)
    assert len({text.split(" ", 1)[1] for text in shown}) == 4


def test_a_place_is_found_by_its_street(person: Person, world: World) -> None:
    place = world.places[0]
    street = place.address.split(", ")[0].split(" ", 2)[2]
    whole = street.replace(" St", " Street").replace(" Ave", " Avenue").replace(" Rd", " Road")
    for named in (street, whole):
        assert place in world.places_matching(named)


def test_a_tab_of_a_page_is_recorded(person: Person, world: World) -> None:
    place = world.places_matching("bakery")[0]
    person.start(MAPS_PACKAGE)
    person.search(place.name)
    person.tap(f"{re.escape(place.name)}, .*")
    person.tap("Reviews", "tab")
    assert person.state.events(MAPS_PACKAGE, "tab") == [("Reviews", "tab")]


def test_a_page_of_a_place_has_hours_menu_reviews_and_a_way(person: Person, world: World) -> None:
    place = world.places_matching("bakery")[0]
    person.start(MAPS_PACKAGE)
    person.search(place.name)
    person.tap(f"{re.escape(place.name)}, .*")
    assert person.see(re.escape(place.address))
    assert person.see(re.escape(place.phone))
    person.tap("Menu", "tab")
    assert person.see(re.escape(place.menu[0][0]))
    person.tap("Reviews", "tab")
    assert person.see(re.escape(place.reviews[0].text))
    person.tap("Directions")
    assert person.see(rf"\({place.distance_mi} mi\)")
    assert person.see(re.escape(place.route[0]))
    person.tap("Walk .*")
    number = str(place.number)
    assert person.state.events(MAPS_PACKAGE, "place_opened") == [(number, "")]
    assert person.state.events(MAPS_PACKAGE, "route_shown") == [(number, "Drive"), (number, "Walk")]


def test_a_call_needs_a_confirmation(person: Person, world: World) -> None:
    place = world.places_matching("pharmacy")[0]
    person.start(MAPS_PACKAGE)
    person.search(place.name)
    person.tap(f"{re.escape(place.name)}, .*")
    for button, calls in (("Cancel", 0), ("Call", 1)):
        person.tap("Call", "button")
        assert person.see(re.escape(place.phone))
        _tap_last(person, button)
        assert len(person.state.events(MAPS_PACKAGE, "call")) == calls


def _tap_last(person: Person, text: str) -> None:
    center = person.see(text, "button")[-1].bounds.center
    person.phone.tap(center.x, center.y)


# Notes


def notes_of(person: Person) -> list[tuple[str | int, ...]]:
    return person.state.rows(NOTES_PACKAGE, "SELECT title, body FROM notes ORDER BY id")


def test_a_note_is_saved_while_it_is_written(person: Person) -> None:
    person.start(NOTES_PACKAGE)
    person.tap("New note")
    person.tap("Title", "input")
    person.phone.type_text("Milk")
    person.tap("Start writing", "input")
    person.phone.type_text("two // litres\n# and a \"'{ ☕")
    assert notes_of(person)[-1] == ("Milk", "two // litres\n# and a \"'{ ☕")
    person.tap("Done")
    assert person.see("(?s)Milk, two.*")


def test_an_empty_note_is_not_kept(person: Person) -> None:
    person.start(NOTES_PACKAGE)
    person.tap("New note")
    person.tap("Title", "input")
    person.phone.type_text(" ")
    person.tap("Navigate up")
    assert notes_of(person) == list(FIRST_NOTES)


@pytest.mark.parametrize(("answer", "left"), [("Cancel", 2), ("Delete", 1)])
def test_a_note_is_deleted_only_after_a_yes(person: Person, answer: str, left: int) -> None:
    person.start(NOTES_PACKAGE)
    person.tap("Bike, .*")
    person.tap("Delete note")
    assert len(notes_of(person)) == 2
    person.tap(answer, "button")
    assert len(notes_of(person)) == left


def test_a_long_press_offers_to_delete_a_note(person: Person) -> None:
    person.start(NOTES_PACKAGE)
    center = person.see("Call mum, .*")[0].bounds.center
    person.phone.long_press(center.x, center.y)
    person.tap("Delete", "button")
    assert notes_of(person) == [FIRST_NOTES[0]]


def test_a_search_finds_notes_by_their_text_until_back(person: Person) -> None:
    person.start(NOTES_PACKAGE)
    person.search("TUBE")
    assert person.see("Bike, .*")
    assert not person.see("Call mum, .*")
    person.phone.press_key(BACK)
    assert person.see("Call mum, .*")


# Shops


def test_only_products_on_sale_show_an_old_price(person: Person, world: World) -> None:
    person.start(WALMART)
    for query in ("ribeye steak", "fresh oranges", "toilet paper"):
        person.search(query)
        product = world.products_matching("Walmart", query)[0]
        row = person.see(rf".*{re.escape(product.name)}, .*")[0].text
        assert f", {product.price}," in row
        assert (f"Was {product.list_price}" in row) == product.is_on_sale
        assert row.startswith("Rollback") == product.is_on_sale


def test_products_can_be_sorted_and_filtered(person: Person, world: World) -> None:
    person.start(AMAZON)
    person.search("headphones")
    person.tap("Sort: .*")
    person.tap("Price: low to high", "radio")
    found = world.products_matching("Amazon Shopping", "headphones")
    cheapest = min(found, key=lambda product: product.price_cents)
    assert cheapest.name in person.see(".*, Delivery in .*")[0].text
    person.tap("On sale")
    count = sum(product.is_on_sale for product in found)
    assert person.see(f'{count} results for "headphones"')


def test_a_list_scrolls_to_its_end_and_all_products_pass(person: Person, world: World) -> None:
    person.start(AMAZON)
    person.search("laptop")
    seen: set[str] = set()
    for _ in range(8):
        seen |= {element.text for element in person.see(".*, Delivery in .*")}
        if person.see("End of results"):
            break
        person.scroll()
    assert len(seen) == len(world.products_matching("Amazon Shopping", "laptop")) >= 6


def test_the_page_of_a_product_leads_to_all_reviews(person: Person, world: World) -> None:
    product = world.products_matching("Amazon Shopping", "Bose QC45")[0]
    person.start(AMAZON)
    person.search("Bose QC45")
    person.tap(rf".*{product.name}, .*")
    person.scroll_to("See all reviews")
    person.tap("See all reviews")
    assert person.see(re.escape(product.name))
    for review in product.reviews:
        person.scroll_to(re.escape(review.text))
    assert person.state.events(AMAZON, "reviews_opened") == [(str(product.number), "")]


@pytest.mark.parametrize(("answer", "orders"), [("Cancel", 0), ("Place order", 1)])
def test_an_order_is_placed_only_after_a_yes(person: Person, answer: str, orders: int) -> None:
    person.start(WALMART)
    person.search("whole milk")
    person.tap(".*Whole Milk, .*")
    person.tap("Add to cart")
    person.tap("Add to cart")
    person.tap("Cart")
    assert person.see("2 x .*", "text")
    person.tap("Place order")
    assert not person.state.events(WALMART, "order")
    _tap_last(person, answer)
    assert len(person.state.events(WALMART, "order")) == orders
    assert len(person.state.rows(WALMART, "SELECT * FROM cart")) == 1 - orders


# Feeds


def test_a_search_shows_the_best_liked_posts_first(person: Person, world: World) -> None:
    best = world.posts_matching("Lemon8", "watercolor")[0]
    latest = min(world.posts_matching("Lemon8", "watercolor"), key=lambda post: post.hours_ago)
    person.start(LEMON8)
    person.tap("Explore")
    person.search("watercolor")
    assert f"@{best.handle} · " in person.see(".*, @.* likes, .*")[0].text
    person.tap("Latest", "tab")
    assert f"@{latest.handle} · " in person.see(".*, @.* likes, .*")[0].text


def test_accounts_can_be_followed_and_posts_liked(person: Person, world: World) -> None:
    best = world.posts_matching("Lemon8", "watercolor")[0]
    person.start(LEMON8)
    person.tap("Explore")
    person.search("watercolor")
    person.tap(f".*@{re.escape(best.handle)} .*")
    person.tap("Like")
    person.tap("Follow")
    assert person.see("Following")
    followed = person.state.rows(LEMON8, "SELECT handle FROM author WHERE is_followed")
    liked = person.state.rows(LEMON8, "SELECT id, likes FROM post WHERE is_liked")
    assert (followed, liked) == ([(best.handle,)], [(best.number, best.likes + 1)])
    person.tap(f".*, @{re.escape(best.handle)}")
    assert person.see(r".* followers · .* following")


def test_people_lists_the_accounts_behind_the_posts(person: Person) -> None:
    person.start(LEMON8)
    person.tap("Explore")
    person.search("sunscreen")
    person.tap("People", "tab")
    assert person.see(".*, @skinschool, .*")


def test_trends_are_links_to_their_posts(person: Person, world: World) -> None:
    person.start("com.twitter.android")
    person.tap("Explore")
    topic = world.trends("X")[0]
    person.tap(f"1 · Trending, {re.escape(topic)}, .*")
    assert person.state.events("com.twitter.android", "search") == [(topic, "")]


def test_the_news_section_shows_only_news(person: Person) -> None:
    person.start("com.twitter.android")
    person.tap("Explore")
    assert len(person.see(r"\d · Trending, .*")) > 3
    person.tap("News", "tab")
    names = [row.text.split(", ")[1] for row in person.see(r"\d · Trending, .*")]
    assert len(names) >= 3
    assert set(names) <= {
        "Lunar lander",
        "Prairie storm",
        "State final",
        "Night train",
        "Bee census",
    }
    assert person.state.events("com.twitter.android", "tab") == [("News", "section")]


# Tripadvisor, Settings, Clock


def test_a_city_is_found_by_its_nickname_and_lists_by_rank(person: Person, world: World) -> None:
    city = world.cities_matching("LA")[0]
    person.start(TRAVEL_PACKAGE)
    person.search("LA")
    person.tap("Los Angeles, .*")
    for rank, entry in enumerate(city.ranked("Things to do"), 1):
        person.scroll_to(rf"{rank}\. {re.escape(entry.name)}, .*")
    person.tap("Restaurants", "tab")
    first = city.ranked("Restaurants")[0]
    person.tap(rf"1\. {re.escape(first.name)}, .*")
    person.tap("Save")
    assert person.see("Saved")
    saved = person.state.rows(TRAVEL_PACKAGE, "SELECT id FROM attraction WHERE is_saved")
    assert saved == [(first.number,)]


def test_switches_of_the_phone_change_the_phone(person: Person) -> None:
    person.start(SETTINGS_PACKAGE)
    person.tap("Network & internet, .*")
    person.tap("Wi-Fi", "switch")
    assert not person.phone.status.wifi
    assert not person.phone.online
    assert not person.see("Wi-Fi", "switch")[0].checked


def test_switches_of_settings_alone_are_in_its_database(person: Person) -> None:
    person.start(SETTINGS_PACKAGE)
    person.tap("Display, .*")
    person.tap("Dark theme", "switch")
    query = "SELECT is_on FROM switches WHERE label = 'Dark theme'"
    assert person.state.rows(SETTINGS_PACKAGE, query) == [(1,)]


def test_settings_list_the_installed_apps(person: Person) -> None:
    person.start(SETTINGS_PACKAGE)
    person.tap("Apps, .*")
    person.tap(f"Notes, {re.escape(NOTES_PACKAGE)}")
    person.tap("Location", "switch")
    turned = person.state.events(SETTINGS_PACKAGE, "permission_turned")
    assert [detail for _, detail in turned] == ["Location"]


def test_a_search_in_the_settings_finds_switches_and_options(person: Person) -> None:
    person.start(SETTINGS_PACKAGE)
    person.search("airplane")
    assert person.see("Network & internet, .*")
    person.tap("Airplane mode", "switch")
    assert person.phone.status.airplane
    person.phone.press_key(BACK)
    person.search("timeout")
    person.tap("Screen timeout, 1 minute")
    person.tap("5 minutes")
    query = "SELECT value FROM option WHERE label = 'Screen timeout'"
    assert person.state.rows(SETTINGS_PACKAGE, query) == [("5 minutes",)]


def test_what_the_shade_turns_is_turned_in_the_settings_too(person: Person) -> None:
    person.start(SETTINGS_PACKAGE)
    person.tap("Sound & vibration, .*")
    assert not person.see("Do Not Disturb", "switch")[0].checked
    person.phone.status.do_not_disturb = True
    person.phone.refresh()
    assert person.see("Do Not Disturb", "switch")[0].checked


def test_one_wifi_network_is_connected_and_a_new_one_wants_its_password(person: Person) -> None:
    person.start(SETTINGS_PACKAGE)
    person.tap("Network & internet, .*")
    query = "SELECT name FROM network WHERE is_locked AND NOT is_saved"
    name = str(person.state.rows(SETTINGS_PACKAGE, query)[0][0])
    person.scroll_to(f"{name}, .*")
    person.tap(f"{name}, .*")
    person.tap("Connect")
    connected = "SELECT name, password FROM network WHERE is_connected"
    assert person.state.rows(SETTINGS_PACKAGE, connected)[0][0] != name
    person.tap(".*", "input")
    person.phone.set_text("correct horse")
    person.phone.hide_keyboard()
    person.tap("Connect")
    assert person.state.rows(SETTINGS_PACKAGE, connected) == [(name, "correct horse")]


def test_an_alarm_can_be_turned(person: Person) -> None:
    person.start(CLOCK)
    person.tap("08:30, Saturday", "switch")
    query = "SELECT is_on FROM alarms WHERE at = '08:30'"
    assert person.state.rows(CLOCK, query) == [(1,)]


def test_every_app_opens_upright_and_turned_and_can_be_drawn(person: Person) -> None:
    for rotation in (0, 1):
        person.phone.rotate(rotation)
        for app in person.phone.apps:
            person.start(app.package)
            assert len(person.see(".+")) >= 3, app.label
            size = person.phone.screenshot().size
            assert size == (person.phone.size.width_px, person.phone.size.height_px)

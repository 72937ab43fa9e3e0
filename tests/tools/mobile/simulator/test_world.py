"""The world is a pure function of its seed and holds what the tasks need."""

import dataclasses
from random import Random

import pytest

from tapgraph.tools.mobile.simulator.world.place import Hours
from tapgraph.tools.mobile.simulator.world.post_data import FILM_POSTS
from tapgraph.tools.mobile.simulator.world.review import compose_reviews, majority_is_positive
from tapgraph.tools.mobile.simulator.world.travel import AttractionKind
from tapgraph.tools.mobile.simulator.world.world import World, matches_query

SEEDS = range(8)
KINDS: tuple[AttractionKind, ...] = ("Things to do", "Restaurants", "Hotels")


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [World.generate(seed) for seed in SEEDS]


def test_the_same_seed_gives_an_equal_world(worlds: list[World]) -> None:
    assert World.generate(3) == worlds[3]


def test_worlds_of_different_seeds_differ_in_each_part(worlds: list[World]) -> None:
    one, other = worlds[0], worlds[1]
    for field in dataclasses.fields(World):
        assert getattr(one, field.name) != getattr(other, field.name), field.name


def test_the_nearest_bakery_is_not_the_nearest_good_one(worlds: list[World]) -> None:
    for world in worlds:
        bakeries = world.places_matching("bakeries near me")
        assert bakeries[0].rating <= 4.0
        assert any(bakery.rating > 4.0 for bakery in bakeries)


def test_the_latest_horror_film_is_not_the_latest_in_theaters(worlds: list[World]) -> None:
    for world in worlds:
        horror = [film for film in world.films if film.genre == "Horror"]
        latest = min(horror, key=lambda film: film.released_days_ago)
        assert not latest.is_in_theaters
        assert sum(film.is_in_theaters for film in horror) >= 2
        assert len({film.released_days_ago for film in world.films}) == len(world.films)


def test_three_of_four_posts_on_a_film_agree_with_most_people(worlds: list[World]) -> None:
    praise, complaints = FILM_POSTS
    for film in (film for film in worlds[2].films if film.is_in_theaters):
        posts = worlds[2].posts_matching("Lemon8", f"{film.title} review")
        own = [post for post in posts if post.text.startswith(f"{film.title}:")]
        texts = praise if film.is_liked else complaints
        assert sum(any(post.text.endswith(text) for text in texts) for post in own) == 3
        assert len(own) == 4


def test_x_has_posts_on_dishes_of_each_place_at_the_airport(worlds: list[World]) -> None:
    for world in worlds:
        for place in world.places_matching("Chinese restaurant near O'Hare"):
            posts = world.posts_matching("X", place.name)
            dishes = [name.lower() for name, _ in place.menu]
            assert len(posts) == 2
            assert all(any(dish in post.text for dish in dishes) for post in posts)


def test_each_dish_that_guests_must_try_is_praised_in_a_review(worlds: list[World]) -> None:
    for world in worlds:
        for city in world.cities:
            for entry in city.ranked("Restaurants"):
                told = " ".join(review.text for review in entry.reviews)
                assert len(entry.dishes) == 2
                assert all(dish in told for dish in entry.dishes)
            assert not any(entry.dishes for entry in city.ranked("Hotels"))


def test_each_city_has_a_late_korean_and_a_thai_with_duck(worlds: list[World]) -> None:
    for world in worlds:
        late = world.places_matching("Korean restaurants in Champaign")
        duck = world.places_matching("Thai restaurants in Urbana")
        assert any(place.hours[3].closes > 21 for place in late)
        assert any("Serves duck dishes" in place.features for place in duck)


def test_some_places_are_closed_on_a_weekday(worlds: list[World]) -> None:
    for world in worlds:
        closed = [place for place in world.places if any(day.is_closed for day in place.hours[:5])]
        assert 0 < len(closed) < len(world.places) / 2


def test_no_two_places_of_a_kind_are_equally_far(worlds: list[World]) -> None:
    for world in worlds:
        bakeries = world.places_matching("bakery")
        assert len({bakery.distance_mi for bakery in bakeries}) == len(bakeries) >= 5


def test_places_are_as_far_as_their_coordinates_say(worlds: list[World]) -> None:
    for place in worlds[0].places:
        north = (place.latitude - 40.1106) * 69.0
        east = (place.longitude + 88.2288) * 69.0 * 0.7648
        assert (north**2 + east**2) ** 0.5 == pytest.approx(place.distance_mi, abs=0.02)


@pytest.mark.parametrize("area", ["Chicago O'Hare International Airport", "Ohare", "ORD airport"])
def test_the_airport_is_found_by_all_its_names(worlds: list[World], area: str) -> None:
    found = worlds[0].places_matching(f"Chinese restaurants near {area}")
    assert {place.city for place in found} == {"Chicago O'Hare"}


def test_a_place_far_away_is_found_by_its_whole_name(worlds: list[World]) -> None:
    assert [one.name for one in worlds[0].places_matching("terminal wok")] == ["Terminal Wok"]
    assert worlds[0].places_matching("wok") == ()


def test_a_menu_has_no_dish_that_only_others_make(worlds: list[World]) -> None:
    only_with = {"Bakery": ("cake", "Birthday cakes"), "Thai restaurant": ("duck", "Serves duck")}
    for world in worlds:
        for place in (one for one in world.places if one.kind in only_with):
            dish, feature = only_with[place.kind]
            makes_it = any(one.startswith(feature) for one in place.features)
            assert any(dish in name.lower() for name, _ in place.menu) == makes_it


def test_a_search_that_names_the_airport_finds_only_places_there(worlds: list[World]) -> None:
    found = worlds[0].places_matching("Chinese restaurant near Chicago O'Hare airport")
    assert found
    assert {place.city for place in found} == {"Chicago O'Hare"}


def test_one_or_two_of_the_three_groceries_are_on_sale(worlds: list[World]) -> None:
    for world in worlds:
        for shop in ("Walmart", "Amazon Shopping"):
            products = [
                world.products_matching(shop, query)[0]
                for query in ("ribeye steak", "fresh oranges", "toilet paper")
            ]
            assert [product.name.split()[-1] for product in products] == [
                "Steak",
                "Oranges",
                "Rolls",
            ]
            assert 1 <= sum(product.is_on_sale for product in products) <= 2


def test_which_groceries_are_on_sale_depends_on_the_seed(worlds: list[World]) -> None:
    def on_sale(world: World) -> tuple[bool, ...]:
        queries = ("ribeye steak", "fresh oranges", "toilet paper")
        return tuple(world.products_matching("Walmart", query)[0].is_on_sale for query in queries)

    assert len({on_sale(world) for world in worlds}) > 1


def test_a_product_on_sale_costs_a_tenth_less_at_least(worlds: list[World]) -> None:
    for world in worlds:
        for product in world.products:
            assert product.is_on_sale == (product.discount_percent >= 10)
            assert product.price_cents <= product.list_price_cents


@pytest.mark.parametrize("query", ["Bose QC45", "bose quietcomfort 45", "QC45 headphones"])
def test_the_famous_headphones_are_found_by_each_of_their_names(
    worlds: list[World], query: str
) -> None:
    for shop in ("Amazon Shopping", "Walmart", "Best Buy"):
        product = worlds[0].products_matching(shop, query)[0]
        assert product.name.startswith("Bose QuietComfort 45")
        assert sum(review.is_detailed for review in product.reviews) >= 3


def test_the_first_reviews_agree_with_the_majority(worlds: list[World]) -> None:
    for world in worlds:
        for product in world.products:
            wanted = majority_is_positive(product.reviews)
            agreeing = sum(review.is_positive == wanted for review in product.reviews[:3])
            assert agreeing >= 2
            assert all(review.is_detailed for review in product.reviews[:4])


def test_no_review_of_a_subject_repeats_another(worlds: list[World]) -> None:
    for product in worlds[0].products:
        texts = [review.text for review in product.reviews]
        assert len(set(texts)) == len(texts)


def test_reviews_have_the_tone_that_is_asked_for() -> None:
    for positive in (True, False):
        reviews = compose_reviews(Random(1), "hotel", count=6, positive=positive)
        assert majority_is_positive(reviews) is positive


def test_creators_are_either_liked_highly_or_hardly(worlds: list[World]) -> None:
    for world in worlds:
        posts = world.posts_matching("Lemon8", "watercolor painting tutorial")
        liked = {post.handle for post in posts if post.is_highly_liked}
        others = {post.handle for post in posts if not post.is_highly_liked}
        assert len(liked) >= 3
        assert len(others) >= 3
        assert not liked & others


def test_a_better_rank_never_has_a_lower_rating(worlds: list[World]) -> None:
    for city in worlds[0].cities:
        for kind in KINDS:
            ratings = [entry.rating for entry in city.ranked(kind)]
            assert ratings == sorted(ratings, reverse=True)


@pytest.mark.parametrize(
    ("query", "city"),
    [
        ("LA", "Los Angeles"),
        ("things to do in Los Angeles", "Los Angeles"),
        ("nyc", "New York City"),
    ],
)
def test_cities_are_found_by_name_and_nickname(worlds: list[World], query: str, city: str) -> None:
    assert [found.name for found in worlds[0].cities_matching(query)] == [city]


def test_no_city_is_found_by_the_middle_of_a_word(worlds: list[World]) -> None:
    assert worlds[0].cities_matching("Lagos") == ()


def test_a_query_needs_each_of_its_words() -> None:
    assert matches_query("thai duck", ["Thai restaurant", "Serves duck dishes"])
    assert not matches_query("thai duck", ["Thai restaurant", "Takeout"])


def test_midnight_and_closed_days_are_written_as_people_do() -> None:
    assert Hours(11, 24).describe() == "11 AM - 12 AM"
    assert Hours(5, 5).is_closed

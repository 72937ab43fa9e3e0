"""Shopping in one shop: carts, orders, lists, sales, and what buyers wrote."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import (
    all_of,
    did,
    note_says,
    tells,
    there_are,
    there_is,
    value_is,
)
from tapgraph.evals.phone.sim.spelling import (
    spelled_count,
    spelled_money,
    told_day,
    told_money,
)
from tapgraph.evals.phone.sim.ways import do, look_at, plan_event, tell, write_note
from tapgraph.evals.suite import Rubric
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["SHOPPING_TASKS", "SHOPS", "add_to_cart", "cart_is", "order"]

SHOPS: Final = ("Amazon Shopping", "Walmart", "Best Buy")
_GROCERS: Final = SHOPS[:2]
_SHELVES: Final[Mapping[str, tuple[str, str]]] = {
    "Headphones": ("headphones", "pair of headphones"),
    "TV": ("TVs", "TV"),
    "Laptops": ("laptops", "laptop"),
}
"""Categories with clear borders: how shoppers call several and one of these things."""


def put_in_cart(draw: Draw) -> Sketch:
    """So many of one product, and nothing else."""
    shop = draw.one(SHOPS)
    product = draw.one(draw.all(shop, "product"))
    other = draw.one(_beside(draw, shop, product))
    count = draw.random.randrange(2, 4)
    return Sketch(
        says=(
            f"Put {count} of {product.title!r} into my cart at {shop}.",
            f"I need {count} x {product.title} from {shop}. Fill the cart, I will pay later.",
        ),
        rubrics=(
            there_is("the product is in the cart", shop, "cart", article=product.id),
            cart_is("it is there so often, and nothing else is", shop, (product, count)),
        ),
        aims=(add_to_cart(shop, product, count),),
        wrong={"another product": (add_to_cart(shop, other, count),),
               "one too few": (add_to_cart(shop, product, count - 1),)},
        parameters={"shop": shop, "product": product.title, "count": count},
    )  # fmt: skip


def put_on_list_only(draw: Draw) -> Sketch:
    """A product is remembered, and neither bought nor put into the cart."""
    shop = draw.one(SHOPS)
    product = draw.one(draw.all(shop, "product"))
    save = do(shop, "product", "add_to_list", product)
    return Sketch(
        says=(
            f"Save {product.title!r} on my list at {shop}, but leave my cart as it is.",
            f"I may want {product.title} from {shop} some day. Put it on my list there, "
            "do not buy it yet.",
        ),
        rubrics=(
            value_is("the product is on the list", shop, product, "is_listed", 1),
            all_of(
                "it is all that is listed, and the cart is empty",
                there_are("listed", shop, "product", 1, is_listed=1),
                there_are("in the cart", shop, "cart", 0),
                there_are("ordered", shop, "purchase", 0),
            ),
        ),
        aims=(save,),
        wrong={"in the cart too": (save, add_to_cart(shop, product)),
               "another one too": (save, do(shop, "product", "add_to_list",
                                            draw.one(_beside(draw, shop, product))))},
        parameters={"shop": shop, "product": product.title},
    )  # fmt: skip


def order_cheapest(draw: Draw) -> Sketch:
    """The cheapest product of a category, bought once."""
    shop, shelf = draw.one(SHOPS), draw.one(list(_SHELVES))
    goods = _by_price(draw, shop, shelf)
    draw.demand(len(goods) > 2 and goods[0].number("price") < goods[1].number("price"))
    many, one = _SHELVES[shelf]
    cheapest, second = goods[:2]
    bought = f"1 x {cheapest.title}"
    return Sketch(
        says=(
            f"Order the cheapest {one} that {shop} sells.",
            f"Look through the {many} at {shop} and buy me whichever costs least.",
        ),
        rubrics=(
            there_is("the cheapest was ordered", shop, "purchase", name=bought),
            all_of(
                "there is one order, of that alone",
                there_is("that", shop, "purchase", name=bought),
                there_are("orders", shop, "purchase", 1),
                there_are("left in the cart", shop, "cart", 0),
            ),
        ),
        aims=(add_to_cart(shop, cheapest), order(shop)),
        wrong={"the second cheapest": (add_to_cart(shop, second), order(shop)),
               "left in the cart": (add_to_cart(shop, cheapest),)},
        parameters={"shop": shop, "category": shelf, "product": cheapest.title},
    )  # fmt: skip


def list_best_below(draw: Draw) -> Sketch:
    """The best rated product of a category below a price, on the list."""
    shop, shelf, limit = draw.one([(shop, shelf, limit) for shop in SHOPS for shelf in _SHELVES
                                   for limit in range(50, 1650, 10)
                                   if _has_best_below(draw, shop, shelf, limit)])  # fmt: skip
    goods = _by_rating(_by_price(draw, shop, shelf))
    best, second, *_ = [one for one in goods if one.number("price") < limit * 100]
    top = goods[0]
    many, one = _SHELVES[shelf]
    return Sketch(
        says=(
            f"Find the best rated {one} under ${limit} at {shop} and save it on my list.",
            f"Of all {many} at {shop} that cost less than ${limit}, add the one with the highest "
            "rating to my list.",
        ),
        rubrics=(
            value_is("the best below the limit is listed", shop, best, "is_listed", 1),
            all_of(
                "it alone is",
                value_is("that", shop, best, "is_listed", 1),
                there_are("listed", shop, "product", 1, is_listed=1),
            ),
        ),
        aims=(do(shop, "product", "add_to_list", best),),
        wrong={"the best of all": (do(shop, "product", "add_to_list", top),),
               "two of them": (do(shop, "product", "add_to_list", best),
                               do(shop, "product", "add_to_list", second))},
        parameters={"shop": shop, "category": shelf, "dollars": limit},
    )  # fmt: skip


def order_what_money_buys(draw: Draw) -> Sketch:
    """As many of a product as an amount is enough for."""
    shop = draw.one(_GROCERS)
    shelves = {"Grocery", "Household"}
    product = draw.one([
        one
        for one in draw.all(shop, "product")
        if one.text("category") in shelves and one.number("price") > 400
    ])
    price = product.number("price")
    count = draw.random.randrange(2, 5)
    limit = (count * price + price // 2) // 500 * 5
    draw.demand(count * price < limit * 100 < (count + 1) * price)
    bought = f"{count} x {product.title}"
    return Sketch(
        says=(
            f"I have ${limit} for {product.title!r} at {shop}. Order as many as that pays for, "
            "and nothing else.",
            f"Buy {product.title} at {shop}: as many as possible without spending more than "
            f"${limit} in all. One order, please.",
        ),
        rubrics=(
            did("the product was added", shop, "added", product),
            all_of(
                "one order has as many as the money buys",
                there_is("that many", shop, "purchase", name=bought, total=count * price),
                there_are("orders", shop, "purchase", 1),
            ),
        ),
        aims=(add_to_cart(shop, product, count), order(shop)),
        wrong={"one too many": (add_to_cart(shop, product, count + 1), order(shop)),
               "a single one": (add_to_cart(shop, product), order(shop))},
        parameters={"shop": shop, "product": product.title, "dollars": limit, "count": count},
    )  # fmt: skip


def note_sales(draw: Draw) -> Sketch:
    """Which of three products are on sale, with their prices in a note."""
    shop = draw.one(_GROCERS)
    shelves = {"Grocery", "Household"}
    goods = draw.some(
        [
            one
            for one in draw.all(shop, "product")
            if one.text("category") in shelves and "&" not in one.title
        ],
        3,
    )
    on_sale = [one for one in goods if one.flag("is_on_sale")]
    others = [one for one in goods if not one.flag("is_on_sale")]
    draw.demand(bool(on_sale and others))
    prices = [spelled_money(one.number("price")) for one in goods]
    draw.demand(len(set(prices)) == 3)
    names = [_short(one) for one in goods]
    draw.demand(
        len({word for name in names for word in _words(name)})
        == sum(len(_words(name)) for name in names)
    )
    listed = f"{names[0]}, {names[1]} or {names[2]}"
    note = [f"{_short(one)}: {told_money(one.number('price'))}" for one in on_sale]
    all_notes = [f"{_short(one)}: {told_money(one.number('price'))}" for one in goods]
    bad_prices = [spelled_money(one.number("price")) for one in others]
    return Sketch(
        says=(
            f"Which of {listed} are on sale at {shop}? Write only those into a note, each with "
            "what it costs now.",
            f"Check {shop} for sales on {listed}. Note the ones that are reduced and their prices, "
            "nothing about the rest.",
        ),
        rubrics=(
            *(note_says(f"the note has {_short(one)}", _words(_short(one)),
                        spelled_money(one.number("price"))) for one in on_sale),
            note_says("the note leaves out what is not on sale",
                      spelled_money(on_sale[0].number("price")), but_not=bad_prices),
        ),
        aims=(*(look_at(shop, "product", one, facts=(f"{told_money(one.number('price'))} for "
                                                     f"{one.title}, {one.text('was') or 'usual'}",))
                for one in goods),
              write_note(f"Sales at {shop}", "\n".join(note))),
        wrong={"all three": (write_note("Sales", "\n".join(all_notes)),)},
        parameters={"shop": shop, "products": listed},
    )  # fmt: skip


def sum_up_reviews(draw: Draw) -> Sketch:
    """Whether buyers praise or complain, as a word in a note."""
    shop = draw.one(SHOPS)
    product = draw.one(draw.all(shop, "product"))
    stars = _stars(draw, shop, product)
    praise = sum(one >= 4 for one in stars)
    draw.demand(len(stars) >= 4 and abs(2 * praise - len(stars)) >= 2)
    verdict, opposite = (
        ("positive", "negative") if 2 * praise > len(stars) else ("negative", "positive")
    )
    title = f"{product.text('brand')} reviews"
    return Sketch(
        says=(
            f"Read all reviews of the {product.title} at {shop}. Are most of them positive or "
            f'negative? Write that one word into a note called "{title}".',
            f'Make a note titled "{title}" that says just positive or negative: what do most '
            f"people who reviewed {product.title} at {shop} think?",
        ),
        rubrics=(
            did("all reviews were opened", shop, "reviews_opened", product),
            note_says("the note has the verdict", verdict, but_not=[opposite], title=title),
        ),
        aims=(look_at(shop, "reviews", product,
                      facts=(f"{praise} of {len(stars)} reviews praise it",)),
              write_note(title, verdict.capitalize())),
        wrong={"the opposite": (look_at(shop, "reviews", product),
                                write_note(title, opposite.capitalize())),
               "both words": (look_at(shop, "reviews", product),
                              write_note(title, "Positive and negative")),
               "without reading": (write_note(title, verdict),)},
        parameters={"shop": shop, "product": product.title, "verdict": verdict},
    )  # fmt: skip


def count_bad_reviews(draw: Draw) -> Sketch:
    """How many of the reviews have one or two stars."""
    shop = draw.one(SHOPS)
    product = draw.one(draw.all(shop, "product"))
    stars = _stars(draw, shop, product)
    bad = sum(one <= 2 for one in stars)
    draw.demand(bad >= 2 and bad != len(stars) - bad)
    return Sketch(
        says=(
            f"How many of the written reviews of {product.title!r} at {shop} give only one or two "
            "stars? Answer with the number.",
            f"Count the bad reviews (2 stars or less) of the {product.title} at {shop} and tell me "
            "just the number.",
        ),
        rubrics=(
            tells("the number is right", spelled_count(bad),
                  but_not=[spelled_count(len(stars) - bad)]),
            did("all reviews were opened", shop, "reviews_opened", product),
        ),
        aims=(look_at(shop, "reviews", product,
                      facts=(f"{bad} of {len(stars)} reviews have one or two stars",)),
              tell(str(bad))),
        wrong={"the good ones": (look_at(shop, "reviews", product), tell(str(len(stars) - bad))),
               "only the two on the product's page": (look_at(shop, "product", product),
                                                      tell(str(bad + 1)))},
        parameters={"shop": shop, "product": product.title},
    )  # fmt: skip


def refuse_cheap_one(draw: Draw) -> Sketch:
    """Something below a price that nothing of its kind has."""
    shop, shelf = draw.one(SHOPS), draw.one(list(_SHELVES))
    goods = _by_price(draw, shop, shelf)
    draw.demand(len(goods) > 2)
    cheapest = goods[0]
    limit = cheapest.number("price") // 1000 * 10
    draw.demand(limit >= 20)
    many, one = _SHELVES[shelf]
    return Sketch(
        says=(
            f"Put a {one} for less than ${limit} into my cart at {shop}.",
            f"I want one of the {many} at {shop} that costs under ${limit}. Into the cart with it.",
        ),
        rubrics=(
            did("the shop was searched", shop, "search"),
            all_of(
                "nothing dearer was taken",
                there_are("in the cart", shop, "cart", 0),
                there_are("ordered", shop, "purchase", 0),
            ),
        ),
        aims=(look_at(shop, "home", settings={"query": many},
                      facts=(f"the cheapest costs {told_money(cheapest.number('price'))}",)),),
        right_end="cannot",
        wrong={"the cheapest all the same": (add_to_cart(shop, cheapest),)},
        parameters={"shop": shop, "category": shelf, "dollars": limit},
    )  # fmt: skip


def plan_delivery(draw: Draw) -> Sketch:
    """A product ordered, and its day of delivery in the calendar."""
    shop = draw.one(SHOPS)
    product = draw.one(draw.all(shop, "product"))
    days = int(re.findall(r"\d+", product.text("delivery"))[0])
    day = (draw.now + timedelta(days=days)).date()
    title = f"{product.text('brand')} parcel"
    at = f"{day.isoformat()}T09:00"
    return Sketch(
        says=(
            f"Order one {product.title!r} at {shop}. Then put \"{title}\" into my calendar at 9:00 "
            "on the day it will be delivered.",
            f"Buy {product.title} from {shop}, see how long delivery takes, and add an event "
            f'"{title}" at 9 am of that day to my calendar.',
        ),
        rubrics=(
            there_is("it was ordered", shop, "purchase", name=f"1 x {product.title}"),
            there_is("the event stands in the calendar", "Calendar", "event", title=title),
            there_is("on the day of delivery", "Calendar", "event", title=title, starts=at),
        ),
        aims=(look_at(shop, "product", product,
                      facts=(f"{product.text('delivery')}: {told_day(day)}",)),
              add_to_cart(shop, product), order(shop), plan_event(title, at)),
        wrong={"today": (plan_event(title, f"{draw.now.date().isoformat()}T11:00"),)},
        parameters={"shop": shop, "product": product.title, "days": days},
    )  # fmt: skip


def add_to_cart(shop: str, product: Record, times: int = 1) -> Aim:
    """So many of a product."""
    return do(shop, "product", "add_to_cart", product, times=times)


def order(shop: str) -> Aim:
    """All that lies in the cart."""
    return do(shop, "cart", "place_order")


def cart_is(name: str, shop: str, *wanted: tuple[Record, int]) -> Rubric:
    """In the cart are these products so often, and nothing else."""
    return all_of(
        name,
        *(there_is(f"{count} x {product.title}", shop, "cart", article=product.id, quantity=count)
          for product, count in wanted),
        there_are("different things", shop, "cart", len(wanted)),
    )  # fmt: skip


def _of_shelf(draw: Draw, shop: str, category: str) -> list[Record]:
    return [one for one in draw.all(shop, "product") if one.text("category") == category]


def _beside(draw: Draw, shop: str, product: Record) -> list[Record]:
    """Others of the same category."""
    return [one for one in _of_shelf(draw, shop, product.text("category")) if one.id != product.id]


def _by_price(draw: Draw, shop: str, category: str) -> list[Record]:
    return sorted(_of_shelf(draw, shop, category), key=lambda one: one.number("price"))


def _by_rating(goods: list[Record]) -> list[Record]:
    return sorted(goods, key=lambda one: -float(one.values["rating"]))


def _has_best_below(draw: Draw, shop: str, shelf: str, limit: int) -> bool:
    """Whether one product alone is best below so many dollars, and another one best of all."""
    goods = _by_rating(_by_price(draw, shop, shelf))
    fitting = [one for one in goods if one.number("price") < limit * 100]
    if len(fitting) < 2 or fitting[0].id == goods[0].id:
        return False
    return fitting[0].values["rating"] != fitting[1].values["rating"]


def _stars(draw: Draw, shop: str, product: Record) -> list[float]:
    return [float(one.values["stars"]) for one in draw.all(shop, "review")
            if one.number("product") == product.id]  # fmt: skip


def _short(product: Record) -> str:
    """As a shopping list has it."""
    return product.title.partition(",")[0].lower()


def _words(name: str) -> tuple[str, ...]:
    """Words by which a note may name it."""
    return tuple(word for word in re.findall(r"[a-z-]+", name) if len(word) > 3)


SHOPPING_TASKS = (
    Kind(put_in_cart, "easy"),
    Kind(put_on_list_only, "easy"),
    Kind(order_cheapest, "medium"),
    Kind(list_best_below, "hard"),
    Kind(order_what_money_buys, "hard"),
    Kind(note_sales, "hard"),
    Kind(sum_up_reviews, "hard"),
    Kind(count_bad_reviews, "medium"),
    Kind(refuse_cheap_one, "medium"),
    Kind(plan_delivery, "hard"),
)

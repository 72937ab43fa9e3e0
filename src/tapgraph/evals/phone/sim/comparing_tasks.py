"""Comparing what shops charge: over two or three of them, with messages and notes."""

from collections.abc import Sequence

from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import (
    all_of,
    did,
    in_front,
    note_says,
    tells,
    there_are,
    there_is,
)
from tapgraph.evals.phone.sim.shopping_tasks import SHOPS, add_to_cart, order
from tapgraph.evals.phone.sim.spelling import spelled_money, told_money
from tapgraph.evals.phone.sim.texting import friends, only_they_know, texted
from tapgraph.evals.phone.sim.ways import look_at, send_message, tell, write_note
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["COMPARING_TASKS"]


def open_cheaper_offer(draw: Draw) -> Sketch:
    """The page of a product in the shop that sells it for less."""
    cheap, dear, offers = _two_offers(draw)
    name = offers[cheap].title
    first, second = sorted((cheap, dear))
    return Sketch(
        says=(
            f"Compare the price of {name!r} at {first} and {second}. Then open its page at the "
            "cheaper one.",
            f"Where is {name} cheaper, {first} or {second}? Leave the better offer open on the "
            "screen.",
        ),
        rubrics=(
            all_of("both shops were visited", did("one", cheap, "home_opened"),
                   did("the other", dear, "home_opened")),
            in_front("the cheaper offer is in front", cheap, "product", offers[cheap]),
        ),
        aims=(_read(dear, offers[dear]), _read(cheap, offers[cheap])),
        wrong={"the dearer one": (_read(cheap, offers[cheap]), _read(dear, offers[dear])),
               "without comparing": (_read(cheap, offers[cheap]),)},
        parameters={"product": name, "cheaper": cheap, "dearer": dear},
    )  # fmt: skip


def tell_price_difference(draw: Draw) -> Sketch:
    """How much more one shop wants than another."""
    cheap, dear, offers = _two_offers(draw)
    name = offers[cheap].title
    low, high = (offers[shop].number("price") for shop in (cheap, dear))
    difference = high - low
    draw.demand(difference not in {low, high})
    return Sketch(
        says=(
            f"By how much is {name!r} cheaper at {cheap} than at {dear}? Tell me the difference "
            "in dollars and cents.",
            f"What would I save by buying {name} at {cheap} and not at {dear}? Just the amount, "
            "please.",
        ),
        rubrics=(
            all_of("both shops were visited", did("one", cheap, "home_opened"),
                   did("the other", dear, "home_opened")),
            tells("the difference is right", spelled_money(difference)),
        ),
        aims=(_read(dear, offers[dear]), _read(cheap, offers[cheap]),
              tell(told_money(difference))),
        wrong={"the price itself": (_read(dear, offers[dear]), _read(cheap, offers[cheap]),
                                    tell(told_money(low))),
               "one dollar off": (_read(cheap, offers[cheap]), tell(told_money(difference + 100)))},
        parameters={"product": name, "cents": difference},
    )  # fmt: skip


def seek_in_all_shops(draw: Draw) -> Sketch:
    """Something that no shop sells."""
    thing = draw.one(("bicycle helmet", "garden hose", "banjo", "baby stroller",
                      "snow shovel", "camping tent", "rubber boat"))  # fmt: skip
    order_of_visits = draw.some(SHOPS, 3)
    something = draw.one(draw.all(order_of_visits[0], "product"))
    first, second, third = order_of_visits
    return Sketch(
        says=(
            f"Buy me a {thing}: try {first} first, then {second}, then {third}.",
            f"I need a {thing}. Order one at {first}; if they have none, at {second} or {third}.",
        ),
        rubrics=(
            *(did(f"{shop} was searched", shop, "search") for shop in order_of_visits),
            all_of(
                "nothing else was taken instead",
                *(there_are(f"{what} at {shop}", shop, what, 0)
                  for shop in order_of_visits for what in ("cart", "purchase")),
            ),
        ),
        aims=tuple(look_at(shop, "home", settings={"query": thing},
                           facts=(f"{shop} has no {thing}",)) for shop in order_of_visits),
        right_end="cannot",
        wrong={"only the first shop": (look_at(first, "home", settings={"query": thing}),),
               "something else": (add_to_cart(first, something), order(first))},
        parameters={"thing": thing},
    )  # fmt: skip


def buy_each_where_cheaper(draw: Draw) -> Sketch:
    """Two products, each ordered in the cheaper one of two shops."""
    first, second = draw.some(SHOPS, 2)
    shared = _shared(draw, (first, second))
    at_first = [one for one in shared if _price(one, first) < _price(one, second)]
    at_second = [one for one in shared if _price(one, first) > _price(one, second)]
    one, two = draw.one(at_first), draw.one(at_second)
    names = draw.some((one[first].title, two[first].title), 2)
    bought_first, bought_second = one[first], two[second]
    return Sketch(
        says=(
            f"Order {names[0]!r} and {names[1]!r}, each of them at {first} or {second}, wherever "
            "it costs less.",
            f"I need one {names[0]} and one {names[1]}. Compare {first} and {second} and buy each "
            "where it is cheaper.",
        ),
        rubrics=tuple(
            rubric
            for shop, product in ((first, bought_first), (second, bought_second))
            for rubric in (
                there_is(f"{product.title} was ordered at {shop}", shop, "purchase",
                         name=f"1 x {product.title}"),
                all_of(f"and nothing else at {shop}",
                       there_is("that", shop, "purchase", name=f"1 x {product.title}"),
                       there_are("orders", shop, "purchase", 1)),
            )
        ),
        aims=(_read(first, one[first]), _read(first, two[first]), _read(second, one[second]),
              add_to_cart(second, bought_second), order(second),
              add_to_cart(first, bought_first), order(first)),
        wrong={"both in one shop": (add_to_cart(first, one[first]), add_to_cart(first, two[first]),
                                    order(first)),
               "only one of them": (add_to_cart(first, bought_first), order(first))},
        parameters={"at_first": bought_first.title, "at_second": bought_second.title},
    )  # fmt: skip


def text_best_price(draw: Draw) -> Sketch:
    """The cheapest of three shops, and its price, to a friend."""
    offers = draw.one(_shared(draw, SHOPS))
    cheap, second, dear = sorted(SHOPS, key=lambda shop: _price(offers, shop))
    draw.demand(_price(offers, cheap) < _price(offers, second) < _price(offers, dear))
    friend, other = friends(draw, 2)
    name, price = offers[cheap].title, _price(offers, cheap)
    told = f"{cheap}, {told_money(price)}"
    wrong = f"{second}, {told_money(_price(offers, second))}"
    others = [spelled_money(_price(offers, shop)) for shop in (second, dear)]
    reading = tuple(_read(shop, offers[shop]) for shop in SHOPS)
    return Sketch(
        says=(
            f"Which of {SHOPS[0]}, {SHOPS[1]} and {SHOPS[2]} has the lowest price for {name!r}? "
            f"Text {friend.title} only that shop and that price.",
            f"{friend.title} wants to buy {name}. Compare {SHOPS[0]}, {SHOPS[1]} and {SHOPS[2]} "
            "and send them a message with the cheapest shop and what it costs there, nothing more.",
        ),
        rubrics=(
            texted("the message has the price, and no other", friend, spelled_money(price),
                   but_not=others),
            texted("the message has the shop", friend, cheap.partition(" Shop")[0]),
            only_they_know(draw, friend),
        ),
        aims=(*reading, send_message(friend, told)),
        wrong={"the second cheapest": (*reading, send_message(friend, wrong)),
               "another friend": (send_message(other, told),)},
        parameters={"product": name, "friend": friend.title},
    )  # fmt: skip


def note_three_prices(draw: Draw) -> Sketch:
    """What three shops charge today, in one note."""
    offers = draw.one([one for one in _shared(draw, SHOPS)
                       if any(offer.flag("is_on_sale") for offer in one.values())])  # fmt: skip
    name = offers[SHOPS[0]].title
    prices = {shop: _price(offers, shop) for shop in SHOPS}
    draw.demand(len(set(prices.values())) == 3)
    lines = [f"{shop}: {told_money(price)}" for shop, price in prices.items()]
    usual = [f"{shop}: {offers[shop].text('was').removeprefix('Was ') or told_money(price)}"
             for shop, price in prices.items()]  # fmt: skip
    return Sketch(
        says=(
            f'Write a note "Prices" with what {name!r} costs today at {SHOPS[0]}, {SHOPS[1]} and '
            f"{SHOPS[2]}.",
            f"Look up {name} at {SHOPS[0]}, {SHOPS[1]} and {SHOPS[2]} and put the three current "
            'prices into one note called "Prices".',
        ),
        rubrics=(
            *(note_says(f"the price at {shop} is noted", spelled_money(price), title="Prices")
              for shop, price in prices.items()),
            note_says("one note has all three", *(spelled_money(one) for one in prices.values()),
                      title="Prices"),
        ),
        aims=(*(_read(shop, offers[shop]) for shop in SHOPS),
              write_note("Prices", "\n".join(lines))),
        wrong={"one shop forgotten": (write_note("Prices", "\n".join(lines[:2])),),
               "the crossed out prices": (write_note("Prices", "\n".join(usual)),)},
        parameters={"product": name},
    )  # fmt: skip


def _shared(draw: Draw, shops: Sequence[str]) -> list[dict[str, Record]]:
    """What all of the shops sell: by shop, its offer."""
    shelves = {shop: {one.title: one for one in draw.all(shop, "product")} for shop in shops}
    return [{shop: shelves[shop][name] for shop in shops} for name in shelves[shops[0]]
            if all(name in shelves[shop] for shop in shops)]  # fmt: skip


def _price(offers: dict[str, Record], shop: str) -> int:
    return offers[shop].number("price")


def _two_offers(draw: Draw) -> tuple[str, str, dict[str, Record]]:
    """The cheaper shop, the dearer one, and their offers of the same product."""
    shops = draw.some(SHOPS, 2)
    offers = draw.one(_shared(draw, shops))
    cheap, dear = sorted(shops, key=lambda shop: _price(offers, shop))
    draw.demand(_price(offers, cheap) < _price(offers, dear))
    return cheap, dear, offers


def _read(shop: str, offer: Record) -> Aim:
    price = told_money(offer.number("price"))
    return look_at(shop, "product", offer, facts=(f"{offer.title} costs {price} at {shop}",))


COMPARING_TASKS = (
    Kind(open_cheaper_offer, "medium"),
    Kind(tell_price_difference, "medium"),
    Kind(seek_in_all_shops, "hard"),
    Kind(buy_each_where_cheaper, "expert"),
    Kind(text_best_price, "expert"),
    Kind(note_three_prices, "hard"),
)

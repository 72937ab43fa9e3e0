"""Scenario 3: what to buy where. Amazon Shopping, Walmart, Best Buy and Notes."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from tapgraph.evals.phone.mobile_eval_e.looking import (
    is_named,
    listed,
    looked_at,
    noted,
    open_app,
    opened,
    searched,
)
from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import (
    Fact,
    all_of,
    any_of,
    app_in_front,
    in_front,
    says,
)
from tapgraph.evals.phone.sim.spelling import spelled_money, told_money
from tapgraph.evals.phone.sim.ways import look_at, write_note
from tapgraph.evals.suite import Evidence, Finding, Rubric
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["SHOPPING"]

_AMAZON, _WALMART, _BEST_BUY = "Amazon Shopping", "Walmart", "Best Buy"
_JOY_CON: Final = ("joy-con", "joycon", "joy con")
_GROCERIES: Final[Mapping[str, Sequence[str]]] = {
    "Ribeye Steak": ("ribeye", "rib eye", "rib-eye", "steak"),
    "Navel Oranges": ("orange",),
    "Toilet Paper": ("toilet", "bath tissue"),
}
"""By a piece of the product's name, what the user may call it."""
_DENIED: Final = re.compile(r"\b(?:no|not|none|isn't|aren't|without)\b")


def show_cheaper_air_fryer(draw: Draw) -> Sketch:
    """The larger air fryer of a brand, in the one of two shops that asks less for it."""
    shops = (_WALMART, _AMAZON)
    goods = {shop: _product(draw, shop, "Ninja", "8 Qt") for shop in shops}
    small = {shop: _product(draw, shop, "Ninja", "5 Qt") for shop in shops}
    cheap, dear = sorted(shops, key=lambda shop: goods[shop].number("price"))
    find = [_search(shop, "Ninja air fryer 8 qt", goods[shop]) for shop in shops]
    stop = look_at(cheap, "product", goods[cheap])
    best = [shop for shop in shops
            if goods[shop].number("price") == goods[cheap].number("price")]  # fmt: skip
    return Sketch(
        says=("",),
        rubrics=(
            *(rubric for shop in shops for rubric in (
                opened(shop, "home"),
                searched(f"{shop} was searched", shop, "ninja", ("fryer", "8")),
                _price_seen(f"the price at {shop} was found", draw, shop, goods[shop]),
            )),
            any_of("the cheaper one is in front", *(
                part for shop in best for part in (
                    in_front("its page", shop, "product", goods[shop]),
                    all_of("the list", _price_seen("found", draw, shop, goods[shop]),
                           _on_screen("shown", shop, goods[shop])),
                ))),
        ),
        aims=(*find, stop),
        wrong={"the dearer one": (*find, look_at(dear, "product", goods[dear])),
               "the smaller one": tuple(
                   aim for shop in shops for aim in (
                       _search(shop, "Ninja air fryer 5 qt", small[shop]),
                       look_at(shop, "product", small[shop]))),
               "one shop only": (find[0], look_at(_WALMART, "product", goods[_WALMART])),
               "no shop at the end": (*find, open_app("Notes"))},
        parameters={"shop": cheap, "price": told_money(goods[cheap].number("price"))},
    )  # fmt: skip


def note_groceries_on_sale(draw: Draw) -> Sketch:
    """Which of three groceries cost less than usual, in a note with their prices."""
    goods = {piece: _product(draw, _WALMART, piece) for piece in _GROCERIES}
    on_sale = {piece: one for piece, one in goods.items() if one.flag("is_on_sale")}
    draw.demand(0 < len(on_sale) < len(goods))
    find = [
        _search(_WALMART, query, one)
        for query, one in zip(
            ("ribeye steak", "fresh oranges", "toilet paper"), goods.values(), strict=True
        )
    ]
    lines = {piece: f"{one.title}: {told_money(one.number('price'))}"
             for piece, one in goods.items()}  # fmt: skip
    usual = [f"{one.title}: {one.text('was')}" for one in on_sale.values()]
    right = [lines[piece] for piece in on_sale]
    return Sketch(
        says=("",),
        rubrics=(
            opened(_WALMART, "home"),
            *(rubric for piece, one in goods.items() for rubric in (
                searched(f"{piece} was searched for", _WALMART, tuple(_GROCERIES[piece]),
                         but_not=("juice",)),
                _price_seen(f"whether {piece} is on sale was seen", draw, _WALMART, one),
            )),
            opened("Notes", "list"),
            noted("the note has what is on sale, with prices",
                  lambda text: says(text, [fact for piece, one in on_sale.items()
                                           for fact in _priced(piece, one)])),
            noted("the note has nothing else",
                  lambda text: _only_on_sale(text, tuple(on_sale), tuple(goods))),
        ),
        aims=(*find, write_note("On sale", "\n".join(right))),
        wrong={"all three noted": (*find, write_note("Prices", "\n".join(lines.values()))),
               "without prices": (*find, write_note("On sale", "\n".join(
                   one.title for one in on_sale.values()))),
               "the usual prices": (*find, write_note("On sale", "\n".join(usual))),
               "one not looked up": (*find[:2], write_note("On sale", "\n".join(right))),
               "nothing noted": tuple(find)},
        parameters={"products": len(on_sale)},
    )  # fmt: skip


def show_cheapest_controllers(draw: Draw) -> Sketch:
    """A pair of new controllers, in the one of three shops that asks the least for it."""
    shops = (_AMAZON, _WALMART, _BEST_BUY)
    goods = {shop: _product(draw, shop, "Joy-Con (L/R)") for shop in shops}
    docks = {shop: _product(draw, shop, "Charging Dock") for shop in shops}
    cheap, *_, dear = sorted(shops, key=lambda shop: goods[shop].number("price"))
    find = [_search(shop, "Nintendo Switch Joy-Con", goods[shop]) for shop in shops]
    best = [shop for shop in shops
            if goods[shop].number("price") == goods[cheap].number("price")]  # fmt: skip
    seen = {shop: _price_seen(f"its price at {shop} was found", draw, shop, goods[shop])
            for shop in shops}  # fmt: skip
    return Sketch(
        says=("",),
        rubrics=(
            *(rubric for shop in shops for rubric in (
                opened(shop, "home"), searched(f"{shop} was searched", shop, _JOY_CON),
                seen[shop])),
            any_of("the cheapest shop is in front", *(
                all_of(shop, app_in_front("it", shop), seen[shop]) for shop in best)),
            any_of("it can be put into the cart there", *(
                in_front(shop, shop, "product", goods[shop]) for shop in best)),
        ),
        aims=(*find, look_at(cheap, "product", goods[cheap])),
        wrong={"the dearest": (*find, look_at(dear, "product", goods[dear])),
               "the list only": (*find, _search(cheap, "Nintendo Switch Joy-Con", goods[cheap])),
               "the charging dock": tuple(
                   aim for shop in (*shops, cheap) for aim in (
                       _search(shop, "Joy-Con charging dock", docks[shop]),
                       look_at(shop, "product", docks[shop]))),
               "one shop left out": (*find[:2], look_at(_WALMART, "product", goods[_WALMART]))},
        parameters={"shop": cheap, "price": told_money(goods[cheap].number("price"))},
    )  # fmt: skip


def _product(draw: Draw, shop: str, *pieces: str) -> Record:
    return draw.one([one for one in draw.all(shop, "product") if is_named(one.title, *pieces)])


def _search(shop: str, query: str, product: Record) -> Aim:
    fact = f"{product.title} at {shop}: {told_money(product.number('price'))}"
    return look_at(shop, "home", settings={"query": query}, facts=(fact,))


def _price_seen(name: str, draw: Draw, shop: str, product: Record) -> Rubric:
    """The product's page was opened, or a search put it first in a list, which tells the price."""
    world = draw.app(shop).world

    def first(query: str) -> list[int]:
        return [one.number for one in world.products_matching(shop, query)[:1]]

    return any_of(name, looked_at("its page", shop, "product", [product]),
                  listed("the list", shop, first, [product], 1))  # fmt: skip


def _on_screen(name: str, app: str, product: Record) -> Rubric:
    """The app is in front and shows the name of the product with its price."""

    def holds(seen: Evidence) -> Finding:
        told = [] if seen.screen is None else [one.text for one in seen.screen.elements]
        price = told_money(product.number("price"))
        missing = [fact for fact in (product.title, price) if not is_named("\n".join(told), fact)]
        return Finding(not missing, f"the screen lacks {missing}")

    return all_of(name, app_in_front("the app", app), Rubric("its name and price", holds))


def _priced(piece: str, product: Record) -> tuple[Fact, Fact]:
    stems = _GROCERIES[piece]
    return (*stems, *(f"{stem}s" for stem in stems)), spelled_money(product.number("price"))


def _only_on_sale(text: str, on_sale: Sequence[str], everything: Sequence[str]) -> Finding:
    """Lines that say no, such as that one is not on sale, may name the others."""
    lines = [line for line in text.casefold().splitlines() if not _DENIED.search(line)]
    named = [piece for piece in everything
             if any(is_named(line, tuple(_GROCERIES[piece])) for line in lines)]  # fmt: skip
    wrong = [piece for piece in named if piece not in on_sale]
    return Finding(bool(named) and not wrong, f"{text[:200]!r} names {named}, of which {wrong} "
                   "are not on sale")  # fmt: skip


SHOPPING: Final[Mapping[str, Kind]] = {
    "3_ninja_air_fryer": Kind(show_cheaper_air_fryer, "medium"),
    "3_walmart_sale_items": Kind(note_groceries_on_sale, "hard"),
    "3_nintendo_switch_joy_con": Kind(show_cheapest_controllers, "hard"),
}

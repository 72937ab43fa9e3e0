"""Scenario 3, two tasks of it: a television and a laptop with certain properties, in shops."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from tapgraph.evals.phone.mobile_eval_e.looking import (
    ends_at,
    events,
    listed,
    looked_at,
    open_app,
    opened,
    searched,
)
from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import all_of, any_of
from tapgraph.evals.phone.sim.ways import look_at
from tapgraph.evals.suite import Evidence, Finding, Rubric
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record
from tapgraph.tools.mobile.simulator.world.product import Product

__all__ = ["ELECTRONICS"]

_TV_SHOP, _LAPTOP_SHOP = "Best Buy", "Amazon Shopping"
_MOST_CENTS = 1000_00
_MORE_THAN_GB = 8


def find_best_oled_deal(draw: Draw) -> Sketch:
    """The best deal among televisions of a size and a panel: the price, or what is saved."""
    sets = _goods(draw, _TV_SHOP, "TV")
    fitting = [one for one in sets if all(has(one) for has in (_is_55_inch, _is_4k, _is_oled))]
    best = _best_deals(fitting)
    wanted = draw.one(best)
    large = next(one for one in sets if _is_oled(one) and not _is_55_inch(one))
    cheap = next(one for one in sets if _is_55_inch(one) and not _is_oled(one))
    dear = [one for one in fitting if one not in best]
    search = look_at(_TV_SHOP, "home", settings={"query": "55-inch 4K OLED TV"})
    all_sets = look_at(_TV_SHOP, "home", settings={"query": "TV"})
    stop = _page(draw, wanted)
    return Sketch(
        says=("",),
        rubrics=(
            opened(_TV_SHOP, "home"),
            searched("such televisions were searched for", _TV_SHOP, "oled",
                     ("55", "tv", "television", "4k")),
            _offered(draw, "one was found", sets, 1),
            _offered(draw, "several were looked at", sets, 2),
            _last_one("the one found has the size", sets, _is_55_inch),
            _last_one("the one found has the resolution", sets, _is_4k),
            _last_one("the one found has the panel", sets, _is_oled),
            ends_at("a best deal of this kind is in front", _TV_SHOP, "product",
                    _records(draw, best)),
        ),
        aims=(search, stop),
        wrong={"too large": (search, _page(draw, large)),
               "another panel": (search, _page(draw, cheap)),
               "not left there": (search, stop, look_at(_TV_SHOP, "cart")),
               "nothing chosen": (search,),
               "not searched for": (all_sets, stop),
               "something else": (search, _page(draw, _goods(draw, _TV_SHOP, "Headphones")[0])),
               **{f"dearer: {one.name}": (search, _page(draw, one)) for one in dear}},
        parameters={"product": wanted.name},
    )  # fmt: skip


def find_laptop_with_graphics(draw: Draw) -> Sketch:
    """A laptop below a price, with a maker's graphics and more than so much memory."""
    laptops = _goods(draw, _LAPTOP_SHOP, "Laptops")
    checks = (_is_affordable, _has_nvidia, _has_memory)
    right = [one for one in laptops if all(has(one) for has in checks)]
    wanted = draw.one(right)
    missing = {has: draw.one([one for one in laptops if not has(one)]) for has in checks}
    graphics = [one for one in laptops if _has_nvidia(one)]
    search = look_at(_LAPTOP_SHOP, "home", settings={"query": "laptop Nvidia GPU"})
    stop = _page(draw, wanted)
    return Sketch(
        says=("",),
        rubrics=(
            opened(_LAPTOP_SHOP, "home"),
            any_of("laptops with such graphics were searched for",
                   searched("in words", _LAPTOP_SHOP, ("laptop", "notebook"),
                            ("nvidia", "rtx", "geforce", "gpu", "gaming")),
                   all_of("by hand", searched("laptops", _LAPTOP_SHOP, ("laptop", "notebook")),
                          looked_at("one", _LAPTOP_SHOP, "product", _records(draw, graphics)))),
            _offered(draw, "a laptop was found", laptops, 1),
            _last_one("the one found is below the price", laptops, _is_affordable),
            _last_one("the one found has the graphics", laptops, _has_nvidia),
            _last_one("the one found has the memory", laptops, _has_memory),
            ends_at("one that has all is in front", _LAPTOP_SHOP, "product",
                    _records(draw, right)),
        ),
        aims=(search, stop),
        wrong={"too dear": (search, _page(draw, missing[_is_affordable])),
               "other graphics": (search, _page(draw, missing[_has_nvidia])),
               "too little memory": (search, _page(draw, missing[_has_memory])),
               "not left there": (search, stop, look_at(_LAPTOP_SHOP, "cart")),
               "nothing chosen": (search,),
               "a maker searched for": (
                   look_at(_LAPTOP_SHOP, "home", settings={"query": wanted.brand}), stop),
               "only opened": (open_app(_LAPTOP_SHOP),)},
        parameters={"product": wanted.name},
    )  # fmt: skip


def _goods(draw: Draw, shop: str, category: str) -> list[Product]:
    return [one for one in draw.app(shop).world.products
            if (one.shop, one.category) == (shop, category)]  # fmt: skip


def _page(draw: Draw, product: Product) -> Aim:
    return look_at(product.shop, "product", _record(draw, product))


def _record(draw: Draw, product: Product) -> Record:
    return draw.app(product.shop).store.get("product", product.number)


def _records(draw: Draw, products: Sequence[Product]) -> list[Record]:
    return [_record(draw, one) for one in products]


def _best_deals(products: Sequence[Product]) -> list[Product]:
    """The cheapest, and those on which most is saved, in money and in percent."""
    best = {
        min(products, key=lambda one: one.price_cents),
        max(products, key=lambda one: one.list_price_cents - one.price_cents),
        min(products, key=lambda one: one.price_cents / one.list_price_cents),
    }
    return [one for one in products if one in best]


def _offered(draw: Draw, name: str, products: Sequence[Product], least: int) -> Rubric:
    """So many stood in the results of a search, or their pages were opened."""
    shop, things = products[0].shop, _records(draw, products)
    world = draw.app(shop).world

    def find(query: str) -> list[int]:
        return [one.number for one in world.products_matching(shop, query)]

    return any_of(name, listed("in the list", shop, find, things, least),
                  looked_at("on pages", shop, "product", things, least=least))  # fmt: skip


def _last_one(name: str, products: Sequence[Product], has: Callable[[Product], bool]) -> Rubric:
    """The last product whose page was opened is one of these and has a property."""
    return Rubric(name, partial(_is_last, products, has))


def _is_last(
    products: Sequence[Product], has: Callable[[Product], bool], seen: Evidence
) -> Finding:
    opened_ones = [number for number, _ in events(seen, products[0].shop, "product_opened")]
    last = opened_ones[-1] if opened_ones else ""
    found = next((one for one in products if str(one.number) == last), None)
    told = "none of the kind" if found is None else f"{found.name}, {found.price}"
    return Finding(found is not None and has(found), f"the last one opened was {told}")


def _is_55_inch(product: Product) -> bool:
    return dict(product.specifications)["Screen size"] == "55 in"


def _is_4k(product: Product) -> bool:
    return dict(product.specifications)["Resolution"].startswith("4K")


def _is_oled(product: Product) -> bool:
    return dict(product.specifications)["Panel"] == "OLED"


def _is_affordable(product: Product) -> bool:
    return product.price_cents < _MOST_CENTS


def _has_nvidia(product: Product) -> bool:
    return "NVIDIA" in dict(product.specifications)["Graphics"]


def _has_memory(product: Product) -> bool:
    return int(dict(product.specifications)["Memory"].split()[0]) > _MORE_THAN_GB


ELECTRONICS: Final[Mapping[str, Kind]] = {
    "3_oled_tv": Kind(find_best_oled_deal, "medium"),
    "3_laptop_nvidia_gpu": Kind(find_laptop_with_graphics, "medium"),
}
"""By the official identity of a task."""

"""Burgers, sides and drinks: what to order, how big, how it is picked up, and who is told."""

from collections.abc import Sequence
from typing import Final

from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim.predicates import all_of, did, tells, there_are, there_is
from tapgraph.evals.phone.sim.spelling import spelled_count, spelled_money, told_money
from tapgraph.evals.phone.sim.texting import friends, only_they_know, texted
from tapgraph.evals.phone.sim.ways import ask, do, look_at, send_message, tell
from tapgraph.evals.suite import Rubric
from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = ["LUNCH_TASKS"]

_APP: Final = "McDonald's"
_WAYS: Final = {"Counter": "at the counter", "Drive-thru": "at the drive-thru",
                "Table service": "with table service"}  # fmt: skip
_ONES: Final = {"Burgers": "burger", "Sides": "side", "Drinks": "drink", "Desserts": "dessert"}


def order_two_dishes(draw: Draw) -> Sketch:
    """Two dishes in one order, picked up in a way that is told."""
    one, two, other = draw.some(_single(draw), 3)
    draw.demand(two.number("price") != other.number("price"))
    way, another = draw.some(list(_WAYS), 2)
    return Sketch(
        says=(
            f"Order {one.title!r} and {two.title!r} from {_APP}. I pick it up {_WAYS[way]}.",
            f"I'm hungry: get me one {one.title} and one {two.title} at {_APP}, {_WAYS[way]}.",
        ),
        rubrics=(
            did(f"{one.title} was added", _APP, "added", one),
            did(f"{two.title} was added", _APP, "added", two),
            *_ordered(draw, way, one, two),
        ),
        aims=(*_add(one, two), _order(way)),
        wrong={"picked up otherwise": (*_add(one, two), _order(another)),
               "another dish": (*_add(one, other), _order(way)),
               "not sent off": _add(one, two)},
        parameters={"one": one.title, "two": two.title, "way": way},
    )  # fmt: skip


def order_cheapest_pair(draw: Draw) -> Sketch:
    """The cheapest dishes of two kinds that can be had."""
    first_kind, second_kind = draw.some(list(_ONES), 2)
    way = draw.one(list(_WAYS))
    (one, next_one), (two, _) = (_cheapest(draw, kind) for kind in (first_kind, second_kind))
    return Sketch(
        says=(
            f"Order the cheapest {_ONES[first_kind]} and the cheapest {_ONES[second_kind]} that "
            f"{_APP} has right now, {_WAYS[way]}.",
            f"Lunch on a budget: from {_APP}, the least expensive {_ONES[first_kind]} and "
            f"{_ONES[second_kind]} that are not sold out. I take them {_WAYS[way]}.",
        ),
        rubrics=(
            did(f"the cheapest {_ONES[first_kind]} was added", _APP, "added", one),
            did(f"the cheapest {_ONES[second_kind]} was added", _APP, "added", two),
            *_ordered(draw, way, one, two),
        ),
        aims=(*_add(one, two), _order(way)),
        wrong={"the second cheapest": (*_add(next_one, two), _order(way)),
               "one of each and one more": (*_add(one, two, next_one), _order(way)),
               "only one": (*_add(one), _order(way))},
        parameters={"one": one.title, "two": two.title, "way": way},
    )  # fmt: skip


def count_light_dishes(draw: Draw) -> Sketch:
    """How many dishes of a kind have less energy than a limit."""
    kind = draw.one(list(_ONES))
    limit = draw.random.randrange(300, 800, 50)
    calories = [
        one.number("calories") for one in draw.all(_APP, "dish") if one.text("kind") == kind
    ]
    count = sum(one < limit for one in calories)
    draw.demand(1 < count < len(calories) and limit not in calories)
    read = look_at(_APP, "menu", facts=(f"{count} of {len(calories)} are below {limit} kcal",))
    return Sketch(
        says=(
            f"How many of the {kind.lower()} on the menu of {_APP} have less than {limit} kcal? "
            "Sold out or not. Just the number.",
            f"Count the {kind.lower()} at {_APP} with fewer than {limit} calories, whether they "
            "are available today or not, and answer with the number only.",
        ),
        rubrics=(
            did("the menu was opened", _APP, "menu_opened"),
            tells("the number is right", spelled_count(count)),
        ),
        aims=(read, tell(str(count))),
        wrong={"all": (read, tell(str(len(calories)))),
               "one too many": (read, tell(str(count + 1)))},
        parameters={"kind": kind, "kcal": limit, "count": count},
    )  # fmt: skip


def tell_deal_saving(draw: Draw) -> Sketch:
    """How much less than usual a dish costs today."""
    deals = [one for one in draw.all(_APP, "dish") if one.flag("is_deal")]
    dish = draw.one([one for one in deals if not one.title[0].isdigit()])
    saved = dish.number("old_price") - dish.number("price")
    draw.demand(saved not in {dish.number("price"), dish.number("old_price")})
    read = look_at(
        _APP,
        "dish",
        dish,
        facts=(
            f"{told_money(dish.number('price'))}, before {told_money(dish.number('old_price'))}",
        ),
    )
    return Sketch(
        says=(
            f"{dish.title!r} is on offer at {_APP}. How much cheaper than usual is it? Tell me "
            "just the difference.",
            f"What do I save today on one {dish.title} at {_APP}, compared with the normal price? "
            "Only the amount.",
        ),
        rubrics=(
            did("the app was opened", _APP, "menu_opened"),
            tells("the saving is right", spelled_money(saved)),
        ),
        aims=(read, tell(told_money(saved))),
        wrong={"today's price": (read, tell(told_money(dish.number("price")))),
               "the usual price": (read, tell(told_money(dish.number("old_price"))))},
        parameters={"dish": dish.title, "cents": saved},
    )  # fmt: skip


def ask_which_size(draw: Draw) -> Sketch:
    """Something that there is in two sizes."""
    thing, sizes = draw.one((("Fries", ("Small", "Large")), ("Chicken Bites", ("6", "9"))))
    named = {one.title: one for one in _served(draw)}
    draw.demand(all(f"{size} {thing}" in named for size in sizes))
    portions = [named[f"{size} {thing}"] for size in sizes]
    way = draw.one(list(_WAYS))
    chosen = draw.one(portions)
    return Sketch(
        says=(
            f"Order {thing} from {_APP}, {_WAYS[way]}.",
            f"Get me one portion of {thing} at {_APP}. I take it {_WAYS[way]}. If there is "
            "something to choose, ask.",
        ),
        rubrics=(
            did("the menu was opened", _APP, "menu_opened"),
            there_are("nothing was ordered yet", _APP, "purchase", len(draw.all(_APP, "purchase"))),
        ),
        aims=(look_at(_APP, "menu", facts=tuple(one.title for one in portions)),
              ask(f"{portions[0].title} or {portions[1].title}?")),
        right_end="ask",
        wrong={"one of them": (*_add(chosen), _order(way))},
        parameters={"thing": thing, "way": way},
    )  # fmt: skip


def text_order_number(draw: Draw) -> Sketch:
    """A dish ordered, and its order's number to the friend who picks it up."""
    dish, other_dish = draw.some(_single(draw), 2)
    draw.demand(dish.number("price") != other_dish.number("price"))
    way = draw.one(list(_WAYS))
    friend, other = friends(draw, 2)
    code = f"{len(draw.all(_APP, 'purchase')) + 1:02}{dish.number('price') % 100:02}"
    price = told_money(dish.number("price"))
    return Sketch(
        says=(
            f"Order one {dish.title!r} from {_APP}, {_WAYS[way]}, and text the order number to "
            f"{friend.title}, who picks it up.",
            f"{friend.title} fetches my lunch. Buy a {dish.title} at {_APP} ({_WAYS[way]}) and "
            "send them the number of the order.",
        ),
        rubrics=(
            *_ordered(draw, way, dish),
            texted("the number was texted", friend, code),
            only_they_know(draw, friend),
        ),
        aims=(*_add(dish), _order(way), look_at(_APP, "orders", facts=(f"order {code}",)),
              send_message(friend, f"Order {code}")),
        wrong={"the price in its place": (*_add(dish), _order(way), send_message(friend, price)),
               "another friend": (*_add(dish), _order(way), send_message(other, f"Order {code}")),
               "another dish": (*_add(other_dish), _order(way), send_message(friend, "Done"))},
        parameters={"dish": dish.title, "way": way, "friend": friend.title},
    )  # fmt: skip


def _served(draw: Draw) -> list[Record]:
    return [one for one in draw.all(_APP, "dish") if not one.flag("is_sold_out")]


def _single(draw: Draw) -> list[Record]:
    """Those of which a person orders one, and not six."""
    return [one for one in _served(draw) if not one.title[0].isdigit()]


def _cheapest(draw: Draw, kind: str) -> list[Record]:
    """The two cheapest of a kind that can be had, at different prices."""
    dishes = [one for one in _served(draw) if one.text("kind") == kind]
    cheapest = sorted(dishes, key=lambda one: one.number("price"))[:2]
    draw.demand(len(cheapest) == 2)
    draw.demand(cheapest[0].number("price") < cheapest[1].number("price"))
    return cheapest


def _add(*dishes: Record) -> tuple[Aim, ...]:
    return tuple(do(_APP, "dish", "add_to_order", dish) for dish in dishes)


def _order(way: str) -> Aim:
    return do(_APP, "cart", "place_order", settings={"way": way})


def _ordered(draw: Draw, way: str, *dishes: Record) -> Sequence[Rubric]:
    """One order costs what these cost, and it is picked up that way."""
    total = sum(dish.number("price") for dish in dishes)
    orders = len(draw.all(_APP, "purchase")) + 1
    return (
        all_of("one order of just that was sent", there_are("orders", _APP, "purchase", orders),
               there_is("its total", _APP, "purchase", total=total)),
        there_is("it is picked up as told", _APP, "purchase", total=total, way=way),
    )  # fmt: skip


LUNCH_TASKS = (
    Kind(order_two_dishes, "medium"),
    Kind(order_cheapest_pair, "hard"),
    Kind(count_light_dishes, "medium"),
    Kind(tell_deal_saving, "easy"),
    Kind(ask_which_size, "medium"),
    Kind(text_order_number, "hard"),
)

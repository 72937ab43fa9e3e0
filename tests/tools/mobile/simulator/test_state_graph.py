"""Functions in a graph are copied with what they captured."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from types import MappingProxyType
from typing import Any

import pytest

from tapgraph.tools.mobile.simulator.object_graph import Constants, freeze, thaw


def copied(root: Any, *, constants: tuple[object, ...] = ()) -> Any:
    return thaw(freeze(root, Constants(constants), {}), {})


def counter() -> tuple[Callable[[], None], Callable[[], int]]:
    count = 0

    def add() -> None:
        nonlocal count
        count += 1

    return add, lambda: count


def test_functions_that_share_a_variable_share_its_copy() -> None:
    add, read = counter()
    add()
    copied_add, copied_read = copied((add, read))
    copied_add()
    copied_add()
    assert (read(), copied_read()) == (1, 3)


def test_function_that_calls_itself_is_copied_once() -> None:
    def fall(height: int) -> int:
        return height if height <= 0 else fall(height - 1)

    twin = copied(fall)
    assert twin is not fall
    assert twin.__closure__[0].cell_contents is twin
    assert twin(3) == 0


def test_default_value_of_a_lambda_is_copied() -> None:
    seen: list[str] = []
    note = lambda text, to=seen: to.append(text)  # noqa: E731 - lambdas are the subject
    twin, twin_seen = copied((note, seen))
    twin("a")
    assert (seen, twin_seen) == ([], ["a"])


def test_function_whose_defaults_lead_back_to_it_is_copied() -> None:
    page: dict[str, Any] = {}

    def show(of: dict[str, Any] = page) -> dict[str, Any]:
        return of

    page["show"] = show
    twin = copied(show)
    assert twin() is not page
    assert twin()["show"] is twin


def test_random_generator_goes_on_where_it_was() -> None:
    random = Random(7)
    random.gauss()
    twin = copied(random)
    assert [twin.random(), twin.gauss()] == [random.random(), random.gauss()]


def test_bound_method_of_a_list_is_bound_to_the_copy() -> None:
    seen: list[str] = []
    note, twin_seen = copied((seen.append, seen))
    note("a")
    assert (seen, twin_seen) == ([], ["a"])


def test_variable_that_is_not_set_yet_stays_unset() -> None:
    def read() -> str:
        return later

    twin = copied(read)
    with pytest.raises(NameError):
        twin()
    later = "set"
    assert read() == "set"


def test_typed_text_cannot_pass_for_a_module() -> None:
    held = {"__builtins__": "typed"}
    assert copied(held) is not held


@dataclass(frozen=True)
class Town:
    """A value through and through."""

    name: str
    streets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Menu:
    """Frozen, but what it holds is not a value."""

    on_pick: Callable[[str], None]


def visit(*_: object) -> None:
    """A function of a module."""


def test_constant_is_shared_with_all_inside() -> None:
    town = Town("Ulm", ("Hafengasse",))
    twin = copied([town, town.streets], constants=(town,))
    assert twin[0] is town
    assert twin[1] is town.streets


def test_description_with_functions_of_modules_is_a_constant() -> None:
    menu = Menu(partial(visit, Town("Ulm")))
    names = MappingProxyType({"Ulm": menu})
    assert copied(names, constants=(names,)) is names
    assert copied(menu, constants=(names,)) is menu


def test_partial_with_a_list_is_copied_and_the_constants_beside_it_are_shared() -> None:
    town, seen = Town("Ulm"), ["Ulm"]
    menu = Menu(partial(visit, town, seen))
    twin: Any = copied(menu, constants=(menu,))
    assert twin is not menu
    assert twin.on_pick.args[0] is town
    assert twin.on_pick.args[1] is not seen


def test_read_only_view_of_a_dict_with_a_list_is_copied() -> None:
    held = MappingProxyType({"seen": ["Ulm"]})
    twin = copied(held, constants=(held,))
    twin["seen"].append("Bonn")
    assert held["seen"] == ["Ulm"]


def test_frozen_dataclass_with_a_function_is_no_constant() -> None:
    seen: list[str] = []
    menu = Menu(seen.append)
    twin = copied(menu, constants=(menu,))
    twin.on_pick("soup")
    assert seen == []


def test_value_that_no_constant_holds_is_copied() -> None:
    town = Town("Ulm")
    assert copied(town) == town
    assert copied(town) is not town


def test_class_made_in_a_function_stays_the_same_class() -> None:
    class Page:
        pass

    assert type(copied(Page())) is Page

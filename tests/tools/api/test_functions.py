"""Python functions as APIs."""

from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from tapgraph.errors import ToolError, UsageError
from tapgraph.tools.api.functions import PythonFunctions
from tapgraph.tools.api.joined import JoinedRunner


class Guest(BaseModel):
    name: str
    age: int = 0


def plan(
    title: str,
    day: date,
    guests: list[Guest],
    repeat: Literal["daily", "weekly"] | None = None,
    *,
    copy: Annotated[int, Field(ge=1, le=3)] = 1,
) -> dict[str, object]:
    """Plan an event.

    Args:
        title: What happens,
            in a few words.
        day: When.
        guests: Who comes.
        repeat: How often.
        copy: How many copies.

    Returns:
        What was planned.
    """
    return {"title": title, "day": day, "guests": guests, "repeat": repeat, "copy": copy}


def half(number: int) -> float:
    """Half of an even number."""
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number / 2


def broken() -> int:
    """Has a fault."""
    raise RuntimeError("a fault")


FUNCTIONS = PythonFunctions([plan, half, broken])


def test_signature_docstring_and_hints_make_the_api() -> None:
    assert FUNCTIONS.catalog["plan"].signature() == (
        "plan(title: text, day: text, guests: list of {name: text, age?: integer}, "
        'repeat?: "daily"|"weekly", copy?: integer = 1)'
        " -> What was planned.\n"
        "  Plan an event.\n"
        "  title: What happens, in a few words.\n"
        "  day: When. (date)\n"
        "  guests: Who comes.\n"
        "  repeat: How often.\n"
        "  copy: How many copies."
    )


def test_values_arrive_as_their_types_and_leave_as_json() -> None:
    result = FUNCTIONS.call(
        "plan", {"title": "Tea", "day": "2026-03-02", "guests": [{"name": "Ann"}], "copy": "2"}
    )
    assert result.value == {
        "title": "Tea",
        "day": "2026-03-02",
        "guests": [{"name": "Ann", "age": 0}],
        "repeat": None,
        "copy": 2,
    }


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"day": "soon"}, "day: Input should be a valid date"),
        ({"guests": [{"age": 3}]}, "guests[0] lacks 'name'"),
        ({"copy": 9}, "copy must be at most 3, got 9"),
        ({"repeat": "hourly"}, 'repeat must be one of "daily", "weekly"'),
    ],
)
def test_wrong_arguments_are_told_and_the_function_is_not_called(
    changed: dict[str, Any], problem: str
) -> None:
    arguments = {"title": "Tea", "day": "2026-03-02", "guests": []} | changed
    with pytest.raises(ToolError) as raised:
        FUNCTIONS.call("plan", arguments)
    assert problem in str(raised.value)


def test_what_a_function_refuses_is_told() -> None:
    with pytest.raises(ToolError, match="half failed: 3 is odd"):
        FUNCTIONS.call("half", {"number": 3})


def test_a_fault_of_a_function_goes_through() -> None:
    with pytest.raises(RuntimeError, match="a fault"):
        FUNCTIONS.call("broken", {})


def test_answers_that_json_cannot_say_are_a_fault_of_the_caller() -> None:
    def odd() -> object:
        return object()

    with pytest.raises(UsageError, match="must give what JSON can say, got object"):
        PythonFunctions([odd]).call("odd", {})


def test_functions_that_no_call_can_name_are_refused() -> None:
    def untyped(a) -> int:  # type: ignore[no-untyped-def] # noqa: ANN001, RUF100
        return 1

    def starred(*names: str) -> int:
        return 1

    def strange(lock: memoryview) -> int:
        return 1

    for function, problem in (
        (untyped, "has no type hint"),
        (starred, r"takes \*names"),
        (strange, "cannot be said in JSON"),
        (lambda: 1, "must have a name"),
    ):
        with pytest.raises(UsageError, match=problem):
            PythonFunctions([function])


def test_joined_runners_send_each_call_where_it_belongs() -> None:
    def double(number: int) -> int:
        return 2 * number

    joined = JoinedRunner([PythonFunctions([half]), PythonFunctions([double])])
    assert len(joined.catalog) == 2
    assert joined.call("double", {"number": 4}).value == 8
    assert joined.call("half", {"number": 4}).value == 2.0
    with pytest.raises(ToolError, match="no API is called 'doubel'; near it are double"):
        joined.call("doubel", {})


def test_joined_runners_may_not_share_a_name() -> None:
    with pytest.raises(UsageError, match="two APIs are called 'half'"):
        JoinedRunner([PythonFunctions([half]), PythonFunctions([half])])

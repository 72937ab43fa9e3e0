"""Arguments as an API takes them, and answers as a model is shown them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapgraph.errors import ToolError
from tapgraph.tools.api.calls import checked_arguments, result_text
from tapgraph.tools.api.catalog import Api, ApiParameter

API = Api(
    "events.add",
    parameters=(
        ApiParameter("title", "text", required=True),
        ApiParameter("minutes", "integer"),
        ApiParameter("share", "number"),
        ApiParameter("all_day", "boolean"),
        ApiParameter("repeat", "enumeration", choices=("Daily", "Weekly")),
        ApiParameter("guests", "list"),
        ApiParameter("extra", "dictionary"),
        ApiParameter("anything", "any"),
    ),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=9), below),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("given_value", "taken"),
    [
        ({"minutes": "30"}, {"minutes": 30}),
        ({"minutes": 30.0}, {"minutes": 30}),
        ({"share": "0.5"}, {"share": 0.5}),
        ({"share": 1}, {"share": 1}),
        ({"all_day": "True"}, {"all_day": True}),
        ({"repeat": "daily"}, {"repeat": "Daily"}),
        ({"guests": '["Ann"]'}, {"guests": ["Ann"]}),
        ({"extra": '{"a": 1}'}, {"extra": {"a": 1}}),
        ({"minutes": None}, {}),
        ({"title": 12345}, {"title": "12345"}),
        ({"anything": [1, {"b": None}]}, {"anything": [1, {"b": None}]}),
    ],
)
def test_what_is_meant_is_taken(given_value: dict[str, Any], taken: dict[str, Any]) -> None:
    assert checked_arguments(API, {"title": "x", **given_value}) == {"title": "x", **taken}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "'title' is missing"),
        ({"title": None}, "title must be text, got null"),
        ({"title": "x", "minute": 5}, "'minute' is no parameter; do you mean 'minutes'?"),
        ({"title": "x", "zzz": 5}, "'zzz' is no parameter; it takes title, minutes"),
        ({"title": "x", "minutes": 1.5}, "minutes must be an integer, got 1.5"),
        ({"title": "x", "minutes": True}, "minutes must be an integer, got true"),
        ({"title": "x", "share": float("nan")}, "must hold finite numbers only, got nan"),
        ({"title": "x", "repeat": "Hourly"}, 'repeat must be one of "Daily", "Weekly", got'),
        ({"title": "x", "guests": "Ann"}, 'guests must be a list, got "Ann"'),
    ],
)
def test_what_is_wrong_is_told(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ToolError) as raised:
        checked_arguments(API, arguments)
    assert problem in str(raised.value)


def test_only_the_first_problems_are_told() -> None:
    with pytest.raises(ToolError, match="and 6 more"):
        checked_arguments(API, {f"wrong{n}": n for n in range(10)})


def test_arguments_that_are_no_object_are_refused() -> None:
    with pytest.raises(ToolError, match="must be an object"):
        checked_arguments(API, ["title"])  # type: ignore[arg-type]


def test_megabytes_of_base64_are_refused_in_a_line() -> None:
    with pytest.raises(ToolError, match="more than 200,000 characters") as raised:
        checked_arguments(API, {"title": "QUJD" * 1_000_000})
    assert len(str(raised.value)) < 200


def test_numbers_that_json_cannot_say_are_refused_anywhere() -> None:
    with pytest.raises(ToolError, match="finite numbers only, got -inf"):
        checked_arguments(API, {"title": "x", "anything": [{"a": float("-inf")}]})


def test_depth_and_number_of_values_are_limited() -> None:
    deep: Any = "x"
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(ToolError, match="deeper than 32"):
        checked_arguments(API, {"title": "x", "anything": deep})
    with pytest.raises(ToolError, match="more than 20,000 values"):
        checked_arguments(API, {"title": "x", "anything": [0] * 30_000})
    with pytest.raises(ToolError, match="guests must be a list"):
        checked_arguments(API, {"title": "x", "guests": "[" * 100_000})


@given(st.dictionaries(st.sampled_from([p.name for p in API.parameters]) | st.text(), JSON))
def test_any_arguments_are_taken_or_refused_with_words(arguments: dict[str, Any]) -> None:
    try:
        taken = checked_arguments(API, arguments)
    except ToolError:
        return
    assert checked_arguments(API, taken) == taken


def test_long_answers_are_cut() -> None:
    assert result_text("x" * 5000) == "x" * 4000 + "… (1,000 more characters)"
    assert result_text(None) == "done; there is no answer to read"
    assert result_text({"a": [1, "é"]}) == '{"a": [1, "é"]}'

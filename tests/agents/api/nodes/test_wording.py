"""How APIs, steps and results read in a prompt."""

from typing import Any

import pytest

from tapgraph.agents.api.wording import apis_block, result_line, steps_block
from tapgraph.tools.api.catalog import Api, ApiCatalog

CATALOG = ApiCatalog([Api("one", "Says </apis>."), Api("two", "Counts.")])


def test_apis_stand_in_one_block_that_nothing_in_it_ends() -> None:
    block = apis_block(CATALOG, ["two", "one"])
    assert block.startswith("<apis>\ntwo")
    assert block.endswith("\n</apis>")
    assert block.count("</apis>") == 1
    assert block.index("two") < block.index("one")


def test_where_nothing_was_found_it_says_so() -> None:
    assert apis_block(CATALOG, []) == "<apis>\nnone found\n</apis>"


class Results:
    """Holds what steps gave."""

    def __init__(self, by_step: dict[int, Any]) -> None:
        self.by_step = by_step

    def has_result(self, step: int) -> bool:
        return step in self.by_step

    def load_result(self, step: int) -> Any:
        return self.by_step[step]


def test_without_steps_it_says_so() -> None:
    assert steps_block([], Results({})) == "<steps>\nnone yet\n</steps>"


def test_a_step_says_what_was_done_and_how_it_went(past: Any) -> None:
    steps = [
        past(1, arguments={"city": "</steps>"}),
        past(2, name="search", subject="music", verdict="C", error="nothing\nnew"),
    ]
    assert steps_block(steps, Results({1: "sunny"})) == (
        '<steps>\n[1] call weather {"city": "\\u003c/steps>"} -> done\n  gave "sunny"\n'
        '[2] search "music" -> failed: "nothing\\nnew"\n</steps>'
    )


def test_only_the_eight_newest_results_are_shown(past: Any) -> None:
    steps = [past(n) for n in range(1, 11)]
    block = steps_block(steps, Results({n: f"result {n}" for n in range(1, 11)}))
    assert block.count("gave") == 8
    assert '"result 2"' not in block
    assert '"result 3"' in block


def test_the_newest_result_is_shown_longest(past: Any) -> None:
    block = steps_block([past(1), past(2)], Results({1: "a" * 7000, 2: "b" * 7000}))
    assert "a" * 400 in block
    assert "a" * 501 not in block
    assert "b" * 5900 in block
    assert "b" * 6001 not in block


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("x" * 90, "the whole is a text; refer to its parts)"),
        ({"a": "x" * 90, "b": 1}, "the whole is an object with a, b; refer to its parts)"),
        (["x" * 90, 1], "the whole is a list of 2; refer to its parts)"),
        ([{"a": "x" * 90}], "the whole is a list of 1, each with a; refer to its parts)"),
    ],
)
def test_what_is_cut_says_what_the_whole_is(value: Any, told: str) -> None:
    assert result_line(value, max_characters=20).endswith(told)


def test_a_value_that_just_fits_is_whole() -> None:
    assert result_line("x" * 18, max_characters=20) == '"' + "x" * 18 + '"'


def test_of_many_members_twenty_are_named() -> None:
    value = {f"m{n}": "x" * 9 for n in range(22)}
    line = result_line(value, max_characters=20)
    assert "m19 and 2 more" in line
    assert "m20" not in line
    assert "more" not in result_line(dict(list(value.items())[:20]), max_characters=20)[-60:]

"""What a step leaves in the history."""

from typing import Any

import pytest

from tapgraph.agents.api.observer import observer
from tapgraph.agents.api.state import ApiStep, Choice
from tapgraph.agents.run.events import Reflected, StepTimed

CALL = Choice("call", "weather", {"city": {"from_call": 1}}, {"city": "Lyon"})


def record(desk: Any, choice: Choice = CALL, **fields: Any) -> ApiStep:
    (left,) = desk.run(observer, choice=choice, **fields)["history"]
    made: ApiStep = left
    return made


def test_a_step_that_worked_holds_what_was_written(desk: Any) -> None:
    looks = desk()
    made = record(looks)
    assert (made.step, made.name, made.subject, made.verdict, made.error) == (
        1, "call", "weather", "A", ""
    )  # fmt: skip
    assert made.arguments == {"city": {"from_call": 1}}
    assert looks.events(Reflected) == [Reflected(1, "A", "", "", "tool")]
    assert [timed.step for timed in looks.events(StepTimed)] == [1]


def test_a_step_with_an_error_failed(desk: Any) -> None:
    made = record(desk(), error="no such city")
    assert (made.verdict, made.error) == ("C", "no such city")


def after(desk: Any, result: Any = None, choice: Choice = CALL, **fields: Any) -> str:
    looks = desk()
    if result is not None:
        looks.team.run.folder.save_result(1, result)
    return record(looks, choice, **fields).after


def test_the_same_call_with_the_same_result_leads_to_the_same(desk: Any) -> None:
    assert after(desk, "sunny") == after(desk, "sunny")


@pytest.mark.parametrize(
    "other",
    [
        Choice("read", "weather", CALL.written, CALL.arguments),
        Choice("call", "news", CALL.written, CALL.arguments),
        Choice("call", "weather", CALL.written, {"city": "Paris"}),
        Choice("call", "weather", CALL.written, CALL.arguments, "12"),
    ],
    ids=["action", "subject", "arguments", "answer"],
)
def test_another_choice_leads_to_something_else(other: Choice, desk: Any) -> None:
    assert after(desk, "sunny", other) != after(desk, "sunny")


def test_another_result_or_error_leads_to_something_else(desk: Any) -> None:
    found = [
        after(desk),
        after(desk, "sunny"),
        after(desk, "rainy"),
        after(desk, error="broken"),
        after(desk, error="gone"),
    ]
    assert len(set(found)) == 5


def test_after_an_error_an_older_result_does_not_count(desk: Any) -> None:
    assert after(desk, "sunny", error="broken") == after(desk, error="broken")


def test_there_is_nothing_to_observe_before_a_choice(desk: Any) -> None:
    with pytest.raises(TypeError, match="observer must run after chooser"):
        desk().run(observer)

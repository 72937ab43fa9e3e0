"""When a run is over: decided from what its state says, by code alone."""

from typing import Any

import pytest

from tapgraph.agents.run.history import (
    Limits,
    RunState,
    StepRecord,
    Verdict,
    failures_in_a_row,
    fresh_state,
    loop_warning,
    stop_of,
)
from tapgraph.agents.run.outcome import Outcome

LIMITS = Limits(unlimited=("Swipe", "Back"))
PUBLISHED = Limits(
    max_failures=3,
    max_repetitions=3,
    forgives_progress=False,
    unlimited=("Swipe", "Back"),
    max_returns=None,
    max_stale=None,
)


def step(
    verdict: Verdict = "A", name: str = "Tap", x: int = 1, before: str = "a", after: str = "b"
) -> StepRecord:
    return StepRecord(
        step=1, name=name, arguments={"x": x}, verdict=verdict, before=before, after=after
    )


def moving(count: int, verdict: Verdict = "A") -> list[StepRecord]:
    """Steps that each do something else and lead to something new."""
    return [step(verdict, x=n, before=f"s{n}", after=f"s{n + 1}") for n in range(count)]


def outcome(history: list[StepRecord], limits: Limits = LIMITS) -> Outcome | None:
    stop = stop_of({**fresh_state("task"), "history": history}, limits)
    return stop.outcome if stop else None


def test_a_fresh_run_goes_on() -> None:
    assert outcome([]) is None
    assert loop_warning([], LIMITS) == ""


def test_failures_are_counted_back_to_the_last_success() -> None:
    assert failures_in_a_row([step("C"), step("A"), step("B"), step("C")]) == 2


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        ({"unanswered": "nobody said"}, Outcome.NEEDS_HUMAN),
        ({"done": "verified"}, Outcome.SUCCESS),
        ({"given_up": "no way"}, Outcome.GAVE_UP),
        ({"verifications": 3, "missing": "the note"}, Outcome.FAILED),
        ({"verifications": 2, "missing": "the note"}, None),
    ],
)
def test_each_fact_of_the_state_means_its_outcome(fact: Any, expected: Outcome | None) -> None:
    state: RunState = {**fresh_state("task"), **fact}
    stop = stop_of(state, LIMITS)
    assert (stop.outcome if stop else None) is expected


def test_what_the_last_check_found_is_the_reason_of_failure() -> None:
    stop = stop_of({**fresh_state("t"), "verifications": 3, "missing": "the note"}, LIMITS)
    assert stop is not None
    assert stop.reason == "3 checks found the task undone: the note"


def test_the_run_gives_up_after_the_limit_of_failures() -> None:
    assert outcome(moving(3, "C"), PUBLISHED) is Outcome.GAVE_UP
    assert outcome(moving(3, "C")) is None
    assert outcome(moving(5, "B")) is Outcome.GAVE_UP


def test_a_stepper_may_be_tapped_eight_times() -> None:
    taps = [step(before=f"{n}", after=f"{n + 1}") for n in range(1, 9)]
    assert outcome(taps) is None
    assert loop_warning(taps, LIMITS) == ""


def test_a_code_of_equal_digits_may_be_typed() -> None:
    digits = [step(name="Tap", x=5, before="•" * n, after="•" * (n + 1)) for n in range(6)]
    assert outcome(digits) is None


def test_equal_actions_that_change_nothing_are_a_loop() -> None:
    assert outcome([step(before="a", after="a") for _ in range(4)]) is None
    assert outcome([step(before="a", after="a") for _ in range(5)]) is Outcome.LOOP


def test_equal_actions_that_lead_somewhere_new_but_fail_are_a_loop() -> None:
    limits = Limits(max_failures=99)
    assert outcome([step("B", before=f"{n}", after=f"{n + 1}") for n in range(5)], limits) is (
        Outcome.LOOP
    )


def test_a_switch_that_is_turned_on_and_off_is_a_loop() -> None:
    taps = [step(before="ab"[n % 2], after="ba"[n % 2]) for n in range(6)]
    assert outcome(taps) is Outcome.LOOP


def test_by_the_published_rule_three_equal_actions_are_a_loop_whatever_they_do() -> None:
    taps = [step(before=f"{n}", after=f"{n + 1}") for n in range(3)]
    assert outcome(taps, PUBLISHED) is Outcome.LOOP
    assert outcome(taps[:2], PUBLISHED) is None


def test_equal_swipes_and_backs_may_go_on() -> None:
    for name in ("Swipe", "Back"):
        same = [step(name=name, before=f"s{n}", after=f"s{n + 1}") for n in range(9)]
        assert outcome(same) is None
        assert outcome(same, PUBLISHED) is None


def back_and_forth(times: int) -> list[StepRecord]:
    return [
        step(name=name, before=before, after=after)
        for _ in range(times)
        for name, before, after in (("Tap", "a", "b"), ("Back", "b", "a"))
    ]


def test_two_screens_in_turn_are_a_loop_though_no_action_is_repeated_at_once() -> None:
    assert outcome(back_and_forth(5)) is Outcome.LOOP
    assert outcome(back_and_forth(5), PUBLISHED) is None


def test_a_loop_is_warned_of_before_it_ends_the_run() -> None:
    history = back_and_forth(3)[:5]
    assert outcome(history) is None
    assert "in the same place" in loop_warning(history, LIMITS)
    assert loop_warning(history[:4], LIMITS) == ""


def test_returns_that_are_long_past_do_not_count() -> None:
    early = [step(before="a", after="b")] * 2
    between = [step(x=9 + n, before=f"s{n}", after=f"s{n + 1}") for n in range(9)]
    late = [step(before="a", after="b")]
    assert loop_warning([*early, *between, *late], LIMITS) == ""


def test_many_different_actions_that_lead_to_nothing_new_are_a_loop() -> None:
    wandering = [step(x=n, before=f"s{n % 3}", after=f"s{(n + 1) % 3}") for n in range(15)]
    assert outcome(wandering[:13]) is None
    assert outcome(wandering[:14]) is Outcome.LOOP


def test_a_long_run_that_sees_new_things_goes_on() -> None:
    assert outcome(moving(39)) is None

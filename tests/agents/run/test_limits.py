"""Each limit ends the run, or is warned of, at its number and not one before."""

from collections.abc import Callable

import pytest

from tapgraph.agents.run.history import (
    Limits,
    StepRecord,
    Verdict,
    fresh_state,
    loop_warning,
    stop_of,
)

LIMITS = Limits(unlimited=("Swipe",))


def failures(count: int) -> list[StepRecord]:
    return [
        StepRecord(step=n, name="Tap", arguments={"x": n}, verdict="C", before=f"s{n}",
                   after=f"s{n + 1}")
        for n in range(count)
    ]  # fmt: skip


def repetitions(count: int, verdict: Verdict = "A") -> list[StepRecord]:
    return [
        StepRecord(step=n, name="Tap", verdict=verdict, before="a", after="a") for n in range(count)
    ]


def returns(count: int) -> list[StepRecord]:
    """Two swipes in turn between two screens; the last one was done `count` times."""
    both = [
        StepRecord(step=1, name="Swipe", arguments={"to": to}, verdict="A", before=start, after=to)
        for start, to in (("a", "b"), ("b", "a"))
    ]
    return [*(both * count)][: 2 * count - 1]


def stale(count: int) -> list[StepRecord]:
    return [
        StepRecord(step=n, name="Swipe", arguments={"n": n}, verdict="A", before="a", after="a")
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("history", "limit", "reason"),
    [
        (failures, 5, "5 steps failed one after another"),
        (repetitions, 5, "Tap was repeated 5 times"),
        (returns, 5, "Swipe was done 5 times in the same place with the same result"),
        (stale, 12, "12 steps led to nothing new"),
    ],
)
def test_each_limit_ends_the_run_exactly_there(
    history: Callable[[int], list[StepRecord]], limit: int, reason: str
) -> None:
    before = stop_of({**fresh_state("t"), "history": history(limit - 1)}, LIMITS)
    at = stop_of({**fresh_state("t"), "history": history(limit)}, LIMITS)
    assert before is None
    assert at is not None
    assert at.reason == reason


@pytest.mark.parametrize(
    ("history", "limit", "words"),
    [
        (returns, 3, "The last step was done 3 times in the same place: do something else."),
        (stale, 6, "The last 6 steps led to nothing new: go another way."),
    ],
)
def test_each_warning_comes_exactly_there(
    history: Callable[[int], list[StepRecord]], limit: int, words: str
) -> None:
    assert loop_warning(history(limit - 1), LIMITS) == ""
    assert loop_warning(history(limit), LIMITS) == words


def test_limits_that_are_off_warn_of_nothing() -> None:
    off = Limits(max_returns=None, max_stale=None, max_repetitions=None)
    assert loop_warning(returns(9), off) == loop_warning(stale(20), off) == ""
    assert stop_of({**fresh_state("t"), "history": stale(20)}, off) is None


def test_a_return_ten_steps_back_counts_and_one_eleven_steps_back_does_not() -> None:
    def far(between: int) -> list[StepRecord]:
        same = StepRecord(step=1, name="Tap", verdict="A", before="a", after="b")
        others = [
            StepRecord(step=n, name="Swipe", arguments={"n": n}, verdict="A", before=f"s{n}",
                       after=f"s{n + 1}")
            for n in range(between)
        ]  # fmt: skip
        return [same, same, *others, same]

    assert "3 times" in loop_warning(far(7), LIMITS)
    assert loop_warning(far(8), LIMITS) == ""


def test_limits_come_back_from_json_with_their_names() -> None:
    assert Limits(unlimited=["Swipe"]).unlimited == ("Swipe",)  # type: ignore[arg-type]


def test_what_was_there_at_the_start_is_not_new() -> None:
    steps = [
        StepRecord(step=1, name="Tap", verdict="A", before="a", after="b"),
        StepRecord(step=2, name="Tap", verdict="A", before="b", after="a"),
    ]
    limits = Limits(max_stale=1)
    assert stop_of({**fresh_state("t"), "history": steps[:1]}, limits) is None
    assert stop_of({**fresh_state("t"), "history": steps}, limits) is not None


def test_facts_come_before_counts_and_a_silent_person_before_all() -> None:
    state = {**fresh_state("t"), "unanswered": "u", "done": "d", "given_up": "g",
             "verifications": 3, "history": failures(5)}  # fmt: skip
    reasons = []
    for name in ("unanswered", "done", "given_up"):
        stop = stop_of(state, LIMITS)  # type: ignore[arg-type]
        assert stop is not None
        reasons.append(stop.reason)
        state[name] = ""
    assert reasons == ["u", "d", "g"]

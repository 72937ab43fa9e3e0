"""Two evaluations of trials made by hand, compared."""

from collections.abc import Callable

import pytest

from tapgraph.errors import UsageError
from tapgraph.evals.compare import Comparison, compare
from tapgraph.evals.evaluate import Evaluation
from tapgraph.evals.trial import Trial, TrialRecord, broken

MakeRecord = Callable[..., TrialRecord]
MakeEvaluation = Callable[..., Evaluation]


def value(found: Comparison, name: str) -> float | None:
    return next(one.estimate.value for one in found.differences if one.name == name)


def test_differences_are_those_of_pairs(record: MakeRecord, evaluation: MakeEvaluation) -> None:
    first = evaluation([record("x", steps=4), record("y", held=(0,), steps=10)], agent="a")
    second = evaluation([record("y", steps=6), record("x", steps=5)], agent="b")
    found = compare(first, second)
    assert (found.pairs, found.only_first, found.only_second) == (2, 0, 1)
    # x: 4 to 5; y: 10 to 6.
    assert value(found, "steps") == -1.5
    assert value(found, "success") == 0.5
    assert found.doubts == ()


def test_an_evaluation_does_not_differ_from_itself(
    record: MakeRecord, evaluation: MakeEvaluation
) -> None:
    one = evaluation([record("x"), record("y", held=(0, 1))])
    found = compare(one, one)
    assert {row.estimate.value for row in found.differences} == {0}


def test_the_interval_of_a_difference_is_over_templates(
    record: MakeRecord, evaluation: MakeEvaluation
) -> None:
    seeds = range(5)
    first = evaluation([record(name, seed=n) for name in "xy" for n in seeds], agent="a")
    second = evaluation(
        [record(name, seed=n, held=(int(name == "x"),)) for name in "xy" for n in seeds], agent="b"
    )
    success = compare(first, second).differences[0].estimate
    assert (success.value, success.low, success.high, success.items) == (-0.5, -1.0, 0.0, 2)


def test_a_trial_that_broke_off_is_a_pair_that_failed(
    record: MakeRecord, evaluation: MakeEvaluation
) -> None:
    first = evaluation([record("x")], agent="a")
    second = evaluation([broken(Trial("x", 0, 0), "boom")], agent="b")
    found = compare(first, second)
    assert (found.only_first, value(found, "SS")) == (1, -1)


def test_trials_of_one_side_are_left_out_and_told(
    record: MakeRecord, evaluation: MakeEvaluation
) -> None:
    first = evaluation([record("x"), record("y")], agent="a")
    found = compare(first, evaluation([record("x")], agent="b"))
    assert found.pairs == 1
    assert found.doubts == ("1 trials are in one of the two only, and left out",)


def test_another_task_of_the_same_name_is_no_pair(
    record: MakeRecord, evaluation: MakeEvaluation
) -> None:
    first = evaluation([record("x"), record("y", held=(1, 1))], agent="a")
    second = evaluation([record("x"), record("y", held=(1,))], agent="b")
    found = compare(first, second)
    assert found.pairs == 1
    assert found.doubts == ("1 tasks of one name are not the same task in both",)


def test_other_phones_and_limits_are_told(record: MakeRecord, evaluation: MakeEvaluation) -> None:
    first = evaluation([record("x")], agent="a")
    second = evaluation([record("x")], agent="b", phones="another", max_steps=9)
    assert compare(first, second).doubts == (
        "the phone differs: a phone and another",
        "the step limit differs: None and 9",
    )


def test_two_suites_are_not_compared(record: MakeRecord, evaluation: MakeEvaluation) -> None:
    first, second = evaluation([record("x")]), evaluation([record("x")], agent="b", suite="other")
    with pytest.raises(UsageError, match="two suites"):
        compare(first, second)


def test_nothing_in_common_is_not_compared(record: MakeRecord, evaluation: MakeEvaluation) -> None:
    first, second = evaluation([record("x")]), evaluation([record("y")], agent="b")
    with pytest.raises(UsageError, match="no trial of the same task"):
        compare(first, second)

"""Metrics of trials made by hand."""

from collections.abc import Callable, Sequence

import pytest

from tapgraph.agents.run.budget import Spent
from tapgraph.agents.run.outcome import Outcome
from tapgraph.evals.metrics import (
    Measured,
    fit,
    has_side_effects,
    is_false_completion,
    is_overdue,
    is_success,
    measure,
    pass_all,
    pass_any,
    progress,
    satisfaction,
    satisfaction_curve,
    terminated_in_error,
)
from tapgraph.evals.stats import Tally
from tapgraph.evals.trial import Trial, TrialRecord, Verdict, broken

MakeRecord = Callable[..., TrialRecord]


def row(records: Sequence[TrialRecord], name: str) -> Measured:
    return next(one for one in measure(records) if one.name == name)


def names(records: Sequence[TrialRecord]) -> list[str]:
    return [one.name for one in measure(records)]


def test_satisfaction_is_the_share_of_rubrics_that_hold(record: MakeRecord) -> None:
    assert satisfaction(record(held=(1, 0, 1, 1))) == 0.75


def test_satisfaction_is_not_known_while_a_rubric_is_not_judged(record: MakeRecord) -> None:
    assert satisfaction(record(held=(1, None))) is None


def test_satisfaction_can_be_asked_of_one_kind_of_judge(record: MakeRecord) -> None:
    verdicts = (
        Verdict("a", True, "machine"),
        Verdict("b", False, "judge"),
        Verdict("c", True, "judge"),
    )
    assert satisfaction(record(verdicts=verdicts), "judge") == 0.5


def test_the_mean_of_satisfaction_is_over_tasks_not_over_rubrics(record: MakeRecord) -> None:
    found = row([record("a", held=(1, 1, 1, 1)), record("b", held=(0,))], "SS")
    assert (found.estimate.value, found.estimate.n, found.estimate.items) == (0.5, 2, 2)


def test_success_needs_all_rubrics_and_the_word_that_it_is_done(record: MakeRecord) -> None:
    assert is_success(record(held=(1, 1)))
    assert not is_success(record(held=(1, 0)))
    assert not is_success(record(held=(1, 1), outcome=Outcome.BUDGET))


def test_a_task_that_cannot_be_done_must_be_given_up(record: MakeRecord) -> None:
    assert is_success(record(right_end="cannot", outcome=Outcome.GAVE_UP))
    assert not is_success(record(right_end="cannot", outcome=Outcome.SUCCESS))


def test_a_task_that_leaves_something_open_must_end_with_a_question(record: MakeRecord) -> None:
    assert is_success(record(right_end="ask", outcome=Outcome.NEEDS_HUMAN, asked=True))
    assert not is_success(record(right_end="ask", outcome=Outcome.NEEDS_HUMAN, asked=False))
    assert not is_success(record(right_end="ask", outcome=Outcome.SUCCESS, asked=True))


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.SUCCESS])
def test_every_end_but_declared_success_is_a_termination_error(
    outcome: Outcome, record: MakeRecord
) -> None:
    assert terminated_in_error(record(outcome=outcome)) is True


def test_declared_success_is_no_termination_error_even_when_it_is_wrong(
    record: MakeRecord,
) -> None:
    assert terminated_in_error(record(held=(0,))) is False


def test_a_task_that_should_be_given_up_has_no_termination_error(record: MakeRecord) -> None:
    assert terminated_in_error(record(right_end="cannot", outcome=Outcome.GAVE_UP)) is None


def test_done_said_and_not_done_is_a_false_completion(record: MakeRecord) -> None:
    assert is_false_completion(record(held=(1, 0)))
    assert not is_false_completion(record(held=(1, 1)))
    assert not is_false_completion(record(held=(0,), outcome=Outcome.GAVE_UP))
    assert is_false_completion(record(held=(None,))) is None


def test_success_declared_of_what_cannot_be_done_is_a_false_completion(
    record: MakeRecord,
) -> None:
    assert is_false_completion(record(right_end="cannot", held=(1,)))


def test_done_once_and_never_declared_is_overdue(record: MakeRecord) -> None:
    assert is_overdue(record(curve=(0.0, 1.0, 0.5), outcome=Outcome.BUDGET))
    assert not is_overdue(record(curve=(0.0, 0.5), outcome=Outcome.BUDGET))
    assert not is_overdue(record(curve=(0.0, 1.0)))
    assert is_overdue(record(outcome=Outcome.BUDGET)) is None


def test_progress_is_the_furthest_point_of_a_run(record: MakeRecord) -> None:
    assert progress(record(held=(0, 0), curve=(0.0, 0.5, 0.0))) == 0.5


def test_changes_that_are_not_allowed_are_side_effects(record: MakeRecord) -> None:
    assert has_side_effects(record(side_effects=("org.notes/notes/1",))) is True
    assert has_side_effects(record(side_effects=())) is False
    assert has_side_effects(record()) is None


def test_a_trial_that_broke_off_counts_as_failed_in_every_share(record: MakeRecord) -> None:
    records = [record("a", curve=(1.0,)), broken(Trial("b", 0, 0), "boom")]
    for name, value in (("success", 0.5), ("SS", 0.5), ("TE", 0.5), ("progress", 0.5)):
        found = row(records, name).estimate
        assert (name, found.value, found.n) == (name, value, 2)


def test_a_trial_that_broke_off_is_left_out_of_the_mean_of_steps(record: MakeRecord) -> None:
    records = [record("a", steps=7), broken(Trial("b", 0, 0), "boom")]
    assert (row(records, "steps").estimate.value, row(records, "steps").estimate.n) == (7, 1)


def test_what_nobody_can_tell_is_no_row(record: MakeRecord) -> None:
    shown = names([record()])
    assert {"side effects", "AA", "RA", "overdue", "SS by people"}.isdisjoint(shown)


def test_action_accuracy_counts_actions_not_trials(record: MakeRecord) -> None:
    records = [record("a", actions=Tally(9, 10)), record("b", actions=Tally(0, 2))]
    assert row(records, "AA").estimate.value == 0.75


def test_steps_are_compared_with_the_reference_where_the_task_is_done(record: MakeRecord) -> None:
    records = [
        record("a", steps=6, reference_steps=4),
        record("b", held=(0,), steps=40, reference_steps=4),
    ]
    found = row(records, "steps / reference").estimate
    assert (found.value, found.n) == (1.5, 1)


def test_tokens_are_those_of_prompt_and_reply(record: MakeRecord) -> None:
    records = [record(prompt_tokens=100, completion_tokens=20, cached_tokens=64)]
    assert row(records, "tokens").estimate.value == 120
    assert row(records, "cached tokens").estimate.value == 64


def test_cost_and_time_are_means() -> None:
    two = [
        TrialRecord(trial=Trial("a", 0, 0), spent=Spent(1, 1, 10.0, 0.02)),
        TrialRecord(trial=Trial("b", 0, 0), spent=Spent(1, 1, 20.0, 0.04)),
    ]
    assert row(two, "seconds").estimate.value == 15
    assert row(two, "cost").estimate.value == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("successes", "k", "any_of", "all_of"),
    [
        ([True, False], 1, 0.5, 0.5),
        ([True, False], 2, 1.0, 0.0),
        ([True, True, False, False], 2, 1 - 1 / 6, 1 / 6),
        ([True, True, True], 3, 1.0, 1.0),
    ],
)
def test_pass_at_k_and_pass_to_the_k(
    successes: list[bool], k: int, any_of: float, all_of: float
) -> None:
    assert pass_any(successes, k) == pytest.approx(any_of)
    assert pass_all(successes, k) == pytest.approx(all_of)


def test_repeated_trials_of_tasks_give_pass_rows(record: MakeRecord) -> None:
    records = [
        record("a", number=0), record("a", number=1, held=(0,)),
        record("b", number=0), record("b", number=1),
    ]  # fmt: skip
    assert row(records, "pass@2").estimate.value == 1
    assert row(records, "pass^2").estimate.value == 0.5


def test_two_seeds_of_a_template_are_two_tasks(record: MakeRecord) -> None:
    assert not any(
        name.startswith("pass") for name in names([record("a", seed=0), record("a", seed=1)])
    )


def test_a_curve_reaches_from_the_first_step_to_the_last(record: MakeRecord) -> None:
    curve = satisfaction_curve(record(curve=(0.0, 0.25, 1.0)))
    assert curve == ((0.0, 0.0), (0.5, 0.25), (1.0, 1.0))


def test_the_curve_of_one_step_is_its_end(record: MakeRecord) -> None:
    assert satisfaction_curve(record(curve=(0.5,))) == ((1.0, 0.5),)


def test_the_line_through_curves_is_the_least_squares_fit(record: MakeRecord) -> None:
    # Points (0, 0), (1, 1) and (0, 0.5), (1, 0.5): means 0.25 at the start, 0.75 at the end.
    line = fit([record(curve=(0.0, 1.0)), record(curve=(0.5, 0.5))])
    assert line == pytest.approx((0.25, 0.75))


def test_no_line_goes_through_one_place(record: MakeRecord) -> None:
    assert fit([record(curve=(0.5,))]) is None


def test_all_alike_templates_have_a_wilson_interval(record: MakeRecord) -> None:
    found = row([record(name) for name in "abcdefghi"], "success").estimate
    # 9 of 9: z² / (9 + z²) with z = 1.96 is lost at the lower end.
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.7009, abs=1e-4)


def test_a_mean_of_numbers_that_are_all_one_has_no_wilson_interval(record: MakeRecord) -> None:
    found = row([record("a", steps=1), record("b", steps=1)], "steps").estimate
    assert (found.low, found.high) == (1.0, 1.0)


def test_seeds_of_one_template_do_not_narrow_the_interval(record: MakeRecord) -> None:
    one = [record("a", held=(1,)), record("b", held=(0,))]
    ten = [record("a", seed=n, held=(1,)) for n in range(10)]
    ten += [record("b", seed=n, held=(0,)) for n in range(10)]
    for records in (one, ten):
        found = row(records, "success").estimate
        assert (found.low, found.high, found.items) == (0.0, 1.0, 2)

from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E, TAPGRAPH
from tapgraph.agents.mobile.state import Grade, StepRecord
from tapgraph.agents.mobile.stuck import failures_in_a_row, reason_to_stop, trouble
from tapgraph.agents.run.outcome import Outcome


def step(
    grade: Grade = "A", name: str = "Tap", x: int = 1, before: str = "a", after: str = "b"
) -> StepRecord:
    return StepRecord(name, {"x": x, "y": 2}, "a tap", grade, "", "", before, after)


def moving(count: int, grade: Grade = "A", name: str = "Tap") -> list[StepRecord]:
    """Steps that each do something else and reach a new screen."""
    return [step(grade, name, n, before=f"s{n}", after=f"s{n + 1}") for n in range(count)]


def test_failures_are_counted_back_to_the_last_success() -> None:
    assert failures_in_a_row([step("C"), step("A"), step("B"), step("C")]) == 2


def test_an_empty_history_is_no_trouble() -> None:
    assert reason_to_stop([], TAPGRAPH) is None
    assert trouble([], TAPGRAPH) == ""


def test_two_failures_in_a_row_call_the_manager_and_one_does_not() -> None:
    assert trouble(moving(1, "B"), TAPGRAPH) == ""
    assert "may be stuck" in trouble(moving(2, "B"), TAPGRAPH)


def test_the_run_gives_up_after_the_limit_of_its_pipeline() -> None:
    three = moving(3, "C")
    stop = reason_to_stop(three, MOBILE_AGENT_E)
    assert stop is not None
    assert stop.outcome is Outcome.GAVE_UP
    assert reason_to_stop(three, TAPGRAPH) is None
    assert reason_to_stop(moving(5, "C"), TAPGRAPH) is not None


def test_equal_actions_in_a_row_are_a_loop_even_when_screens_change() -> None:
    taps = [step(before=f"s{n}", after=f"s{n + 1}") for n in range(5)]
    stop = reason_to_stop(taps, TAPGRAPH)
    assert stop is not None
    assert stop.outcome is Outcome.LOOP


def test_equal_swipes_and_backs_may_go_on_while_they_show_something_new() -> None:
    for name in ("Swipe", "Back"):
        same = [step(name=name, before=f"s{n}", after=f"s{n + 1}") for n in range(9)]
        assert reason_to_stop(same, TAPGRAPH) is None


def test_two_screens_in_turn_are_a_loop_though_no_action_is_repeated_at_once() -> None:
    back_and_forth = [
        step(name=name, before=before, after=after)
        for _ in range(5)
        for name, before, after in (("Tap", "a", "b"), ("Back", "b", "a"))
    ]
    stop = reason_to_stop(back_and_forth, TAPGRAPH)
    assert stop is not None
    assert stop.outcome is Outcome.LOOP


def test_the_manager_hears_of_a_loop_before_the_run_is_stopped() -> None:
    history = [
        step(name=name, before=before, after=after)
        for _ in range(3)
        for name, before, after in (("Tap", "a", "b"), ("Back", "b", "a"))
    ]
    assert reason_to_stop(history[:5], TAPGRAPH) is None
    assert "same action" in trouble(history[:5], TAPGRAPH)


def test_many_different_actions_without_a_new_screen_are_a_loop() -> None:
    wandering = [step(x=n, before=f"s{n % 3}", after=f"s{(n + 1) % 3}") for n in range(15)]
    stop = reason_to_stop(wandering, TAPGRAPH)
    assert stop is not None
    assert "no new screen" in stop.reason


def test_a_long_run_that_sees_new_screens_goes_on() -> None:
    assert reason_to_stop(moving(39), TAPGRAPH) is None

"""Where the time of a step went, told by a clock of the test."""

from tapgraph.agents.run.events import StepTimed
from tapgraph.agents.run.step_timer import StepTimer


class Clock:
    """Shows what it was set to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_each_kind_of_time_is_counted_apart_and_once() -> None:
    clock = Clock()
    timer = StepTimer(clock)
    timer.add("device", 1.0)
    timer.add("device", 0.5)
    timer.add("picture", 0.25)
    timer.add("picture", 0.25)
    timer.add("delegated", 2.0)
    timer.add("delegated", 1.0)
    assert timer.spent_s("delegated") == 3.0
    clock.now_s = 110.0
    assert timer.close(4) == StepTimed(4, 10.0, 0.0, 1.5, 0.5, 3.0)
    clock.now_s = 111.0
    assert timer.close(5) == StepTimed(5, 1.0, 0.0, 0.0, 0.0, 0.0)
    assert timer.spent_s("delegated") == 0.0


def test_calls_that_overlap_count_once() -> None:
    clock = Clock()
    timer = StepTimer(clock)
    for end_s, latency_s in ((110.0, 8.0), (111.0, 4.0), (108.0, 1.0), (120.0, 2.0)):
        clock.now_s = end_s
        timer.add_model(latency_s)
    # From 102 to 111 and from 118 to 120.
    assert timer.close(1).model_s == 11.0
    assert timer.close(2).model_s == 0.0

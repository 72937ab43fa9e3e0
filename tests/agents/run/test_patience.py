"""Waiting for others ends with the run's time, and at once when the run is stopped."""

import threading
import time
from collections.abc import Iterator

import pytest

from tapgraph.agents.run.patience import Patience
from tapgraph.errors import BudgetExhausted, ToolError


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """An event that comes when the test is over, so that no thread is left behind."""
    event = threading.Event()
    yield event
    event.set()


def test_what_comes_in_time_is_given() -> None:
    assert Patience(lambda: 5.0).wait_for(lambda: 7, whom="model") == 7
    assert Patience(lambda: None).wait_for(lambda: 7, whom="model") == 7


def test_an_error_comes_out_as_it_is() -> None:
    def fail() -> None:
        raise ToolError("no")

    with pytest.raises(ToolError, match="no"):
        Patience(lambda: None).wait_for(fail, whom="model")


def test_who_never_answers_is_left_when_the_time_is_up(never: threading.Event) -> None:
    began = time.monotonic()
    patience = Patience(lambda: 0.2 - (time.monotonic() - began))
    with pytest.raises(BudgetExhausted, match="the seconds are used up; model was still at work"):
        patience.wait_for(never.wait, whom="model")


def test_a_stopped_run_waits_for_nobody(never: threading.Event) -> None:
    patience = Patience(lambda: None)
    stopper = threading.Timer(0.05, patience.stop)
    stopper.start()
    with pytest.raises(BudgetExhausted, match="stopped"):
        patience.wait_for(never.wait, whom="model")
    stopper.join()

"""Waiting for Ctrl-C and SIGTERM."""

import signal
import threading

import pytest

from tapgraph.cli.stop_request import stop_requests


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_another_thread_took_ends_the_wait(number: signal.Signals) -> None:
    def take() -> None:
        signal.pthread_kill(threading.get_ident(), number)

    with stop_requests() as wait_for_stop:
        other = threading.Timer(0.2, take)
        other.start()
        wait_for_stop()
        other.join()


def test_a_signal_before_the_wait_is_not_lost() -> None:
    with stop_requests() as wait_for_stop:
        signal.raise_signal(signal.SIGTERM)
        wait_for_stop()


def test_the_handlers_are_restored() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stop_requests():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert signal.set_wakeup_fd(-1) == -1

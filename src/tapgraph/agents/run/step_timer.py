"""Where the time of a step went."""

import threading
import time
from collections.abc import Callable

from tapgraph.agents.run.events import StepTimed

__all__ = ["StepTimer"]


class StepTimer:
    """Where the time of the current step went; model calls that overlap count once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._model_calls: list[tuple[float, float]] = []
        self._device_s = 0.0
        self._picture_s = 0.0
        self._delegated_s = 0.0

    def add_model(self, latency_s: float) -> None:
        """Count a call of a model that has just ended."""
        with self._lock:
            now = self._clock()
            self._model_calls.append((now - latency_s, now))

    def add_device(self, seconds: float) -> None:
        """Count time that the phone took, pictures apart."""
        with self._lock:
            self._device_s += seconds

    def add_picture(self, seconds: float) -> None:
        """Count time that taking and reading a picture took."""
        with self._lock:
            self._picture_s += seconds

    @property
    def delegated_s(self) -> float:
        """How long another agent has worked in the current step."""
        with self._lock:
            return self._delegated_s

    def add_delegated(self, seconds: float) -> None:
        """Count time in which another agent worked."""
        with self._lock:
            self._delegated_s += seconds

    def close(self, step: int) -> StepTimed:
        """The times since the last call."""
        with self._lock:
            now = self._clock()
            timed = StepTimed(
                step=step,
                total_s=now - self._began,
                model_s=_covered(self._model_calls),
                device_s=self._device_s,
                picture_s=self._picture_s,
                delegated_s=self._delegated_s,
            )
            self._began = now
            self._model_calls.clear()
            self._device_s = self._picture_s = self._delegated_s = 0.0
        return timed


def _covered(spans: list[tuple[float, float]]) -> float:
    """How long at least one span lasts."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total

"""Where the time of a step went."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Literal, TypeAlias

from tapgraph.agents.run.events import StepTimed

__all__ = ["StepTimer", "Who"]

Who: TypeAlias = Literal["device", "picture", "delegated"]
"""The phone or an API, pictures of the phone, or another agent."""


class StepTimer:
    """Where the time of the current step went; model calls that overlap count once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._model_calls: list[tuple[float, float]] = []
        self._spent_s: dict[Who, float] = defaultdict(float)

    def add_model(self, latency_s: float) -> None:
        """Count a call of a model that has just ended."""
        with self._lock:
            now = self._clock()
            self._model_calls.append((now - latency_s, now))

    def add(self, who: Who, seconds: float) -> None:
        """Count time that somebody else took."""
        with self._lock:
            self._spent_s[who] += seconds

    def spent_s(self, who: Who) -> float:
        """How much of the current step that was."""
        with self._lock:
            return self._spent_s[who]

    def close(self, step: int) -> StepTimed:
        """The times since the last call."""
        with self._lock:
            now = self._clock()
            timed = StepTimed(
                step=step,
                total_s=now - self._began,
                model_s=_covered(self._model_calls),
                device_s=self._spent_s["device"],
                picture_s=self._spent_s["picture"],
                delegated_s=self._spent_s["delegated"],
            )
            self._began = now
            self._model_calls.clear()
            self._spent_s.clear()
        return timed


def _covered(spans: list[tuple[float, float]]) -> float:
    """How long at least one span lasts."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total

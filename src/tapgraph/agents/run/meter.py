"""What a run has used so far, counted while it goes."""

import threading
import time
from collections.abc import Callable, Iterable

from tapgraph.agents.run.budget import Budget, Spent, check
from tapgraph.agents.run.events import ModelCalled, RecordedEvent

__all__ = ["Meter"]


class Meter:
    """Counts tokens, money and time from several threads, and refuses what goes over the budget.

    A resumed run is charged with what its recorded events used.
    """

    def __init__(
        self,
        budget: Budget,
        recorded: Iterable[RecordedEvent] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget = budget
        self._clock = clock
        self._started = clock()
        self._lock = threading.Lock()
        self._tokens = 0
        self._cost_usd = 0.0
        self._earlier_s = 0.0
        for entry in recorded:
            self._earlier_s = max(self._earlier_s, entry.since_start_s)
            if isinstance(entry.event, ModelCalled):
                self.add(entry.event)

    def add(self, call: ModelCalled) -> None:
        """Count one call of a model."""
        with self._lock:
            self._tokens += call.prompt_tokens + call.completion_tokens
            self._cost_usd += call.cost_usd

    def spent(self, steps: int) -> Spent:
        """All that is used, with `steps` actions taken."""
        with self._lock:
            return Spent(
                steps=steps,
                tokens=self._tokens,
                seconds=self._earlier_s + self._clock() - self._started,
                cost_usd=self._cost_usd,
            )

    def check(self, steps: int) -> None:
        """Return when the budget leaves something.

        Raises:
            BudgetExhausted: a limit is reached.
        """
        check(self._budget, self.spent(steps))

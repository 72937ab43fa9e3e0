"""What a run has used so far, counted while it goes."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable

from tapgraph.agents.run.budget import Budget, Spent, check
from tapgraph.agents.run.events import Delegated, ModelCalled, RecordedEvent

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
        self._delegated_steps = 0
        self._tokens = 0
        self._cost_usd = 0.0
        self._earlier_s = 0.0
        for entry in recorded:
            self._earlier_s = max(self._earlier_s, entry.since_start_s)
            if isinstance(entry.event, ModelCalled):
                self.add(entry.event)
            elif isinstance(entry.event, Delegated):
                self.charge(entry.event)

    def add(self, call: ModelCalled) -> None:
        """Count one call of a model."""
        with self._lock:
            self._tokens += call.prompt_tokens + call.completion_tokens
            self._cost_usd += call.cost_usd

    def charge(self, delegated: Delegated) -> None:
        """Count what another agent has used; its time has passed here as well."""
        with self._lock:
            self._delegated_steps += delegated.spent.steps
            self._tokens += delegated.spent.tokens
            self._cost_usd += delegated.spent.cost_usd

    def spent(self, steps: int) -> Spent:
        """All that is used, with `steps` actions taken by this agent itself."""
        with self._lock:
            return Spent(
                steps=steps + self._delegated_steps,
                tokens=self._tokens,
                seconds=self._earlier_s + self._clock() - self._started,
                cost_usd=self._cost_usd,
            )

    def seconds_left(self) -> float | None:
        """How long the run may still go on; None without a limit."""
        limit = self._budget.max_seconds
        return None if limit is None else limit - self.spent(0).seconds

    def check(self, steps: int) -> None:
        """Return when the budget leaves something.

        Raises:
            BudgetExhausted: a limit is reached.
        """
        check(self._budget, self.spent(steps))

    def left(self, steps: int) -> Budget:
        """What the budget leaves, as the budget of another agent.

        Raises:
            BudgetExhausted: a limit is reached.
        """
        self.check(steps)
        spent, budget = self.spent(steps), self._budget
        return dataclasses.replace(
            budget,
            max_steps=budget.max_steps - spent.steps,
            max_tokens=None if budget.max_tokens is None else budget.max_tokens - spent.tokens,
            max_seconds=None if budget.max_seconds is None else budget.max_seconds - spent.seconds,
            max_cost_usd=None
            if budget.max_cost_usd is None
            else budget.max_cost_usd - spent.cost_usd,
        )

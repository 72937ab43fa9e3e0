"""What is used up, by this agent and by those that it hands subgoals to."""

from datetime import UTC, datetime

import pytest

from tapgraph.agents.run.budget import Budget, Spent
from tapgraph.agents.run.events import Delegated, Event, ModelCalled, RecordedEvent
from tapgraph.agents.run.meter import Meter
from tapgraph.agents.run.outcome import Outcome
from tapgraph.errors import BudgetExhausted

CALL = ModelCalled(1, "chooser", "m", 80, 20, 0.25, 1.0)
DELEGATED = Delegated(
    1, "api", "goal", "api/001", Outcome.SUCCESS, "", "", Spent(3, 500, 60.0, 0.5)
)


def still() -> float:
    return 100.0


def recorded(event: Event) -> RecordedEvent:
    return RecordedEvent(event, datetime(2026, 1, 2, tzinfo=UTC), 9.0)


def test_what_another_agent_used_is_charged_but_its_time_passes_only_once() -> None:
    meter = Meter(Budget(), clock=still)
    meter.add(CALL)
    meter.charge(DELEGATED)
    assert meter.spent(2) == Spent(steps=5, tokens=600, seconds=0.0, cost_usd=0.75)


def test_a_resumed_run_is_charged_with_both() -> None:
    meter = Meter(Budget(), [recorded(CALL), recorded(DELEGATED)], clock=still)
    assert meter.spent(2) == Spent(steps=5, tokens=600, seconds=9.0, cost_usd=0.75)


def test_what_is_left_is_the_other_agents_budget() -> None:
    budget = Budget(max_steps=10, max_tokens=1000, max_seconds=20.0, max_cost_usd=1.0)
    meter = Meter(budget, [recorded(CALL), recorded(DELEGATED)], clock=still)
    left = Budget(max_steps=5, max_tokens=400, max_seconds=11.0, max_cost_usd=0.25)
    assert meter.left(2) == left
    assert Meter(Budget(), clock=still).left(1) == Budget(max_steps=39)


def test_where_nothing_is_left_nobody_gets_a_budget() -> None:
    meter = Meter(Budget(max_steps=5), [recorded(DELEGATED)], clock=still)
    with pytest.raises(BudgetExhausted, match="5 of 5 steps"):
        meter.left(2)

"""What is recorded, counted and checked when a role asks a model."""

from typing import Any

import pytest

from tapgraph.agents.mobile.notetaker import notetaker
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import ModelCalled
from tapgraph.errors import BudgetExhausted
from tapgraph.llm_backend.chat_model import ModelTraits, Reply, Usage

SAID = Reply(
    '{"notes": "12"}',
    usage=Usage(100, 10, 0.5, cached_tokens=60, reasoning_tokens=4),
    latency_s=1.5,
    model="big-1",
    reasoning="Twelve.",
)


def test_a_call_is_recorded_whole(desk: Any, screen: Any, picture: Any) -> None:
    sees_all = ModelTraits("big", pictures="all")
    empty = screen("s", elements=(), screenshot=picture())
    asks = desk(SAID, shows=[empty], traits=sees_all)
    asks.run(notetaker, step=3)
    assert asks.events(ModelCalled) == [
        ModelCalled(
            step=3,
            role="notetaker",
            model="big-1",
            prompt_tokens=100,
            completion_tokens=10,
            cost_usd=0.5,
            latency_s=1.5,
            images=1,
            cached_tokens=60,
            reasoning_tokens=4,
            reasoning="Twelve.",
        )
    ]


def test_each_try_is_recorded_with_what_is_wrong(desk: Any) -> None:
    asks = desk(["no JSON", SAID])
    asks.run(notetaker)
    first, second = asks.events(ModelCalled)
    assert (first.attempt, first.valid, bool(first.error)) == (1, False, True)
    assert (second.attempt, second.valid, second.error) == (2, True, "")


def test_a_call_is_counted(desk: Any) -> None:
    asks = desk(SAID)
    asks.run(notetaker)
    spent = asks.team.run.meter.spent(0)
    assert (spent.tokens, spent.cost_usd) == (110, 0.5)
    assert asks.team.run.timer.close(1).model_s == pytest.approx(1.5)


def test_the_steps_before_the_current_one_count(desk: Any) -> None:
    asks = desk(SAID, budget=Budget(max_steps=2))
    asks.run(notetaker, step=2)
    with pytest.raises(BudgetExhausted, match="2 of 2 steps are used"):
        asks.run(notetaker, step=3)


def test_a_model_that_is_asked_again_may_use_up_the_budget(desk: Any) -> None:
    asks = desk([Reply("no JSON", usage=Usage(90, 10)), SAID], budget=Budget(max_tokens=100))
    with pytest.raises(BudgetExhausted, match="100 of 100 tokens are used"):
        asks.run(notetaker)


def test_the_picture_of_the_screen_is_filed_while_the_model_thinks(
    desk: Any, screen: Any, picture: Any
) -> None:
    asks = desk(SAID, shows=[screen(screenshot=picture(7), tree_xml="<hierarchy/>")])
    place = asks.team.run.folder.path
    assert not (place / "screens" / "0001.png").exists()
    asks.run(notetaker)
    asks.team.run.folder.close()
    assert (place / "screens" / "0001.png").exists()
    assert (place / "trees" / "0001.xml").read_text(encoding="utf-8") == "<hierarchy/>"

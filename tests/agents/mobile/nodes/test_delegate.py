"""A subgoal that is handed to the API agent."""

from pathlib import Path
from typing import Any

import pytest

from tapgraph.agents.mobile.delegate import delegate
from tapgraph.agents.mobile.state import Decision, Judgement
from tapgraph.agents.run.budget import Budget, Spent
from tapgraph.agents.run.events import Delegated
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.agents.run.task_result import TaskResult


class StubAgent:
    """Ends every subgoal in the same way."""

    def __init__(
        self,
        outcome: Outcome = Outcome.SUCCESS,
        answer: str = "sunny",
        notes: str = "its notes",
    ) -> None:
        self.outcome = outcome
        self.answer = answer
        self.notes = notes
        self.asked: list[tuple[str, Path, Budget]] = []

    def abilities(self, task: str) -> str:
        return ""

    def do_subgoal(self, subgoal: str, *, out: Path, budget: Budget) -> TaskResult:
        self.asked.append((subgoal, out, budget))
        return TaskResult(
            self.outcome, "because", self.answer, None, self.notes, Spent(2, 30, 1.0, 0.5), out
        )


def test_the_current_subgoal_is_handed_over_as_a_step(desk: Any, screen: Any) -> None:
    agent = StubAgent()
    hands = desk(api_agent=agent, shows=[screen(), screen("second")])
    update = hands.run(delegate, progress="opened")
    assert agent.asked[0][0] == "Open it"
    assert update == {
        "step": 2,
        "screen_before": 1,
        "screen": 2,
        "decision": Decision("Delegate", {"subgoal": "Open it"}, "The API agent did the subgoal."),
        "judgement": Judgement("A", "", "opened", True, "tool"),
        "notes_proposed": "The API agent did 'Open it' and says: sunny",
    }


def test_its_word_comes_after_the_notes(desk: Any) -> None:
    update = desk(api_agent=StubAgent()).run(delegate, notes="old")
    assert update["notes_proposed"] == "old\nThe API agent did 'Open it' and says: sunny"


def test_where_it_has_no_answer_its_notes_are_its_word(desk: Any) -> None:
    update = desk(api_agent=StubAgent(answer="")).run(delegate)
    assert update["notes_proposed"] == "The API agent did 'Open it' and says: its notes"


def test_where_it_says_nothing_it_is_done(desk: Any) -> None:
    update = desk(api_agent=StubAgent(answer="", notes="")).run(delegate)
    assert update["notes_proposed"] == "The API agent did 'Open it' and says: done"


def test_its_failure_is_a_failed_step_without_notes(desk: Any) -> None:
    update = desk(api_agent=StubAgent(Outcome.LOOP)).run(delegate, progress="opened")
    assert update["judgement"] == Judgement(
        "C", "the API agent did not do it: loop: because", "opened", False, "tool"
    )
    assert "notes_proposed" not in update


def test_it_works_below_the_run_on_what_is_left(desk: Any) -> None:
    agent = StubAgent()
    hands = desk(api_agent=agent, budget=Budget(max_steps=9, max_tokens=100, max_cost_usd=2.0))
    hands.run(delegate, step=3)
    assert agent.asked[0][1] == hands.team.run.folder.path / "api" / "001"
    left = agent.asked[0][2]
    assert (left.max_steps, left.max_tokens, left.max_cost_usd) == (6, 100, 2.0)


def test_what_it_spent_is_charged(desk: Any) -> None:
    hands = desk(api_agent=StubAgent())
    hands.run(delegate)
    spent = hands.team.run.meter.spent(1)
    assert (spent.steps, spent.tokens, spent.cost_usd) == (3, 30, 0.5)


def test_its_time_is_counted_apart(desk: Any) -> None:
    hands = desk(api_agent=StubAgent())
    hands.run(delegate)
    delegated_s = hands.team.run.timer.spent_s("delegated")
    timed = hands.team.run.timer.close(2)
    assert 0 < timed.delegated_s == delegated_s
    assert (timed.device_s, timed.model_s, timed.picture_s) == (0.0, 0.0, 0.0)


def test_a_subgoal_that_was_done_before_the_run_was_resumed_is_not_done_again(desk: Any) -> None:
    agent = StubAgent()
    hands = desk(api_agent=agent)
    first = hands.run(delegate)
    assert hands.run(delegate)["judgement"] == first["judgement"]
    assert len(agent.asked) == len(hands.events(Delegated)) == 1


def test_each_subgoal_has_its_own_folder(desk: Any) -> None:
    agent = StubAgent()
    hands = desk(api_agent=agent)
    hands.run(delegate)
    hands.run(delegate, step=2)
    assert [out.name for _, out, _ in agent.asked] == ["001", "002"]


def test_the_folder_of_another_subgoals_run_is_left_alone(desk: Any) -> None:
    agent = StubAgent()
    hands = desk(api_agent=agent)
    below = hands.team.run.folder.path / "api"
    header = RunHeader(instruction="Another", pipeline="api", model="m", device="d")
    RunFolder.create(below / "001", header).close()
    hands.run(delegate)
    assert agent.asked[0][1] == below / "002"


def test_a_run_of_the_same_subgoal_that_was_stopped_is_gone_on_with(desk: Any) -> None:
    agent = StubAgent()
    hands = desk(api_agent=agent)
    below = hands.team.run.folder.path / "api"
    header = RunHeader(instruction="Open it", pipeline="api", model="m", device="d")
    RunFolder.create(below / "001", header).close()
    hands.run(delegate)
    assert agent.asked[0][1] == below / "001"


def test_it_is_recorded_once(desk: Any) -> None:
    hands = desk(api_agent=StubAgent())
    hands.run(delegate)
    assert hands.events(Delegated) == [
        Delegated(
            2, "api", "Open it", "api/001", Outcome.SUCCESS, "because", "sunny",
            Spent(2, 30, 1.0, 0.5),
        )
    ]  # fmt: skip


def test_nothing_is_handed_to_nobody(desk: Any) -> None:
    with pytest.raises(TypeError, match="with an API agent"):
        desk().run(delegate)

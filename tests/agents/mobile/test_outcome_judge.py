"""A judge of one's own tells outcomes where it is sure; the Reflector is asked for the rest."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E, TAPGRAPH, Pipeline
from tapgraph.agents.run.events import Event, ModelCalled, Noted, Reflected
from tapgraph.agents.run.outcome import Outcome as RunOutcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.evals.phone.demonstrator import Demonstrator
from tapgraph.memory import MemoryStore
from tapgraph.tools.mobile.outcome import Outcome, StepWords
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.guide import Aim, Route
from tapgraph.tools.mobile.simulator.phone import Phone

ROUTE = Route((
    Aim(words="Write the note", app="Notes", page="note", act="done",
        settings={"title": "Shop", "body": "Milk"}, facts=("Milk is needed",)),
    Aim(words="Look at the alarms", app="Clock", page="alarms", facts=("An alarm at 06:45",)),
))  # fmt: skip


@dataclass
class Judge:
    """Always says the same, or is never sure."""

    says: Outcome | None
    asked: list[StepWords] = field(default_factory=list)

    def judge(self, step: StepWords) -> Outcome | None:
        self.asked.append(step)
        return self.says


def events_of(
    phone: Phone, judge: Judge | None, memory: MemoryStore, out: Path, pipeline: Pipeline = TAPGRAPH
) -> Sequence[Event]:
    agent = PhoneAgent(
        SimulatedDevice(phone),
        Demonstrator(ROUTE, phone, foresees=True),
        outcome_judge=judge,
        memory=memory,
        pipeline=replace(pipeline, learns_from_failure=False),
    )
    result = agent.run("Write a note, then look at the alarms.", out=out)
    assert result.outcome is RunOutcome.SUCCESS
    return list(RunFolder.open(out).events())


def calls(events: Sequence[Event], role: str) -> int:
    return sum(isinstance(one, ModelCalled) and one.role == role for one in events)


def judged(events: Sequence[Event]) -> list[tuple[str, str]]:
    return [(one.judged_by, one.verdict) for one in events if isinstance(one, Reflected)]


SURE = Outcome("A", 0.99)


def test_a_sure_judge_leaves_only_ends_of_subgoals_to_the_reflector(
    phone: Phone, memory: MemoryStore, tmp_path: Path
) -> None:
    events = events_of(phone, Judge(SURE), memory, tmp_path / "run")
    found = judged(events)
    assert calls(events, "reflector") == len(ROUTE.aims)
    assert found.count(("outcome judge", "A")) == len(found) - len(ROUTE.aims) > 3


def test_notes_are_taken_after_every_action_all_the_same(
    phone: Phone, memory: MemoryStore, tmp_path: Path
) -> None:
    events = events_of(phone, Judge(SURE), memory, tmp_path / "run")
    assert calls(events, "notetaker") == len(judged(events))
    noted = [one.notes for one in events if isinstance(one, Noted)]
    assert noted[-1] == "Milk is needed\nAn alarm at 06:45"


def test_an_unsure_judge_changes_nothing(phone: Phone, memory: MemoryStore, tmp_path: Path) -> None:
    start = phone.snapshot()
    with_it = events_of(phone, Judge(None), memory, tmp_path / "with")
    phone.restore(start)
    without = events_of(phone, None, memory, tmp_path / "without")
    assert judged(with_it) == judged(without)
    for role in ("operator", "reflector", "notetaker", "manager", "verifier"):
        assert calls(with_it, role) == calls(without, role)


def test_in_the_published_order_the_notetaker_follows_at_once(
    phone: Phone, memory: MemoryStore, tmp_path: Path
) -> None:
    events = events_of(phone, Judge(SURE), memory, tmp_path / "run", MOBILE_AGENT_E)
    assert ("outcome judge", "A") in judged(events)
    assert calls(events, "notetaker") == len(judged(events))


def test_the_judge_is_told_action_expectation_and_changes(
    phone: Phone, memory: MemoryStore, tmp_path: Path
) -> None:
    judge = Judge(None)
    events_of(phone, judge, memory, tmp_path / "run")
    first = judge.asked[0]
    assert first.action == 'Open_App "Notes"'
    assert first.expected == "Notes opens."
    assert "app changed" in first.changes


@pytest.mark.parametrize("verdict", ["B", "C"])
def test_a_failed_step_is_told_to_the_operator_and_its_reason_recorded(
    verdict: Any, phone: Phone, memory: MemoryStore, tmp_path: Path
) -> None:
    agent = PhoneAgent(
        SimulatedDevice(phone),
        Demonstrator(ROUTE, phone, foresees=True),
        outcome_judge=Judge(Outcome(verdict, 0.99, "it led to the moon")),
        memory=memory,
    )
    agent.run("Write a note, then look at the alarms.", out=tmp_path / "run")
    events = list(RunFolder.open(tmp_path / "run").events())
    reasons = [one.error for one in events if isinstance(one, Reflected)]
    assert "it led to the moon" in reasons

"""What a run is told of the memory, and what becomes of that when it ends."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tapgraph.agents.run.chosen_by_model import ChosenByModel, ChosenReply
from tapgraph.agents.run.events import Recalled
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.recall import Recall
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.errors import InvalidReply
from tapgraph.memory import MemoryStore, Provenance, Scope
from tapgraph.memory.retrieval import Question, TextRetriever

LEARNT = Provenance(origin="run", run="r0")


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[MemoryStore]:
    with MemoryStore.open(tmp_path / "memory.db") as store:
        yield store


@pytest.fixture
def recall(memory: MemoryStore, tmp_path: Path) -> Iterator[Recall]:
    header = RunHeader(instruction="t", pipeline="p", model="m", device="d")
    with RunFolder.create(tmp_path / "r1", header) as folder:
        yield Recall(memory, TextRetriever(memory), folder, Scope())


def recorded(recall: Recall) -> list[Any]:
    return [one for one in recall.folder.events() if isinstance(one, Recalled)]


def test_the_memory_is_asked_once_for_a_subgoal(recall: Recall, memory: MemoryStore) -> None:
    tip = memory.add_tip("Zebras sleep.", provenance=LEARNT)
    first = recall.for_subgoal("find zebras", step=1, app="com.zoo")
    assert recall.for_subgoal("find zebras", step=2) is first
    recall.for_subgoal("go home", step=3)
    assert [(one.step, one.query) for one in recorded(recall)] == [
        (1, "find zebras"),
        (3, "go home"),
    ]
    told = {one.id: one.reasons for one in recorded(recall)[0].tips}
    assert told[tip] == ("has zebras",)
    assert [(use.kind, use.step) for use in memory.uses(tip)] == [("shown", 1)]


def test_tips_that_were_learnt_are_marked_and_cannot_begin_a_block(
    recall: Recall, memory: MemoryStore
) -> None:
    tip = memory.add_tip("Zebras </screen> sleep.", polarity="avoid", provenance=LEARNT)
    memory.record("worked", [tip])
    lines = recall.for_subgoal("find zebras", step=1).tip_lines.splitlines()
    assert lines[-1] == (
        "- [T1] (learnt, worked in 1 of 1 uses) Avoid this: Zebras \\u003c/screen> sleep."
    )
    assert all(not line.startswith("- [T") for line in lines[:-1])


def test_an_action_is_evidence_for_the_tips_that_it_followed_and_for_no_other(
    recall: Recall, memory: MemoryStore
) -> None:
    named = memory.add_tip("Zebras sleep.", provenance=LEARNT)
    other = memory.add_tip("Zebras eat.", provenance=LEARNT)
    known = recall.for_subgoal("find zebras", step=1)
    names = [name for name, tip in known.learnt.items() if tip.id == named]
    ids = known.followed([*names, "T9", "the zoo"])
    recall.followed(ids, "find zebras", worked=True, step=2, why="")
    recall.end(Outcome.SUCCESS)
    kinds = [(use.kind, use.step) for use in memory.uses(named)]
    assert kinds == [("shown", 1), ("worked", 2)]
    assert [use.kind for use in memory.uses(other)] == ["shown"]
    assert (memory.get(named).status, memory.get(other).status) == ("verified", "draft")


def test_a_tip_that_leads_astray_is_retired_while_runs_succeed(
    recall: Recall, memory: MemoryStore
) -> None:
    tip = memory.add_tip("Zebras sleep.", provenance=LEARNT)
    for step in range(4):
        recall.followed([tip], "find zebras", worked=False, step=step, why="a wrong page")
    recall.end(Outcome.SUCCESS)
    assert memory.get(tip).status == "retired"
    assert memory.uses(tip)[-1].why == "a wrong page"


@pytest.mark.parametrize(
    ("outcome", "kinds"),
    [
        (Outcome.FAILED, ["worked", "failed"]),
        (Outcome.LOOP, ["worked", "failed"]),
        (Outcome.DEVICE_LOST, ["worked"]),
        (Outcome.MODEL_ERROR, ["worked"]),
    ],
)
def test_a_subgoal_in_which_the_run_ends_counts_against_the_tips_that_led_it(
    outcome: Outcome, kinds: list[str], recall: Recall, memory: MemoryStore
) -> None:
    earlier = memory.add_tip("Tea is hot.", provenance=LEARNT)
    last = memory.add_tip("Zebras sleep.", provenance=LEARNT)
    recall.followed([earlier], "make tea", worked=True, step=1, why="")
    recall.followed([last], "find zebras", worked=True, step=2, why="")
    recall.end(outcome)
    assert [use.kind for use in memory.uses(last)] == kinds
    assert [use.kind for use in memory.uses(earlier)] == ["worked"]


def test_the_model_is_asked_for_names_only_where_tips_were_learnt(
    recall: Recall, memory: MemoryStore
) -> None:
    given = recall.for_subgoal("make tea", step=1)
    assert given.tips_to_name == given.tip_lines
    memory.add_tip("Zebras sleep.", provenance=LEARNT)
    assert "`tips`" in recall.for_subgoal("find zebras", step=1).tips_to_name


def test_without_a_memory_of_ones_own_no_evidence_is_kept(
    recall: Recall, memory: MemoryStore
) -> None:
    recall.keeps_record = False
    recall.for_subgoal("find zebras", step=1)
    recall.end(Outcome.SUCCESS)
    assert all(memory.uses(tip.id) == () for tip in memory.tips())


def test_a_model_can_choose_from_all_that_is_known(memory: MemoryStore) -> None:
    asked: list[tuple[str, str]] = []

    def ask(task: str, known: str) -> ChosenReply:
        asked.append((task, known))
        return ChosenReply(chosen=[2, 99])

    found = ChosenByModel(memory, ask).find(Question("tip", "find zebras"))
    assert [one.entry.id for one in found] == [memory.tips()[1].id]
    assert asked[0][0] == "find zebras"
    assert asked[0][1].splitlines()[1].startswith("[2] At the start of a task")


def test_a_model_that_does_not_choose_leaves_all(memory: MemoryStore) -> None:
    def refuse(task: str, known: str) -> ChosenReply:
        raise InvalidReply("no JSON")

    assert len(ChosenByModel(memory, refuse).find(Question("tip", "zebras"))) == 4
    (only,) = ChosenByModel(memory, refuse).find(Question("shortcut", "zebras"))
    assert only.reasons == ("all are shown",)

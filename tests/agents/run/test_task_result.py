"""What is read of a run that has ended."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from tapgraph.agents.run.budget import Spent
from tapgraph.agents.run.events import Noted
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.agents.run.task_result import TaskResult, parsed_answer, result_in

SPENT = Spent(3, 40, 5.0, 0.5)


class Price(BaseModel):
    euros: int


def ended(place: Path, outcome: Outcome, *notes: str) -> Path:
    header = RunHeader(instruction="t", pipeline="p", model="m", device="d")
    with RunFolder.create(place, header) as folder:
        for number, text in enumerate(notes, 1):
            folder.record(Noted(number, text))
        folder.finish(outcome, "because", "12", SPENT)
    return place


def test_a_run_that_has_ended_for_good_has_a_result(tmp_path: Path) -> None:
    run = ended(tmp_path / "run", Outcome.LOOP, "old", "new")
    assert result_in(run) == TaskResult(Outcome.LOOP, "because", "12", None, "new", SPENT, run)


def test_a_run_without_notes_has_empty_ones(tmp_path: Path) -> None:
    result = result_in(ended(tmp_path / "run", Outcome.SUCCESS))
    assert result is not None
    assert result.notes == ""


@pytest.mark.parametrize("outcome", [Outcome.BUDGET, Outcome.DEVICE_LOST, Outcome.MODEL_ERROR])
def test_a_run_that_may_go_on_has_none(outcome: Outcome, tmp_path: Path) -> None:
    assert result_in(ended(tmp_path / "run", outcome)) is None


def test_a_run_that_goes_on_has_none(tmp_path: Path) -> None:
    header = RunHeader(instruction="t", pipeline="p", model="m", device="d")
    RunFolder.create(tmp_path / "run", header).close()
    assert result_in(tmp_path / "run") is None


@pytest.mark.parametrize(
    ("answer", "kind", "found"),
    [
        ('{"euros": 3}', Price, Price(euros=3)),
        ("three", Price, None),
        ("", Price, None),
        ('{"euros": 3}', None, None),
    ],
)
def test_an_answer_is_an_object_where_it_fits_its_type(
    answer: str, kind: type[BaseModel] | None, found: Price | None
) -> None:
    assert parsed_answer(answer, kind) == found

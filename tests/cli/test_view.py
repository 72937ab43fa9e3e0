import json
import os
from pathlib import Path

import pytest

from tapgraph.agents.run.budget import Spent
from tapgraph.agents.run.events import Warned
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.cli.main import main
from tapgraph.cli.view import fresh_report


@pytest.fixture
def run(tmp_path: Path) -> Path:
    header = RunHeader(instruction="Go", pipeline="tapgraph", model="m", device="phone")
    with RunFolder.create(tmp_path / "run", header) as folder:
        folder.record(Warned(1, "first"))
        folder.finish(Outcome.FAILED, "not done", "", Spent())
    return folder.path


def test_the_report_is_written_and_its_path_printed(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", str(run), "--no-open"]) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    assert "first" in (run / "report.html").read_text(encoding="utf-8")


def test_json_names_report_and_outcome(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", str(run), "--no-open", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "report": str(run / "report.html"),
        "outcome": "failed",
        "reason": "not done",
    }


def test_a_fresh_report_is_kept(run: Path) -> None:
    report = fresh_report(RunFolder.open(run))
    report.write_text("kept", encoding="utf-8")
    assert fresh_report(RunFolder.open(run)).read_text(encoding="utf-8") == "kept"


def test_a_stale_report_is_written_anew(run: Path) -> None:
    report = fresh_report(RunFolder.open(run))
    os.utime(report, (0, 0))
    with RunFolder.open(run) as folder:
        folder.record(Warned(2, "second"))
    assert "second" in fresh_report(RunFolder.open(run)).read_text(encoding="utf-8")


def test_a_killed_run_can_be_viewed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (run / "events.jsonl").open("ab") as file:
        file.write(b'{"kind":"warn')
    (run / "run.json").write_text(
        (run / "run.json").read_text(encoding="utf-8").replace('"failed"', "null"), "utf-8"
    )
    assert main(["view", str(run), "--no-open", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "unfinished"


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "not valid JSON"), ("{}", "not the header"), ('{"version": 99}', "pip install")],
)
def test_a_damaged_run_is_explained(
    run: Path, capsys: pytest.CaptureFixture[str], content: str, words: str
) -> None:
    (run / "run.json").write_text(content, encoding="utf-8")
    assert main(["view", str(run), "--no-open"]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1

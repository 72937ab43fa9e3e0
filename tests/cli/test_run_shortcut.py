"""`tapgraph api run-shortcut`: what is printed, and the exit codes."""

import json
import plistlib
from pathlib import Path

import pytest

from tapgraph.cli.main import main

Actions = list[tuple[str, dict[str, object]]]


def written(path: Path, actions: Actions) -> str:
    workflow = {
        "WFWorkflowActions": [
            {
                "WFWorkflowActionIdentifier": f"is.workflow.actions.{name}",
                "WFWorkflowActionParameters": parameters,
            }
            for name, parameters in actions
        ]
    }
    is_json = path.suffix == ".json"
    path.write_bytes(json.dumps(workflow).encode() if is_json else plistlib.dumps(workflow))
    return str(path)


@pytest.mark.parametrize("name", ["count.json", "count.shortcut"])
def test_a_shortcut_gives_its_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    file = written(tmp_path / name, [("count", {"WFCountType": "Words"})])
    assert main(["api", "run-shortcut", file, "--input", "one two"]) == 0
    assert capsys.readouterr().out == "2\n"


def test_what_was_shown_goes_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "show.json", [("showresult", {"Text": "Hello"})])
    assert main(["api", "run-shortcut", file]) == 0
    shown = capsys.readouterr()
    assert shown.out == "Hello\n"
    assert "shown: [('result', 'Hello')]" in shown.err


def test_json_holds_output_and_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "copy.json", [("date", {}), ("setclipboard", {})])
    assert main(["api", "run-shortcut", file, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["output"] == "2026-03-02T12:00:00+00:00"
    assert record["text"] == "Mar 2, 2026 at 12:00 PM"
    assert (record["ended"], record["steps"]) == ("done", 2)
    assert record["state"]["clipboard"] == "2026-03-02T12:00:00+00:00"


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]])
def test_each_action_that_is_not_executable_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dry_run: list[str]
) -> None:
    file = written(tmp_path / "photo.json", [("vibrate", {}), ("takephoto", {}), ("runssh", {})])
    assert main(["api", "run-shortcut", file, *dry_run]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "action 1: is.workflow.actions.takephoto is not executable here",
        "action 2: is.workflow.actions.runssh is not executable here",
    ]


def test_a_dry_run_of_what_is_known_runs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "show.json", [("showresult", {"Text": "Hello"})])
    assert main(["api", "run-shortcut", file, "--dry-run", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"actions": 1, "not_executable": []}
    assert shown.err == ""


def test_a_failing_action_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "divide.json", [("math", {"WFMathOperation": "÷"})])
    assert main(["api", "run-shortcut", file, "--input", "1"]) == 1
    assert "action 0 (math): 1 ÷ cannot be calculated" in capsys.readouterr().err


def test_a_shortcut_reaches_no_local_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "local.json", [("downloadurl", {"WFURL": "http://127.0.0.1:9/"})])
    assert main(["api", "run-shortcut", file]) == 1
    assert "local network" in capsys.readouterr().err


def test_an_endless_shortcut_uses_up_its_budget(tmp_path: Path) -> None:
    loop = {"GroupingIdentifier": "g"}
    file = written(
        tmp_path / "loop.json",
        [
            ("repeat.count", {**loop, "WFControlFlowMode": 0, "WFRepeatCount": 20000}),
            ("repeat.count", {**loop, "WFControlFlowMode": 2}),
        ],
    )
    assert main(["api", "run-shortcut", file]) == 4


@pytest.mark.parametrize("text", ["AEA1 signed", "{}", "[", None])
def test_what_is_no_workflow_is_wrong_usage(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "file.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    assert main(["api", "run-shortcut", str(file)]) == 2

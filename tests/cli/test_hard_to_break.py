"""The command line where something is wrong around it: encodings, leftovers, kills, silence."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tapgraph.agents.run.budget import Spent
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.task_result import TaskResult
from tapgraph.cli.main import main
from tapgraph.cli.task_output import print_result

TAPGRAPH = [sys.executable, "-m", "tapgraph"]
SWITCH = "Turn on the alarm at 08:30"
AWAY = "http://127.0.0.1:9/v1#nobody?max_retries=0"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))


@pytest.fixture
def model(openai_server: Any, phone_brain: ModuleType) -> str:
    """The spec of a model that knows the way."""
    return str(openai_server(phone_brain.PhoneBrain()).spec())


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_knows_few_letters_ends_no_run(
    encoding: str, model: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [*TAPGRAPH, "run", SWITCH, "--model", model, "--out", str(tmp_path / "läuft ✓")],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
    )
    assert done.returncode == 0, done.stderr
    assert b"outcome: success" in done.stdout
    assert b"Traceback" not in done.stderr


def test_python_runs_the_package() -> None:
    done = subprocess.run([*TAPGRAPH, "--version"], capture_output=True, check=True, text=True)
    assert done.stdout.startswith("tapgraph ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", SWITCH, "--model", " "], "--model is empty"),
        (["api", SWITCH, "--catalog", "x", "--model", ""], "--model is empty"),
        (["run", SWITCH, "--model", AWAY, "--appium-url", "http://h:1"], "--appium-url"),
        (["run", SWITCH, "--model", AWAY, "--max-seconds", "inf"], "must be above 0 and finite"),
        (["run", SWITCH, "--model", AWAY, "--policy", "none.toml"], "cannot be read"),
        (["run", "--resume", "run", "--seed", "3"], "--resume takes --seed from the run"),
        (["run", "--resume", "run", "--read-from", "ocr"], "--resume takes --read-from"),
        (["run", SWITCH, "--resume", "run"], "--resume takes instruction from the run"),
        (["api", "--resume", "run", "--catalog", "x"], "--resume takes --catalog"),
        (["run", SWITCH, "--max-cost", "1", "--model", "http://127.0.0.1:9/v1#m"],
         "is not known, so max_cost_usd would limit nothing"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_one_sentence(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert words in errors[0]
    assert not (tmp_path / "runs").exists()


def test_a_run_is_resumed_with_another_model(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "run")
    assert main(["run", SWITCH, "--model", AWAY, "--out", run]) == 3
    assert main(["run", "--resume", run, "--model", model]) == 0
    assert "outcome: success" in capsys.readouterr().out


def test_a_run_that_was_killed_before_its_report_gets_it(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(["run", SWITCH, "--model", model, "--out", str(run)]) == 0
    (run / "report.html").unlink()
    events = (run / "events.jsonl").read_bytes()
    assert main(["run", "--resume", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["outcome"] == "success"
    assert (run / "report.html").is_file()
    assert (run / "events.jsonl").read_bytes() == events


@pytest.mark.parametrize("as_json", [True, False])
def test_foreign_text_gives_a_terminal_no_orders(
    as_json: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b[2Jgone \u202etxt"
    result = TaskResult(Outcome.SUCCESS, evil, evil, None, evil, Spent(), tmp_path)
    print_result(result, tmp_path / "report.html", json=as_json)
    printed = capsys.readouterr().out
    told = json.loads(printed)["answer"] if as_json else printed
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "gone" in told


@pytest.mark.parametrize("way", ["its limit", "Ctrl-C"])
def test_a_silent_model_does_not_outlive(way: str, tmp_path: Path) -> None:
    if way == "Ctrl-C" and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        pytest.skip("this shell has started the tests without Ctrl-C")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        spec = f"http://127.0.0.1:{silent.getsockname()[1]}/v1#m"
        limit = ["--max-seconds", "1"] if way == "its limit" else []
        with subprocess.Popen(
            [*TAPGRAPH, "run", SWITCH, "--model", spec, "--out", str(tmp_path / "run"), *limit],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            silent.settimeout(60)
            connection, _ = silent.accept()
            with connection:
                if way == "Ctrl-C":
                    process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)  # far less than a model is waited for
    assert process.returncode == (4 if limit else 130)
    state = RunFolder.open(tmp_path / "run").header.state
    assert state == ("budget" if limit else "unfinished")

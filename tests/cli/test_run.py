"""`tapgraph run`, `demo` and `sim check`, against `tapgraph sim serve` too."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tapgraph.agents.run.events import Reflected
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.cli.main import main

TAPGRAPH = [sys.executable, "-m", "tapgraph.cli.main"]
SWITCH = "Turn on the alarm at 08:30"
MODEL = ["--model", "http://127.0.0.1:9/v1#nobody?max_retries=0"]


@contextmanager
def served_phone(state_dir: Path, *, faults: str = "", seed: int = 11) -> Iterator[str]:
    """The URL of `tapgraph sim serve` in a process of its own."""
    command = [*TAPGRAPH, "sim", "serve", "--port", "0", "--seed", str(seed)]
    command += ["--state-dir", str(state_dir), "--faults", faults]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait(timeout=20)


def run_json(*arguments: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [*TAPGRAPH, "run", *arguments, "--json"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=300,
    )
    assert done.stdout, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, result


@pytest.mark.parametrize("faults", ["", "tap@1,slow@1"], ids=["calm", "faults"])
def test_a_task_is_done_through_appium_and_checked_on_disk(
    faults: str, openai_server: Any, phone_brain: ModuleType, tmp_path: Path
) -> None:
    state, run = tmp_path / "state", tmp_path / "run"
    model = openai_server(phone_brain.PhoneBrain()).spec()
    check = [*TAPGRAPH, "sim", "check", "switch_one_alarm", "--seed", "0"]
    check += ["--state-dir", str(state)]
    with served_phone(state, faults=faults, seed=0) as url:
        assert subprocess.run(check, check=False, capture_output=True).returncode == 1
        code, result = run_json(
            SWITCH, "--device", "appium", "--appium-url", url, "--model", model,
            "--memory", str(tmp_path / "memory.db"), "--out", str(run),
        )  # fmt: skip
    assert (code, result["outcome"]) == (0, "success"), result
    with sqlite3.connect(state / "com.google.android.deskclock.db") as clock:
        assert clock.execute("SELECT is_on FROM alarms WHERE at = '08:30'").fetchone() == (1,)
    verdicts = [event for event in RunFolder.open(run).events() if isinstance(event, Reflected)]
    assert (run / "report.html").is_file()
    assert any(event.verdict == "C" for event in verdicts) == bool(faults)


def test_the_demo_succeeds_and_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))
    assert main(["demo", "--out", str(tmp_path / "run")]) == 0
    printed = capsys.readouterr().out
    assert "outcome: success" in printed
    assert "checked: the phone is as the task wants it" in printed
    assert "not from a language model" in printed
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "  ", *MODEL], 2, "the instruction is empty"),
        (["run", "Dance a jig"], 2, "a task needs a model"),
        (["demo", "dance_a_jig"], 2, "no task 'dance_a_jig'"),
        (["run", SWITCH, "--device", "fridge", *MODEL], 2, "fridge"),
        (["run", SWITCH, "--model", "gpt"], 2, "a model is openai:NAME"),
        (["run", SWITCH, "--model", "openai:gpt"], 3, "set OPENAI_API_KEY"),
        (["run", SWITCH, *MODEL, "--pipeline", "x"], 2, "no pipeline is called 'x'"),
        (["run", SWITCH, *MODEL, "--max-steps", "0"], 2, "max_steps must be at least 1"),
        (["run", SWITCH, *MODEL, "--faults", "quake@1"], 2, "quake"),
        (["run", SWITCH, *MODEL, "--phone", "fridge"], 2, "fridge"),
        (["run", "--resume", "no-such-run"], 2, "is not a run folder"),
        (
            ["run", SWITCH, "--device", "appium", *MODEL,
             "--appium-url", "http://127.0.0.1:9"],
            3,
            "127.0.0.1:9",
        ),
    ],
    ids=lambda value: "-".join(value[1:3]) if isinstance(value, list) else None,
)  # fmt: skip
def test_bad_input_gets_one_sentence_and_its_exit_code(
    arguments: list[str],
    code: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert main(arguments) == code
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert words in errors[0]
    assert not (tmp_path / "runs").exists()


def test_a_model_server_that_is_gone_leaves_a_readable_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))
    run = tmp_path / "run"
    spec = "http://127.0.0.1:9/v1#nobody?max_retries=0"
    assert main(["run", SWITCH, "--model", spec, "--out", str(run), "--json"]) == 3
    result = json.loads(capsys.readouterr().out)
    assert result["outcome"] == "model_error"
    assert "127.0.0.1:9" in result["reason"]
    assert RunFolder.open(run).header.state == "model_error"
    assert (run / "report.html").is_file()


def test_a_run_over_its_budget_resumes_with_a_larger_one(
    openai_server: Any, phone_brain: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))
    run = str(tmp_path / "run")
    model = openai_server(phone_brain.PhoneBrain()).spec()
    start = ["run", SWITCH, "--model", model, "--out", run, "--max-steps", "1", "--json"]
    assert main(start) == 4
    assert json.loads(capsys.readouterr().out)["outcome"] == "budget"
    assert main(["run", "--resume", run, "--max-steps", "20", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "success"


def test_a_run_stopped_with_ctrl_c_says_how_to_go_on(
    openai_server: Any, phone_brain: ModuleType, tmp_path: Path
) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        pytest.skip("this shell has started the tests without Ctrl-C")
    run = str(tmp_path / "a run")
    brain, asked = phone_brain.PhoneBrain(), []

    def slow_to_act(request: dict[str, Any]) -> object:
        asked.append(request)
        if len(asked) > 2:
            process.send_signal(signal.SIGINT)
        return brain(request)

    model = openai_server(slow_to_act).spec()
    with subprocess.Popen(
        [*TAPGRAPH, "run", SWITCH, "--model", model, "--out", run],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TAPGRAPH_HOME": str(tmp_path / "home")},
    ) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"tapgraph run --resume '{run}'" in told
    assert RunFolder.open(Path(run)).header.state == "unfinished"

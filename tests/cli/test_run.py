"""`tapgraph run`, `demo` and `sim check` as processes, against `tapgraph sim serve`."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tapgraph.agents.run.events import Reflected
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.cli.main import main
from tapgraph.tools.mobile.simulator.device import SimulatedDevice

TAPGRAPH = [sys.executable, "-m", "tapgraph.cli.main"]
MAIN_JOB = {
    "1_nearest_bakery": "tap@3,slow@2,popup@5",
    "2_headphones_reviews": "tap@2,crash@8",
    "3_walmart_sale_items": "popup@4,network@9-10",
    "4_watercolor_painting_tutorial": "tap@4,slow@3",
    "5_things_to_do_la": "popup@6,crash@10",
}


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


def instruction_of(task_id: str, shared_data: Path) -> str:
    number = task_id.partition("_")[0]
    scenario = json.loads((shared_data / f"mobile_eval_e/scenario_{number}_v1.json").read_text())
    return next(
        str(task["instruction"]) for task in scenario["tasks"] if task["task_id"] == task_id
    )


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


@pytest.mark.parametrize("with_faults", [False, True], ids=["calm", "faults"])
@pytest.mark.parametrize("task_id", MAIN_JOB)
@pytest.mark.slow
def test_the_main_job_through_appium(
    task_id: str, with_faults: bool, shared_data: Path, tmp_path: Path
) -> None:
    instruction = instruction_of(task_id, shared_data)
    state, run = tmp_path / "state", tmp_path / "run"
    with served_phone(state, faults=MAIN_JOB[task_id] if with_faults else "") as url:
        check = [*TAPGRAPH, "sim", "check", instruction, "--state-dir", str(state), "--seed", "11"]
        assert subprocess.run(check, check=False, capture_output=True).returncode == 1
        code, result = run_json(
            instruction, "--device", "appium", "--appium-url", url, "--model", "demonstrator",
            "--memory", str(tmp_path / "memory.db"), "--out", str(run),
        )  # fmt: skip
        assert (code, result["outcome"]) == (0, "success"), result
        checked = subprocess.run(check, check=False, capture_output=True, text=True)
        assert checked.stdout.strip() == "done", checked.stdout
    verdicts = [event for event in RunFolder.open(run).events() if isinstance(event, Reflected)]
    assert (run / "report.html").is_file()
    if with_faults:
        assert any(event.verdict in "BC" for event in verdicts)
    else:
        assert all(event.verdict == "A" for event in verdicts)


def test_the_demo_succeeds_and_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))
    assert main(["demo", "--out", str(tmp_path / "run")]) == 0
    printed = capsys.readouterr().out
    assert "outcome: success" in printed
    assert "checked: the app databases hold what was asked for" in printed
    assert "not from a language model" in printed
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "  "], 2, "the instruction is empty"),
        (["run", "Dance a jig"], 2, "no reference solution"),
        (["run", "Turn on Do Not Disturb", "--device", "fridge"], 2, "fridge"),
        (["run", "Turn on Do Not Disturb", "--device", "appium"], 2, "needs a model"),
        (["run", "Turn on Do Not Disturb", "--model", "gpt"], 2, "a model is openai:NAME"),
        (["run", "Turn on Do Not Disturb", "--model", "openai:gpt"], 3, "set OPENAI_API_KEY"),
        (["run", "Turn on Do Not Disturb", "--pipeline", "x"], 2, "no pipeline is called 'x'"),
        (["run", "Turn on Do Not Disturb", "--max-steps", "0"], 2, "max_steps must be at least 1"),
        (["run", "Turn on Do Not Disturb", "--faults", "quake@1"], 2, "quake"),
        (["run", "Turn on Do Not Disturb", "--phone", "fridge"], 2, "fridge"),
        (["run", "--resume", "no-such-run"], 2, "is not a run folder"),
        (
            ["run", "Turn on Do Not Disturb", "--device", "appium", "--model", "demonstrator",
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
    assert (
        main(["run", "Turn on Do Not Disturb", "--model", spec, "--out", str(run), "--json"]) == 3
    )
    result = json.loads(capsys.readouterr().out)
    assert result["outcome"] == "model_error"
    assert "127.0.0.1:9" in result["reason"]
    assert RunFolder.open(run).header.state == "model_error"
    assert (run / "report.html").is_file()


def test_a_run_over_its_budget_resumes_with_a_larger_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))
    run = str(tmp_path / "run")
    assert main(["run", "Turn on Do Not Disturb", "--out", run, "--max-steps", "1", "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["outcome"] == "budget"
    assert main(["run", "--resume", run, "--max-steps", "20", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "success"


def test_a_run_stopped_with_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    run = str(tmp_path / "a run")
    with subprocess.Popen(
        [*TAPGRAPH, "demo", "--out", run],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TAPGRAPH_HOME": str(tmp_path / "home")},
    ) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "step 3" in line)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"tapgraph run --resume '{run}'" in told
    assert RunFolder.open(Path(run)).header.state == "unfinished"


def test_the_demonstrator_refuses_a_phone_that_is_not_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(SimulatedDevice, "capabilities", frozenset())
    assert main(["run", "Turn on Do Not Disturb", "--out", str(tmp_path / "run")]) == 2
    assert "simulated phone only" in capsys.readouterr().err

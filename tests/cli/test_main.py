import subprocess
import sys
import time

import pytest

from tapgraph import __version__
from tapgraph.cli.exit_codes import exit_code_of
from tapgraph.cli.main import main
from tapgraph.errors import (
    BudgetExhausted,
    DeviceLost,
    ExtraMissing,
    ModelUnavailable,
    TapgraphError,
    ToolError,
    UnreadableRun,
    UnreadableTree,
    UsageError,
)

SLOWEST_START_S = 3.0
"""Far more than the 0.3 s that it takes: two busy cores must not fail the test."""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (UnreadableRun("x"), 2),
        (DeviceLost("x"), 3),
        (ModelUnavailable("x"), 3),
        (ExtraMissing("ocr", "x"), 3),
        (PermissionError(13, "denied"), 3),
        (BudgetExhausted("x"), 4),
        (ToolError("x"), 1),
        (UnreadableTree("x"), 1),
    ],
)
def test_each_error_has_its_exit_code(error: TapgraphError | OSError, code: int) -> None:
    assert exit_code_of(error) == code


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frob"], "No such command 'frob'"),
        (["view"], "Missing argument 'RUN'"),
        (["view", "--frob", "x"], "No such option: --frob"),
        (["device"], "Missing command"),
        (["device", "tap", "left", "1"], "Invalid value for 'x'"),
        (["device", "tree", "--device", "carrier-pigeon"], "carrier-pigeon"),
        (["device", "tap", "1", "1", "--faults", "flood"], "cannot read the fault 'flood'"),
        (["device", "tap", "1", "1", "--udid", "x"], "--udid is for --device appium, not for sim"),
        (
            ["device", "tap", "1", "1", "--device", "appium", "--faults", "tap@1"],
            "--faults is for --device sim, not for appium",
        ),
        (["view", "/no/such/run"], "is not a run folder"),
        (["sim", "serve", "--clock", "soon"], "--clock must be a time"),
        (["sim", "serve", "--phone", "fridge"], "cannot read 'fridge' of the phone"),
        (["device", "screenshot", "--phone", "font=9"], "the font scale must be from 0.85 to 2"),
        (
            ["device", "screenshot", "--device", "appium", "--phone", "small"],
            "--phone is for --device sim, not for appium",
        ),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert words in captured.err


def test_no_server_is_one_sentence_and_exit_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["device", "tap", "1", "1", "--device", "appium"]
    assert main([*arguments, "--appium-url", "http://127.0.0.1:9"]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "http://127.0.0.1:9" in captured.err


def test_an_interruption_has_exit_code_130() -> None:
    program = (
        "import tapgraph.cli.device as device, sys\n"
        "def interrupt(*_, **__): raise KeyboardInterrupt\n"
        "device.open_device = interrupt\n"
        "from tapgraph.cli.main import main\n"
        "sys.exit(main(['device', 'tap', '1', '1']))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 130
    assert ended.stderr == "error: interrupted\n"


def test_debugging_shows_where_an_error_came_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPGRAPH_DEBUG", "1")
    assert main(["view", "/no/such/run"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tapgraph {__version__}\n"


def test_without_a_command_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in ("device", "sim", "view", "memory"))


@pytest.mark.parametrize("verb", [["device"], ["sim", "serve"], ["view"], ["memory", "list"]])
def test_every_verb_has_help(capsys: pytest.CaptureFixture[str], verb: list[str]) -> None:
    assert main([*verb, "--help"]) == 0
    assert "Usage: tapgraph" in capsys.readouterr().out


def test_the_command_starts_quickly() -> None:
    began = time.monotonic()
    command = [sys.executable, "-m", "tapgraph.cli.main", "--version"]
    subprocess.run(command, check=True, capture_output=True)
    assert time.monotonic() - began < SLOWEST_START_S


def test_a_closed_pipe_is_no_error_of_ours() -> None:
    program = f"{sys.executable} -m tapgraph.cli.main device --help | true"
    ended = subprocess.run(["sh", "-c", program], check=False, capture_output=True, text=True)
    assert "Traceback" not in ended.stderr

"""`tapgraph eval phone` and `tapgraph eval compare` from option to file."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tapgraph.cli.main import main

MILK = str(Path(__file__).parents[1] / "evals" / "milk_suite.py")
Evaluate = Callable[..., dict[str, Any]]


@pytest.fixture
def evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Evaluate:
    """The one JSON object that the command prints: `evaluate("null", "--seeds", "2")`."""

    def run(model: str, *arguments: str, name: str = "out", code: int = 0) -> dict[str, Any]:
        given = ["eval", "phone", "--suite", MILK, "--model", model, "--out", str(tmp_path / name)]
        assert main([*given, *arguments, "--json"]) == code
        printed: dict[str, Any] = json.loads(capsys.readouterr().out)
        return printed

    return run


def test_a_suite_in_a_file_is_evaluated(evaluate: Evaluate, tmp_path: Path) -> None:
    printed = evaluate("demonstrator")
    assert (printed["suite"], printed["trials"], printed["broken_off"]) == ("milk_suite", 2, 0)
    assert printed["metrics"]["success"]["value"] == 1
    left = {file.name for file in (tmp_path / "out").iterdir()}
    assert left == {
        "report.html", "run.json", "runs", "sss.png", "sss.svg", "summary.csv", "summary.md",
        "trials.jsonl",
    }  # fmt: skip


def test_the_csv_holds_the_numbers_of_the_table(evaluate: Evaluate, tmp_path: Path) -> None:
    printed = evaluate("null")
    with (tmp_path / "out" / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["metric"]: row for row in csv.DictReader(file)}
    assert float(rows["TE"]["value"]) == printed["metrics"]["TE"]["value"] == 1
    assert (rows["TE"]["better"], rows["TE"]["n"]) == ("lower", "2")


def test_people_read_a_table_and_what_made_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["eval", "phone", "--suite", MILK, "--model", "null", "--out", str(tmp_path)]
    assert main(given) == 0
    printed = capsys.readouterr().out
    assert "agent: null, pipeline tapgraph" in printed
    assert "prompts " in printed
    assert "TE ↓ 100.0 % [34.2 %, 100.0 %] 2 2" in " ".join(printed.split())
    assert "rubrics judged by: machine 3" in printed
    assert "| TE ↓ | 100.0 % |" in (tmp_path / "summary.md").read_text("utf-8")


def test_the_header_names_code_versions_and_machine(evaluate: Evaluate, tmp_path: Path) -> None:
    evaluate("null", "--seeds", "2", "--faults", "tap@3")
    header = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert header["phones"] == "simulated phone with tap@3"
    assert header["plan"]["seeds"] == 2
    made = header["made_with"]
    assert len(made["prompts"]) == 16
    assert {"tapgraph", "python", "langgraph"} <= set(made["versions"])
    assert made["machine"]


def test_two_evaluations_are_compared(
    evaluate: Evaluate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate("demonstrator", name="a")
    evaluate("null", name="b")
    folders = [str(tmp_path / "a"), str(tmp_path / "b")]
    page = tmp_path / "both.html"
    assert main(["eval", "compare", *folders, "--out", str(page), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["pairs"], found["only_first"], found["only_second"]) == (2, 2, 0)
    assert found["differences"]["success"]["value"] == -1
    assert "null, pipeline tapgraph" in page.read_text("utf-8")


def test_a_comparison_is_told_in_words(
    evaluate: Evaluate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate("null", name="a")
    evaluate("null", "--max-steps", "9", name="b")
    assert main(["eval", "compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    printed = capsys.readouterr().out
    assert "2 pairs of trials; B minus A:" in printed
    assert "not fully comparable: the step limit differs: None and 9" in printed


@pytest.fixture
def undecided(tmp_path: Path) -> Path:
    """A suite whose only rubric is left to others."""
    file = tmp_path / "undecided.py"
    file.write_text(
        "from tapgraph.evals.suite import Rubric, Task\n"
        "from tapgraph.tools.mobile.simulator.guide import Aim, Route\n"
        "way = Route((Aim(words='Turn it on', app='Clock', page='alarms', act='switch',"
        " row=('alarms', 2)),))\n"
        "tasks = [Task(id='dark', instruction='Turn on the alarm at 08:30.', route=way,"
        " rubrics=(Rubric('looks dark'),))]\n",
        encoding="utf-8",
    )
    return file


def test_a_file_of_verdicts_decides(evaluate: Evaluate, undecided: Path, tmp_path: Path) -> None:
    printed = evaluate("demonstrator", "--suite", str(undecided))
    assert "success" not in printed["metrics"]
    verdicts = tmp_path / "verdicts.jsonl"
    verdicts.write_text(
        '{"trial": "dark/0/0", "rubric": "looks dark", "holds": true}\n', encoding="utf-8"
    )
    printed = evaluate("demonstrator", "--suite", str(undecided), "--verdicts", str(verdicts))
    assert printed["metrics"]["success"]["value"] == 1
    assert printed["metrics"]["SS by people"]["value"] == 1


def test_a_model_judges_over_http(
    evaluate: Evaluate, undecided: Path, openai_server: Callable[..., Any]
) -> None:
    server = openai_server(lambda _request: '{"reason": "It is dark.", "holds": true}')
    judge = f"{server.url}#judge"
    printed = evaluate("demonstrator", "--suite", str(undecided), "--judge", judge)
    assert printed["metrics"]["SS by a judge"]["value"] == 1
    assert printed["not_judged"] == 0


def test_a_judge_who_says_nothing_useful_ends_with_1(
    evaluate: Evaluate, undecided: Path, openai_server: Callable[..., Any]
) -> None:
    server = openai_server(lambda _request: "Who knows?")
    judge = f"{server.url}#judge"
    printed = evaluate("demonstrator", "--suite", str(undecided), "--judge", judge, code=1)
    assert printed["not_judged"] == 1


def test_trials_that_break_off_end_with_1(evaluate: Evaluate, tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text(
        "from tapgraph.evals.suite import Suite, Template\n"
        "def draw(seed):\n    raise ValueError('no task today')\n"
        "suite = Suite('broken', (Template('a', draw),))\n",
        encoding="utf-8",
    )
    assert evaluate("null", "--suite", str(file), code=1)["broken_off"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "null", "--device", "appium"], "for the simulated phone"),
        (["--model", "null", "--udid", "x"], "--udid"),
        (["--model", "openai:x", "--device", "appium", "--faults", "tap@1"], "--faults"),
        (["--model", "openai:x", "--device", "appium", "--phone", "small"], "--phone"),
        (["--model", "null", "--phone", "fridge"], "cannot read 'fridge'"),
        (["--model", "null", "--suite", "nothing"], "no suite is called"),
        (["--model", "null", "--split", "hard"], "neither a split nor a task"),
        (["--model", "null", "--seeds", "0"], "seeds must be at least 1"),
        (["--model", "null", "--workers", "0"], "workers must be at least 1"),
        (["--model", "null", "--suite", "mobile-eval-e"], "--data"),
    ],
)
def test_what_cannot_work_is_refused(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["eval", "phone", "--suite", MILK, "--out", str(tmp_path / "out")]
    assert main([*given, *arguments]) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_a_device_of_ones_own_gets_its_settings_beside_the_memorys(
    evaluate: Evaluate,
    openai_server: Callable[..., Any],
    clerk: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "own_phones.py").write_text(
        "from tapgraph.tools.mobile.simulator import build_phone\n"
        "from tapgraph.tools.mobile.simulator.device import SimulatedDevice\n"
        "class Own(SimulatedDevice):\n"
        "    name = 'phone of seed 3'\n"
        "def make(seed):\n"
        "    assert seed == 3\n"
        "    return Own(build_phone(seed=seed))\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    given = ["--device", "own_phones:make", "--device-setting", "seed=3", "--setting", "evolution"]
    evaluate(openai_server(clerk([])).spec(), *given)
    headers = (tmp_path / "out" / "runs").glob("*/*/*/run.json")
    assert {json.loads(one.read_text("utf-8"))["device"] for one in headers} == {"phone of seed 3"}

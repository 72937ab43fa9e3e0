"""`tapgraph eval shortcutsbench` on small files in the authors' formats, and on the real ones."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tapgraph.cli.main import main

DATA = Path(__file__).parents[1] / "data" / "shortcutsbench"

Evaluate = Callable[..., dict[str, Any]]


@pytest.fixture
def evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Evaluate:
    """The one JSON object that the command prints, and its exit code."""

    def run(*arguments: str, data: Path = DATA, code: int = 0) -> dict[str, Any]:
        given = ["eval", "shortcutsbench", "--data", str(data), *arguments, "--json"]
        assert main(given) == code
        printed: dict[str, Any] = json.loads(capsys.readouterr().out)
        return printed

    return run


@pytest.mark.parametrize("mode", ["teacher-forced", "free-running", "executed"])
def test_the_oracle_is_right_in_every_mode(mode: str, evaluate: Evaluate, tmp_path: Path) -> None:
    printed = evaluate("--out", str(tmp_path), "--chooser", "oracle", "--mode", mode)
    (one,) = printed["evaluations"]
    assert (one["chooser"], one["mode"], one["failed"]) == ("oracle", mode, 0)
    assert one["metrics"]["strict/query_success"]["value"] == 1
    assert (tmp_path / "summary.json").is_file()


def test_the_pre_experiments_are_three_evaluations(evaluate: Evaluate, tmp_path: Path) -> None:
    printed = evaluate("--out", str(tmp_path), "--chooser", "lexical", "--set", "pre")
    assert [one["source"] for one in printed["evaluations"]] == ["metatool", "toolbench", "toolllm"]
    assert all((tmp_path / one["source"] / "summary.json").is_file()
               for one in printed["evaluations"])  # fmt: skip


def test_frozen_items_are_evaluated_again(evaluate: Evaluate, tmp_path: Path) -> None:
    first = evaluate("--out", str(tmp_path / "a"), "--chooser", "random", "--seed", "3")
    items = str(tmp_path / "a" / "items.jsonl")
    again = evaluate(
        "--items", items, "--out", str(tmp_path / "b"), "--chooser", "random", "--seed", "3"
    )
    assert again["evaluations"][0]["metrics"] == first["evaluations"][0]["metrics"]


def test_a_model_over_http_and_items_that_break_off(
    evaluate: Evaluate, openai_server: Callable[..., Any], tmp_path: Path
) -> None:
    asked: list[int] = []

    def respond(request: dict[str, Any]) -> Any:
        asked.append(1)
        return (403, {"error": {"message": "no"}}) if len(asked) == 1 else "I do not know."

    model = openai_server(respond)
    arguments = ("--out", str(tmp_path), "--model", model.spec(), "--workers", "1")
    (one,) = evaluate(*arguments, code=1)["evaluations"]
    assert one["failed"] == 1
    assert one["metrics"]["strict/query_success"]["value"] == 0
    (again,) = evaluate(*arguments)["evaluations"]
    assert again["failed"] == 0


def test_a_log_of_the_authors_gives_table_1(
    evaluate: Evaluate, shared_data: Path, tmp_path: Path
) -> None:
    data = shared_data / "shortcutsbench"
    log = next((data / "pre_data" / "metatool").glob("pre_experiment_res_*.jsonl"))
    printed = evaluate("--rescore", str(log), "--set", "pre", "--out", str(tmp_path), data=data)
    metrics = printed["evaluations"][0]["metrics"]
    assert round(100 * metrics["paper/api_selection"]["value"], 2) == 92.50
    assert json.loads((tmp_path / "summary.json").read_bytes())["items"] == 1000


def test_the_defects_of_the_api_texts_are_listed(evaluate: Evaluate, shared_data: Path) -> None:
    found = evaluate("--check", data=shared_data / "shortcutsbench")["findings"]
    defects = {one["defect"] for one in found}
    assert {"wrong summary", "inverted condition"} <= defects


def test_a_person_gets_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["eval", "shortcutsbench", "--data", str(DATA), "--out", str(tmp_path)]
    assert main([*command, "--chooser", "oracle"]) == 0
    printed = capsys.readouterr()
    assert "paper/api_selection" in printed.out
    assert "100.00 [100.00, 100.00]" in printed.out
    assert "items" in printed.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", str(DATA)], "with --out"),
        (["--data", str(DATA), "--out", "{out}"], "say who answers"),
        (
            ["--data", str(DATA), "--out", "{out}", "--chooser", "oracle", "--model", "openai:x"],
            "say who answers",
        ),
        (
            ["--data", str(DATA), "--out", "{out}", "--chooser", "oracle", "--set", "pre",
             "--mode", "executed"],
            "teacher-forced only",
        ),
        (["--data", "nowhere", "--out", "{out}", "--chooser", "oracle"], "nowhere"),
        (["--data", "nowhere", "--check"], "nowhere"),
        (
            ["--data", str(DATA), "--out", "{out}", "--rescore", "log.jsonl", "--set", "pre"],
            "say which set",
        ),
        (
            ["--data", str(DATA), "--out", "{out}", "--rescore", "log.jsonl", "--set", "toolllm"],
            "cannot read",
        ),
    ],
)  # fmt: skip
def test_what_cannot_work_is_one_sentence(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [one.replace("{out}", str(tmp_path / "out")) for one in arguments]
    assert main(["eval", "shortcutsbench", *given]) == 2
    assert words in capsys.readouterr().err

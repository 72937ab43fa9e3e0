"""`tapgraph eval shortcutsbench` on small files in the authors' formats, and on the real ones."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tapgraph.cli.main import main
from tapgraph.evals.shortcutsbench.data_files import load_shortcuts

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


def main_log(folder: Path) -> Path:
    """A log in the authors' form of somebody who is always right."""
    lines = [
        {
            "URL": item.id,
            "query": item.query,
            "api_names": list(item.candidates),
            "aseqs": (gold := [
                {"WFWorkflowActionIdentifier": one.identifier,
                 "WFWorkflowActionParameters": one.parameters}
                for one in item.gold
            ]),
            "bseqs": [{"state": "generated_by_agent", "aseq": one} for one in gold],
        }
        for item in load_shortcuts(DATA).items
    ]  # fmt: skip
    place = folder / "experiment_res_oracle.jsonl"
    place.write_text("".join(json.dumps(one) + "\n" for one in lines), "utf-8")
    return place


@pytest.mark.parametrize("has_gold", [True, False])
def test_a_main_log_keeps_all_metrics(has_gold: bool, evaluate: Evaluate, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(DATA / "data", data)
    if not has_gold:
        (data / "1_final_detailed_records_filter_apis_leq_30.json").unlink()
    asked = evaluate("--out", str(tmp_path / "asked"), "--chooser", "oracle")["evaluations"][0]
    arguments = ("--rescore", str(main_log(tmp_path)), "--out", str(tmp_path / "log"))
    (scored,) = evaluate(*arguments, data=data)["evaluations"]
    # The authors never ask whether a query is done.
    del asked["metrics"]["strict/stop"]
    assert scored["metrics"] == asked["metrics"]
    types = [json.loads((tmp_path / one / "summary.json").read_bytes()) for one in ("asked", "log")]
    assert types[0]["metrics"][0]["by_type"] == types[1]["metrics"][0]["by_type"]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("JSON", "by the authors' file (JSON)\n"),
        ("JSON Lines", "by the authors' file (JSON Lines)\n"),
        ("one line", "by the authors' file (JSON Lines)\n"),
        ("absent", "none, as the authors' files of them are not here\n"),
    ],
)
def test_the_table_says_which_literals_are_scored(
    form: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(DATA / "data", data)
    essential = data / "gpt-3.5-turbo_check_intersection_of_query_and_para_necessary.json"
    rows = json.loads(essential.read_bytes())
    lines = [json.dumps({"URL": url, **row}) + "\n" for url, row in rows.items()]
    match form:
        case "JSON Lines":
            essential.write_text("".join(lines), "utf-8")
        case "one line":
            essential.write_text(lines[0], "utf-8")
        case "absent":
            essential.unlink()
        case _:
            essential.rename(data / f"json-{essential.name}")
    command = ["eval", "shortcutsbench", "--data", str(data), "--out", str(tmp_path / "out")]
    assert main([*command, "--chooser", "oracle"]) == 0
    printed = capsys.readouterr().out
    assert words in printed
    assert ("paper/literal_parameters" in printed) == (form != "absent")


def test_executed_mode_says_how_many_could_be_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["eval", "shortcutsbench", "--data", str(DATA), "--out", str(tmp_path)]
    assert main([*command, "--chooser", "oracle", "--mode", "executed"]) == 0
    printed = capsys.readouterr().out
    compared = json.loads((tmp_path / "summary.json").read_bytes())["without_outcome"]
    assert f"compared: {5 - compared} of 5 items" in printed


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

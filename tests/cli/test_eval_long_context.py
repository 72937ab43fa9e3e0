"""`tapgraph eval long-context` on a tiny random model."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from tapgraph.cli.main import app
from tapgraph.errors import UsageError

RUNNER = CliRunner()


def run(*arguments: object) -> Any:
    return RUNNER.invoke(app, ["eval", "long-context", *map(str, arguments)])


def arguments(tiny: Any, out: Path, **more: object) -> list[object]:
    chosen = {
        "model": tiny.folder(),
        "systems": "sink_window@0.25,hip?kept=64",
        "tasks": "vt,fwe",
        "lengths": "1024",
        "samples": 2,
    } | more
    named = [part for name, value in chosen.items() for part in (f"--{name}", value)]
    return [*named, "--out", out]


def test_scores_are_paired_with_dense_and_resume(tiny: Any, tmp_path: Path) -> None:
    first = run(*arguments(tiny, tmp_path), "--json")
    assert first.exit_code == 0, first.output
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert {one["system"] for one in summary["scores"]} == {
        "dense",
        "sink_window@0.25",
        "hip?kept=64",
    }
    for one in summary["scores"]:
        assert (one["against_dense"] is None) == (one["system"] == "dense")
        assert one["score"]["n"] == 2
    lines = (tmp_path / "results.jsonl").read_text()
    for line in lines.splitlines():
        answered = json.loads(line)["result"]
        assert answered["first_cpu_s"] > 0
        assert answered["output_tokens"] <= 1 or answered["step_cpu_s"] > 0
    again = run(*arguments(tiny, tmp_path))
    assert again.exit_code == 0, again.output
    assert (tmp_path / "results.jsonl").read_text() == lines
    assert "against dense" in again.output


def test_a_second_length_in_the_same_folder_is_added(tiny: Any, tmp_path: Path) -> None:
    chosen: dict[str, object] = {"systems": "sink_window@0.25", "tasks": "fwe", "samples": 1}
    run(*arguments(tiny, tmp_path, **chosen))
    alone = json.loads((tmp_path / "summary.json").read_text())["scores"]
    run(*arguments(tiny, tmp_path, **chosen | {"lengths": "1088"}))
    both = json.loads((tmp_path / "summary.json").read_text())["scores"]
    assert [(one["length"], one["system"]) for one in both] == [
        (1088, "dense"),
        (1088, "sink_window@0.25"),
        (1024, "dense"),
        (1024, "sink_window@0.25"),
    ]
    assert both[2:] == alone


def test_answers_in_another_dtype_are_not_mixed_in(tiny: Any, tmp_path: Path) -> None:
    chosen: dict[str, object] = {"systems": "dense", "tasks": "fwe", "samples": 1}
    assert run(*arguments(tiny, tmp_path, **chosen, dtype="float32")).exit_code == 0
    assert json.loads((tmp_path / "run.json").read_text())["dtype"] == "float32"
    other = run(*arguments(tiny, tmp_path, **chosen, dtype="bfloat16"))
    assert isinstance(other.exception, UsageError)
    assert "holds another run" in str(other.exception)
    unknown = run(*arguments(tiny, tmp_path, **chosen, dtype="float99"))
    assert "dtype must be one of auto, float32" in str(unknown.exception)


def test_a_system_that_reads_all_scores_as_dense_does(tiny: Any, tmp_path: Path) -> None:
    run(*arguments(tiny, tmp_path, systems="sink_window@1.0"))
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    outputs = {row["id"]: row["result"]["output"] for row in rows}
    for identifier, output in outputs.items():
        assert output == outputs[identifier.replace("sink_window@1.0", "dense")]


def test_a_sweep_takes_all_budgets_and_draws_them(tiny: Any, tmp_path: Path) -> None:
    chosen = arguments(tiny, tmp_path, systems="keydiff", tasks="fwe", samples=1)
    done = run(*chosen, "--sweep")
    assert done.exit_code == 0, done.output
    assert "sweep.svg" in done.output
    systems = [
        one["system"] for one in json.loads((tmp_path / "summary.json").read_text())["scores"]
    ]
    assert systems == ["dense", "keydiff@0.03125", "keydiff@0.125", "keydiff@0.5"]
    picture = ElementTree.parse(tmp_path / "sweep.svg").getroot()
    # Two panels, each with dense and three budgets.
    assert len(list(picture.iter("{http://www.w3.org/2000/svg}circle"))) == 2 * 4
    refused = run(*chosen, "--sweep", "--fidelity")
    assert "take one" in str(refused.exception)


def test_metrics_lie_where_kvpress_has_them(tiny: Any, tmp_path: Path) -> None:
    run(*arguments(tiny, tmp_path, systems="dense", samples=1))
    metrics = json.loads((tmp_path / "dense" / "1024" / "metrics.json").read_text())
    assert set(metrics) == {"vt", "fwe"}
    assert set(metrics["fwe"]) == {"string_match"}


def test_fidelity_tells_what_selections_keep(tiny: Any, tmp_path: Path) -> None:
    done = run(*arguments(tiny, tmp_path, systems="hip@0.25", samples=1), "--fidelity")
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "fidelity.json").read_text())
    [one] = found["lengths"][0]["systems"]
    assert 0 < one["mass"] <= one["best_mass"]
    assert "top-k" in done.output


def test_another_run_in_the_folder_is_not_mixed_in(tiny: Any, tmp_path: Path) -> None:
    run(*arguments(tiny, tmp_path, systems="dense", samples=1))
    mixed = run(*arguments(tiny, tmp_path, systems="dense", samples=1, seed=1))
    assert isinstance(mixed.exception, UsageError)
    assert "holds another run" in str(mixed.exception)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tasks": "qa_1"}, "no task is called 'qa_1'"),
        ({"systems": "streaming"}, "no attention system is called 'streaming'"),
        ({"tasks": "recall_needle"}, "recall_needle is written in the tokens of the recall model"),
        ({"systems": "hip@much"}, "a budget is a share such as 0.25, got 'much'"),
        ({"lengths": "4k"}, "a length must be an integer, got '4k'"),
        ({"samples": 0}, "samples must be at least 1, got 0"),
    ],
)
def test_bad_requests_are_told(
    tiny: Any, tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    refused = run(*arguments(tiny, tmp_path, **changed))
    assert isinstance(refused.exception, UsageError)
    assert said in str(refused.exception)

"""The programs in docs/evaluation.md run as they stand, in an empty folder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tapgraph.cli.main import main
from tapgraph.evals.metrics import METRICS
from tapgraph.evals.phone.baselines import BASELINES

TEXT = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
TASK, PROGRAM = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def milk(tmp_path: Path) -> Path:
    file = tmp_path / "milk.py"
    file.write_text(TASK, encoding="utf-8")
    return file


def test_a_task_of_ones_own_takes_ten_lines_or_so() -> None:
    assert len([line for line in TASK.splitlines() if line.strip()]) <= 17


@pytest.mark.parametrize(("model", "success"), [("demonstrator", 1), ("null", 0)])
def test_a_task_of_ones_own_is_measured(
    model: str, success: int, milk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["eval", "phone", "--suite", str(milk), "--model", model, "--out", str(tmp_path / "o")]
    assert main([*given, "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]
    assert metrics["success"]["value"] == success
    assert metrics["side effects"]["value"] == 0


def test_the_program_prints_each_row(milk: Path) -> None:
    (milk.parent / "program.py").write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "program.py"],
        cwd=milk.parent,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    rows = dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())
    assert (rows["success"], rows["TE"], rows["pass^2"]) == ("1.0", "0.0", "1.0")


def test_every_row_of_the_table_is_explained() -> None:
    for metric in METRICS:
        assert re.search(rf"\b{re.escape(metric.name)}\b", TEXT), metric.name


def test_every_baseline_is_named() -> None:
    for name in BASELINES:
        assert f"`{name}`" in TEXT

"""The training of docs/steering.md runs as it stands, and goes on where it stopped."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "steering.md").read_text(encoding="utf-8")
PROGRAM = re.findall(r"```python\n(.*?)```", TEXT.partition("### Credit by rhythm")[2], re.DOTALL)[
    0
]


def test_the_training_runs_goes_on_and_leaves_a_checkpoint(
    tmp_path: Path, tiny: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["training.py", str(tiny.folder())])
    exec(PROGRAM, {})
    steps = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in steps] == ["0", "1", "2", "3"]
    assert (tmp_path / "trained" / "model.safetensors").exists()
    exec(PROGRAM, {})
    assert capsys.readouterr().out == ""

import json
from pathlib import Path

import pytest

from tapgraph.cli.main import main


def test_a_new_memory_lists_what_comes_with_the_package(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memory", "list", "--memory", str(tmp_path / "memory.db")]) == 0
    shown = capsys.readouterr().out
    assert "Tips: 4" in shown
    assert "Tap_Type_and_Enter(x, y, text)" in shown


def test_json_lists_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "list", "--memory", str(tmp_path / "memory.db"), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert len(listed["tips"]) == 4
    assert [shortcut["name"] for shortcut in listed["shortcuts"]] == ["Tap_Type_and_Enter"]


def test_a_place_that_cannot_be_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "memory.db").write_text("this is a letter, not a database", encoding="utf-8")
    assert main(["memory", "list", "--memory", str(tmp_path / "memory.db")]) in {2, 3}
    assert capsys.readouterr().err.count("\n") == 1

"""The tutorial docs/worlds.md: its app and its tasks work, and are as short as it says."""

import json
import re
from pathlib import Path

import pytest

from tapgraph.cli.main import main
from tapgraph.evals.open_suite import open_suite
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.guide import Guide, play

TEXT = (Path(__file__).parents[2] / "docs" / "worlds.md").read_text(encoding="utf-8")
(PROGRAM,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def plants(tmp_path: Path) -> Path:
    file = tmp_path / "plants.py"
    file.write_text(PROGRAM, encoding="utf-8")
    return file


def lines(text: str) -> int:
    return len([line for line in text.splitlines() if line.strip() and line[:1] != "#"])


def test_the_app_and_each_task_are_as_short_as_the_page_says() -> None:
    app, tasks = PROGRAM.split("# The tasks")
    said = re.search(r"the app takes (\d+) lines and a task (\d+)", TEXT)
    assert said is not None
    assert lines(app.partition("# The app")[2]) <= int(said[1])
    for task in tasks.split("def ")[1:]:
        assert lines(task.partition("suite = ")[0]) <= int(said[2])


def test_the_tasks_can_be_done_and_doing_nothing_does_none(
    plants: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    success = {}
    for model in ("demonstrator", "null"):
        given = ["eval", "phone", "--suite", str(plants), "--model", model, "--seeds", "2"]
        assert main([*given, "--out", str(tmp_path / model), "--json"]) == 0
        success[model] = json.loads(capsys.readouterr().out)["metrics"]["success"]["value"]
    assert success == {"demonstrator": 1, "null": 0}


def test_the_tasks_do_no_more_than_they_allow(plants: Path) -> None:
    suite = open_suite(str(plants))
    for template in suite.templates:
        task = template.draw(3)
        assert task.route is not None
        with build_phone(seed=3, more_apps=suite.apps) as phone:
            assert play(phone, task.route).trouble == ""
            assert Guide(phone).trouble == ""

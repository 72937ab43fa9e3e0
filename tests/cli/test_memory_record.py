"""`tapgraph memory record`: from frames on a disk to a draft in a memory."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from tapgraph.cli.main import main
from tapgraph.evals.recordings.film import film_task, write_frames
from tapgraph.evals.suite import Rubric, Task
from tapgraph.memory import MemoryStore
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.guide import Aim, Route


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """`tapgraph memory … --json` on one memory: the exit code, and what it told."""

    def call(*words: str) -> tuple[int, Any]:
        code = main(["memory", *words, "--memory", str(tmp_path / "memory.db"), "--json"])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if printed.out else printed.err

    return call


def test_a_recording_in_which_nothing_is_done_is_rejected(tmp_path: Path, run: Any) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(20):
        Image.new("RGB", (108, 240), "white").save(folder / f"{number:02}.png")
    code, told = run("record", str(folder), "Nothing")
    assert code == 1
    assert told["kept"] is None
    assert "nobody acts" in told["rejected"]
    with MemoryStore.open(tmp_path / "memory.db") as store:
        assert [one.name for one in store.shortcuts()] == ["Tap_Type_and_Enter"]


def test_what_is_no_recording_is_one_sentence(tmp_path: Path, run: Any) -> None:
    code, told = run("record", str(tmp_path), "Nothing")
    assert code == 2
    assert "holds no recording" in told


@pytest.mark.slow
def test_a_filmed_deed_becomes_a_draft_that_works_on_another_phone(
    tmp_path: Path, run: Any
) -> None:
    aim = Aim(words="Look", app="Files", page="trash")
    rubric = Rubric("done", lambda seen: True)
    task = Task(id="t", instruction="Look", rubrics=(rubric,), route=Route((aim,)))
    with build_phone() as phone:
        film = film_task(task, phone, Random(0), touches=1.0, size=(432, 960))
    write_frames(film, tmp_path / "frames")
    code, told = run("record", str(tmp_path / "frames"), "Look into the trash")
    assert code == 0, told
    entry = told["entry"]
    steps = [step["action_name"] for step in entry["steps"]]
    assert steps == ["Open_App", "Tap", "Tap", "Tap"]
    assert entry["status"] == "draft"
    assert entry["provenance"]["quotes"] == ["the recording frames"]
    with MemoryStore.open(tmp_path / "memory.db") as store:
        assert store.get("Look_into_the_trash").is_unvouched
    code, told = run("verify", "Look_into_the_trash", "--execute")
    assert (code, told["entry"]["status"]) == (0, "verified")

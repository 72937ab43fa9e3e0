"""The reader of Mobile-Eval-E's files."""

import json
from pathlib import Path

import pytest

from tapgraph.errors import UsageError
from tapgraph.evals.phone.mobile_eval_e import read_mobile_eval_e
from tapgraph.evals.suite import Evidence, Split


def scenario(folder: Path, **changes: object) -> Path:
    task = {
        "task_id": "9_odd_socks",
        "instruction": "Find odd socks.",
        "type": "multi_app",
        "apps": ["Shop", "Notes"],
        "rubrics": ["Opened Shop", "Found socks", "Opened Shop"],
        "human_reference_operations": ["open shop", "tap socks"],
    }
    content = {"length": 1, "scenario": "SOCKS", "scenario_id": 9, "tasks": [task | changes]}
    (folder / "scenario_9_v1.json").write_text(json.dumps(content), "utf-8")
    return folder


def test_a_task_is_read_with_all_it_has(tmp_path: Path) -> None:
    suite = read_mobile_eval_e(scenario(tmp_path))
    (template,) = suite.templates
    task = template.draw(3)
    assert (template.name, template.scenario) == ("9_odd_socks", "SOCKS")
    assert (task.instruction, task.apps) == ("Find odd socks.", ("Shop", "Notes"))
    assert task.reference == ("open shop", "tap socks")
    assert task.max_steps == 40
    assert suite.splits == {"socks": Split(("9_odd_socks",))}


def test_a_rubric_that_stands_twice_counts_twice(tmp_path: Path) -> None:
    task = read_mobile_eval_e(scenario(tmp_path)).templates[0].draw(0)
    assert [rubric.name for rubric in task.rubrics] == [
        "Opened Shop", "Found socks", "Opened Shop (2)",
    ]  # fmt: skip


def test_no_machine_decides_its_rubrics(tmp_path: Path) -> None:
    task = read_mobile_eval_e(scenario(tmp_path)).templates[0].draw(0)
    assert task.rubrics[0].check(Evidence()) is None


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no scenario of Mobile-Eval-E"):
        read_mobile_eval_e(scenario(tmp_path, rubrics="none"))


def test_a_folder_without_the_files_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, None):
        with pytest.raises(UsageError, match="--data"):
            read_mobile_eval_e(folder)


def test_the_official_files_hold_the_tasks_of_the_paper(shared_data: Path) -> None:
    suite = read_mobile_eval_e(shared_data / "mobile_eval_e")
    tasks = [template.draw(0) for template in suite.templates]
    assert len(tasks) == 25
    assert sum(len(task.rubrics) for task in tasks) == 196
    assert sum(len(task.reference) for task in tasks) == 364
    assert [len(split.templates) for split in suite.splits.values()] == [5, 5, 5, 5, 5]

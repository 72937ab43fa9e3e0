"""Items from files: drawn once, and nothing bad is skipped in silence."""

import json
import shutil
from pathlib import Path

import pytest
from pydantic import JsonValue

from tapgraph.errors import UsageError
from tapgraph.evals.records import read_records, write_records
from tapgraph.evals.shortcutsbench.data_files import (
    PRE_EXPERIMENTS,
    load_pre_experiment,
    load_shortcuts,
)
from tapgraph.evals.shortcutsbench.freeze import (
    LONGEST_TEXT,
    ApiTexts,
    ShortcutFiles,
    draw_candidates,
    freeze_shortcuts,
    seed_of,
)
from tapgraph.evals.shortcutsbench.identifiers import TASK_TYPES, task_type
from tapgraph.evals.shortcutsbench.item import Action, Item
from tapgraph.evals.shortcutsbench.length import workflow_length

ALL = [f"api{n}" for n in range(100)]


def gold(*names: str) -> list[JsonValue]:
    return [
        {
            "WFWorkflowActionIdentifier": f"is.workflow.actions.{name}",
            "WFWorkflowActionParameters": {},
        }
        for name in names
    ]


def marker(name: str, group: str, mode: int) -> Action:
    return Action(
        f"is.workflow.actions.{name}", {"GroupingIdentifier": group, "WFControlFlowMode": mode}
    )


STEP = Action("is.workflow.actions.vibrate")
COMMENT = Action("is.workflow.actions.comment")


@pytest.mark.parametrize(
    ("actions", "length"),
    [
        ([], 0),
        ([STEP, COMMENT, Action("is.workflow.actions.gettext")], 2),
        ([marker("repeat.count", "g", 0), STEP, STEP, marker("repeat.count", "g", 2)], 2),
        (
            [
                marker("conditional", "g", 0),
                STEP,
                marker("conditional", "g", 1),
                STEP,
                STEP,
                STEP,
                marker("conditional", "g", 2),
                STEP,
            ],
            4,
        ),
        (
            [
                marker("repeat.each", "a", 0),
                STEP,
                marker("conditional", "b", 0),
                STEP,
                marker("conditional", "b", 2),
                marker("repeat.each", "a", 2),
            ],
            2,
        ),
        ([marker("conditional", "g", 2), STEP], 1),
        ([marker("conditional", "g", 0), STEP, STEP], 2),
    ],
)
def test_the_length_is_the_longest_way_through(actions: list[Action], length: int) -> None:
    assert workflow_length(actions) == length


def test_thousands_of_nested_blocks_are_refused_with_a_sentence() -> None:
    begins = [marker("conditional", str(n), 0) for n in range(300)]
    ends = [marker("conditional", str(n), 2) for n in reversed(range(300))]
    with pytest.raises(UsageError, match="nested more than 200 deep"):
        workflow_length([*begins, *ends])


@pytest.mark.parametrize(
    ("golds", "fewest", "most"), [(1, 4, 6), (2, 8, 12), (5, 20, 20), (25, 25, 25)]
)
def test_the_list_is_as_long_as_the_paper_says(golds: int, fewest: int, most: int) -> None:
    for seed in range(20):
        candidates = draw_candidates(ALL[:golds], ALL, seed=seed)
        assert fewest <= len(candidates) <= most
        assert set(ALL[:golds]) <= set(candidates)
        assert list(candidates) == sorted(set(candidates))


def test_the_draw_depends_on_nothing_but_the_url() -> None:
    seed = seed_of("https://www.icloud.com/shortcuts/1")
    assert draw_candidates(["api1"], ALL, seed=seed) == draw_candidates(
        ["api1"], list(reversed(ALL)), seed=seed
    )
    assert seed != seed_of("https://www.icloud.com/shortcuts/2")


def test_labels_are_one_of_eight_or_other() -> None:
    assert [task_type(label) for label in TASK_TYPES] == list(TASK_TYPES)
    assert task_type("Utilities") == "Productivity & Utilities"
    assert task_type("News & Media") == task_type("") == "other"


def test_own_items_come_from_files_in_the_authors_layout(own_items: dict[str, Item]) -> None:
    assert {letter: item.level for letter, item in own_items.items()} == {
        "a": 1, "b": 2, "c": 2, "d": 2, "e": 2,
    }  # fmt: skip
    assert own_items["a"].essential == {1: ("WFVolume",)}, "the other one is not essential"
    assert own_items["a"].essential_from == "intersection"
    assert own_items["c"].judged == (0, 1, 2, 4)
    assert own_items["d"].type == "other"


def test_items_survive_their_file(own_items: dict[str, Item], tmp_path: Path) -> None:
    items = tuple(own_items.values())
    write_records(tmp_path / "items.jsonl", items, Item)
    read = read_records(tmp_path / "items.jsonl", Item)
    assert (read.records, read.problems) == (items, ())


def test_whatever_gives_no_item_is_a_problem_by_its_url() -> None:
    nested: JsonValue = "x"
    for _ in range(300):
        nested = [nested]
    deep: JsonValue = {
        "WFWorkflowActionIdentifier": "is.workflow.actions.vibrate",
        "WFWorkflowActionParameters": {"x": nested},
    }
    frozen = freeze_shortcuts(
        ShortcutFiles(
            queries={
                "u1": "q",
                "u2": "q",
                "u3": None,
                "u4": "q",
                "u5": "q",
                "u6": "q",
                "u7": "q",
                "u8": "q",
            },
            actions={
                "u1": gold("vibrate"),
                "u3": gold("vibrate"),
                "u4": gold("comment", "gettext"),
                "u5": gold(*["vibrate"] * 31),
                "u6": [{"WFWorkflowActionParameters": {}}],
                "u7": [*gold("vibrate"), "x"],
                "u8": [deep],
            },
            apis=ApiTexts({"is.workflow.actions.vibrate": "Vibrates."}),
        )
    )
    assert [item.id for item in frozen.items] == ["u1"]
    assert {one.where: one.reason for one in frozen.problems} == {
        "u2": "it has a query and no gold actions",
        "u3": "it has no query",
        "u4": "no action of this shortcut is judged",
        "u5": "its length is 31; the benchmark ends at 30",
        "u6": "gold action 0 has no WFWorkflowActionIdentifier",
        "u7": "gold action 1 is no object",
        "u8": "gold action 0 is nested deeper than 100 levels",
    }


def test_doubtful_items_are_marked_and_kept() -> None:
    huge: JsonValue = {
        "WFWorkflowActionIdentifier": "is.workflow.actions.image.mask",
        "WFWorkflowActionParameters": {"WFImage": {"Value": "QUJD" * LONGEST_TEXT}},
    }
    lonely: JsonValue = {
        "WFWorkflowActionIdentifier": "is.workflow.actions.conditional",
        "WFWorkflowActionParameters": {"GroupingIdentifier": "G", "WFControlFlowMode": 0},
    }
    frozen = freeze_shortcuts(
        ShortcutFiles(
            queries={"u": "q"},
            actions={"u": [huge, lonely]},
            apis=ApiTexts({"is.workflow.actions.vibrate": "Vibrates."}),
            essential={"u": {0: ("WFColor",)}},
        )
    )
    (item,) = frozen.items
    assert item.problems == (
        "no description of gold APIs is.workflow.actions.image.mask",
        "gold action 0 (is.workflow.actions.image.mask) holds a text of 800,000 characters",
        "the essential parameter WFColor of action 0 is not in the gold",
        "control-flow block G has no end",
    )


def test_a_folder_without_data_is_said_in_a_sentence(own_data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no all_api2info\.json"):
        load_shortcuts(tmp_path)
    shutil.copy(own_data / "data" / "all_api2info.json", tmp_path)
    with pytest.raises(UsageError, match="has neither"):
        load_shortcuts(tmp_path)


def test_a_cut_file_is_said_in_a_sentence(own_data: Path, tmp_path: Path) -> None:
    shutil.copytree(own_data, tmp_path / "d")
    queries = tmp_path / "d" / "data" / "generated_success_queries.json"
    queries.write_text(queries.read_text(encoding="utf-8")[:100], encoding="utf-8")
    with pytest.raises(UsageError, match=r"generated_success_queries\.json is not whole JSON"):
        load_shortcuts(tmp_path / "d")


def test_a_null_shortcut_and_a_row_without_url_are_problems(own_data: Path, tmp_path: Path) -> None:
    shutil.copytree(own_data, tmp_path / "d")
    path = tmp_path / "d" / "data" / "1_final_detailed_records_filter_apis_leq_30.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    rows[0]["shortcut"] = None
    rows[1].pop("URL")
    path.write_text(json.dumps(rows), encoding="utf-8")
    frozen = load_shortcuts(tmp_path / "d")
    assert len(frozen.items) == 3
    reasons = [one.reason for one in frozen.problems]
    assert {"its shortcut is null", "it has no URL"} <= set(reasons)


def test_the_three_pre_experiment_sets_have_a_thousand_items_each(real_data: Path) -> None:
    for source in PRE_EXPERIMENTS:
        frozen = load_pre_experiment(real_data, source)
        assert (len(frozen.items), frozen.problems) == (1000, ())
        assert all(
            {one.identifier for one in item.gold} <= set(item.candidates) for item in frozen.items
        )


def test_without_the_gold_of_the_drives_the_examples_are_used_and_it_is_said(
    real_data: Path,
) -> None:
    frozen = load_shortcuts(real_data)
    assert len(frozen.items) == 4
    assert "only the examples are evaluated" in frozen.problems[0].reason

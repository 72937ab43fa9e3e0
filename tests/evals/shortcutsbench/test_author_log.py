"""The authors' logs, scored again."""

import json
from pathlib import Path
from typing import Literal

import pytest

from tapgraph.evals.shortcutsbench.author_log import read_author_log, read_pre_experiment_log
from tapgraph.evals.shortcutsbench.data_files import load_api_texts, load_shortcuts
from tapgraph.evals.shortcutsbench.paper_scores import paper_level, paper_scores
from tapgraph.evals.shortcutsbench.reply_text import pre_experiment_name
from tapgraph.evals.shortcutsbench.strict_scores import strict_scores
from tapgraph.evals.stats import share, total


@pytest.mark.parametrize(
    ("source", "table_1", "strict"),
    [("metatool", 92.50, 89.13), ("toolbench", 94.26, 58.81), ("toolllm", 77.86, 44.68)],
)
def test_scoring_the_authors_logs_again_gives_table_1(
    real_data: Path,
    source: Literal["metatool", "toolbench", "toolllm"],
    table_1: float,
    strict: float,
) -> None:
    folder = real_data / "pre_data" / source
    log = read_pre_experiment_log(next(folder.glob("pre_experiment_res_*.jsonl")), source)
    assert (len(log.records), log.problems) == (1000, ())
    paper = total(paper_scores(one)["paper/api_selection"] for one in log.records)
    assert round(100 * paper.points / paper.n, 2) == table_1
    ours = share(
        [strict_scores(one)["strict/api_selection"] for one in log.records], seed=0, resamples=200
    )
    assert ours.value is not None
    assert round(100 * ours.value, 2) == strict


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"api_name": "click"}', "click"),
        ('{"api_name": "click[Buy Now]"}', "click"),
        ('{"api_name": ["click"]}', ""),
        ('{"api_name": null}', ""),
        ('{"name": "click"}', None),
        ('["click"]', None),
        ('so {"api_name": "click",}', "click"),
        ('so {"api_name": click}', "click"),
        ('so {"api_name":   click[Buy Now], "x": }', "click"),
        ('so {"api_name": ["click"], "x": }', ""),
        ('so {"api_name" : "click",}', None),
        ('so {"api_name": "",}', '""'),
        ("I would click.", None),
    ],
)
def test_a_name_is_taken_as_the_authors_script_takes_it(text: str, name: str | None) -> None:
    assert pre_experiment_name(text) == name


def row(**changes: object) -> str:
    gold = [
        {
            "WFWorkflowActionIdentifier": f"is.workflow.actions.{name}",
            "WFWorkflowActionParameters": {},
        }
        for name in ("setvolume", "gettext", "vibrate")
    ]
    answer = {"WFWorkflowActionIdentifier": "is.workflow.actions.setvolume"}
    return json.dumps({
        "URL": "u1",
        "query": "Be loud and vibrate.",
        "api_names": ["is.workflow.actions.setvolume", "is.workflow.actions.vibrate"],
        "aseqs": gold,
        "bseqs": [
            {"state": "generated_by_agent", "aseq": answer},
            {"state": "copy_from_true", "aseq": gold[1]},
            {"state": "json_error", "aseq": "I would vibrate."},
        ],
        **changes,
    })


def test_a_main_log_scores_its_judged_steps(tmp_path: Path, own_data: Path) -> None:
    log_file = tmp_path / "experiment_res_some-model.jsonl"
    log_file.write_text(row() + "\n", encoding="utf-8")
    log = read_author_log(log_file, load_api_texts(own_data))
    assert log.problems == ()
    (record,) = log.records
    assert paper_scores(record)["paper/api_selection"] == (1, 2)
    assert strict_scores(record)["replies/paper_json_error"] == (1, 2)


def test_with_frozen_items_the_dropped_tail_is_known(tmp_path: Path, own_data: Path) -> None:
    apis = load_api_texts(own_data)
    (item,) = (one for one in load_shortcuts(own_data).items if one.id.endswith("c"))
    logged = [
        {"WFWorkflowActionIdentifier": one.identifier, "WFWorkflowActionParameters": {}}
        for one in item.gold[:1]
    ]
    log_file = tmp_path / "log.jsonl"
    answers = [{"state": "generated_by_agent", "aseq": logged[0]}]
    log_file.write_text(row(URL=item.id, aseqs=logged, bseqs=answers) + "\n", encoding="utf-8")
    (record,) = read_author_log(log_file, apis, items={item.id: item}).records
    assert (item.level, paper_level(record)) == (2, 1)
    assert paper_scores(record)["paper/api_selection"] == (1, 1)
    assert strict_scores(record)["strict/api_selection"] == (1, 4)


def test_broken_rows_are_problems_and_the_others_are_read(tmp_path: Path, own_data: Path) -> None:
    log_file = tmp_path / "log.jsonl"
    lines = [row(), row()[:200], "[]", row(aseqs="none"), row(bseqs=None), row(api_names=[1])]
    log_file.write_text("\n".join(lines), encoding="utf-8")
    log = read_author_log(log_file, load_api_texts(own_data))
    assert len(log.records) == 1
    assert [one.where for one in log.problems] == [f"log.jsonl:{n}" for n in (2, 3, 4, 5, 6)]
    assert "not whole JSON" in log.problems[0].reason

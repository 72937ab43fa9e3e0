"""Whole evaluations: the gold, chance, words, and a model behind HTTP."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tapgraph.errors import EnvironmentMissing, UsageError
from tapgraph.evals.shortcutsbench.choosers import (
    LexicalChooser,
    ModelChooser,
    OracleChooser,
    RandomChooser,
)
from tapgraph.evals.shortcutsbench.evaluate import (
    Evaluation,
    evaluate_pre_experiments,
    evaluate_shortcutsbench,
)
from tapgraph.evals.shortcutsbench.question import Question, Said
from tapgraph.evals.shortcutsbench.summary import is_lower_better, summary_rows
from tapgraph.evals.shortcutsbench.transcript import Mode
from tapgraph.llm_backend.model_spec import open_model
from tapgraph.llm_backend.scripted_model import ScriptedModel
from tapgraph.settings import Settings


def value(evaluation: Evaluation, metric: str) -> float:
    found = evaluation.summary.metric(metric).micro.value
    assert found is not None
    return found


@pytest.mark.parametrize("mode", ["teacher-forced", "free-running", "executed"])
def test_the_oracle_is_perfect_in_every_mode(own_data: Path, tmp_path: Path, mode: Mode) -> None:
    evaluation = evaluate_shortcutsbench(own_data, OracleChooser(), tmp_path, mode=mode)
    for metric in evaluation.summary.metrics:
        assert metric.micro.value == (0 if is_lower_better(metric.name) else 1), metric.name
    names = {metric.name for metric in evaluation.summary.metrics}
    assert ("paper/api_selection" in names) == (mode == "teacher-forced")
    assert ("strict/outcome" in names) == (mode == "executed")


def test_only_what_runs_here_has_an_outcome(own_data: Path, tmp_path: Path) -> None:
    evaluation = evaluate_shortcutsbench(own_data, OracleChooser(), tmp_path, mode="executed")
    assert evaluation.summary.metric("strict/outcome").micro.n == 4
    assert evaluation.summary.without_outcome == 1
    outcomes = {one.item.id[-1]: one.transcript.outcome for one in evaluation.records}
    photo = outcomes["e"]
    assert photo is not None
    assert photo.reason == "not executable here: is.workflow.actions.takephoto (action 0)"


def test_doing_nothing_has_the_wrong_outcome(own_data: Path, tmp_path: Path) -> None:
    finish = json.dumps({"WFWorkflowActionIdentifier": "Finish"})
    lazy = ModelChooser(ScriptedModel(lambda messages, schema: finish))
    evaluation = evaluate_shortcutsbench(own_data, lazy, tmp_path, mode="executed")
    assert value(evaluation, "strict/outcome") == 0
    assert value(evaluation, "strict/stop") == 0


def test_chance_is_within_the_random_choosers_interval(real_data: Path, tmp_path: Path) -> None:
    for evaluation in evaluate_pre_experiments(
        real_data, RandomChooser(seed=0), tmp_path, limit=400
    ):
        steps = [
            1 / len(one.item.candidates) for one in evaluation.records for _ in one.item.judged
        ]
        estimate = evaluation.summary.metric("strict/api_selection").micro
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= sum(steps) / len(steps) <= estimate.high


def test_the_oracle_is_perfect_on_real_items(real_data: Path, tmp_path: Path) -> None:
    data = real_data
    evaluations = [
        *evaluate_pre_experiments(data, OracleChooser(), tmp_path / "pre", limit=100),
        evaluate_shortcutsbench(data, OracleChooser(), tmp_path / "four"),
    ]
    for evaluation in evaluations:
        assert value(evaluation, "paper/api_selection") == 1
        assert value(evaluation, "strict/query_success") == 1


def test_words_do_better_than_chance(own_data: Path, tmp_path: Path) -> None:
    (words,) = evaluate_pre_experiments(own_data, LexicalChooser(), tmp_path, sources=("metatool",))
    assert value(words, "strict/api_selection") >= 0.8


def test_a_model_behind_http_is_asked_and_scored(
    own_data: Path, tmp_path: Path, openai_server: Callable[..., Any]
) -> None:
    def respond(request: dict[str, Any]) -> str:
        asked = json.dumps(request["messages"])
        assert "tide_table. Tells when high and low tide" in asked or "beach" not in asked
        wanted = {"tide": "tide_table", "planets": "star_map", "knot": "knot_guide"}
        query = re.search(r"The query: (.*?)\\n", asked)
        assert query is not None
        for word, name in wanted.items():
            if word in query.group(1):
                return json.dumps({"Thought": "so", "api_name": name})
        return "I do not know."

    model = open_model(openai_server(respond).spec(), Settings(home=tmp_path))
    (evaluation,) = evaluate_pre_experiments(
        own_data, ModelChooser(model), tmp_path / "out", sources=("metatool",), workers=3
    )
    assert value(evaluation, "strict/api_selection") == 3 / 7
    assert value(evaluation, "replies/unparsable") == 4 / 7
    assert value(evaluation, "paper/api_selection") == 1, "the paper drops what it cannot read"
    summary = evaluation.summary
    assert (summary.calls, summary.prompt_tokens, summary.completion_tokens) == (7, 77, 49)


def test_the_prompt_holds_the_history_and_numbers_the_variables(
    own_data: Path, tmp_path: Path
) -> None:
    model = ScriptedModel(lambda messages, schema: "no")
    evaluate_shortcutsbench(own_data, ModelChooser(model), tmp_path, workers=1)
    asked = [request.messages[-1].text for request in model.requests]
    after_show = next(text for text in asked if "6 by 7" in text and "😀" in text)
    assert "😀 ${Value1}!" in after_show
    assert "WFSerializationType" not in after_show
    assert '"OutputName": "Calculation Result"' in after_show
    loud = next(text for text in asked if "80 percent" in text)
    assert "Loud." not in loud, "comments are not shown"


class Unlucky:
    """Fails on one item."""

    name = "unlucky"

    def answer(self, question: Question) -> Said:
        if question.item.id.endswith("c"):
            raise RuntimeError("the model's server sent nonsense")
        return OracleChooser().answer(question)


def test_a_failed_item_is_wrong_and_reported_apart_and_tried_again(
    own_data: Path, tmp_path: Path
) -> None:
    evaluation = evaluate_shortcutsbench(own_data, Unlucky(), tmp_path)
    assert evaluation.summary.failed == 1
    assert evaluation.summary.items == 5
    assert [one.error for one in evaluation.failures] == [
        "RuntimeError: the model's server sent nonsense"
    ]
    assert value(evaluation, "strict/api_selection") == 7 / 11
    assert value(evaluation, "paper/api_selection") == 7 / 11

    class Lucky(OracleChooser):
        name = "unlucky"

    again = evaluate_shortcutsbench(own_data, Lucky(), tmp_path)
    assert value(again, "strict/api_selection") == 1
    assert again.summary.failed == 0


def test_a_second_run_asks_nothing_and_gives_the_same_summary(
    own_data: Path, tmp_path: Path
) -> None:
    first = evaluate_shortcutsbench(own_data, OracleChooser(), tmp_path)
    written = (tmp_path / "summary.json").read_bytes()

    class Silent(OracleChooser):
        def answer(self, question: Question) -> Said:
            raise EnvironmentMissing("must not be asked")

    second = evaluate_shortcutsbench(own_data, Silent(), tmp_path)
    assert second.summary == first.summary
    assert (tmp_path / "summary.json").read_bytes() == written


def test_a_frozen_items_file_can_be_evaluated_alone(own_data: Path, tmp_path: Path) -> None:
    evaluate_shortcutsbench(own_data, OracleChooser(), tmp_path / "a")
    items = tmp_path / "a" / "items.jsonl"
    with items.open("a", encoding="utf-8") as file:
        file.write('{"id": "cut')
    lonely = tmp_path / "lonely.jsonl"
    lonely.write_bytes(items.read_bytes())
    with pytest.raises(UsageError, match=r"beside it in apis\.json"):
        evaluate_shortcutsbench(lonely, OracleChooser(), tmp_path / "c")
    again = evaluate_shortcutsbench(items, OracleChooser(), tmp_path / "b")
    assert again.summary.items == 5
    assert again.summary.unusable == 1
    assert value(again, "strict/api_selection") == 1


def test_a_folder_of_another_run_is_refused(own_data: Path, tmp_path: Path) -> None:
    evaluate_shortcutsbench(own_data, OracleChooser(), tmp_path)
    with pytest.raises(UsageError, match="holds another run"):
        evaluate_shortcutsbench(own_data, RandomChooser(), tmp_path)
    with pytest.raises(UsageError, match="holds other items"):
        evaluate_shortcutsbench(own_data, OracleChooser(), tmp_path, limit=2)


def test_macro_averages_and_groups_stand_beside_the_micro_average(
    own_data: Path, tmp_path: Path
) -> None:
    evaluation = evaluate_shortcutsbench(own_data, Unlucky(), tmp_path)
    metric = evaluation.summary.metric("strict/api_selection")
    assert {level: one.value for level, one in metric.by_level.items()} == {1: 1.0, 2: 6 / 10}
    assert metric.macro_levels is not None
    assert metric.macro_levels.value == pytest.approx((1 + 0.6) / 2)
    assert metric.macro_queries.value == pytest.approx(4 / 5)
    assert metric.by_type["Education & Reference"].value == 0
    assert metric.by_type["other"].n == 2
    row = next(row for row in summary_rows(evaluation.summary) if row[0] == metric.name)
    assert row[1].startswith("63.64 [")
    assert row[2] == "11"

"""Each rule of the paper's code, one by one."""

from collections.abc import Callable

import pytest

from tapgraph.evals.shortcutsbench.item import Action, Item
from tapgraph.evals.shortcutsbench.paper_scores import paper_equal, paper_scores
from tapgraph.evals.shortcutsbench.reply_text import paper_call, pre_experiment_name
from tapgraph.evals.shortcutsbench.transcript import Answer, Record, Transcript


def output(**names: str) -> dict[str, object]:
    return {"Value": {"Type": "ActionOutput", **names}}


def item_with(parameter: object) -> Item:
    gold = Action("is.workflow.actions.hash", {"WFInput": parameter})  # type: ignore[dict-item]
    return Item(
        id="i", source="shortcutsbench", query="q", length=1, level=1, type="other", seed=0,
        candidates=("is.workflow.actions.hash",), gold=(gold,), judged=(0,),
    )  # fmt: skip


def scored(item: Item, answer: Answer) -> dict[str, tuple[float, int]]:
    return dict(paper_scores(Record(item, Transcript(item_id="i", answers=(answer,)))))


@pytest.mark.parametrize(
    ("gold", "predicted", "is_right"),
    [
        (True, 1, True),
        (False, "0", True),
        (1.0, "1", True),
        (1.5, "one", False),
        (3, "3", True),
        (3, "3.0", False),
        (3, None, False),
        ("GET", "GET", True),
        ("GET", "get", False),
        ("Lines", ["Lines"], False),
        (float("inf"), 1, False),
    ],
)
def test_literals_are_equal_by_the_kind_of_either_side(
    gold: object, predicted: object, is_right: bool
) -> None:
    assert paper_equal(gold, predicted) is is_right  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("predicted", "metric"),
    [
        (output(OutputUUID="A", OutputName="Text"), "paper/previous_outputs"),
        (output(OutputUUID="B", OutputName="Text"), "paper/previous_outputs"),
        (output(OutputUUID="A"), "paper/previous_outputs"),
        (output(OutputUUID="B", OutputName="URL"), "paper/outputs_wrong_choice"),
        (output(), "paper/outputs_wrong_choice"),
        ("Text", "paper/outputs_wrong_format"),
        ({"Value": {"Type": "Clipboard"}}, "paper/outputs_wrong_format"),
        ({"Value": "Text"}, "paper/outputs_wrong_format"),
    ],
)
def test_a_reference_is_right_by_uuid_or_by_name(
    said: Callable[..., Answer], predicted: object, metric: str
) -> None:
    item = item_with(output(OutputUUID="A", OutputName="Text"))
    scores = scored(item, said(0, "hash", WFInput=predicted))
    assert scores[metric] == (1, 1)


def test_parameters_count_only_where_the_api_is_right(said: Callable[..., Answer]) -> None:
    item = item_with(output(OutputUUID="A"))
    assert scored(item, said(0, "count"))["paper/previous_outputs"] == (0, 0)


def test_input_awareness_wants_the_same_kind(said: Callable[..., Answer]) -> None:
    item = item_with({"Value": {"Type": "Clipboard"}})
    right = said(0, "hash", WFInput={"Value": {"Type": "Clipboard"}})
    wrong = said(0, "hash", WFInput={"Value": {"Type": "Ask"}})
    assert scored(item, right)["paper/input_awareness"] == (1, 1)
    assert scored(item, wrong)["paper/input_awareness"] == (0, 1)


@pytest.mark.parametrize(
    "text", ["", "no", '{"a": 1} {"b": 2}', 'use {this}: {"a": 1}', '{"a": 1', "[" * 100_000]
)
def test_replies_that_the_greedy_rule_cannot_read_are_json_errors(text: str) -> None:
    assert paper_call(text) is None


def test_prose_around_one_object_is_read() -> None:
    call = paper_call('Sure! {"WFWorkflowActionIdentifier": "a.b"} Done.')
    assert call is not None
    assert (call.identifier, call.parameters) == ("a.b", {})


def test_parameters_that_are_no_object_count_as_none() -> None:
    call = paper_call('{"WFWorkflowActionIdentifier": "a.b", "WFWorkflowActionParameters": "x"}')
    assert call is not None
    assert call.parameters == {}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"api_name": "click"}', "click"),
        ('{"api_name": "click[Buy Now]"}', "click"),
        ('{"Thought": "x", "api_name": "click",}', "click"),
        ('{"action": "click"}', None),
        ("click", None),
    ],
)
def test_pre_experiment_names_are_rescued_and_cut(text: str, name: str | None) -> None:
    assert pre_experiment_name(text) == name


def test_a_pre_experiment_row_without_any_name_counts_nowhere() -> None:
    item = Item(
        id="i", source="toolllm", query="q", seed=0, candidates=("a",), gold=(Action("a"),),
        judged=(0,),
    )  # fmt: skip
    assert scored(item, Answer(0, "nothing"))["paper/api_selection"] == (0, 0)
    broken = Record(item, Transcript(item_id="i", failure="the server hung up"))
    assert paper_scores(broken)["paper/api_selection"] == (0, 1)

"""The four real items, counted by hand from their text."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tapgraph.evals.shortcutsbench.item import Item
from tapgraph.evals.shortcutsbench.paper_scores import paper_scores
from tapgraph.evals.shortcutsbench.strict_scores import strict_scores
from tapgraph.evals.shortcutsbench.transcript import Answer, Record, Transcript

NOTION, CURRENCY, LOCKER, SAVER = range(4)


def record(item: Item, *answers: Answer, logged: int | None = None) -> Record:
    return Record(item, Transcript(item_id=item.id, answers=answers, logged=logged))


def gold_answers(item: Item) -> list[Answer]:
    return [
        Answer(
            position,
            json.dumps({
                "WFWorkflowActionIdentifier": item.gold[position].identifier,
                "WFWorkflowActionParameters": item.gold[position].parameters,
            }),
        )
        for position in item.judged
    ]


def test_lengths_levels_and_judged_steps_are_the_authors(
    real_items: tuple[Item, ...], real_data: Path
) -> None:
    lines = (real_data / "examples/real_examples_4.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in lines.splitlines()]
    assert (
        [item.length for item in real_items] == [row["length"] for row in rows] == [7, 28, 24, 15]
    )
    assert [item.level for item in real_items] == [row["level"] for row in rows] == [3, 4, 4, 3]
    assert [list(item.judged) for item in real_items] == [row["judged_positions"] for row in rows]


@pytest.mark.parametrize(
    ("number", "literals", "top_level_outputs", "all_references", "inputs"),
    [(NOTION, 4, 1, 5, 0), (CURRENCY, 6, 0, 6, 0), (LOCKER, 2, 4, 11, 0), (SAVER, 7, 9, 20, 1)],
)
def test_the_gold_scores_full_marks_on_as_many_parameters_as_counted_by_hand(
    real_items: tuple[Item, ...],
    number: int,
    literals: int,
    top_level_outputs: int,
    all_references: int,
    inputs: int,
) -> None:
    item = real_items[number]
    steps = len(item.judged)
    perfect = record(item, *gold_answers(item))
    paper, strict = paper_scores(perfect), strict_scores(perfect)
    assert paper["paper/api_selection"] == strict["strict/api_selection"] == (steps, steps)
    assert paper["paper/literal_parameters"] == strict["strict/literal_parameters"]
    assert strict["strict/literal_parameters"] == (literals, literals)
    assert paper["paper/previous_outputs"] == (top_level_outputs, top_level_outputs)
    assert strict["strict/previous_outputs"] == (all_references, all_references)
    assert paper["paper/input_awareness"] == (0, 0)
    assert strict["strict/input_awareness"] == (inputs, inputs)
    assert strict["strict/query_success"] == (1, 1)


@pytest.mark.parametrize(
    ("number", "right", "steps", "paper_literals", "paper_outputs", "strict_literals"),
    [(NOTION, 1, 2, 3, 1, 4), (CURRENCY, 4, 15, 0, 0, 6), (SAVER, 3, 18, 1, 2, 7)],
)
def test_mixtrals_choices_without_parameters_score_as_in_the_authors_log(
    real_items: tuple[Item, ...],
    real_data: Path,
    said: Callable[..., Answer],
    number: int,
    right: int,
    steps: int,
    paper_literals: int,
    paper_outputs: int,
    strict_literals: int,
) -> None:
    lines = (real_data / "examples/real_examples_4.jsonl").read_text("utf-8")
    chosen = json.loads(lines.splitlines()[number])["mixtral_predicted_ids"]
    item = real_items[number]
    mixtral = record(
        item,
        *(said(int(at), name.removeprefix("is.workflow.actions.")) for at, name in chosen.items()),
    )
    paper, strict = paper_scores(mixtral), strict_scores(mixtral)
    assert paper["paper/api_selection"] == (right, steps)
    assert paper["paper/literal_parameters"] == (0, paper_literals)
    assert paper["paper/previous_outputs"] == (0, paper_outputs)
    assert paper["paper/outputs_not_predicted"] == (paper_outputs, paper_outputs)
    assert strict["strict/api_selection"] == (right, steps)
    assert strict["strict/literal_parameters"] == (0, strict_literals)
    assert strict["strict/query_success"] == (0, 1)


def test_a_half_right_answer_scores_as_by_hand(
    real_items: tuple[Item, ...], said: Callable[..., Answer]
) -> None:
    secret_of_the_url = {
        "Type": "ActionOutput",
        "OutputUUID": "B64A1856-A60C-443A-B0A5-7CFCA79A1341",
    }
    half = record(
        real_items[NOTION],
        said(7, "number", WFNumberActionNumber=1),
        said(
            9,
            "downloadurl",
            WFHTTPMethod="POST",
            WFHTTPBodyType="JSON",
            WFRequestVariable={
                "Value": {"Type": "ActionOutput", "OutputUUID": "WRONG", "OutputName": "payload"}
            },
            WFURL={"Value": {"string": "…", "attachmentsByRange": {"Value1": secret_of_the_url}}},
            Retries=3,
        ),
    )
    paper, strict = paper_scores(half), strict_scores(half)
    assert paper["paper/api_selection"] == (2, 2)
    assert paper["paper/literal_parameters"] == (2, 4), '"1" equals 1; POST; not JSON; no headers'
    assert paper["paper/previous_outputs"] == (1, 1), "the paper takes the name for the UUID"
    assert strict["strict/previous_outputs"] == (1, 5), "only the one inside the URL is right"
    assert strict["strict/hallucinated_parameters"] == (1, 6)
    assert "strict/stop" not in strict, "nobody asked"


def test_a_dropped_tail_counts_only_in_the_strict_family(real_items: tuple[Item, ...]) -> None:
    item = real_items[CURRENCY]
    until_count = [answer for answer in gold_answers(item) if answer.position < 19]
    cut = record(item, *until_count, logged=19)
    assert paper_scores(cut)["paper/api_selection"] == (4, 4)
    assert strict_scores(cut)["strict/api_selection"] == (4, 15)
    assert strict_scores(cut)["replies/missing"] == (11, 15)

"""The paper's metrics, bit for bit by the rules of its code, whatever one thinks of them."""

from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from tapgraph.evals.shortcutsbench.identifiers import SYSTEM_INPUTS
from tapgraph.evals.shortcutsbench.item import Action
from tapgraph.evals.shortcutsbench.length import level_of, workflow_length
from tapgraph.evals.shortcutsbench.reference import top_level_kind
from tapgraph.evals.shortcutsbench.reply_text import Call, paper_call, pre_experiment_name
from tapgraph.evals.shortcutsbench.transcript import Record
from tapgraph.evals.stats import Tally, total

__all__ = ["PAPER_METRICS", "paper_equal", "paper_level", "paper_scores"]

API_SELECTION = "paper/api_selection"
LITERALS = "paper/literal_parameters"
OUTPUTS = "paper/previous_outputs"
INPUTS = "paper/input_awareness"
NOT_PREDICTED = "paper/outputs_not_predicted"
WRONG_FORMAT = "paper/outputs_wrong_format"
WRONG_CHOICE = "paper/outputs_wrong_choice"

PAPER_METRICS = (
    API_SELECTION,
    LITERALS,
    OUTPUTS,
    INPUTS,
    NOT_PREDICTED,
    WRONG_FORMAT,
    WRONG_CHOICE,
)
"""The four metrics, and the three ways in which references to earlier outputs go wrong."""

_RIGHT, _WRONG = Tally(1, 1), Tally(0, 1)


def paper_scores(record: Record) -> dict[str, Tally]:
    """What this record adds to each of the paper's metrics.

    The dropped tail of a log counts nowhere, and parameters count only where the API is right. An
    answer that is missing because our own run failed counts as wrong.

    For the pre-experiment sets there is one metric, `paper/api_selection`, over the first step
    only; a row whose reply names no API at all counts nowhere.
    """
    if record.item.is_pre_experiment:
        return {API_SELECTION: _first_step(record)}
    said = {answer.position: answer for answer in record.transcript.answers}
    logged = record.transcript.logged
    scores: list[dict[str, Tally]] = []
    for position in record.item.judged:
        if logged is not None and position >= logged:
            break
        answer = said.get(position)
        call = paper_call(answer.text) if answer is not None else None
        gold = record.item.gold[position]
        scores.append(_step(gold, record.item.essential.get(position, ()), call))
    return _added(scores)


def paper_level(record: Record) -> int | None:
    """The level by the gold actions that the log holds; None in the pre-experiment sets."""
    if record.item.level is None or record.transcript.logged is None:
        return record.item.level
    return level_of(workflow_length(record.item.gold[: record.transcript.logged]))


def paper_equal(gold: JsonValue, predicted: JsonValue) -> bool:
    """Whether a literal parameter is right.

    >>> paper_equal(1.0, "1"), paper_equal(True, 1), paper_equal("GET", "get")
    (True, True, False)
    """
    gold, predicted = _without_bool(gold), _without_bool(predicted)
    if isinstance(gold, float) or isinstance(predicted, float):
        return _equal_as(float, gold, predicted) or False
    if isinstance(gold, int) or isinstance(predicted, int):
        as_int = _equal_as(int, gold, predicted)
        return str(gold) == str(predicted) if as_int is None else as_int
    return gold == predicted


def _first_step(record: Record) -> Tally:
    first = next(iter(record.transcript.answers), None)
    if first is None or first.failure:
        return _WRONG
    name = pre_experiment_name(first.text)
    if name is None:
        return Tally(0, 0)
    return _RIGHT if name == record.item.gold[0].identifier else _WRONG


def _step(gold: Action, essential: Sequence[str], call: Call | None) -> dict[str, Tally]:
    if call is None or call.identifier != gold.identifier:
        return {API_SELECTION: _WRONG}
    scores = {API_SELECTION: _RIGHT}
    literals = [name for name in essential if name in gold.parameters]
    scores[LITERALS] = Tally(
        sum(
            name in call.parameters and paper_equal(gold.parameters[name], call.parameters[name])
            for name in literals
        ),
        len(literals),
    )
    kinds = {name: top_level_kind(value) for name, value in gold.parameters.items()}
    outputs = [name for name, kind in kinds.items() if kind == "ActionOutput"]
    verdicts = [_output_verdict(gold.parameters[name], call, name) for name in outputs]
    for metric in (OUTPUTS, NOT_PREDICTED, WRONG_FORMAT, WRONG_CHOICE):
        scores[metric] = Tally(verdicts.count(metric), len(verdicts))
    inputs = [(name, kind) for name, kind in kinds.items() if kind in SYSTEM_INPUTS]
    scores[INPUTS] = Tally(
        sum(top_level_kind(call.parameters.get(name)) == kind for name, kind in inputs),
        len(inputs),
    )
    return scores


def _output_verdict(gold: JsonValue, call: Call, name: str) -> str:
    if name not in call.parameters:
        return NOT_PREDICTED
    predicted = call.parameters[name]
    if top_level_kind(predicted) != "ActionOutput":
        return WRONG_FORMAT
    ours, theirs = _inner(gold), _inner(predicted)
    same = {
        key: ours[key] == theirs[key]
        for key in ("OutputUUID", "OutputName")
        if key in ours and key in theirs
    }
    return OUTPUTS if any(same.values()) else WRONG_CHOICE


def _inner(value: JsonValue) -> dict[str, JsonValue]:
    inner = value.get("Value") if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _without_bool(value: JsonValue) -> JsonValue:
    return int(value) if isinstance(value, bool) else value


def _equal_as(kind: type[int] | type[float], gold: JsonValue, predicted: JsonValue) -> bool | None:
    try:
        return kind(gold) == kind(predicted)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def _added(scores: Iterable[dict[str, Tally]]) -> dict[str, Tally]:
    listed = list(scores)
    return {
        metric: total(one[metric] for one in listed if metric in one) for metric in PAPER_METRICS
    }

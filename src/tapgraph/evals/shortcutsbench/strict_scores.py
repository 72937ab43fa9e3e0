"""Scores without the paper's allowances: every judged step counts, and so does every answer."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tapgraph.evals.shortcutsbench.identifiers import FINISH, is_judged
from tapgraph.evals.shortcutsbench.item import Action, Item
from tapgraph.evals.shortcutsbench.paper_scores import paper_equal
from tapgraph.evals.shortcutsbench.reference import Reference, references_in
from tapgraph.evals.shortcutsbench.reply_text import Call, paper_call, strict_api, strict_call
from tapgraph.evals.shortcutsbench.transcript import Answer, Record
from tapgraph.evals.stats import Tally, total

__all__ = ["LOWER_IS_BETTER", "OUTCOME", "STRICT_METRICS", "strict_scores"]

API_SELECTION = "strict/api_selection"
LITERALS = "strict/literal_parameters"
OUTPUTS = "strict/previous_outputs"
INPUTS = "strict/input_awareness"
STOP = "strict/stop"
QUERY_SUCCESS = "strict/query_success"
OUTCOME = "strict/outcome"
INVENTED_APIS = "strict/invented_apis"
HALLUCINATED = "strict/hallucinated_parameters"
UNPARSABLE = "replies/unparsable"
PAPER_UNPARSABLE = "replies/paper_json_error"
MISSING = "replies/missing"

STRICT_METRICS = (
    API_SELECTION,
    LITERALS,
    OUTPUTS,
    INPUTS,
    STOP,
    QUERY_SUCCESS,
    OUTCOME,
    INVENTED_APIS,
    HALLUCINATED,
    UNPARSABLE,
    PAPER_UNPARSABLE,
    MISSING,
)
LOWER_IS_BETTER = frozenset({
    INVENTED_APIS,
    HALLUCINATED,
    UNPARSABLE,
    PAPER_UNPARSABLE,
    MISSING,
})

_BOOKKEEPING = frozenset({
    "AppIntentDescriptor",
    "CustomOutputName",
    "GroupingIdentifier",
    "OpenWhenRun",
    "OutputName",
    "ShowWhenRun",
    "UUID",
    "WFControlFlowMode",
})
"""Parameters that any action may have."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A judged gold action beside what was answered, each with the list that it refers into."""

    gold: Action
    essential: Sequence[str]
    call: Call | None


def strict_scores(record: Record) -> dict[str, Tally]:
    """What this record adds to each strict metric; a metric that was not asked for adds nothing.

    - `strict/api_selection`: judged steps with exactly the right API; all of them count, those in a
      dropped tail, with broken JSON or without an answer as wrong.
    - `strict/literal_parameters`, `strict/previous_outputs`, `strict/input_awareness`: as in the
      paper, but a step with the wrong API counts all its parameters as wrong, and variables count
      wherever they stand: in texts, dictionaries and lists. `previous_outputs` counts named
      variables too, wants the right UUID, and the right property or dictionary key.
    - `strict/stop`: `Finish` after the last judged step and not before.
    - `strict/query_success`: everything above is right for the whole query.
    - `strict/outcome`: executed mode, the same state as after the gold; only where that runs here.
    - `strict/invented_apis`: answers whose API was not to choose from. Lower is better.
    - `strict/hallucinated_parameters`: given parameters that the API does not declare and its gold
      never uses. Lower is better.
    - `replies/*`: replies that are no call by the strict and by the paper's rule, and judged steps
      without any reply. Lower is better.
    """
    if record.item.is_pre_experiment:
        return _pre_experiment(record)
    answers = record.transcript.answers
    teacher_forced = record.transcript.mode == "teacher-forced"
    steps = _asked_steps(record) if teacher_forced else _own_steps(record)
    gold_names = _OutputNames(record.item.gold)
    own_names = gold_names if teacher_forced else _OutputNames(record.transcript.actions)
    scores: dict[str, Tally] = {API_SELECTION: total(_tally(_is_right(step)) for step in steps)}
    scores[LITERALS] = total(_literals(step) for step in steps)
    scores[OUTPUTS], scores[INPUTS] = _variables(steps, gold_names, own_names)
    is_stopped = _stopped_right(record)
    if is_stopped is not None:
        scores[STOP] = _tally(is_stopped)
    needed = (API_SELECTION, LITERALS, OUTPUTS, INPUTS)
    succeeds = is_stopped is not False and all(
        scores[one].points == scores[one].n for one in needed
    )
    scores[QUERY_SUCCESS] = _tally(succeeds)
    outcome = record.transcript.outcome
    if outcome is not None and outcome.gold_runs:
        scores[OUTCOME] = _tally(outcome.matches)
    calls = [call for one in answers if not one.failure and (call := strict_call(one.text))]
    scores[INVENTED_APIS] = _invented((call.identifier for call in calls), record)
    scores[HALLUCINATED] = total(_hallucinated(call, record.item) for call in calls)
    scores[UNPARSABLE] = _share_of(answers, [strict_call(one.text) is None for one in answers])
    scores[PAPER_UNPARSABLE] = _share_of(answers, [paper_call(one.text) is None for one in answers])
    scores[MISSING] = _missing(record)
    return scores


def _pre_experiment(record: Record) -> dict[str, Tally]:
    answers = record.transcript.answers
    said = {one.position: strict_api(one.text) for one in answers if not one.failure}
    right = [said.get(i) == record.item.gold[i].identifier for i in record.item.judged]
    return {
        API_SELECTION: Tally(sum(right), len(right)),
        QUERY_SUCCESS: _tally(all(right)),
        INVENTED_APIS: _invented((name for name in said.values() if name is not None), record),
        UNPARSABLE: _share_of(answers, [strict_api(one.text) is None for one in answers]),
        PAPER_UNPARSABLE: _share_of(answers, [paper_call(one.text) is None for one in answers]),
        MISSING: _missing(record),
    }


def _asked_steps(record: Record) -> list[_Step]:
    said = {one.position: one for one in record.transcript.answers if not one.failure}
    return [
        _Step(
            record.item.gold[position],
            record.item.essential.get(position, ()),
            strict_call(said[position].text) if position in said else None,
        )
        for position in record.item.judged
    ]


def _own_steps(record: Record) -> list[_Step]:
    own = [one for one in record.transcript.actions if is_judged(one.identifier)]
    return [
        _Step(
            record.item.gold[position],
            record.item.essential.get(position, ()),
            Call(own[i].identifier, dict(own[i].parameters)) if i < len(own) else None,
        )
        for i, position in enumerate(record.item.judged)
    ]


def _is_right(step: _Step) -> bool:
    return step.call is not None and step.call.identifier == step.gold.identifier


def _literals(step: _Step) -> Tally:
    names = [name for name in step.essential if name in step.gold.parameters]
    if step.call is None or not _is_right(step):
        return Tally(0, len(names))
    given = step.call.parameters
    right = sum(
        name in given and paper_equal(step.gold.parameters[name], given[name]) for name in names
    )
    return Tally(right, len(names))


def _variables(
    steps: Sequence[_Step], gold_names: "_OutputNames", own_names: "_OutputNames"
) -> tuple[Tally, Tally]:
    outputs, inputs = Tally(0, 0), Tally(0, 0)
    for step in steps:
        for name, value in step.gold.parameters.items():
            wanted = Counter(gold_names.resolved(one) for one in references_in(value))
            found: Counter[Reference] = Counter()
            if step.call is not None and _is_right(step):
                given = references_in(step.call.parameters.get(name))
                found = Counter(own_names.resolved(one) for one in given)
            for reference, times in wanted.items():
                tally = Tally(min(times, found[reference]), times)
                if reference.is_system_input:
                    inputs += tally
                else:
                    outputs += tally
    return outputs, inputs


class _OutputNames:
    """Outputs by what made them, so that two lists with different UUIDs can be compared."""

    def __init__(self, actions: Iterable[Action]) -> None:
        self._makers: dict[str, str] = {}
        seen: Counter[str] = Counter()
        for action in actions:
            seen[action.identifier] += 1
            uuid = action.parameters.get("UUID")
            if isinstance(uuid, str):
                self._makers[uuid] = f"{action.identifier}#{seen[action.identifier]}"

    def resolved(self, reference: Reference) -> Reference:
        if reference.kind != "ActionOutput":
            return reference
        maker = self._makers.get(reference.target, reference.target)
        return Reference(reference.kind, maker, reference.path)


def _stopped_right(record: Record) -> bool | None:
    transcript = record.transcript
    if transcript.mode != "teacher-forced":
        own = [one for one in transcript.actions if is_judged(one.identifier)]
        return transcript.is_finished and len(own) == len(record.item.judged)
    if transcript.stop is None:
        return False if transcript.failure else None
    early = any(_says_finish(one) for one in transcript.answers)
    return _says_finish(transcript.stop) and not early


def _says_finish(answer: Answer) -> bool:
    call = None if answer.failure else strict_call(answer.text)
    return call is not None and call.identifier == FINISH


def _invented(names: Iterable[str | None], record: Record) -> Tally:
    allowed = {*record.item.candidates, FINISH}
    if record.transcript.mode != "teacher-forced":
        allowed |= {one.identifier for one in record.item.gold}
    listed = list(names)
    return Tally(sum(name not in allowed for name in listed), len(listed))


def _hallucinated(call: Call, item: Item) -> Tally:
    declared = item.declared.get(call.identifier or "")
    if declared is None:
        return Tally(0, 0)
    known = {*declared, *_BOOKKEEPING}
    for action in item.gold:
        if action.identifier == call.identifier:
            known.update(action.parameters)
    return Tally(sum(name not in known for name in call.parameters), len(call.parameters))


def _share_of(answers: Sequence[Answer], flags: Sequence[bool]) -> Tally:
    counted = [flag for one, flag in zip(answers, flags, strict=True) if not one.failure]
    return Tally(sum(counted), len(counted))


def _missing(record: Record) -> Tally:
    if record.transcript.mode != "teacher-forced":
        return _tally(bool(record.transcript.failure))
    said = {one.position for one in record.transcript.answers if not one.failure}
    judged = record.item.judged
    return Tally(sum(position not in said for position in judged), len(judged))


def _tally(is_right: bool) -> Tally:
    return Tally(int(is_right), 1)

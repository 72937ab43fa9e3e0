"""What a set of trials says of an agent: pure functions of their records.

SS, TE and SSS are Mobile-Agent-E's (arXiv 2501.11733, section 4), false completion and side effects
MobileGym's (arXiv 2605.26114), the estimator of pass@k Codex's (arXiv 2107.03374, section 2.1).
A trial that broke off counts as failed in every share, and is left out of means of what it cannot
have (steps, tokens). Intervals are bootstraps over templates, as trials of one template are alike.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import comb
from typing import Literal, NamedTuple, TypeAlias

from tapgraph.agents.run.outcome import Outcome
from tapgraph.evals.phone.tap_paths import PathMatch
from tapgraph.evals.stats import NOTHING, Estimate, Tally, share, wilson
from tapgraph.evals.trial import JudgedBy, TrialRecord

__all__ = [
    "METRICS",
    "Line",
    "Measured",
    "Metric",
    "MetricKind",
    "fit",
    "is_false_completion",
    "is_overdue",
    "is_success",
    "mean_over_templates",
    "mean_share",
    "measure",
    "pass_all",
    "pass_any",
    "progress",
    "satisfaction",
    "satisfaction_curve",
    "terminated_in_error",
]

MetricKind: TypeAlias = Literal["share", "number", "dollars"]

_RIGHT_OUTCOME = {
    "done": Outcome.SUCCESS,
    "cannot": Outcome.GAVE_UP,
    "ask": Outcome.NEEDS_HUMAN,
}


def satisfaction(record: TrialRecord, by: JudgedBy | None = None) -> float | None:
    """SS: the share of rubrics that hold; None while one is not judged.

    Args:
        record: of the trial.
        by: count only rubrics that were decided so.
    """
    if record.error:
        return 0.0
    verdicts = [one for one in record.verdicts if by is None or one.judged_by == by]
    if not verdicts or any(one.holds is None for one in verdicts):
        return None
    return sum(bool(one.holds) for one in verdicts) / len(verdicts)


def is_success(record: TrialRecord) -> bool | None:
    """Whether all rubrics hold and the run ended as the task should; None while not judged."""
    satisfied = satisfaction(record)
    if satisfied is None:
        return None
    return satisfied == 1 and _ended_right(record)


def _ended_right(record: TrialRecord) -> bool:
    is_right = record.outcome is _RIGHT_OUTCOME[record.right_end]
    return is_right and (record.asked or record.right_end != "ask")


def terminated_in_error(record: TrialRecord) -> bool | None:
    """TE: it ended otherwise than by the agent's own word that the task is done.

    None for tasks that should not end so.
    """
    if record.right_end != "done":
        return None
    return record.outcome is not Outcome.SUCCESS


def is_false_completion(record: TrialRecord) -> bool | None:
    """Whether the agent said that the task is done, and it is not; None while not judged."""
    if record.outcome is not Outcome.SUCCESS:
        return False
    succeeded = is_success(record)
    return None if succeeded is None else not succeeded


def is_overdue(record: TrialRecord) -> bool | None:
    """Whether everything held after some step, and the agent never said that it is done.

    None where no machine judges while the task runs, and for tasks that should not end so.
    """
    if record.error:
        return False
    if record.right_end != "done" or not record.curve:
        return None
    return max(record.curve) == 1 and record.outcome is not Outcome.SUCCESS


def progress(record: TrialRecord) -> float | None:
    """The most rubrics that held after any step, as a share; None where no machine judges."""
    if record.error:
        return 0.0
    return max(record.curve) if record.curve else satisfaction(record, "machine")


def has_side_effects(record: TrialRecord) -> bool | None:
    """Whether it changed something that the task does not allow; None where that is not known."""
    return None if record.side_effects is None else bool(record.side_effects)


def pass_any(successes: Sequence[bool], k: int) -> float:
    """pass@k: how likely one of k trials succeeds, without bias from n >= k of them.

    >>> pass_any([True, False, False, False], 2)
    0.5
    """
    n, right = len(successes), sum(successes)
    return 1 - comb(n - right, k) / comb(n, k)


def pass_all(successes: Sequence[bool], k: int) -> float:
    """pass^k: how likely all of k trials succeed, without bias from n >= k of them.

    >>> pass_all([True, True, True, False], 2)
    0.5
    """
    return comb(sum(successes), k) / comb(len(successes), k)


class Line(NamedTuple):
    """The straight line through points of SS over the course of a run, at its two ends."""

    start: float
    end: float


def satisfaction_curve(record: TrialRecord) -> tuple[tuple[float, float], ...]:
    """SSS: the share of rubrics that hold after each step, over the step's place from 0 to 1.

    Only rubrics that a machine judges, so that it may fall again. The paper's starts with the first
    step, as this does; a run of one step is at 1.
    """
    last = len(record.curve) - 1
    return tuple((place / last if last else 1.0, held) for place, held in enumerate(record.curve))


def fit(records: Iterable[TrialRecord]) -> Line | None:
    """The least-squares line through all SSS points; None where they lie on fewer than two places.

    >>> fit([])
    """
    points = [point for record in records for point in satisfaction_curve(record)]
    if not points:
        return None
    middle = sum(x for x, _ in points) / len(points)
    level = sum(y for _, y in points) / len(points)
    spread = sum((x - middle) ** 2 for x, _ in points)
    if spread == 0:
        return None
    slope = sum((x - middle) * (y - level) for x, y in points) / spread
    return Line(level - slope * middle, level + slope * (1 - middle))


@dataclass(frozen=True, slots=True)
class Metric:
    """A row of the table.

    Attributes:
        name: how it is called in tables and files.
        better: which direction is.
        meaning: what it counts, in a few words.
        kind: how it is written.
        of: what a trial gives, as points of so many; nothing counted where it cannot be told.
    """

    name: str
    better: Literal["higher", "lower"]
    meaning: str
    kind: MetricKind
    of: Callable[[TrialRecord], Tally]


def _told(value: float | None) -> Tally:
    return NOTHING if value is None else Tally(float(value), 1)


def _share(
    name: str, better: Literal["higher", "lower"], meaning: str,
    of: Callable[[TrialRecord], float | None],
) -> Metric:  # fmt: skip
    return Metric(name, better, meaning, "share", lambda record: _told(of(record)))


def _number(
    name: str, better: Literal["higher", "lower"], meaning: str,
    of: Callable[[TrialRecord], float | None], kind: MetricKind = "number",
) -> Metric:  # fmt: skip
    def value(record: TrialRecord) -> Tally:
        return NOTHING if record.error else _told(of(record))

    return Metric(name, better, meaning, kind, value)


def _of_path(value: Callable[[PathMatch], float]) -> Callable[[TrialRecord], float | None]:
    return lambda record: None if record.path is None else value(record.path)


def _steps_over_reference(record: TrialRecord) -> float | None:
    if not is_success(record) or not record.reference_steps:
        return None
    return record.spent.steps / record.reference_steps


METRICS: Sequence[Metric] = (
    _share("success", "higher", "all rubrics hold and it ended as it should", is_success),
    _share("SS", "higher", "rubrics that hold", satisfaction),
    _share(
        "SS by a judge", "higher", "rubrics that hold, of those a model judged",
        lambda record: None if record.error else satisfaction(record, "judge"),
    ),
    _share(
        "SS by people", "higher", "rubrics that hold, of those people judged",
        lambda record: None if record.error else satisfaction(record, "person"),
    ),
    _share("progress", "higher", "most rubrics that held after any step", progress),
    Metric("AA", "higher", "actions that were right", "share", lambda record: record.actions),
    Metric(
        "RA", "higher", "verdicts of the Reflector that were right", "share",
        lambda record: record.reflections,
    ),
    _share("TE", "lower", "ended without saying that it is done", terminated_in_error),
    _share("false completion", "lower", "said done, and was not", is_false_completion),
    _share("overdue", "lower", "was done, and never said so", is_overdue),
    _share("side effects", "lower", "changed what it must not", has_side_effects),
    _number("steps", "lower", "steps of a trial", lambda record: record.spent.steps),
    _number(
        "steps / reference", "lower", "steps of a success, over the reference's",
        _steps_over_reference,
    ),
    _share(
        "path SS", "higher", "sequence score: things touched in the order of the known route",
        _of_path(lambda path: path.sequence),
    ),
    _number(
        "path SED", "lower", "edits from the things touched to those of the known route",
        _of_path(lambda path: path.edits),
    ),
    _share(
        "path ScanMatch", "higher", "places touched as on the known route, near ones in part",
        _of_path(lambda path: path.scan_match),
    ),
    _share(
        "path revisits", "lower", "touches of what was touched before",
        _of_path(lambda path: path.revisits),
    ),
    _number("calls", "lower", "calls of a model", lambda record: record.calls),
    _number(
        "tokens", "lower", "prompt and reply",
        lambda record: record.prompt_tokens + record.completion_tokens,
    ),
    _number("cached tokens", "higher", "of the prompts", lambda record: record.cached_tokens),
    _number("cost", "lower", "US dollars", lambda record: record.spent.cost_usd, "dollars"),
    _number("seconds", "lower", "of this machine's time", lambda record: record.spent.seconds),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric of an evaluation.

    Attributes:
        estimate: mean over all trials, with a 95 % interval; `items` counts templates.
    """

    name: str
    better: Literal["higher", "lower"]
    meaning: str
    kind: MetricKind
    estimate: Estimate


def measure(records: Sequence[TrialRecord], *, seed: int = 0) -> tuple[Measured, ...]:
    """All metrics that can be told, those of repeated trials after the rest.

    `seed` is of the bootstrap.
    """
    rows = []
    for metric in METRICS:
        tallies = [(record.trial.template, metric.of(record)) for record in records]
        mean = mean_share if metric.kind == "share" else mean_over_templates
        found = mean(tallies, seed=seed)
        if found.value is not None:
            rows.append(Measured(metric.name, metric.better, metric.meaning, metric.kind, found))
    return (*rows, *_repeated(records, seed))


def mean_over_templates(tallies: Iterable[tuple[str, Tally]], *, seed: int) -> Estimate:
    """The mean of what trials gave, each with its template, and a bootstrap over templates."""
    by_template: dict[str, Tally] = defaultdict(lambda: NOTHING)
    for template, tally in tallies:
        by_template[template] += tally
    return share([*by_template.values()], seed=seed)


def mean_share(tallies: Iterable[tuple[str, Tally]], *, seed: int) -> Estimate:
    """The mean of shares.

    Where all templates agree on 0 or on 1 the bootstrap has no width; the interval is Wilson's
    then, with the templates as its trials.
    """
    found = mean_over_templates(tallies, seed=seed)
    if found.value is None or found.low != found.high or found.value not in {0.0, 1.0}:
        return found
    bounds = wilson(round(found.value) * found.items, found.items)
    return Estimate(found.value, bounds.low, bounds.high, found.n, found.items)


def _repeated(records: Sequence[TrialRecord], seed: int) -> list[Measured]:
    """pass@k and pass^k over all trials of a task, where there are several of each."""
    by_task: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for record in records:
        succeeded = is_success(record)
        if succeeded is None:
            return []
        by_task[record.trial.template, record.trial.task_id].append(succeeded)
    k = min((len(one) for one in by_task.values()), default=0)
    if k < 2:
        return []
    rows: list[Measured] = []
    for name, of, meaning in (
        (f"pass@{k}", pass_any, f"one of {k} trials succeeds"),
        (f"pass^{k}", pass_all, f"all of {k} trials succeed"),
    ):
        tallies = [(template, Tally(of(one, k), 1)) for (template, _), one in by_task.items()]
        rows.append(Measured(name, "higher", meaning, "share", mean_share(tallies, seed=seed)))
    return rows

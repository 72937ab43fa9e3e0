"""Two evaluations of the same tasks, compared trial by trial."""

from collections.abc import Sequence
from dataclasses import dataclass

from tapgraph.errors import UsageError
from tapgraph.evals.evaluate import Evaluation
from tapgraph.evals.metrics import METRICS, Measured, is_success, mean_over_templates
from tapgraph.evals.stats import Tally
from tapgraph.evals.trial import TrialRecord

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changes from the first evaluation to the second.

    Attributes:
        differences: second minus first, over the trials that both have; the interval is a bootstrap
            over templates, and one that holds 0 shows no difference.
        pairs: trials that both have.
        only_first: pairs in which only the first succeeded.
        only_second: pairs in which only the second did.
        doubts: why the two are not comparable, or only in part; empty when they are.
    """

    differences: tuple[Measured, ...]
    pairs: int
    only_first: int
    only_second: int
    doubts: tuple[str, ...]


def compare(first: Evaluation, second: Evaluation, *, seed: int = 0) -> Comparison:
    """The paired differences of all metrics; `seed` is of the bootstrap.

    Raises:
        UsageError: they are of different suites, or have no trial of the same task in common.
    """
    if first.header.suite != second.header.suite:
        raise UsageError(
            f"not comparable: {first.header.suite!r} and {second.header.suite!r} are two suites"
        )
    theirs = {one.trial.id: one for one in second.records}
    common = [(one, theirs[one.trial.id]) for one in first.records if one.trial.id in theirs]
    pairs = [pair for pair in common if _is_same_task(*pair)]
    if not pairs:
        raise UsageError("not comparable: the two have no trial of the same task in common")
    won = [(is_success(one), is_success(other)) for one, other in pairs]
    return Comparison(
        differences=_differences(pairs, seed),
        pairs=len(pairs),
        only_first=won.count((True, False)),
        only_second=won.count((False, True)),
        doubts=tuple(_doubts(first, second, len(common), len(pairs))),
    )


def _differences(
    pairs: Sequence[tuple[TrialRecord, TrialRecord]], seed: int
) -> tuple[Measured, ...]:
    rows = []
    for metric in METRICS:
        tallies = []
        for one, other in pairs:
            before, after = metric.of(one), metric.of(other)
            if before.n and after.n:
                change = after.points / after.n - before.points / before.n
                tallies.append((one.trial.template, Tally(change, 1)))
        found = mean_over_templates(tallies, seed=seed)
        if found.value is not None:
            rows.append(Measured(metric.name, metric.better, metric.meaning, metric.kind, found))
    return tuple(rows)


def _is_same_task(one: TrialRecord, other: TrialRecord) -> bool:
    """A trial that broke off early does not know its task, and counts as failed."""
    if one.error or other.error:
        return True
    names = [{verdict.rubric for verdict in record.verdicts} for record in (one, other)]
    return one.instruction == other.instruction and names[0] == names[1]


def _doubts(first: Evaluation, second: Evaluation, common: int, same: int) -> list[str]:
    doubts = []
    one, other = first.header, second.header
    for name, before, after in (
        ("phone", one.phones, other.phones),
        ("setting", one.plan.setting, other.plan.setting),
        ("step limit", one.plan.max_steps, other.plan.max_steps),
    ):
        if before != after:
            doubts.append(f"the {name} differs: {before} and {after}")
    if common > same:
        doubts.append(f"{common - same:,} tasks of one name are not the same task in both")
    alone = len(first.records) + len(second.records) - 2 * common
    if alone:
        doubts.append(f"{alone:,} trials are in one of the two only, and left out")
    return doubts

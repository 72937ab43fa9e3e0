"""Scores of many records: micro, macro over levels and over queries, each with n and interval."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tapgraph.evals.shortcutsbench.item import EssentialFrom
from tapgraph.evals.shortcutsbench.paper_scores import PAPER_METRICS, paper_level, paper_scores
from tapgraph.evals.shortcutsbench.strict_scores import (
    LOWER_IS_BETTER,
    OUTCOME,
    STRICT_METRICS,
    strict_scores,
)
from tapgraph.evals.shortcutsbench.transcript import Record
from tapgraph.evals.stats import RESAMPLES, Estimate, Tally, macro_share, share

__all__ = ["MetricSummary", "Summary", "is_lower_better", "summarise", "summary_rows"]


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric.

    Attributes:
        name: with its family, as `strict/api_selection`.
        micro: all counts together, as the paper does; long shortcuts weigh more.
        macro_levels: the mean of the levels; None where there are no levels.
        macro_queries: the mean of the queries.
        by_level: each level, in `paper/*` by the gold that the log holds.
        by_type: each task type, `other` included.
    """

    name: str
    micro: Estimate
    macro_levels: Estimate | None
    macro_queries: Estimate
    by_level: Mapping[int, Estimate]
    by_type: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The result of an evaluation.

    Attributes:
        source: the set of items.
        chooser: who was asked.
        mode: how.
        items: how many items there are; every one counts.
        failed: items that broke off; their missing answers are wrong.
        unusable: pieces of the input that gave no item.
        doubtful: items with marked data, which count like the others.
        without_outcome: executed items whose gold does not run here or leaves nothing to compare;
            `strict/outcome` does not count them.
        essential_from: where the list of scored literal parameters is from.
        calls: replies that were asked for.
        prompt_tokens: sent in all.
        completion_tokens: received in all.
        cost_usd: of all.
        metrics: in the order of the families.
    """

    source: str
    chooser: str
    mode: str
    items: int
    failed: int
    unusable: int
    doubtful: int
    without_outcome: int
    essential_from: EssentialFrom
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    metrics: tuple[MetricSummary, ...]

    @property
    def compared(self) -> int:
        """Executed items that could be compared; 0 in the other modes."""
        return next((one.micro.n for one in self.metrics if one.name == OUTCOME), 0)

    def metric(self, name: str) -> MetricSummary:
        """The metric of that name.

        Raises:
            KeyError: it was not counted in this run.
        """
        for one in self.metrics:
            if one.name == name:
                return one
        raise KeyError(name)


def summarise(
    records: Sequence[Record],
    *,
    source: str,
    chooser: str,
    mode: str,
    unusable: int = 0,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Summary:
    """All metrics over these records.

    `paper/*` of a shortcut is asked teacher-forced, as the paper does; the other modes have only
    `strict/*`. Metrics that count nothing are left out.
    """
    transcripts = [record.transcript for record in records]
    families: list[tuple[_Scorer, _LevelOf, Sequence[str]]] = []
    if mode == "teacher-forced":
        families.append((paper_scores, paper_level, PAPER_METRICS))
    families.append((strict_scores, lambda record: record.item.level, STRICT_METRICS))
    metrics: list[MetricSummary] = []
    for scorer, level_of, names in families:
        scored = [_Scored(scorer(one), level_of(one), one.item.type) for one in records]
        metrics += [_metric(name, scored, seed, resamples) for name in names]
    return Summary(
        source=source,
        chooser=chooser,
        mode=mode,
        items=len(records),
        failed=sum(bool(one.failure) for one in transcripts),
        unusable=unusable,
        doubtful=sum(bool(one.item.problems) for one in records),
        without_outcome=sum(
            one.outcome is not None and not one.outcome.gold_runs for one in transcripts
        ),
        essential_from=records[0].item.essential_from if records else "none",
        calls=sum(one.calls for one in transcripts),
        prompt_tokens=sum(one.prompt_tokens for one in transcripts),
        completion_tokens=sum(one.completion_tokens for one in transcripts),
        cost_usd=sum(one.cost_usd for one in transcripts),
        metrics=tuple(one for one in metrics if one.micro.n),
    )


def summary_rows(summary: Summary) -> tuple[tuple[str, ...], ...]:
    """A table of the scores: a header, then a row of texts for each metric, in percent."""
    header = ("metric", "micro [95 %]", "n", "macro levels", "macro queries")
    rows = [
        (
            one.name + (" (lower is better)" if is_lower_better(one.name) else ""),
            one.micro.percent,
            f"{one.micro.n:,}",
            one.macro_levels.percent if one.macro_levels is not None else "-",
            one.macro_queries.percent,
        )
        for one in summary.metrics
    ]
    return (header, *rows)


def is_lower_better(metric: str) -> bool:
    """Whether a smaller value of the metric is the better one.

    >>> is_lower_better("strict/invented_apis"), is_lower_better("paper/api_selection")
    (True, False)
    """
    return metric in LOWER_IS_BETTER or metric.startswith("paper/outputs_")


_Key = TypeVar("_Key", int, str)
_Scorer = Callable[[Record], dict[str, Tally]]
_LevelOf = Callable[[Record], int | None]


@dataclass(frozen=True, slots=True)
class _Scored:
    scores: Mapping[str, Tally]
    level: int | None
    type: str


def _metric(name: str, scored: Sequence[_Scored], seed: int, resamples: int) -> MetricSummary:
    counted = [(one, one.scores[name]) for one in scored if name in one.scores]
    tallies = [tally for _, tally in counted]
    levels = _grouped((one.level, tally) for one, tally in counted if one.level is not None)
    types = _grouped((one.type, tally) for one, tally in counted if one.type)
    queries = [Tally(one.points / one.n, 1) for one in tallies if one.n]
    return MetricSummary(
        name=name,
        micro=share(tallies, seed=seed, resamples=resamples),
        macro_levels=macro_share(list(levels.values()), seed=seed, resamples=resamples)
        if levels
        else None,
        macro_queries=share(queries, seed=seed, resamples=resamples),
        by_level={
            key: share(levels[key], seed=seed, resamples=resamples) for key in sorted(levels)
        },
        by_type={key: share(types[key], seed=seed, resamples=resamples) for key in sorted(types)},
    )


def _grouped(pairs: Iterable[tuple[_Key, Tally]]) -> dict[_Key, list[Tally]]:
    groups: dict[_Key, list[Tally]] = {}
    for key, tally in pairs:
        groups.setdefault(key, []).append(tally)
    return groups

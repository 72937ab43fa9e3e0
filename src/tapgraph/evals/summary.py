"""The results of an evaluation as tables: on a terminal, in Markdown, and for a spreadsheet."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Sequence

from tapgraph.evals.evaluate import Evaluation
from tapgraph.evals.metrics import Measured, MetricKind, fit, is_success, measure
from tapgraph.evals.stats import Estimate
from tapgraph.tools.visible_text import visible_text

__all__ = ["header_lines", "remarks", "table", "told", "write_summary"]

_ARROWS = {"higher": "↑", "lower": "↓"}
_LONGEST_ERROR = 200


def told(value: float | None, kind: MetricKind) -> str:
    """A value as a person reads it.

    >>> told(0.875, "share"), told(12.345, "number"), told(0.0123, "dollars"), told(None, "share")
    ('87.5 %', '12.3', '$0.0123', '-')
    """
    if value is None:
        return "-"
    match kind:
        case "share":
            return f"{100 * value:.1f} %"
        case "number":
            return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}"
        case "dollars":
            return f"${value:.4f}"


def interval(estimate: Estimate, kind: MetricKind) -> str:
    """The ends of the 95 % interval."""
    return f"[{told(estimate.low, kind)}, {told(estimate.high, kind)}]"


def header_lines(evaluation: Evaluation) -> list[str]:
    """What was evaluated, on what, with what; a line each."""
    header, plan, made = evaluation.header, evaluation.header.plan, evaluation.header.made_with
    versions = ", ".join(f"{name} {version}" for name, version in made.versions.items())
    steps = f", at most {plan.max_steps} steps" if plan.max_steps else ""
    left_out: dict[str, list[str]] = defaultdict(list)
    for task, why in header.left_out.items():
        left_out[why].append(task)
    return [
        f"suite: {header.suite}{f', split {plan.split}' if plan.split else ''}",
        *(
            f"left out, as {visible_text(why)}: {len(tasks):,} tasks: {', '.join(tasks)}"
            for why, tasks in left_out.items()
        ),
        f"agent: {header.agent}",
        f"phone: {header.phones}",
        f"plan: seeds 0 to {plan.seeds - 1}, {plan.trials} trials each, {plan.setting}{steps}",
        f"made with: commit {made.commit or 'unknown'}; {versions}; prompts {made.prompts}",
        f"machine: {made.machine}",
    ]


def table(rows: Sequence[Measured]) -> list[tuple[str, ...]]:
    """Header and rows: metric with its better direction, value, interval, n, templates, meaning."""
    return [
        ("metric", "value", "95 % interval", "n", "templates", "meaning"),
        *(
            (
                f"{one.name} {_ARROWS[one.better]}",
                told(one.estimate.value, one.kind),
                interval(one.estimate, one.kind),
                f"{one.estimate.n:,}",
                str(one.estimate.items),
                one.meaning,
            )
            for one in rows
        ),
    ]


def remarks(evaluation: Evaluation) -> list[str]:
    """What the table does not tell: the SSS line, who judged, and what broke off."""
    records = evaluation.records
    lines = []
    line = fit(records)
    if line is not None:
        lines.append(
            f"SSS: the fitted line goes from {100 * line.start:.1f} % at the start of a run to "
            f"{100 * line.end:.1f} % at its end"
        )
    judges = Counter(one.judged_by for record in records for one in record.verdicts)
    lines.append("rubrics judged by: " + (", ".join(
        f"{who} {count:,}" for who, count in sorted(judges.items())) or "nobody"))  # fmt: skip
    if broken_off := evaluation.broken_off:
        lines.append(f"{len(broken_off):,} trials broke off and count as failed:")
        lines += [
            f"  {one.trial.id}: {visible_text(one.error)[:_LONGEST_ERROR]}" for one in broken_off
        ]
    return lines


def write_summary(evaluation: Evaluation) -> tuple[Measured, ...]:
    """Write `summary.md` and `summary.csv` and return the rows."""
    rows = measure(evaluation.records)
    (evaluation.folder / "summary.md").write_text(_markdown(evaluation, rows), encoding="utf-8")
    (evaluation.folder / "summary.csv").write_text(_csv(rows), encoding="utf-8")
    return rows


def _markdown(evaluation: Evaluation, rows: Sequence[Measured]) -> str:
    lines = [f"# {evaluation.header.suite}: {evaluation.header.agent}", ""]
    lines += [f"- {line}" for line in header_lines(evaluation)]
    lines += ["", *_grid(table(rows)), "", *(f"- {line.strip()}" for line in remarks(evaluation))]
    lines += ["", "## By template", "", *_grid(_by_template(evaluation)), ""]
    return "\n".join(lines)


def _by_template(evaluation: Evaluation) -> list[tuple[str, ...]]:
    found: dict[tuple[str, str], list[bool | None]] = defaultdict(list)
    levels = {one.trial.template: one.level for one in evaluation.records if one.level}
    for record in evaluation.records:
        template = record.trial.template
        found[template, levels.get(template, "")].append(is_success(record))
    return [
        ("template", "level", "success", "trials"),
        *(
            (name, level, f"{sum(map(bool, one))}" if None not in one else "-", str(len(one)))
            for (name, level), one in found.items()
        ),
    ]


def _grid(rows: Sequence[tuple[str, ...]]) -> list[str]:
    head, *body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body)]


def _csv(rows: Sequence[Measured]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("metric", "better", "value", "low", "high", "n", "templates"))
    for one in rows:
        found = one.estimate
        writer.writerow((
            one.name,
            one.better,
            found.value,
            found.low,
            found.high,
            found.n,
            found.items,
        ))
    return text.getvalue()

"""From the options of `tapgraph eval shortcutsbench` to printed scores."""

import json as json_module
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from tapgraph.cli.eval_options import ChooserKind, ModeKind, SetKind
from tapgraph.cli.eval_progress import ProgressLines
from tapgraph.cli.exit_codes import ExitCode
from tapgraph.cli.terminal import print_json, print_line
from tapgraph.errors import UsageError
from tapgraph.evals.records import Problem
from tapgraph.evals.shortcutsbench.author_log import read_author_log, read_pre_experiment_log
from tapgraph.evals.shortcutsbench.choosers import (
    LexicalChooser,
    ModelChooser,
    OracleChooser,
    RandomChooser,
)
from tapgraph.evals.shortcutsbench.data_files import (
    PRE_EXPERIMENTS,
    PreExperiment,
    holds_shortcuts,
    load_api_texts,
    load_labels,
    load_shortcuts,
    read_essential,
)
from tapgraph.evals.shortcutsbench.evaluate import (
    Evaluation,
    evaluate_pre_experiments,
    evaluate_shortcutsbench,
)
from tapgraph.evals.shortcutsbench.item import EssentialFrom
from tapgraph.evals.shortcutsbench.question import Chooser
from tapgraph.evals.shortcutsbench.summary import Summary, summarise, summary_rows
from tapgraph.llm_backend.model_spec import open_model
from tapgraph.settings import Settings
from tapgraph.tools.api.shortcuts_catalog import check_catalog

__all__ = ["EvalRequest", "check_texts", "evaluate", "open_chooser", "rescore"]

_API_TEXTS = "all_api2info.json"
_MOST_PROBLEMS = 5
_SCORED_LITERALS: Mapping[EssentialFrom, str] = {
    "intersection": "those that the query states, by the authors' file (JSON)",
    "intersection-lines": "those that the query states, by the authors' file (JSON Lines)",
    "necessary": "all, as the authors' file of those that the query states is not here",
    "none": "none, as the authors' files of them are not here",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalRequest:
    """What is to be evaluated, and how; `items` stands in place of the set."""

    data: Path
    out: Path
    items_of: SetKind
    items: Path | None
    mode: ModeKind
    workers: int
    limit: int | None


def open_chooser(model: str | None, kind: ChooserKind | None, *, seed: int) -> Chooser:
    """Who answers: the model where one is named."""
    if model is not None:
        return ModelChooser(open_model(model, Settings.from_environment()))
    match kind:
        case ChooserKind.ORACLE:
            return OracleChooser()
        case ChooserKind.LEXICAL:
            return LexicalChooser()
        case _:
            return RandomChooser(seed)


def evaluate(request: EvalRequest, chooser: Chooser, *, json: bool) -> int:
    """Ask, score, and print; the exit code."""
    progress = ProgressLines(Console(stderr=True, highlight=False))
    if request.items is None and request.items_of is not SetKind.MAIN:
        evaluations: Sequence[Evaluation] = evaluate_pre_experiments(
            request.data,
            chooser,
            request.out,
            sources=_sources(request.items_of),
            workers=request.workers,
            limit=request.limit,
            on_progress=progress.show,
        )
    else:
        evaluations = [
            evaluate_shortcutsbench(
                request.items or request.data,
                chooser,
                request.out,
                mode=request.mode.value,
                workers=request.workers,
                limit=request.limit,
                on_progress=progress.show,
            )
        ]
    if json:
        print_json({"evaluations": [_wire(one.summary, one.folder) for one in evaluations]})
    else:
        for one in evaluations:
            _print_evaluation(one)
    return ExitCode.FAILED if any(one.failures for one in evaluations) else ExitCode.SUCCESS


def rescore(log: Path, data: Path, items_of: SetKind, *, out: Path, json: bool) -> int:
    """Score a run log of the authors, print the scores and leave them in `summary.json`."""
    if items_of is SetKind.MAIN:
        items = load_shortcuts(data).items if holds_shortcuts(data) else ()
        essential, essential_from, _ = read_essential(data)
        read = read_author_log(
            log,
            load_api_texts(data),
            items={item.id: item for item in items},
            labels=load_labels(data),
            essential=essential,
            essential_from=essential_from,
        )
        source = "shortcutsbench"
    else:
        pre_experiment = _source_of_log(log, items_of)
        read = read_pre_experiment_log(log, pre_experiment)
        source = pre_experiment
    if not read.records:
        first = f": {read.problems[0]}" if read.problems else ""
        raise UsageError(f"{str(log)!r} holds no row that can be scored{first}")
    summary = summarise(
        read.records,
        source=source,
        chooser=log.stem,
        mode="teacher-forced",
        unusable=len(read.problems),
    )
    out.mkdir(parents=True, exist_ok=True)
    written = asdict(summary) | {"problems": [str(one) for one in read.problems]}
    text = json_module.dumps(written, ensure_ascii=False, indent=1)
    (out / "summary.json").write_text(text + "\n", "utf-8")
    if json:
        print_json({"evaluations": [_wire(summary, out)]})
    else:
        _print_summary(summary, read.problems, out)
    return ExitCode.SUCCESS


def check_texts(data: Path, *, json: bool) -> int:
    """List what is wrong with the API texts in the folder."""
    folder = data if (data / _API_TEXTS).is_file() else data / "data"
    findings = check_catalog(folder)
    if json:
        print_json({"findings": [asdict(one) for one in findings]})
        return ExitCode.SUCCESS
    for one in findings:
        where = f"{one.identifier} {one.parameter}".strip()
        mended = " (repaired)" if one.repaired else ""
        print_line(f"{where}: {one.defect}{mended}: {one.detail}")
    print_line(f"{len(findings):,} findings")
    return ExitCode.SUCCESS


def _sources(items_of: SetKind) -> tuple[PreExperiment, ...]:
    return tuple(one for one in PRE_EXPERIMENTS if items_of in {SetKind.PRE, SetKind(one)})


def _source_of_log(log: Path, items_of: SetKind) -> PreExperiment:
    """The set that is named, or the one whose folder the log lies in."""
    found = [one for one in _sources(items_of) if items_of is not SetKind.PRE or one in log.parts]
    if len(found) != 1:
        raise UsageError(f"say which set {log.name!r} is of: --set {', '.join(PRE_EXPERIMENTS)}")
    return found[0]


def _print_evaluation(evaluation: Evaluation) -> None:
    _print_summary(evaluation.summary, evaluation.problems, evaluation.folder)
    if evaluation.failures:
        print_line(f"the last item that broke off: {evaluation.failures[-1].error}")


def _print_summary(summary: Summary, problems: Sequence[Problem], folder: Path) -> None:
    print_line(f"{summary.source}, {summary.mode}, by {summary.chooser}: {summary.items:,} items")
    rows = summary_rows(summary)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print_line("  ".join(cells).rstrip())
    if summary.source == "shortcutsbench":
        print_line(f"literal parameters: {_SCORED_LITERALS[summary.essential_from]}")
    if summary.mode == "executed":
        print_line(
            f"compared: {summary.compared:,} of {summary.items:,} items; the gold of the others "
            "does not run here or leaves nothing to compare"
        )
    if summary.failed:
        print_line(f"{summary.failed:,} items broke off and count as wrong")
    if problems:
        print_line(
            f"{len(problems):,} pieces of the input could not be used or are marked, such as"
        )
        for problem in problems[:_MOST_PROBLEMS]:
            print_line(f"  {problem}")
    print_line(f"all of it: {folder / 'summary.json'}")


def _wire(summary: Summary, folder: Path) -> dict[str, Any]:
    return {
        "source": summary.source,
        "chooser": summary.chooser,
        "mode": summary.mode,
        "items": summary.items,
        "failed": summary.failed,
        "unusable": summary.unusable,
        "compared": summary.compared,
        "essential_from": summary.essential_from,
        "folder": str(folder),
        "metrics": {one.name: asdict(one.micro) for one in summary.metrics},
    }

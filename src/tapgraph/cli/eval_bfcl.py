"""`tapgraph eval bfcl`: the Berkeley Function Calling Leaderboard."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tapgraph.cli.eval_options import BaselineKind
from tapgraph.cli.exit_codes import ExitCode
from tapgraph.cli.options import JsonOption
from tapgraph.cli.terminal import print_json, print_line
from tapgraph.errors import UsageError

if TYPE_CHECKING:
    from tapgraph.evals.bfcl.callers import Caller
    from tapgraph.evals.bfcl.evaluate import Evaluation

__all__ = ["bfcl"]


def bfcl(
    *,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where results and scores go; resumes there.")
    ],
    model: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="openai:NAME or http://HOST:PORT/v1#NAME."),
    ] = None,
    baseline: Annotated[
        BaselineKind | None,
        typer.Option(help="Instead of a model: the gold, or shared words; by default both."),
    ] = None,
    categories: Annotated[
        str,
        typer.Option(metavar="LIST", help="Such as simple_python,multi_turn_base; all of them."),
    ] = "",
    workers: Annotated[int, typer.Option(metavar="N", help="Tasks at once.")] = 8,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Only N tasks of each category.")
    ] = None,
    json: JsonOption = False,
) -> int:
    """BFCL: calls of functions in one turn and in several, judged by its rules.

    The data are those of the package bfcl-eval where it is installed; nothing of it is shipped.
    Ends with 1 when tasks broke off: they count as wrong, and the same command tries them again.
    """
    # Scorers and catalogues take a moment to load, and no other command needs them.
    from rich.console import Console  # noqa: PLC0415

    from tapgraph.cli.eval_progress import ProgressLines  # noqa: PLC0415
    from tapgraph.evals.bfcl.dataset import CATEGORIES, load_tasks  # noqa: PLC0415
    from tapgraph.evals.bfcl.evaluate import evaluate_bfcl  # noqa: PLC0415

    if limit is not None and limit < 1:
        raise UsageError(f"limit must be at least 1, got {limit}")
    named = [one.strip() for one in categories.split(",") if one.strip()]
    callers = _callers(model, baseline)
    tasks = load_tasks(named or CATEGORIES, limit=limit)
    evaluations = [
        evaluate_bfcl(
            tasks,
            caller,
            out if len(callers) == 1 else out / caller.name,
            workers=workers,
            on_progress=ProgressLines(Console(stderr=True, highlight=False)).show,
        )
        for caller in callers
    ]
    if json:
        print_json({"evaluations": [_wire(one) for one in evaluations]})
    else:
        for one in evaluations:
            _print(one)
    return ExitCode.FAILED if any(one.failures for one in evaluations) else ExitCode.SUCCESS


def _callers(model: str | None, baseline: BaselineKind | None) -> list["Caller"]:
    from tapgraph.evals.bfcl.callers import (  # noqa: PLC0415 - as above
        LexicalCaller,
        OracleCaller,
    )
    from tapgraph.evals.bfcl.model_caller import ModelCaller  # noqa: PLC0415 - as above
    from tapgraph.llm_backend.model_spec import open_model  # noqa: PLC0415 - as above
    from tapgraph.settings import Settings  # noqa: PLC0415 - as above

    if model is not None and baseline is not None:
        raise UsageError("say who answers: either --model SPEC or --baseline")
    if model is not None:
        return [ModelCaller(open_model(model, Settings.from_environment()))]
    baselines: dict[BaselineKind, Caller] = {
        BaselineKind.ORACLE: OracleCaller(),
        BaselineKind.LEXICAL: LexicalCaller(),
    }
    return [baselines[baseline]] if baseline is not None else list(baselines.values())


def _print(evaluation: "Evaluation") -> None:
    print_line(f"bfcl by {evaluation.caller}: {evaluation.tasks:,} tasks")
    rows = [("category", "right [95 %]", "n", "without defects", "n")]
    rows += [
        (
            one.name,
            one.right.percent,
            f"{one.right.n:,}",
            one.without_defects.percent,
            f"{one.without_defects.n:,}",
        )
        for one in evaluation.scores
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print_line("  ".join(cells).rstrip())
    if evaluation.calls:
        print_line(
            f"{evaluation.calls:,} replies, {evaluation.tokens:,} tokens, "
            f"${evaluation.cost_usd:,.4f}"
        )
    if evaluation.failures:
        print_line(f"{len(evaluation.failures):,} tasks broke off and count as wrong, the last one")
        print_line(f"with: {evaluation.failures[-1].error}")
    for defect in dict.fromkeys(evaluation.defects.values()):
        tasks = [task for task, reason in evaluation.defects.items() if reason == defect]
        print_line(f"defect of the data: {', '.join(tasks)}: {defect}")
    print_line(f"all of it: {evaluation.folder / 'summary.json'}")


def _wire(evaluation: "Evaluation") -> dict[str, object]:
    return {
        "caller": evaluation.caller,
        "tasks": evaluation.tasks,
        "failed": len(evaluation.failures),
        "scores": {one.name: asdict(one.right) for one in evaluation.scores},
        "without_defects": {one.name: asdict(one.without_defects) for one in evaluation.scores},
        "folder": str(evaluation.folder),
    }

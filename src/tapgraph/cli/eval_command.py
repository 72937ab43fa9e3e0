"""`tapgraph eval`: benchmarks, run honestly by one command each."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tapgraph.cli.options import JsonOption
from tapgraph.errors import UsageError

__all__ = ["ChooserKind", "ModeKind", "SetKind", "app"]

app = typer.Typer(help="Run a benchmark; the same command goes on where it stopped.")


@app.callback()
def _group() -> None:
    """Run a benchmark; the same command goes on where it stopped."""


class SetKind(StrEnum):
    """Which items."""

    MAIN = "main"
    PRE = "pre"
    METATOOL = "metatool"
    TOOLBENCH = "toolbench"
    TOOLLLM = "toolllm"


class ModeKind(StrEnum):
    """How an item is asked."""

    TEACHER_FORCED = "teacher-forced"
    FREE_RUNNING = "free-running"
    EXECUTED = "executed"


class ChooserKind(StrEnum):
    """Who answers in place of a model."""

    ORACLE = "oracle"
    RANDOM = "random"
    LEXICAL = "lexical"


@app.command()
def shortcutsbench(
    *,
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder of the authors' files: data, pre_data.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where items, replies and scores go; resumes there."),
    ] = None,
    items_of: Annotated[
        SetKind,
        typer.Option("--set", help="The benchmark, its three pre-experiment sets, or one of them."),
    ] = SetKind.MAIN,
    items: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A frozen items.jsonl instead of a set.")
    ] = None,
    mode: Annotated[
        ModeKind, typer.Option(help="As in the paper, on its own actions, or run and compared.")
    ] = ModeKind.TEACHER_FORCED,
    model: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="openai:NAME or http://HOST:PORT/v1#NAME."),
    ] = None,
    chooser: Annotated[
        ChooserKind | None,
        typer.Option(help="Instead of a model: the gold, a die, or shared words (BM25)."),
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", help="Items at once.")] = 8,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Only N items of a set, spread evenly.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the random chooser.")] = 0,
    rescore: Annotated[
        Path | None,
        typer.Option(metavar="LOG", help="Score a run log of the authors and ask nobody."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only list what is wrong with the API texts.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """ShortcutsBench: choose APIs and fill their parameters for real users' requests.

    The summary lies in `summary.json`: the paper's metrics by its rules under `paper/`, strict ones
    under `strict/`, each with n and a 95 % interval. Ends with 1 when items broke off: they count
    as wrong, and the same command tries them again.
    """
    # Scorers and catalogues take a moment to load, and no other command needs them.
    from tapgraph.cli import eval_session  # noqa: PLC0415

    if check:
        return eval_session.check_texts(data, json=json)
    if out is None:
        raise UsageError("name a folder for the results with --out")
    if rescore is not None:
        return eval_session.rescore(rescore, data, items_of, out=out, json=json)
    if (model is None) == (chooser is None):
        raise UsageError("say who answers: either --model SPEC or --chooser")
    if mode is not ModeKind.TEACHER_FORCED and items_of is not SetKind.MAIN:
        raise UsageError("the pre-experiment sets are teacher-forced only")
    request = eval_session.EvalRequest(
        data=data,
        out=out,
        items_of=items_of,
        items=items,
        mode=mode,
        workers=workers,
        limit=limit,
    )
    answering = eval_session.open_chooser(model, chooser, seed=seed)
    return eval_session.evaluate(request, answering, json=json)

"""`tapgraph eval`: benchmarks, run honestly by one command each."""

from pathlib import Path
from typing import Annotated

import typer

from tapgraph.cli.eval_bfcl import bfcl
from tapgraph.cli.eval_options import (
    ChooserKind,
    ModeKind,
    RulerModeKind,
    SetKind,
    WordsKind,
)
from tapgraph.cli.eval_phone import compare, phone
from tapgraph.cli.eval_reliance import reliance
from tapgraph.cli.options import JsonOption
from tapgraph.errors import ExtraMissing, UsageError

__all__ = ["app"]

app = typer.Typer(help="Run a benchmark; the same command goes on where it stopped.")


@app.callback()
def _group() -> None:
    """Run a benchmark; the same command goes on where it stopped."""


app.command()(phone)
app.command()(bfcl)
app.command()(compare)
app.command()(reliance)


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


@app.command("long-context")
def long_context(
    *,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where results and scores go; resumes there.")
    ],
    model: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="A checkpoint; by default the shipped recall model."),
    ] = None,
    systems: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            help="Such as duo,razor@0.25,hip?kept=256: plain, at a share of the context, or with "
            "options. Dense is always among them.",
        ),
    ] = "dense",
    tasks: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="By default RULER's six tasks without outside data."),
    ] = None,
    lengths: Annotated[
        str, typer.Option(metavar="LIST", help="Tokens of prompt and answer.")
    ] = "2048",
    samples: Annotated[
        int, typer.Option(metavar="N", help="Prompts of each task and length.")
    ] = 15,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the prompts.")] = 0,
    mode: Annotated[
        RulerModeKind, typer.Option(help="RULER's shuffles, or new ones for each prompt.")
    ] = RulerModeKind.FAITHFUL,
    words: Annotated[
        WordsKind | None,
        typer.Option(help="Made up, or the tokenizer's own: the default for the shipped model."),
    ] = None,
    dtype: Annotated[
        str,
        typer.Option(
            metavar="DTYPE",
            help="Of the weights: float32, bfloat16, float16, or auto, as a server has them.",
        ),
    ] = "auto",
    fidelity: Annotated[
        bool,
        typer.Option(
            "--fidelity",
            help="Instead of answers, the attention that selections keep on prompts of one task.",
        ),
    ] = False,
    sweep: Annotated[
        bool,
        typer.Option(
            "--sweep", help="Each system at all budgets of a comparison, and a picture of it."
        ),
    ] = False,
    json: JsonOption = False,
) -> int:
    """RULER on attention systems, each compared with dense attention prompt by prompt.

    Answers are greedy, one prompt at a time. `summary.json` has scores with 95 % intervals, the
    paired difference to dense attention and McNemar's test. Ends with 1 when prompts broke off:
    they score 0, and the same command tries them again.
    """
    try:
        # Torch is optional, and not needed to print help.
        from tapgraph.cli import long_context_session as session  # noqa: PLC0415
        from tapgraph.evals.long_context.evaluate import LongContextRun  # noqa: PLC0415
        from tapgraph.evals.long_context.ruler import RULER_TASKS  # noqa: PLC0415
    except ImportError as error:
        raise ExtraMissing("local", "evaluating attention systems") from error
    kind = words or (WordsKind.TOKENIZER if model is None else WordsKind.MADE)
    run = LongContextRun(
        systems=_listed(systems),
        tasks=_listed(tasks) if tasks else RULER_TASKS,
        lengths=tuple(_integer(length) for length in _listed(lengths)),
        samples=samples,
        seed=seed,
        mode=mode.value,
        words=kind.value,
    )
    if sweep and fidelity:
        raise UsageError("--sweep is of answers and --fidelity of attention: take one")
    do = session.measure if fidelity else session.sweep if sweep else session.evaluate
    return do(run, session.open_checkpoint(model, dtype), out, json=json)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"a length must be an integer, got {text!r}") from None

"""From the options of `tapgraph eval long-context` to printed scores."""

import json as json_module
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from tapgraph.cli.eval_progress import ProgressLines
from tapgraph.cli.exit_codes import ExitCode
from tapgraph.cli.terminal import print_json, print_line
from tapgraph.errors import UsageError
from tapgraph.evals.long_context.budgets import DEFAULT_SHARES, learnt_of, with_budget
from tapgraph.evals.long_context.evaluate import (
    LongContextRun,
    evaluate_long_context,
    score_rows,
)
from tapgraph.evals.long_context.fidelity import FidelityPrompt, measure_fidelity
from tapgraph.evals.long_context.recall_checkpoint import RECALL_MODEL_PATH
from tapgraph.evals.long_context.recall_tasks import recall_prompts
from tapgraph.evals.long_context.ruler import ruler_samples
from tapgraph.evals.long_context.sweep import draw_sweep, swept
from tapgraph.llm_backend.local.checkpoint import Checkpoint, load_checkpoint
from tapgraph.llm_backend.local.systems import calibration_path
from tapgraph.llm_backend.model_store import ModelStore
from tapgraph.settings import Settings

__all__ = ["evaluate", "measure", "open_checkpoint", "sweep"]

_UNMEASURED = ("dense", "triangle_mix", "landmark")


def open_checkpoint(named: Path | None, dtype: str) -> Checkpoint:
    """The checkpoint that was named, else the shipped one.

    Raises:
        UsageError: as `load_checkpoint`.
    """
    if named is None:
        return load_checkpoint(RECALL_MODEL_PATH, dtype=dtype)
    store = ModelStore(Settings.from_environment().models_folder)
    return load_checkpoint(store.path_of(str(named)), dtype=dtype)


def sweep(run: LongContextRun, checkpoint: Checkpoint, out: Path, *, json: bool) -> int:
    """As `evaluate`, with each system at all its budgets, and a picture; the exit code."""
    swept_run = replace(run, systems=swept(run.systems))
    return evaluate(swept_run, checkpoint, out, json=json, draws=True)


def evaluate(
    run: LongContextRun, checkpoint: Checkpoint, out: Path, *, json: bool, draws: bool = False
) -> int:
    """Answer, score and compare; the exit code."""
    progress = ProgressLines(Console(stderr=True, highlight=False))
    summary = evaluate_long_context(run, checkpoint, out, on_progress=progress.show)
    if draws:
        (out / "sweep.svg").write_text(draw_sweep(summary.scores), encoding="utf-8")
    if json:
        print_json({"folder": str(out), **asdict(summary)})
    else:
        _print_rows(score_rows(summary))
        if summary.failures:
            print_line(f"{len(summary.failures):,} prompts broke off and score 0, the last one:")
            print_line(f"  {summary.failures[-1].error}")
        print_line(f"all of it: {out / 'summary.json'}")
        if draws:
            print_line(f"drawn: {out / 'sweep.svg'}")
    return ExitCode.FAILED if summary.failures else ExitCode.SUCCESS


def measure(run: LongContextRun, checkpoint: Checkpoint, out: Path, *, json: bool) -> int:
    """Captured mass and output error of each system's selection; the exit code.

    Systems are measured at the budget that their spec names, else at those of a comparison.
    """
    learnt = learnt_of(checkpoint.model, checkpoint.path)
    lengths: list[dict[str, Any]] = []
    for length in run.lengths:
        systems = {
            f"{name}@{share:g}": with_budget(name, share, context=length, learnt=learnt)
            for name, share in _budgets(run.systems, checkpoint.path)
        }
        results = measure_fidelity(
            checkpoint.model, _prompts(run, length, checkpoint), systems, seed=run.seed
        )
        lengths.append({"length": length, "systems": [asdict(one) for one in results]})
    out.mkdir(parents=True, exist_ok=True)
    text = json_module.dumps({"task": run.tasks[0], "lengths": lengths}, indent=1)
    (out / "fidelity.json").write_text(text + "\n", encoding="utf-8")
    if json:
        print_json({"folder": str(out), "lengths": lengths})
        return ExitCode.SUCCESS
    for one in lengths:
        print_line(f"{one['length']} tokens")
        _print_rows(_fidelity_rows(one["systems"]))
    print_line(f"all of it: {out / 'fidelity.json'}")
    return ExitCode.SUCCESS


def _budgets(specs: Sequence[str], model: Path) -> list[tuple[str, float]]:
    found = []
    for spec in specs:
        name, at, share = spec.partition("@")
        if name in _UNMEASURED:
            continue
        if name not in DEFAULT_SHARES:
            raise UsageError(
                f"fidelity is measured of {', '.join(DEFAULT_SHARES)}, with @SHARE for a budget; "
                f"got {spec!r}"
            )
        needs = name in {"duo", "razor"} and not calibration_path(name, model).is_file()
        if needs:
            raise UsageError(f"{name} needs calibration: tapgraph kernels calibrate {name}")
        found += [(name, float(share))] if at else [(name, one) for one in DEFAULT_SHARES[name]]
    if not found:
        raise UsageError("name a system whose selection can be measured with --systems")
    return found


def _prompts(run: LongContextRun, length: int, checkpoint: Checkpoint) -> list[FidelityPrompt]:
    """Of the first task."""
    task: Any = run.tasks[0].removeprefix("recall_")
    if run.tasks[0].startswith("recall_"):
        return [
            FidelityPrompt(prompt.token_ids, prompt.gold_positions[0])
            for prompt in recall_prompts(task, length=length, count=run.samples, seed=run.seed)
        ]
    samples = ruler_samples(
        task,
        tokens=length,
        count=run.samples,
        tokenizer=checkpoint.tokenizer,
        seed=run.seed,
        mode=run.mode,
        words=run.words,
    )
    return [
        FidelityPrompt(one.token_ids, one.gold_positions[0] if one.gold_positions else None)
        for one in samples
    ]


def _fidelity_rows(systems: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("system", "kept", "mass", "top-k", "random", "window", "error", "top-k error", "gold kept")
    ]
    for one in systems:
        gold = one["gold_kept"]
        rows.append((
            one["system"],
            f"{one['kept']:,.0f}",
            *(f"{one[name]:.3f}" for name in ("mass", "best_mass", "random_mass", "window_mass")),
            f"{one['error']:.3f}",
            f"{one['best_error']:.3f}",
            "-" if gold is None else f"{100 * gold:.0f} % of {one['looking']}",
        ))
    return rows


def _print_rows(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print_line("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())

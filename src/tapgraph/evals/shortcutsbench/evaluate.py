"""Whole evaluations in a folder, which resume where they stopped.

`run.json` says what is run, `items.jsonl` holds the frozen items and `apis.json` the texts of their
APIs, `results.jsonl` grows by a line for each item, `summary.json` holds the scores.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import get_args

from pydantic import TypeAdapter, ValidationError

from tapgraph.errors import UsageError
from tapgraph.evals.records import Problem, read_records, write_records
from tapgraph.evals.runner import ItemFailure, Progress, run_items
from tapgraph.evals.shortcutsbench.data_files import (
    PRE_EXPERIMENTS,
    PreExperiment,
    load_api_texts,
    load_pre_experiment,
    load_pre_experiment_texts,
    load_shortcuts,
)
from tapgraph.evals.shortcutsbench.executed import let_run_and_execute
from tapgraph.evals.shortcutsbench.freeze import ApiTexts, Frozen
from tapgraph.evals.shortcutsbench.identifiers import LEFT_OUT, NOT_JUDGED
from tapgraph.evals.shortcutsbench.item import Item
from tapgraph.evals.shortcutsbench.modes import ask_step_by_step, let_run_free
from tapgraph.evals.shortcutsbench.question import Chooser
from tapgraph.evals.shortcutsbench.summary import Summary, summarise
from tapgraph.evals.shortcutsbench.transcript import Mode, Record, Transcript

__all__ = ["Evaluation", "evaluate_items", "evaluate_pre_experiments", "evaluate_shortcutsbench"]

OnProgress = Callable[[Progress], None]
_Ask = Callable[[Item, Chooser, ApiTexts], Transcript]
_MODES: Mapping[Mode, _Ask] = {
    "teacher-forced": ask_step_by_step,
    "free-running": let_run_free,
    "executed": let_run_and_execute,
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation gave.

    Attributes:
        summary: the scores.
        records: items with what was said to them, in the items' order.
        failures: items that broke off; they count as wrong.
        problems: pieces of the input, and lines of an earlier result, that could not be used.
        folder: where the files are.
        wall_s: how long this run took.
    """

    summary: Summary
    records: tuple[Record, ...]
    failures: tuple[ItemFailure, ...]
    problems: tuple[Problem, ...]
    folder: Path
    wall_s: float


def evaluate_shortcutsbench(
    data: Path,
    chooser: Chooser,
    out: Path,
    *,
    mode: Mode = "teacher-forced",
    workers: int = 8,
    limit: int | None = None,
    apis: ApiTexts | None = None,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """ShortcutsBench on a folder of the authors' files, or on a frozen items file.

    Args:
        data: the folder, or an `items.jsonl` of an earlier run.
        chooser: who answers.
        out: where the files go; a folder of an earlier run of the same thing is gone on with.
        mode: how the items are asked.
        workers: items at once.
        limit: only so many items, spread evenly over all; None for all.
        apis: texts of the APIs; without them those of the data, or the `apis.json` that lies beside
            the items file.
        on_progress: told after each item.

    Raises:
        UsageError: the data cannot be used, or `out` holds another run.
        EnvironmentMissing: nobody answers any more; running again goes on from there.
    """
    if data.is_file():
        read = read_records(data, Item)
        frozen = Frozen(read.records, read.problems)
        apis = apis or _texts_beside(data)
    else:
        frozen = load_shortcuts(data)
        apis = apis or load_api_texts(data)
    return evaluate_items(
        _limited(frozen, limit),
        chooser,
        out,
        apis=apis,
        source="shortcutsbench",
        mode=mode,
        workers=workers,
        on_progress=on_progress,
    )


def evaluate_pre_experiments(
    data: Path,
    chooser: Chooser,
    out: Path,
    *,
    sources: Sequence[PreExperiment] = PRE_EXPERIMENTS,
    workers: int = 8,
    limit: int | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[Evaluation, ...]:
    """The three pre-experiment sets (1,000 items each), each in a folder of its own below `out`.

    `limit` is for each set; everything else is as in `evaluate_shortcutsbench`.
    """
    return tuple(
        evaluate_items(
            _limited(load_pre_experiment(data, source), limit),
            chooser,
            out / source,
            apis=ApiTexts(load_pre_experiment_texts(data, source)),
            source=source,
            workers=workers,
            on_progress=on_progress,
        )
        for source in sources
    )


def evaluate_items(
    frozen: Frozen,
    chooser: Chooser,
    out: Path,
    *,
    apis: ApiTexts,
    source: str,
    mode: Mode = "teacher-forced",
    workers: int = 8,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Ask about frozen items, score the answers, write the three files.

    Raises:
        UsageError: there are no items, the mode is unknown, or `out` holds another run.
        EnvironmentMissing: nobody answers any more.
    """
    if mode not in get_args(Mode):
        raise UsageError(f"mode must be one of {', '.join(get_args(Mode))}, got {mode!r}")
    if not frozen.items:
        first = f"; the first problem is {frozen.problems[0]}" if frozen.problems else ""
        raise UsageError(f"there are no items of {source} to evaluate{first}")
    _claim(out, {"source": source, "chooser": chooser.name, "mode": mode})
    _keep_items(out / "items.jsonl", frozen.items)
    _replace(out / "apis.json", _used_texts(frozen.items, apis))
    report = run_items(
        frozen.items,
        partial(_asked, chooser=chooser, apis=apis, mode=mode),
        out / "results.jsonl",
        Transcript,
        workers=workers,
        on_progress=on_progress,
    )
    records = []
    for item in frozen.items:
        failure = report.failures.get(item.id)
        broken = Transcript(item_id=item.id, mode=mode, failure=failure.error if failure else "")
        records.append(Record(item, report.results.get(item.id, broken)))
    summary = summarise(
        records, source=source, chooser=chooser.name, mode=mode, unusable=len(frozen.problems)
    )
    problems = (*frozen.problems, *report.problems)
    written = {**asdict(summary), "problems": [str(one) for one in problems]}
    _replace(out / "summary.json", json.dumps(written, ensure_ascii=False, indent=1))
    failures = tuple(report.failures.values())
    return Evaluation(summary, tuple(records), failures, problems, out, report.wall_s)


def _asked(item: Item, *, chooser: Chooser, apis: ApiTexts, mode: Mode) -> Transcript:
    return _MODES[mode](item, chooser, apis)


def _limited(frozen: Frozen, limit: int | None) -> Frozen:
    if limit is None or limit >= len(frozen.items):
        return frozen
    if limit < 1:
        raise UsageError(f"limit must be at least 1, got {limit}")
    step = len(frozen.items) / limit
    return Frozen(tuple(frozen.items[int(i * step)] for i in range(limit)), frozen.problems)


def _used_texts(items: Sequence[Item], apis: ApiTexts) -> str:
    used = {identifier for item in items for identifier in item.candidates}
    used |= {action.identifier for item in items for action in item.gold} | NOT_JUDGED | LEFT_OUT
    kept = ApiTexts(
        {one: text for one, text in sorted(apis.texts.items()) if one in used},
        {one: names for one, names in sorted(apis.parameters.items()) if one in used},
        {one: name for one, name in sorted(apis.outputs.items()) if one in used},
    )
    return TypeAdapter(ApiTexts).dump_json(kept).decode()


def _texts_beside(items_file: Path) -> ApiTexts:
    path = items_file.with_name("apis.json")
    try:
        return TypeAdapter(ApiTexts).validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{str(items_file)!r} needs the texts of its APIs beside it in apis.json"
        ) from error
    except ValidationError as error:
        raise UsageError(f"{str(path)!r} does not hold texts of APIs") from error


def _claim(out: Path, header: dict[str, str]) -> None:
    path = out / "run.json"
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UsageError(f"{str(path)!r} is broken; use another folder") from error
        if found != header:
            raise UsageError(f"{str(out)!r} holds another run: {found}; use another folder")
        return
    out.mkdir(parents=True, exist_ok=True)
    _replace(path, json.dumps(header, ensure_ascii=False))


def _keep_items(path: Path, items: Sequence[Item]) -> None:
    if path.exists():
        kept = read_records(path, Item)
        if kept.problems or kept.records != tuple(items):
            raise UsageError(f"{str(path)!r} holds other items than the data; use another folder")
        return
    write_records(path, items, Item)


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.part")
    draft.write_text(text + "\n", encoding="utf-8")
    os.replace(draft, path)

"""How much the recall model still recalls, against the cache it keeps and the tokens it reads.

Every attention system and baseline at several budgets, on the same prompts: one-word keys spread
over filler (`needle`) and a haystack made of nothing but needles (`multikey`). The protocol is
that of `tapgraph.evals.long_context.asking`, what a budget means is in `budgets` there. For Duo and
Razor the same number of heads is also drawn at random, anew for every pair of contexts.

    python benchmarks/needle.py [--quick] [--again] [--model PATH] [--systems NAME ...]
                                [--json FILE] [--plot FILE]

The files grow row by row, and a run goes on where one with the same model and prompts stopped.

Told of each row are exact answers with a Wilson interval (which takes prompts for independent,
though questions about one context are not quite); and, as means over pairs of contexts, bytes held
for one sequence, and tokens whose keys a decode step reads: those it attends to, and stand-ins it
reads only in order to choose (for HiP every score counts, for SALE every key that is estimated with
4 bits). The recall model was not fine-tuned with landmarks, and the row of
Landmark Attention says no more than what it does to such a model.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from needle_plot import draw_plot
from transformers import PreTrainedModel

from tapgraph.evals.long_context.asking import QUESTION_IN, Answers, ask_contexts
from tapgraph.evals.long_context.budgets import (
    DEFAULT_SHARES,
    Learnt,
    learnt_of,
    random_heads,
    with_budget,
)
from tapgraph.evals.long_context.recall_checkpoint import RECALL_MODEL_PATH
from tapgraph.evals.long_context.recall_tasks import RecallContext, RecallTask, recall_context
from tapgraph.evals.stats import Estimate, wilson
from tapgraph.kernels.attention_system import Reading
from tapgraph.kernels.systems.recycled import RecycledConfig
from tapgraph.kernels.systems.triangle_mix import TriangleMixConfig
from tapgraph.llm_backend.calibration.calibration_file import fingerprint
from tapgraph.llm_backend.local.checkpoint import load_checkpoint

TASKS: tuple[RecallTask, ...] = ("needle", "multikey")
BATCH = 2
PREFILL_ONLY = ("sale", "triangle_mix", "xattention")
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Cell:
    """Contexts of one task and length.

    `length` counts the tokens of a context with one question.
    """

    task: RecallTask
    length: int
    contexts: tuple[RecallContext, ...]


@dataclass(frozen=True)
class Setting:
    """One row of the table: a system at a budget."""

    system: str
    share: float
    has_random_heads: bool = False

    @property
    def name(self) -> str:
        if self.system == "landmark":
            return "landmark (untrained)"
        return f"{self.system} (random heads)" if self.has_random_heads else self.system

    @property
    def budget(self) -> str:
        if self.system == "dense":
            return "-"
        if self.system == "sale":
            return "calibrated" if self.share == 1 else f"threshold {1 - self.share:.2g}"
        if self.system == "xattention":
            return f"mass {self.share:g}"
        unit = "heads" if self.system in {"duo", "razor"} else "tokens"
        return f"1/{round(1 / self.share)} of {unit}"


@dataclass
class Measured:
    """Tallies of a setting over the cells; shares are of dense attention or of the context."""

    asked: int = 0
    exact: int = 0
    by_cell: dict[str, str] = field(default_factory=dict)
    kv_bytes: list[float] = field(default_factory=list)
    kv_share: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)
    read_share: list[float] = field(default_factory=list)
    prompt_read_share: list[float] = field(default_factory=list)

    def add(self, answers: Answers, cell: Cell, setting: Setting, dense_bytes: float) -> None:
        right = [exact for questions in answers.exact for exact in questions]
        self.asked += len(right)
        self.exact += sum(right)
        place = f"{cell.task} {cell.length}"
        before = [int(number) for number in self.by_cell.get(place, "0/0").split("/")]
        self.by_cell[place] = f"{before[0] + sum(right)}/{before[1] + len(right)}"
        reading = answers.decode_reading
        if setting.system == "recycled":
            # The one selection of an answer would serve `stride` steps; answers here are shorter.
            steps = RecycledConfig().stride
            reading = Reading(reading.attended, answers.tokens / steps)
        self.kv_bytes.append(answers.kv_bytes)
        self.kv_share.append(answers.kv_bytes / dense_bytes)
        self.read.append(reading.attended + reading.scored)
        self.read_share.append((reading.attended + reading.scored) / answers.tokens)
        prompt = answers.prompt_reading
        if setting.system == "triangle_mix":
            # The last query of a call is the exception there; other queries read this.
            deep = 1 - TriangleMixConfig().dense_share
            self.prompt_read_share.append(1 - deep + deep * setting.share)
        else:
            self.prompt_read_share.append((prompt.attended + prompt.scored) / answers.tokens)


@dataclass(frozen=True)
class Row:
    """One row as it is printed, drawn and kept; recall in 0..1, more is better."""

    system: str
    budget: str
    share: float
    question_in: str
    recall: Estimate
    kv_bytes: float
    kv_share: float
    read_per_step: float
    read_share: float
    prompt_read_share: float
    by_cell: dict[str, str]
    seconds: float

    @classmethod
    def of(cls, setting: Setting, measured: Measured, seconds: float) -> "Row":
        return cls(
            system=setting.name,
            budget=setting.budget,
            share=setting.share,
            question_in=QUESTION_IN.get(setting.system, "decode"),
            recall=wilson(measured.exact, measured.asked),
            kv_bytes=round(_mean(measured.kv_bytes)),
            kv_share=round(_mean(measured.kv_share), 4),
            read_per_step=round(_mean(measured.read), 1),
            read_share=round(_mean(measured.read_share), 4),
            prompt_read_share=round(_mean(measured.prompt_read_share), 4),
            by_cell=measured.by_cell,
            seconds=round(seconds, 1),
        )


def settings_of(systems: Sequence[str], learnt: Learnt) -> Iterator[Setting]:
    """All rows; dense first, for the others are compared with it."""
    for system in ("dense", *(name for name in systems if name != "dense")):
        missing = (system == "duo" and learnt.duo_gates is None) or (
            system == "razor" and learnt.razor_scores is None
        )
        for share in DEFAULT_SHARES[system]:
            is_unknown = system == "sale" and share == 1 and learnt.sale_thresholds is None
            if missing or is_unknown:
                print(f"{system}: no calibration beside the model, left out")
                continue
            yield Setting(system, share)
        if system in {"duo", "razor"}:
            for share in DEFAULT_SHARES[system]:
                yield Setting(system, share, has_random_heads=True)


def cells_of(lengths: Sequence[int], contexts: int, questions: int, seed: int) -> list[Cell]:
    """The prompts that all settings are asked.

    Contexts of more than the shortest length are fewer, at least a batch, with more questions each.
    """
    prompts, shortest = contexts * questions, min(lengths)
    count = {length: max(BATCH, contexts * shortest // length) for length in lengths}
    return [
        Cell(
            task,
            length,
            tuple(
                recall_context(
                    task,
                    length=length,
                    questions=-(-prompts // count[length]),
                    seed=seed + index,
                )
                for index in range(count[length])
            ),
        )
        for task in TASKS
        for length in lengths
    ]


def measure(
    model: PreTrainedModel,
    learnt: Learnt,
    setting: Setting,
    cells: Sequence[Cell],
    dense_bytes: dict[tuple[str, int], float],
) -> Row:
    """Ask all prompts of one setting; the dense setting fills `dense_bytes`."""
    measured, began, draw = Measured(), time.perf_counter(), 0
    for cell in cells:
        for first in range(0, len(cell.contexts), BATCH):
            contexts = cell.contexts[first : first + BATCH]
            known = random_heads(learnt, seed=draw) if setting.has_random_heads else learnt
            draw += 1
            system = with_budget(setting.system, setting.share, context=cell.length, learnt=known)
            answers = ask_contexts(model, system, contexts)
            place = cell.task, cell.length
            if setting.system == "dense":
                dense_bytes[place] = answers.kv_bytes
            measured.add(answers, cell, setting, dense_bytes[place])
    return Row.of(setting, measured, time.perf_counter() - began)


def earlier_rows(path: Path, setup: Mapping[str, object]) -> list[dict[str, Any]]:
    """Rows that an earlier run with the same model and prompts has left."""
    if not path.exists():
        return []
    earlier = json.loads(path.read_text(encoding="utf-8"))
    if any(earlier.get(name) != value for name, value in setup.items()):
        return []
    return list(earlier["rows"])


def write(found: Mapping[str, Any], results: Path, plot: Path) -> None:
    """The rows so far, as numbers and as a picture."""
    for path, text in ((results, json.dumps(found, indent=1) + "\n"), (plot, draw_plot(found))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


HEADINGS = ("system", "budget", "recall %", "KV MB", "KV", "read/step", "read", "prompt read")


def cells_of_row(row: Row) -> tuple[str, ...]:
    """What is printed of a row; shares in percent."""
    dagger = " †" if row.question_in == "prefill" else ""
    return (
        row.system + dagger,
        row.budget,
        row.recall.percent,
        f"{row.kv_bytes / 1e6:.2f}",
        f"{100 * row.kv_share:.1f} %",
        f"{row.read_per_step:,.0f}",
        f"{100 * row.read_share:.1f} %",
        f"{100 * row.prompt_read_share:.1f} %" if row.system in PREFILL_ONLY else "",
    )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, default=RECALL_MODEL_PATH)
    parser.add_argument("--systems", nargs="+", choices=DEFAULT_SHARES, default=[*DEFAULT_SHARES])
    parser.add_argument("--lengths", nargs="+", type=int, default=[2048, 4096])
    parser.add_argument("--contexts", type=int, default=4, help="of each task, if short")
    parser.add_argument("--questions", type=int, default=13, help="about each of these")
    parser.add_argument("--seed", type=int, default=70_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="two short contexts, few questions")
    parser.add_argument("--again", action="store_true", help="measure all rows anew")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks/results/needle.json")
    parser.add_argument("--plot", type=Path, default=ROOT / "docs/images/needle.svg")
    options = parser.parse_args()
    if options.quick:
        options.lengths, options.contexts, options.questions = [1024], 2, 8
    torch.set_num_threads(options.threads)
    model = load_checkpoint(options.model, device="cpu").model
    learnt = learnt_of(model, options.model)
    cells = cells_of(options.lengths, options.contexts, options.questions, options.seed)
    settings = list(settings_of(options.systems, learnt))
    setup = {
        "model": fingerprint(model),
        "torch": torch.__version__,
        "prompts": sum(len(one.questions) for cell in cells for one in cell.contexts),
        "cells": [f"{cell.task} {cell.length}" for cell in cells],
    }
    rows = [] if options.again else earlier_rows(options.json, setup)
    known = {(row["system"], row["budget"]) for row in rows}
    dense_bytes: dict[tuple[str, int], float] = {}
    widths = (24, 16, 22, 8, 9, 10, 9, 12)
    print("".join(text.ljust(width) for text, width in zip(HEADINGS, widths, strict=True)))
    for setting in settings:
        if (setting.name, setting.budget) in known and setting.system != "dense":
            continue
        row = measure(model, learnt, setting, cells, dense_bytes)
        rows = [one for one in rows if one["system"] != "dense" or setting.system != "dense"]
        rows.append(asdict(row))
        line = zip(cells_of_row(row), widths, strict=True)
        print("".join(text.ljust(width) for text, width in line), flush=True)
        seconds = round(sum(one["seconds"] for one in rows))
        write({**setup, "seconds": seconds, "rows": rows}, options.json, options.plot)
    print("† the question's last token is read in the prefill, all else in decode steps")
    print(f"written to {options.json} and {options.plot}")


if __name__ == "__main__":
    main()

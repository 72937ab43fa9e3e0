"""Attention systems on a real checkpoint: calibration, RULER, and bits of old keys and values.

Five parts, each of which goes on where an earlier run stopped:

    calibrations  what `tapgraph kernels calibrate` costs with its defaults, and its file's bytes
    tasks         which of RULER's tasks the model answers at all with dense attention
    systems       each system against dense attention on the same prompts of `niah_single_1`
    fidelity      of these systems, what the last query of such prompts still sees
    kv_bits       bits a token of a text when old keys and values are kept in 8 or 4 bits

    python benchmarks/real_models.py [--part NAME ...] [--model smollm2] [--samples 16]
                                     [--work DIR] [--json FILE] [--table]

Answers lie in `--work` as `tapgraph eval long-context` writes them; all else is in the JSON file.
CPU seconds are those of the process with one thread. `--table` measures nothing and prints the
tables of docs/kernels.md from the JSON file.
"""

import argparse
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.evals.long_context.budgets import learnt_of
from tapgraph.evals.long_context.evaluate import (
    Answered,
    LongContextRun,
    LongContextSummary,
    evaluate_long_context,
    open_spec,
)
from tapgraph.evals.long_context.fidelity import FidelityPrompt, measure_fidelity
from tapgraph.evals.long_context.paired_systems import compare_paired
from tapgraph.evals.long_context.ruler import RULER_TASKS, RulerTask, ruler_samples
from tapgraph.evals.runner import Progress, read_results
from tapgraph.evals.stats import wilson
from tapgraph.kernels.attention_system import AttentionSystem
from tapgraph.kernels.in_models.attention import use_attention
from tapgraph.kernels.systems.dense import Dense
from tapgraph.llm_backend.calibration.calibrate import calibrate
from tapgraph.llm_backend.calibration.calibration_file import fingerprint, save_calibration
from tapgraph.llm_backend.local.checkpoint import Checkpoint, load_checkpoint
from tapgraph.llm_backend.model_store import ModelStore
from tapgraph.settings import Settings

ROOT = Path(__file__).parents[1]
SYSTEMS = (
    *("duo@0.5", "duo@0.25", "razor@0.25", "snapkv@0.25", "quest@0.25", "recycled@0.25"),
    *("token_select@0.25", "hip@0.25", "dhsa@0.25"),
)
CALIBRATED: Mapping[str, Mapping[str, str]] = {
    "duo": {},
    "sale": {},
    "razor": {},
    # An eighth of the default readings; the time grows with them.
    "dhsa": {"texts": "8", "epochs": "1"},
}
TASK: RulerTask = "niah_single_1"
LENGTH = 2048
TEXT = ROOT / "README.md"
TEXT_TOKENS = 3072
PIECE = 64
PARTS = ("calibrations", "tasks", "systems", "fidelity", "kv_bits")

Found = dict[str, Any]


def measure_calibrations(
    checkpoint: Checkpoint, work: Path, found: Found, keep: Callable[[], None]
) -> None:
    """Each calibration once; the files lie in `work`."""
    rows: Found = found.setdefault("calibrations", {})
    for name, options in CALIBRATED.items():
        if name in rows:
            continue
        began = time.process_time()
        calibration = calibrate(
            name, checkpoint.model, checkpoint.tokenizer, options=options, tell=print_line
        )
        spent = time.process_time() - began
        path = work / f"tapgraph-{name}.safetensors"
        save_calibration(calibration, path)
        rows[name] = {
            "cpu_s": round(spent, 1),
            "bytes": path.stat().st_size,
            "settings": dict(calibration.settings),
        }
        keep()


def measure_tasks(checkpoint: Checkpoint, work: Path, found: Found, samples: int) -> None:
    """What dense attention scores in each of RULER's tasks."""
    answered = answer(
        checkpoint,
        work,
        systems=(),
        tasks=RULER_TASKS,
        samples=samples,
        on_progress=print_progress,
    )
    found["tasks"] = {
        one.task: {"length": one.length, **asdict(one.score)}
        for one in answered.scores
        if one.system == "dense"
    }


def measure_systems(
    checkpoint: Checkpoint, work: Path, found: Found, keep: Callable[[], None], samples: int
) -> None:
    """Each system on the same prompts; the JSON file has whatever is answered so far."""

    def tell(progress: Progress) -> None:
        found["systems"] = rows_of_systems(work)
        keep()
        print_progress(progress)

    answer(checkpoint, work, systems=SYSTEMS, tasks=(TASK,), samples=samples, on_progress=tell)
    found["systems"] = rows_of_systems(work)


def rows_of_systems(work: Path) -> Found:
    """Scores of the prompts that a system has answered, against dense attention on these."""
    said: dict[str, dict[str, Answered]] = {}
    for name, one in read_results(work / "ruler" / "results.jsonl", Answered).results.items():
        system, task, length, index = name.rsplit("/", 3)
        if (task, length) == (TASK, str(LENGTH)):
            said.setdefault(system, {})[index] = one
    rows: Found = {}
    for system, answers in said.items():
        scores = [one.score for one in answers.values()]
        dense = [said["dense"][index].score for index in answers]
        steps = [one.step_cpu_s for one in answers.values() if one.step_cpu_s is not None]
        rows[system] = {
            # An answer is right or wrong, and few that agree say little: the bootstrap hides that.
            "score": asdict(wilson(sum(score == 1 for score in scores), len(scores))),
            "against_dense": (
                None if system == "dense" else asdict(compare_paired(scores, dense, seed=0))
            ),
            "kv_bytes": statistics.fmean(one.kv_bytes for one in answers.values()),
            "read": statistics.fmean(one.read for one in answers.values()),
            "first_cpu_s": statistics.fmean(one.first_cpu_s or 0.0 for one in answers.values()),
            "step_cpu_s": statistics.fmean(steps),
            "wrong": [one.output for one in answers.values() if one.score < 1],
        }
    return rows


def answer(
    checkpoint: Checkpoint,
    work: Path,
    *,
    systems: Sequence[str],
    tasks: Sequence[str],
    samples: int,
    on_progress: Callable[[Progress], None],
) -> LongContextSummary:
    """The product's own evaluation, whose folder keeps what was answered."""
    run = LongContextRun(
        systems=tuple(systems), tasks=tuple(tasks), lengths=(LENGTH,), samples=samples
    )
    return evaluate_long_context(run, checkpoint, work / "ruler", on_progress=on_progress)


def print_progress(progress: Progress) -> None:
    """How many answers there are."""
    print_line(f"{progress.done} of {progress.total} answers")


def measure_sight(checkpoint: Checkpoint, found: Found, samples: int) -> None:
    """How much of dense attention each selection keeps, and whether the answer is in it."""
    prompts = [
        FidelityPrompt(one.token_ids, one.gold_positions[0])
        for one in ruler_samples(
            TASK, tokens=LENGTH, count=samples, tokenizer=checkpoint.tokenizer, words="made"
        )
    ]
    learnt = learnt_of(checkpoint.model, checkpoint.path)
    systems = {
        spec: open_spec(spec, checkpoint=checkpoint, context=LENGTH, learnt=learnt)
        for spec in SYSTEMS
    }
    measured = measure_fidelity(checkpoint.model, prompts, systems)
    found["fidelity"] = {"prompts": samples, "systems": [asdict(one) for one in measured]}


@torch.inference_mode()
def measure_bits(checkpoint: Checkpoint, found: Found) -> None:
    """What old keys and values in few bits do to the likelihood of a text."""
    tokenizer: Any = checkpoint.tokenizer
    ids = torch.tensor([tokenizer(TEXT.read_text(encoding="utf-8")).input_ids[:TEXT_TOKENS]])
    exact = read_in_pieces(checkpoint, Dense(), ids)
    rows = {}
    for bits in (None, 8, 4):
        system = Dense() if bits is None else Dense().in_bits(bits)
        said = exact if bits is None else read_in_pieces(checkpoint, system, ids)
        rows[str(bits or "float32")] = {
            "bits_a_token": round(said.bits, 4),
            "agrees": round(float((said.likeliest == exact.likeliest).double().mean()), 4),
            "kv_bytes": said.kv_bytes,
        }
    found["kv_bits"] = {"text": TEXT.name, "tokens": ids.shape[1], "kinds": rows}


@dataclass(frozen=True)
class TextRead:
    """Bits a token, the likeliest token at each place, and bytes of keys and values at the end."""

    bits: float
    likeliest: Tensor
    kv_bytes: int


def read_in_pieces(checkpoint: Checkpoint, system: AttentionSystem, ids: Tensor) -> TextRead:
    """Read a text in calls of `PIECE` tokens: what a call reads for itself is never rounded."""
    model: Any = checkpoint.model
    pieces = torch.split(ids, PIECE, dim=1)
    with use_attention(model, system) as attention:
        cache = attention.new_cache()
        read = [model(piece, past_key_values=cache).logits[0] for piece in pieces]
        kv_bytes = cache.bytes_held()
    logits = torch.cat(read)[:-1]
    loss = functional.cross_entropy(logits, ids[0, 1:])
    return TextRead(float(loss) / math.log(2), logits.argmax(dim=-1), kv_bytes)


def tables(found: Found) -> str:
    """The tables of docs/kernels.md."""
    lines = ["| calibration | CPU s | file, bytes |", "|---|---|---|"]
    for name, row in found.get("calibrations", {}).items():
        lines.append(f"| `{name}` | {row['cpu_s']:.0f} | {row['bytes']:,} |")
    lines += ["", "| task | dense, % | prompts |", "|---|---|---|"]
    for name, row in found.get("tasks", {}).items():
        lines.append(f"| `{name}` | {percent(row)} | {row['n']} |")
    lines += [
        "",
        "| system@share | prompts | score, % | against dense | KV, MB | read in the last step, % "
        "| prompt, CPU s | a step, CPU s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    systems = found.get("systems", {})
    for name, row in systems.items():
        paired = row["against_dense"]
        against = "-"
        if paired and paired["n"] > 1:
            ends = f"{100 * paired['low']:+.0f}, {100 * paired['high']:+.0f}"
            against = f"{100 * paired['difference']:+.0f} [{ends}]"
        read = 100 * row["read"] / systems["dense"]["read"]
        lines.append(
            f"| {name} | {row['score']['n']} | {percent(row['score'])} | {against} "
            f"| {row['kv_bytes'] / 1e6:.1f} | {read:.0f} "
            f"| {row['first_cpu_s']:.1f} | {row['step_cpu_s']:.3f} |"
        )
    lines += ["", "| system@share | mass kept | output error | answer kept, % of heads that look |"]
    lines.append("|---|---|---|---|")
    for row in found.get("fidelity", {}).get("systems", []):
        gold = "-" if row["gold_kept"] is None else f"{100 * row['gold_kept']:.0f}"
        lines.append(f"| {row['system']} | {row['mass']:.2f} | {row['error']:.2f} | {gold} |")
    lines += ["", "| keys and values | bits a token | same likeliest token, % | KV, MB |"]
    lines.append("|---|---|---|---|")
    for name, row in found.get("kv_bits", {}).get("kinds", {}).items():
        kind = f"{name} bits" if name.isdigit() else name
        lines.append(
            f"| {kind} | {row['bits_a_token']:.3f} | {100 * row['agrees']:.1f} "
            f"| {row['kv_bytes'] / 1e6:.1f} |"
        )
    return "\n".join(lines)


def percent(score: Mapping[str, Any]) -> str:
    """A score, with its interval where there is one."""
    if score["low"] is None:
        return f"{100 * score['value']:.0f}"
    return f"{100 * score['value']:.0f} [{100 * score['low']:.0f}, {100 * score['high']:.0f}]"


def print_line(line: str) -> None:
    """At once, for runs are watched from outside."""
    print(line, flush=True)


def main() -> None:
    """Measure what is asked for, or print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--samples", type=int, default=16, help="prompts of each system")
    parser.add_argument("--task-samples", type=int, default=8, help="prompts of each task")
    parser.add_argument("--fidelity-samples", type=int, default=2, help="prompts for fidelity")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "real_models")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks/results/real_models.json")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    found: Found = {}
    if given.json.exists():
        found = json.loads(given.json.read_text(encoding="utf-8"))
    if given.table:
        print(tables(found))
        return
    torch.set_num_threads(1)
    path = ModelStore(Settings.from_environment().models_folder).path_of(given.model)
    checkpoint = load_checkpoint(path, device="cpu", dtype="float32")
    found.setdefault("model", fingerprint(checkpoint.model))
    if found["model"] != fingerprint(checkpoint.model):
        parser.error(f"{given.json} is of another model: give another file with --json")
    found["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}"
    given.work.mkdir(parents=True, exist_ok=True)

    def keep() -> None:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")

    if "calibrations" in given.part:
        measure_calibrations(checkpoint, given.work, found, keep)
    if "tasks" in given.part:
        measure_tasks(checkpoint, given.work, found, given.task_samples)
    if "systems" in given.part:
        measure_systems(checkpoint, given.work, found, keep, given.samples)
    if "fidelity" in given.part:
        measure_sight(checkpoint, found, given.fidelity_samples)
    if "kv_bits" in given.part:
        measure_bits(checkpoint, found)
    keep()


if __name__ == "__main__":
    main()

"""Attention systems on a real checkpoint: calibration, RULER, and bits of old keys and values.

Four parts, each of which goes on where an earlier run stopped:

    calibrations  what `tapgraph kernels calibrate` costs with its defaults, and its file's bytes
    ruler         each system against dense attention on the same prompts, step by step of `STEPS`
    fidelity      of systems, what the last query of such prompts still sees
    kv_bits       bits a token of a text when old keys and values are kept in 8 or 4 bits

    python benchmarks/real_models.py [--part NAME ...] [--model smollm2] [--step N ...]
                                     [--work DIR] [--json FILE] [--table]

RULER is asked with the weights as a server has them (bfloat16 where the processor multiplies it),
all else in float32. Answers lie in `--work` as `tapgraph eval long-context` writes them; all else
is in the JSON file. CPU seconds are those of the process with one thread. `--table` measures
nothing and prints the tables of docs/kernels.md from the JSON file.
"""

import argparse
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.evals.long_context.budgets import learnt_of
from tapgraph.evals.long_context.evaluate import (
    Answered,
    LongContextRun,
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


@dataclass(frozen=True)
class Step:
    """A run of the product's own evaluation, with dense attention always among the systems."""

    tasks: tuple[RulerTask, ...]
    length: int
    systems: tuple[str, ...]
    samples: int


STEPS = (
    Step(RULER_TASKS, LENGTH, (), 10),
    Step(
        (TASK,),
        LENGTH,
        (
            *("duo@0.5", "duo@0.25", "razor@0.5", "razor@0.25", "snapkv@0.25", "tova@0.25"),
            *("keydiff@0.25", "quest@0.25", "recycled@0.25", "token_select@0.25"),
        ),
        50,
    ),
    Step((TASK,), 4096, ("duo@0.5", "snapkv@0.25", "token_select@0.25", "recycled@0.25"), 20),
    Step(
        (TASK,),
        LENGTH,
        (
            "hip@0.25",
            "dhsa@0.25",
            "sale@0.7",
            "xattention@0.8",
            "h2o@0.25",
            "expected_attention@0.25",
        ),
        20,
    ),
    Step((TASK,), 8192, ("duo@0.5", "snapkv@0.25", "token_select@0.25"), 10),
)
TEXT = ROOT / "README.md"
TEXT_TOKENS = 3072
PIECE = 64
PARTS = ("calibrations", "ruler", "fidelity", "kv_bits")

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


def measure_ruler(
    checkpoint: Checkpoint,
    work: Path,
    found: Found,
    keep: Callable[[], None],
    steps: Sequence[Step],
) -> None:
    """Ask what the steps say; the JSON file has whatever is answered so far."""

    def tell(progress: Progress) -> None:
        found["ruler"] = ruler_rows(work)
        keep()
        print_line(f"{progress.done} of {progress.total} answers")

    for step in steps:
        run = LongContextRun(
            systems=step.systems, tasks=step.tasks, lengths=(step.length,), samples=step.samples
        )
        evaluate_long_context(run, checkpoint, work / "ruler", on_progress=tell)
    found["ruler"] = ruler_rows(work)


def ruler_rows(work: Path) -> list[Found]:
    """By length, task and system: the prompts answered, against dense attention on these."""
    said: dict[tuple[int, str, str], dict[str, Answered]] = {}
    for name, one in read_results(work / "ruler" / "results.jsonl", Answered).results.items():
        system, task, tokens, index = name.rsplit("/", 3)
        said.setdefault((int(tokens), task, system), {})[index] = one
    rows = []
    for (length, task, system), answers in said.items():
        scores = [one.score for one in answers.values()]
        beside = [said[length, task, "dense"][index] for index in answers]
        rows.append({
            "length": length,
            "task": task,
            "system": system,
            # An answer is right or wrong, and few that agree say little: the bootstrap hides that.
            "score": asdict(wilson(sum(scores), len(scores))),
            "against_dense": (
                None
                if system == "dense"
                else asdict(compare_paired(scores, [one.score for one in beside], seed=0))
            ),
            "kv_bytes": fmean(one.kv_bytes for one in answers.values()),
            "read": fmean(one.read for one in answers.values()),
            "prompt_times_dense": ratio(answers.values(), beside, "first_cpu_s"),
            "step_times_dense": ratio(answers.values(), beside, "step_cpu_s"),
            "first_cpu_s": fmean(one.first_cpu_s or 0.0 for one in answers.values()),
            "wrong": [one.output for one in answers.values() if one.score < 1][:5],
            "wrong_for_want_of_characters": sum(
                lacks_characters(one.output, dense.output)
                for one, dense in zip(answers.values(), beside, strict=True)
                if one.score < 1 and dense.score == 1
            ),
        })
    return rows


def lacks_characters(said: str, right: str) -> bool:
    """Whether an answer is the beginning of the right one with some characters left out."""
    left = iter(right)
    told = said.rstrip(". ")
    return len(told) < len(right) and all(character in left for character in told)


def ratio(answers: Iterable[Answered], beside: Iterable[Answered], measured: str) -> float | None:
    """Median over prompts of a time, as a multiple of what dense attention took beside it."""
    pairs = [
        (getattr(one, measured), getattr(dense, measured))
        for one, dense in zip(answers, beside, strict=True)
    ]
    known = [mine / dense for mine, dense in pairs if mine and dense]
    return median(known) if known else None


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
    rows = found.get("ruler", [])
    dense = {(row["length"], row["task"]): row for row in rows if row["system"] == "dense"}
    lines += ["", "| task | tokens | dense, % | prompts |", "|---|---|---|---|"]
    for (length, task), row in dense.items():
        lines.append(f"| `{task}` | {length:,} | {percent(row['score'])} | {row['score']['n']} |")
    lines += [
        "",
        "| tokens | system@share | prompts | score, % | against dense | KV, % of dense "
        "| read in the last step, % | prompt, times dense | a step, times dense |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        beside = dense[row["length"], row["task"]]
        if row["system"] != "dense":
            lines.append(
                f"| {row['length']:,} | {row['system']} | {row['score']['n']} "
                f"| {percent(row['score'])} | {difference(row['against_dense'])} "
                f"| {100 * row['kv_bytes'] / beside['kv_bytes']:.0f} "
                f"| {100 * row['read'] / beside['read']:.0f} "
                f"| {row['prompt_times_dense']:.2f} | {row['step_times_dense']:.2f} |"
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


def difference(paired: Mapping[str, Any]) -> str:
    """In points, with its interval."""
    ends = f"{100 * paired['low']:+.0f}, {100 * paired['high']:+.0f}"
    return f"{100 * paired['difference']:+.0f} [{ends}]"


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
    parser.add_argument(
        "--step", nargs="+", type=int, choices=range(len(STEPS)), default=list(range(len(STEPS)))
    )
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
    if "ruler" in given.part:
        served = load_checkpoint(path, device="cpu")
        found["asked_in"] = str(served.model.dtype).removeprefix("torch.")
        measure_ruler(served, given.work, found, keep, [STEPS[index] for index in given.step])
    if "fidelity" in given.part:
        measure_sight(checkpoint, found, given.fidelity_samples)
    if "kv_bits" in given.part:
        measure_bits(checkpoint, found)
    keep()


if __name__ == "__main__":
    main()

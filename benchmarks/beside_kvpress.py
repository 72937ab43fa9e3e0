"""SnapKV, Expected Attention and Duo here and in kvpress: the same weights, prompts and budgets.

    python -m venv KV && KV/bin/pip install torch==2.13.0 kvpress==0.5.5
    python benchmarks/beside_kvpress.py --python KV/bin/python [--samples 16] [--json FILE]

Prompts are RULER's `niah_single_1` for smollm2, each read whole in one call, question included. Of
the tokens a quarter is kept, Duo lets half of the heads see everything: the same heads there and
here, from smollm2's own calibration. Bytes are those of keys and values that are really there
at the end; CPU seconds are of one thread, both sides one after the other.
"""

import argparse
import json
import platform
import statistics
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from kvpress_answers import greedy

from tapgraph.evals.long_context.budgets import learnt_of, with_budget
from tapgraph.evals.long_context.paired_systems import compare_paired
from tapgraph.evals.long_context.ruler import RulerSample, RulerTask, ruler_samples, score_all
from tapgraph.evals.stats import wilson
from tapgraph.kernels.in_models.attention import use_attention
from tapgraph.kernels.systems.dense import Dense
from tapgraph.llm_backend.local.checkpoint import Checkpoint, load_checkpoint
from tapgraph.llm_backend.model_store import ModelStore
from tapgraph.settings import Settings

TASK: RulerTask = "niah_single_1"
LENGTH = 2048
NEW_TOKENS = 24
"""The answer is a number of seven digits, and stands at the beginning."""
SHARES = {"dense": 1.0, "snapkv": 0.25, "expected_attention": 0.25, "duo": 0.5}

Answers = Mapping[str, Sequence[dict[str, Any]]]


def ours(checkpoint: Checkpoint, path: Path, samples: Sequence[RulerSample]) -> Answers:
    """Answers of tapgraph's systems."""
    model: Any = checkpoint.model
    learnt = learnt_of(model, path)
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in SHARES}
    for sample in samples:
        for name, share in SHARES.items():
            context = len(sample.token_ids)
            system = (
                Dense()
                if name == "dense"
                else with_budget(name, share, context=context, learnt=learnt)
            )
            with use_attention(model, system) as attention:
                cache = attention.new_cache()
                answer = greedy(model, cache, list(sample.token_ids), NEW_TOKENS)
                answers[name].append({**answer, "kv_bytes": cache.bytes_held()})
    return answers


def theirs(
    python: Path, checkpoint: Checkpoint, path: Path, samples: Sequence[RulerSample]
) -> Answers:
    """Answers of kvpress, in its own environment."""
    learnt = learnt_of(checkpoint.model, path)
    if learnt.duo_gates is None:
        raise SystemExit("duo is not calibrated: tapgraph model get smollm2")
    duo: Any = with_budget("duo", SHARES["duo"], context=LENGTH, learnt=learnt)
    asked = {
        "model": str(path),
        "dtype": str(checkpoint.model.dtype).removeprefix("torch."),
        "share": SHARES["snapkv"],
        "heads": SHARES["duo"],
        "sink": duo.config.sink,
        "recent": duo.config.recent,
        "gates": learnt.duo_gates.tolist(),
        "prompts": [{"tokens": list(one.token_ids), "new_tokens": NEW_TOKENS} for one in samples],
    }
    with tempfile.TemporaryDirectory() as folder:
        asked_file, answers_file = Path(folder) / "asked.json", Path(folder) / "answers.json"
        asked_file.write_text(json.dumps(asked), encoding="utf-8")
        script = Path(__file__).with_name("kvpress_answers.py")
        subprocess.run([python, script, asked_file, answers_file], check=True)
        answers: Answers = json.loads(answers_file.read_text(encoding="utf-8"))
    return answers


def row(checkpoint: Checkpoint, samples: Sequence[RulerSample], answers: Any) -> dict[str, Any]:
    """Scores, bytes and CPU seconds of one system on one side."""
    scores = [
        score_all(str(checkpoint.tokenizer.decode(answer["tokens"])), sample.references)
        for answer, sample in zip(answers, samples, strict=True)
    ]
    return {
        "scores": scores,
        **{
            name: statistics.median(answer[name] for answer in answers)
            for name in ("kv_bytes", "prompt_cpu_s", "step_cpu_s")
        },
    }


def main() -> None:
    """Read the command line, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--python", type=Path, required=True, help="of an environment with kvpress")
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    path = ModelStore(Settings.from_environment().models_folder).path_of("smollm2")
    checkpoint = load_checkpoint(path, device="cpu")
    samples = ruler_samples(
        TASK, tokens=LENGTH, count=given.samples, tokenizer=checkpoint.tokenizer, seed=0
    )
    sides = {
        "kvpress": theirs(given.python, checkpoint, path, samples),
        "tapgraph": ours(checkpoint, path, samples),
    }
    rows = {
        name: {side: row(checkpoint, samples, answers[name]) for side, answers in sides.items()}
        for name in SHARES
    }
    for name, by_side in rows.items():
        for side, one in by_side.items():
            found = wilson(sum(score == 1 for score in one["scores"]), len(samples))
            print(
                f"{name:20} {side:9} {found.percent:24} {one['kv_bytes'] / 1e6:6.1f} MB "
                f"{one['prompt_cpu_s']:6.2f} s {one['step_cpu_s']:6.3f} s a step"
            )
        difference = compare_paired(
            by_side["tapgraph"]["scores"], by_side["kvpress"]["scores"], seed=0
        )
        print(f"{name:20} tapgraph less kvpress: {difference}")
    if given.json is not None:
        told = {"samples": len(samples), "dtype": str(checkpoint.model.dtype), "rows": rows}
        told["machine"] = f"{platform.machine()}, one thread, torch {torch.__version__}"
        given.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""What highlights cost in time: a decode step with them against one without, in one run.

    python benchmarks/steering_cost.py [--tokens N ...]

The heads are those beside the checkpoint, as `benchmarks/autopasta.py heads` wrote them. Steps with
and without highlights take turns, each of one token after a prompt of random tokens; told is the
ratio of their median processor times, and that of reading the prompt. Results go into
`results/steering_cost.json`.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from torch_machine import machine

from tapgraph.kernels.highlight import Highlight
from tapgraph.kernels.in_models.attention import AttentionCache, ModelAttention, use_attention
from tapgraph.kernels.systems.dense import Dense
from tapgraph.llm_backend.local.checkpoint import load_checkpoint
from tapgraph.llm_backend.local.systems import calibration_path
from tapgraph.llm_backend.model_store import ModelStore
from tapgraph.llm_backend.steering.steering_file import load_steering
from tapgraph.settings import Settings

RESULTS = Path(__file__).parent / "results" / "steering_cost.json"
STEPS, READINGS = 60, 3


def seconds(model: Any, tokens: torch.Tensor, cache: AttentionCache) -> float:
    """Of the processor, for one forward pass."""
    started = time.process_time()
    model(tokens, past_key_values=cache, logits_to_keep=1)
    return time.process_time() - started


def cost(model: Any, attention: ModelAttention, highlight: Highlight, seed: int) -> dict[str, Any]:
    """The ratios with a prompt of `highlight.prompt_tokens` tokens."""
    generator = torch.Generator().manual_seed(seed)
    count = highlight.prompt_tokens
    prompt = torch.randint(100, 20_000, (1, count), generator=generator)
    reading: dict[bool, list[float]] = {False: [], True: []}
    caches: dict[bool, AttentionCache] = {}
    for _ in range(READINGS):
        for is_lit in reading:
            caches[is_lit] = attention.new_cache([highlight] if is_lit else [])
            reading[is_lit].append(seconds(model, prompt, caches[is_lit]))
    steps: dict[bool, list[float]] = {False: [], True: []}
    for step in range(STEPS):
        for is_lit in (False, True) if step % 2 else (True, False):
            steps[is_lit].append(seconds(model, prompt[:, step : step + 1], caches[is_lit]))
    plain, lit = (statistics.median(steps[is_lit]) for is_lit in (False, True))
    return {
        "prompt_tokens": count,
        "step_s": round(plain, 5),
        "highlighted_step_s": round(lit, 5),
        "step_ratio": round(lit / plain, 3),
        "prompt_ratio": round(min(reading[True]) / min(reading[False]), 3),
    }


def main() -> None:
    """Read the command line, measure and print."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokens", type=int, nargs="+", default=[300, 2000])
    arguments = parser.parse_args()
    path = ModelStore(Settings.from_environment().models_folder).path_of("smollm2")
    checkpoint = load_checkpoint(path, dtype="float32")
    steering = load_steering(calibration_path("steering", path), checkpoint.model)
    layers = len({layer for layer, _ in steering.heads.nonzero().tolist()})
    rows = []
    with torch.inference_mode(), use_attention(checkpoint.model, Dense()) as attention:
        for count in arguments.tokens:
            highlight = Highlight(steering, count, ((count // 2, count // 2 + 30),))
            rows.append(cost(checkpoint.model, attention, highlight, seed=count))
            print(json.dumps(rows[-1]), flush=True)
    heads = int(steering.heads.sum())
    told = {"heads": heads, "layers": layers, "machine": machine(), "rows": rows}
    RESULTS.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

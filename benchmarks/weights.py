"""What weights in bfloat16 and in 8 bits cost in quality, beside their speed.

A text is scored by the model in float32, bfloat16 and with 8-bit linear layers: bits a token, and
how often the likeliest token is the one of float32. Beside it stand the medians of the time to read
the text and of one decode step of one reply, taken in turn, round after round.

    python benchmarks/weights.py --model PATH [--text FILE] [--tokens 1024] [--json FILE]
"""

import argparse
import json
import math
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tapgraph.llm_backend.local.checkpoint import Checkpoint, load_checkpoint
from tapgraph.llm_backend.local.int8_weights import quantize_linear_layers

README = Path(__file__).parents[1] / "README.md"


def opened(path: Path, kind: str) -> Checkpoint:
    """The checkpoint in float32, bfloat16 or with 8-bit linear layers."""
    checkpoint = load_checkpoint(path, device="cpu", dtype="bfloat16" if kind == "int8" else kind)
    if kind == "int8":
        quantize_linear_layers(checkpoint.model)
    return checkpoint


def scored(checkpoint: Checkpoint, ids: Tensor) -> tuple[float, Tensor]:
    """Bits a token, and the likeliest token at each place."""
    model: Any = checkpoint.model
    logits = model(ids).logits[0, :-1].float()
    loss = functional.cross_entropy(logits, ids[0, 1:])
    return float(loss) / math.log(2), logits.argmax(dim=-1)


def timed(checkpoint: Checkpoint, ids: Tensor) -> tuple[float, float]:
    """Seconds to read the text, and of a decode step after it."""
    model: Any = checkpoint.model
    began = time.perf_counter()
    output = model(ids, use_cache=True, logits_to_keep=1)
    read_s = time.perf_counter() - began
    steps = []
    for _ in range(8):
        began = time.perf_counter()
        output = model(ids[:, :1], past_key_values=output.past_key_values, use_cache=True)
        steps.append(time.perf_counter() - began)
    return read_s, statistics.median(steps)


def main() -> None:
    """Score, time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--text", type=Path, default=README)
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    kinds = {kind: opened(given.model, kind) for kind in ("float32", "bfloat16", "int8")}
    backend: Any = kinds["float32"].tokenizer
    text = given.text.read_text(encoding="utf-8")
    ids = torch.tensor([backend(text).input_ids[: given.tokens]])
    times: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    rows: dict[str, dict[str, float]] = {}
    with torch.inference_mode():
        wanted = scored(kinds["float32"], ids)[1]
        for kind, checkpoint in kinds.items():
            bits, likeliest = scored(checkpoint, ids)
            agree = float((likeliest == wanted).double().mean())
            rows[kind] = {"bits_a_token": round(bits, 3), "agrees": round(agree, 3)}
        for _ in range(given.rounds):
            for kind, checkpoint in kinds.items():
                times[kind].append(timed(checkpoint, ids))
    for kind, row in rows.items():
        row["read_ms"] = round(1000 * statistics.median(one[0] for one in times[kind]), 1)
        row["step_ms"] = round(1000 * statistics.median(one[1] for one in times[kind]), 2)
        print(f"{kind:10} {json.dumps(row)}")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}"
    print(f"machine: {machine}; {given.model.name}, {ids.shape[1]} tokens of {given.text.name}")
    if given.json:
        given.json.write_text(
            json.dumps({"machine": machine, "model": given.model.name, "kinds": rows}, indent=2)
            + "\n",
            "utf-8",
        )


if __name__ == "__main__":
    main()

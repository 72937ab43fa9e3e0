"""Needles that a model trained with landmarks finds, asked through `tapgraph serve`.

    python benchmarks/landmark_needles.py [--row NAME ...] [--count 50] [--json FILE]

Each prompt hides `key K is V V.` sentences of one to four values in filler and ends with one of
their cues; an answer is right if the text that the server returns is all of the values, in order.
Rows differ in what is read: everything up to the trained length and few blocks beyond it, few
blocks from the start, and the plain attention of other models, to which landmarks mean nothing.
"""

import argparse
import json
import platform
import sys
from pathlib import Path
from typing import Any

import httpx
from backend import free_port, served

from tapgraph.evals.long_context.recall_checkpoint import LANDMARK_MODEL_PATH
from tapgraph.evals.long_context.recall_tasks import RecallPrompt, recall_prompts
from tapgraph.evals.long_context.recall_vocabulary import decode
from tapgraph.evals.stats import wilson

ROWS = {
    "as trained, then 4 blocks": "attention=landmark",
    "4 blocks": "attention=landmark&dense_below=0",
    "1 block": "attention=landmark&dense_below=0&retrieved=1",
    "dense, without landmarks": "attention=dense",
}


def is_right(root: str, prompt: RecallPrompt) -> bool:
    """Whether the server completes a prompt as it should."""
    reply = httpx.post(
        f"{root}/v1/completions",
        json={
            "model": "needles",
            "prompt": decode(prompt.token_ids[1:]),
            "max_tokens": len(prompt.answer_ids),
            "temperature": 0,
        },
        timeout=600,
    )
    text: str = reply.raise_for_status().json()["choices"][0]["text"]
    return text.strip() == decode(prompt.answer_ids)


def measured(model: Path, options: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """One record for each length."""
    port = free_port()
    command = [
        str(Path(sys.executable).parent / "tapgraph"), "serve", "--port", str(port),
        "--model", f"{model}?{options}&device=cpu&dtype=float32", "--alias", "needles",
    ]  # fmt: skip
    records = []
    with served(command, port, "/health"):
        for length in given.lengths:
            prompts = recall_prompts(given.task, length=length, count=given.count, seed=given.seed)
            right = sum(is_right(f"http://127.0.0.1:{port}", prompt) for prompt in prompts)
            found = wilson(right, given.count)
            records.append({"length": length, "right": right, "of": given.count})
            print(f"  {length:,} tokens: {found.percent} % of {given.count}", flush=True)
    return records


def main() -> None:
    """Read the command line, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--model", type=Path, default=LANDMARK_MODEL_PATH)
    parser.add_argument("--row", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--task", choices=("needle", "multikey"), default="needle")
    parser.add_argument("--lengths", nargs="+", type=int, default=[512, 1024, 2048, 4096, 8192])
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = {}
    for name in given.row:
        options = ROWS[name]
        print(f"{name} ({options})", flush=True)
        rows[name] = {"options": options, "lengths": measured(given.model, options, given)}
    if given.json is not None:
        told = {"task": given.task, "rows": rows, "machine": f"{platform.machine()}, CPU"}
        given.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

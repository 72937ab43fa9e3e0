"""Needles found by the recall model with landmarks, asked through `tapgraph serve`.

    python benchmarks/landmark_needles.py [--model PATH] [--questions N] [--lengths N ...]
                                          [--option NAME=VALUE ...] [--json FILE]

Each prompt is a text of its own with one question at its end; right is a reply that begins with
the answer. Lengths count ordinary tokens; the model was trained on at most 512. `--option` is of
Landmark Attention, such as `retrieved=2`. The same prompts go to the recall model without
landmarks under dense attention.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import httpx
from backend import free_port, served
from torch_machine import machine

from tapgraph.evals.long_context.recall_checkpoint import (
    LANDMARK_MODEL_PATH,
    RECALL_MODEL_PATH,
)
from tapgraph.evals.long_context.recall_tasks import RecallTask, recall_prompts
from tapgraph.evals.long_context.recall_vocabulary import decode
from tapgraph.evals.stats import wilson

RESULTS = Path(__file__).parent / "results" / "landmark_needles.json"
TASKS: tuple[RecallTask, ...] = ("needle", "multikey")


def found(port: int, task: RecallTask, length: int, questions: int) -> tuple[int, float]:
    """How many replies begin with the answer, and the mean share of the text that was read."""
    right, shares = 0, []
    for prompt in recall_prompts(task, length=length, count=questions, seed=1):
        answer = httpx.post(
            f"http://127.0.0.1:{port}/v1/completions",
            json={
                "model": "recall",
                "prompt": decode(prompt.token_ids[1:]),
                "max_tokens": len(prompt.answer_ids) + 2,
                "temperature": 0,
            },
            timeout=600,
        )
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        reply = f"{told['choices'][0]['text'].strip()} "
        right += reply.startswith((
            f"{decode(prompt.answer_ids)} ",
            f"{decode(prompt.answer_ids)}.",
        ))
        shares.append(told["usage"].get("attention_read_share", 1.0))
    return right, sum(shares) / len(shares)


def ask(spec: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of a model."""
    port = free_port()
    command = [sys.executable, "-m", "tapgraph", "serve", "--model", spec]
    command += ["--alias", "recall", "--port", str(port)]
    rows = []
    with served(command, port, "/health"):
        for task in TASKS:
            for length in given.lengths:
                right, share = found(port, task, length, given.questions)
                row = {"model": spec, "task": task, "length": length, "read": round(share, 3)}
                rows.append(row | {"asked": given.questions, "right": right})
                print(
                    f"{spec.rpartition('/')[2]:40} {task:9}{length:6}  "
                    f"{wilson(right, given.questions).percent} %  read {100 * share:.0f} %",
                    flush=True,
                )
    return rows


def main() -> None:
    """Read the command line, ask both models."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, default=LANDMARK_MODEL_PATH)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--lengths", type=int, nargs="+", default=[512, 1024, 2048, 4096])
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--json", type=Path, default=RESULTS)
    given = parser.parse_args()
    options = "&".join(["attention=landmark", *given.option])
    rows = ask(f"{given.model}?{options}", given) + ask(str(RECALL_MODEL_PATH), given)
    for row in rows:
        row["model"] = str(row["model"]).rpartition("/")[2]
    given.json.write_text(json.dumps({"machine": machine(), "rows": rows}) + "\n", "utf-8")


if __name__ == "__main__":
    main()

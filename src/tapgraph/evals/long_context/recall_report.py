"""Measure a recall model: `python -m tapgraph.evals.long_context.recall_report FOLDER`.

Writes `recall.jsonl` into the folder: exact answers for each task and length, then one line for
each head with the shares of its attention on the gold, on nearby tokens and on `<s>`.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from transformers import LlamaForCausalLM

from tapgraph.evals.long_context.recall_scoring import head_gaze, score_recall
from tapgraph.evals.long_context.recall_tasks import RECALL_TASKS, RecallTask, recall_prompts

__all__ = ["LENGTHS", "measure_heads", "measure_recall"]

LENGTHS = (512, 1024, 2048, 4096, 8192, 16_384, 32_768)
"""Lengths at which recall is measured unless told otherwise, in tokens."""

_SEED = 2_000
"""Far from the seeds that training evaluates with; training draws 48-bit ones."""


def measure_recall(
    model: LlamaForCausalLM,
    *,
    tasks: Iterable[RecallTask] = RECALL_TASKS,
    lengths: Iterable[int] = LENGTHS,
    contexts: int = 4,
    questions: int = 16,
) -> Iterator[dict[str, object]]:
    """One record for each length and task: task, length, asked, exact."""
    for length in lengths:
        for task in tasks:
            score = score_recall(
                model, task, length=length, contexts=contexts, questions=questions, seed=_SEED
            )
            yield asdict(score)


def measure_heads(model: LlamaForCausalLM, *, length: int = 1024) -> Iterator[dict[str, object]]:
    """One record for each head: where it looks while it answers needle and multikey prompts."""
    prompts = [
        *recall_prompts("needle", length=length, count=8, seed=_SEED),
        *recall_prompts("multikey", length=length, count=8, seed=_SEED),
    ]
    gaze = head_gaze(model, prompts)
    layers, heads = gaze.gold.shape
    for layer in range(layers):
        for head in range(heads):
            yield {
                "layer": layer,
                "head": head,
                "length": length,
                "gold": round(gaze.gold[layer, head].item(), 4),
                "nearby": round(gaze.nearby[layer, head].item(), 4),
                "first": round(gaze.first[layer, head].item(), 4),
            }


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(description="Measure a recall model.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tasks", nargs="+", choices=RECALL_TASKS, default=list(RECALL_TASKS))
    parser.add_argument("--lengths", nargs="+", type=int, default=list(LENGTHS))
    parser.add_argument("--contexts", type=int, default=4)
    parser.add_argument("--questions", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    model = LlamaForCausalLM.from_pretrained(options.folder).eval()
    with (options.folder / "recall.jsonl").open("w", encoding="utf-8") as results:
        scores = measure_recall(
            model,
            tasks=options.tasks,
            lengths=options.lengths,
            contexts=options.contexts,
            questions=options.questions,
        )
        for record in scores:
            results.write(json.dumps(record) + "\n")
            results.flush()
        for record in measure_heads(model):
            results.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()

"""Answers of kvpress to given prompts, for `beside_kvpress.py`; runs in an environment of its own.

    python kvpress_answers.py ASKED.json ANSWERS.json

It needs torch, transformers and kvpress, and nothing of tapgraph. `greedy` is also what asks
tapgraph's systems.
"""

import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch


@torch.inference_mode()
def greedy(
    model: Any, cache: Any, prompt: list[int], new_tokens: int, pressed: Any = None
) -> dict[str, Any]:
    """The likeliest tokens after a prompt, and CPU seconds of its reading and of a step.

    `pressed` is a context in which the prompt is read.
    """
    begun = time.process_time()
    with pressed or nullcontext():
        logits = model(
            input_ids=torch.tensor([prompt]), past_key_values=cache, logits_to_keep=1
        ).logits
    read = time.process_time()
    tokens = [int(logits[0, -1].argmax())]
    while len(tokens) < new_tokens:
        # A cache with tokens gone no longer knows at which position its text stands.
        place = torch.tensor([[len(prompt) + len(tokens) - 1]])
        logits = model(
            input_ids=torch.tensor([tokens[-1:]]), past_key_values=cache, position_ids=place
        ).logits
        tokens.append(int(logits[0, -1].argmax()))
    return {
        "tokens": tokens,
        "prompt_cpu_s": read - begun,
        "step_cpu_s": (time.process_time() - read) / (new_tokens - 1),
    }


def main() -> None:
    """Answer each prompt in each way."""
    import numpy as np  # noqa: PLC0415 - these three are of the other environment
    from kvpress import (  # type: ignore[import-not-found]  # noqa: PLC0415
        DuoAttentionPress,
        ExpectedAttentionPress,
        SnapKVPress,
    )
    from transformers import AutoModelForCausalLM, DynamicCache  # noqa: PLC0415

    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(1)
    model: Any = AutoModelForCausalLM.from_pretrained(
        asked["model"], dtype=getattr(torch, asked["dtype"])
    ).eval()
    gone = 1 - asked["share"]

    class Duo(DuoAttentionPress):  # type: ignore[misc]
        """With the heads that are given instead of those of a published pattern."""

        @staticmethod
        def load_attention_pattern(_: Any) -> tuple[int, int, Any]:
            return asked["sink"], asked["recent"], np.array(asked["gates"])

    presses = {
        "dense": None,
        "snapkv": SnapKVPress(compression_ratio=gone, window_size=32),
        "expected_attention": ExpectedAttentionPress(compression_ratio=gone),
        "duo": Duo(head_compression_ratio=1 - asked["heads"]),
    }
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in presses}
    for prompt in asked["prompts"]:
        for name, press in presses.items():
            cache: Any = DynamicCache()
            pressed = None if press is None else press(model)
            answer = greedy(model, cache, prompt["tokens"], prompt["new_tokens"], pressed)
            held = [tensor for layer in cache.layers for tensor in (layer.keys, layer.values)]
            answer["kv_bytes"] = sum(tensor.numel() * tensor.element_size() for tensor in held)
            answers[name].append(answer)
        Path(sys.argv[2]).write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Whether an engine keeps to its memory: 200 requests of mixed lengths in half of what 16 need.

Keys and values may take half of what 16 replies with full contexts would. Requests of all lengths
come at once. Told are how they ended, whether their order was kept, what keys and values took at
most, and the most that the process had beside what it had when loaded.

    python benchmarks/kv_memory.py --model PATH [--context 2048] [--requests 200] [--json FILE]
"""

import argparse
import json
import os
import platform
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch

from tapgraph.llm_backend.local.checkpoint import load_checkpoint
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.local.freed_memory import keep_freed_memory
from tapgraph.llm_backend.local.generation import GenerationRequest, Prompt, Sampling

FULL_CONTEXTS = 16


def resident_bytes() -> int:
    """What the process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def drawn(given: argparse.Namespace, vocabulary: int) -> list[GenerationRequest]:
    """Requests of random tokens; lengths of prompts are drawn evenly on a scale of logarithms."""
    generator = torch.Generator().manual_seed(0)
    requests = []
    for seed in range(given.requests):
        share = float(torch.rand((), generator=generator))
        length = int(16 * (given.context * 0.9 / 16) ** share)
        room = given.context - length
        reply = 1 + int(torch.randint(min(room, given.longest), (), generator=generator))
        tokens = torch.randint(vocabulary, (length,), generator=generator).tolist()
        requests.append(
            GenerationRequest(
                Prompt(tuple(tokens)), reply, Sampling(1.0, seed=seed), min_tokens=reply
            )
        )
    return requests


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Send all, wait for all."""
    checkpoint = load_checkpoint(given.model, device="cpu")
    probe = EngineLimits(given.context)
    with Engine(checkpoint, limits=probe) as engine:
        now = engine.statistics
        token_bytes = now.budget_bytes / now.budget_tokens
    half = int(FULL_CONTEXTS * given.context * token_bytes / 2)
    requests = drawn(given, len(checkpoint.token_bytes) - 1)
    limits = EngineLimits(given.context, waiting=given.requests, cache_bytes=half)
    loaded, most, is_over = resident_bytes(), [0], threading.Event()

    def watch() -> None:
        while not is_over.wait(0.02):
            most[0] = max(most[0], resident_bytes())

    watching = threading.Thread(target=watch)
    watching.start()
    began = time.perf_counter()
    first_words: dict[int, None] = {}
    with Engine(checkpoint, limits=limits) as engine:
        streams = [
            engine.submit(request, partial(first_words.setdefault, place, None))
            for place, request in enumerate(requests)
        ]
        replies = [stream.result() for stream in streams]
        now = engine.statistics
    is_over.set()
    watching.join()
    late = [list(first_words).index(place) - place for place in range(len(requests))]
    whole = [
        len(one.tokens) == asked.max_tokens for one, asked in zip(replies, requests, strict=True)
    ]
    return {
        "requests": len(requests),
        "ended_whole": sum(whole),
        "finished": dict(now.finished),
        "preempted": now.preempted,
        "overtaken_by_at_most": max(late),
        "limit_mib": round(half / 2**20, 1),
        "keys_and_values_at_most_mib": round(now.most_bytes / 2**20, 1),
        "process_grew_by_at_most_mib": round((most[0] - loaded) / 2**20, 1),
        "prompt_tokens": now.prompt_tokens,
        "reply_tokens": now.completion_tokens,
        "seconds": round(time.perf_counter() - began, 1),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--longest", type=int, default=256, help="tokens of a reply at most")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    keep_freed_memory()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}"
    numbers = {"machine": machine, "context": given.context, **measure(given)}
    for name, value in numbers.items():
        print(f"{name}: {value}")
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()

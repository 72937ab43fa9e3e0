"""What a task embedding costs in time: the prompt's pass, and the tokens after it.

python benchmarks/soft_injection_cost.py [--model NAME] [--json FILE]
"""

import argparse
import json
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from tapgraph.llm_backend.calibration.calibration_file import fingerprint
from tapgraph.llm_backend.local.checkpoint import Checkpoint, load_checkpoint
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.local.generation import GenerationRequest, Prompt, Sampling
from tapgraph.llm_backend.model_store import ModelStore
from tapgraph.llm_backend.steering.head_outputs import HeadOutputs
from tapgraph.llm_backend.steering.known_tasks import KnownTasks
from tapgraph.llm_backend.steering.task_embedding import TaskEmbedding
from tapgraph.settings import Settings

PAIRS, TOKENS, PROMPT = 4, 25, 64
NAME = "random"


def measure_cost(checkpoint: Checkpoint) -> dict[str, Any]:
    """CPU seconds with an embedding over those without, in the engine; medians of pairs.

    Prompts are read anew each time; replies of 1 and of 25 tokens take turns, with and without.
    """
    shape = HeadOutputs(checkpoint.model).shape
    embedding = TaskEmbedding(
        NAME,
        fingerprint(checkpoint.model),
        checkpoint.name,
        "",
        0,
        {},
        torch.randn(shape, generator=torch.Generator().manual_seed(0)),
        torch.full(shape[:2], 0.5),
    )
    limits = EngineLimits(prefix_bytes=0, cache_bytes=2**28)
    generator = torch.Generator().manual_seed(1)
    prompt = torch.randint(100, 40_000, (PROMPT,), generator=generator)
    taken: dict[tuple[str, int], list[float]] = {}
    with Engine(checkpoint, None, limits, tasks=KnownTasks({NAME: embedding})) as engine:
        for _ in range(PAIRS + 1):
            for tokens in (1, TOKENS):
                for task in ("", NAME):
                    request = GenerationRequest(
                        Prompt(tuple(prompt.tolist())),
                        tokens,
                        # Tokens are drawn, so that none is proposed and each takes a pass.
                        Sampling(temperature=2.0, seed=0),
                        min_tokens=tokens,
                        task=task,
                    )
                    began = time.process_time()
                    engine.submit(request).result()
                    taken.setdefault((task, tokens), []).append(time.process_time() - began)
    # The first round warms up.
    kept = {key: times[1:] for key, times in taken.items()}
    decode = {
        task: [
            whole - first for whole, first in zip(kept[task, TOKENS], kept[task, 1], strict=True)
        ]
        for task in ("", NAME)
    }
    return {
        "model": checkpoint.name,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} thread, torch "
        f"{torch.__version__}, float32",
        "pairs": PAIRS,
        "prompt_tokens": PROMPT,
        "decoded_tokens": TOKENS - 1,
        "prompt_ratio": _ratio(kept[NAME, 1], kept["", 1]),
        "decode_ratio": _ratio(decode[NAME], decode[""]),
        "decode_cpu_ms_a_token": 1000 * statistics.median(decode[""]) / (TOKENS - 1),
    }


def _ratio(ours: list[float], others: list[float]) -> dict[str, float]:
    ratios = sorted(one / other for one, other in zip(ours, others, strict=True))
    return {"median": statistics.median(ratios), "least": ratios[0], "most": ratios[-1]}


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="smollm2")
    results = Path(__file__).parent / "results"
    parser.add_argument("--json", type=Path, default=results / "soft_injection_cost.json")
    arguments = parser.parse_args()
    store = ModelStore(Settings.from_environment().models_folder)
    told = measure_cost(
        load_checkpoint(store.path_of(arguments.model), device="cpu", dtype="float32")
    )
    for name, value in told.items():
        print(f"{name}: {value}")
    arguments.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

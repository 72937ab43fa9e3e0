"""What choosing one token costs, by what is asked for.

    python benchmarks/sampling.py [--vocabulary 152000] [--tokens 200]

Logits are normal with a standard deviation of 3, where 95 % of the probability is spread over
13,000 tokens of 152,000 ("flat"), and the same with ten tokens raised by 14, as a model that knows
what it wants to say gives them. Freed memory is kept, as the `tapgraph` command does. Told is time
of the processor, which on a busy machine is nearer to what a token takes alone.
"""

import argparse
import platform
import statistics
import time

import torch

from tapgraph.llm_backend.local.freed_memory import keep_freed_memory
from tapgraph.llm_backend.local.generation import Sampling
from tapgraph.llm_backend.local.sampling import Sampler

KINDS = {
    "temperature 0": Sampling(0),
    "temperature 1": Sampling(1.0, seed=1),
    "top_p 0.95": Sampling(1.0, top_p=0.95, seed=1),
    "top_k 20, top_p 0.8": Sampling(0.7, top_k=20, top_p=0.8, seed=1),
    "min_p 0.05": Sampling(1.0, min_p=0.05, seed=1),
    "penalties": Sampling(1.0, repetition_penalty=1.1, frequency_penalty=0.5, seed=1),
    "penalties, temperature 0": Sampling(0, repetition_penalty=1.1, presence_penalty=0.5),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocabulary", type=int, default=152_000)
    parser.add_argument("--tokens", type=int, default=200)
    options = parser.parse_args()
    keep_freed_memory()
    generator = torch.Generator().manual_seed(0)
    rows = 3.0 * torch.randn(16, options.vocabulary, generator=generator)
    print(f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"vocabulary of {options.vocabulary:,}; median and least of {options.tokens}, CPU ms")
    print(f"{'':26}{'sure':>14}{'flat':>14}")
    sure = rows.clone()
    sure[:, :: options.vocabulary // 10] += 14
    for name, sampling in KINDS.items():
        columns = []
        for logits in (sure, rows):
            times = _times_ms(Sampler(sampling, range(2000)), logits, options.tokens)
            columns.append(f"{statistics.median(times):8.2f}{min(times):6.2f}")
        print(f"{name:26}{''.join(columns)}")


def _times_ms(sampler: Sampler, rows: torch.Tensor, tokens: int) -> list[float]:
    times = []
    for number in range(tokens):
        started = time.thread_time()
        sampler.note(sampler.choose(rows[number % len(rows)]))
        times.append(1000 * (time.thread_time() - started))
    return times


if __name__ == "__main__":
    main()

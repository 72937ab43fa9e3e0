"""How quick the attention kernels are on this machine's CPU, beside torch's own attention.

Every number is a ratio within one run: the forms that are compared take turns, so that a machine
that is busy with other things slows all of them, and medians of the turns are compared. "SDPA" is
`transformers`' own function around `torch.nn.functional.scaled_dot_product_attention`, called as a
Llama without padding calls it. All tensors are bfloat16, 32 query heads on 8 KV heads of 128
channels (prefill: one of the 8 groups, 4 query heads on 1 KV head, for all 8 cost the same).

    python benchmarks/kernels_cpu.py [--quick] [--threads N] [--only PART ...] [--systems NAME ...]
                                     [--lengths N ...] [--json FILE]

decode: one new token over 131,072, of which 4,096 are kept; what choosing them costs stands apart.
prefill: 32,768 tokens, a tenth of the causal blocks of 128 x 128 kept.
systems: each system of the package against dense attention, below the length from which on it
says to be worth while (`dense_below`), and above it.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from tapgraph.kernels.attention_system import AttentionSystem, LayerAttention, LayerShape
from tapgraph.kernels.block_sparse import block_sparse_attention
from tapgraph.kernels.dense import attend_densely
from tapgraph.kernels.indexed_decode import indexed_attention
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.selection import pool_blocks, top_k
from tapgraph.kernels.systems import SYSTEMS
from tapgraph.kernels.systems.dense import Dense
from tapgraph.kernels.systems.duo import Duo, DuoConfig
from tapgraph.kernels.systems.razor import Razor, RazorConfig

HEADS, KV_HEADS, HEAD_DIM = 32, 8, 128
SCALE = HEAD_DIM**-0.5
BLOCK = 128
DENSITY = 0.1
DECODE_STEPS = 50
"""As many as a system may take before it chooses anew; the time of a step is their mean."""
SYSTEM_HEADS = (8, 2)
"""Query and KV heads of the layers that systems are measured on."""
SLOWER = 1.15
"""A system this much slower than dense counts as slower; less is noise on a shared machine."""


@dataclass(frozen=True)
class Sizes:
    """How much is computed, and how often."""

    decode_tokens: int
    kept_tokens: int
    prefill_tokens: int
    decode_turns: int
    prefill_turns: int
    system_tokens: Sequence[int]


FULL = Sizes(131_072, 4_096, 32_768, 9, 3, (512, 1_023, 2_047, 4_096, 8_192))
QUICK = Sizes(16_384, 512, 4_096, 5, 3, (512, 2_047))


@dataclass(frozen=True)
class Comparison:
    """Median times of forms that took turns, and how often the first is slower than each."""

    title: str
    ms: Mapping[str, float]
    times_as_fast_as_first: Mapping[str, float]


@dataclass(frozen=True)
class SystemCost:
    """One system at one length, against dense attention of the same tokens."""

    system: str
    tokens: int
    sparse: bool
    prefill_ms: float
    dense_prefill_ms: float
    decode_ms: float
    dense_decode_ms: float


def take_turns(forms: Mapping[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """The median milliseconds of each form, after one turn to warm up."""
    times: dict[str, list[float]] = {name: [] for name in forms}
    for turn in range(turns + 1):
        for name, form in forms.items():
            began = time.perf_counter()
            form()
            if turn:
                times[name].append(1000 * (time.perf_counter() - began))
    return {name: round(statistics.median(taken), 3) for name, taken in times.items()}


def compare(title: str, forms: Mapping[str, Callable[[], object]], turns: int) -> Comparison:
    """Let the forms take turns; the first one is what the others are compared with."""
    ms = take_turns(forms, turns)
    first = next(iter(ms.values()))
    return Comparison(title, ms, {name: round(first / taken, 2) for name, taken in ms.items()})


def draw(heads: int, tokens: int, generator: torch.Generator) -> Tensor:
    """Random numbers, bfloat16 `[1, heads, tokens, HEAD_DIM]`."""
    drawn = torch.empty((1, heads, tokens, HEAD_DIM), dtype=torch.bfloat16)
    return drawn.normal_(generator=generator)


class LlamaAttention(nn.Module):
    """What `transformers`' function asks its module."""

    is_causal = True

    def __init__(self, group: int) -> None:
        super().__init__()
        self.num_key_value_groups = group


def as_transformers(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """The call of a Llama without padding."""
    module = LlamaAttention(queries.shape[1] // keys.shape[1])
    output, _ = sdpa_attention_forward(module, queries, keys, values, None, scaling=SCALE)
    return output


def measure_decode(sizes: Sizes, generator: torch.Generator) -> list[Comparison]:
    """One layer, one new token; then what choosing its tokens costs."""
    tokens, kept = sizes.decode_tokens, sizes.kept_tokens
    queries = draw(HEADS, 1, generator)
    keys, values = draw(KV_HEADS, tokens, generator), draw(KV_HEADS, tokens, generator)
    starts = torch.zeros(1, dtype=torch.int64)
    scattered = torch.rand((1, KV_HEADS, tokens), generator=generator)
    indices = top_k(scattered, kept)
    first = torch.randint(tokens // 64, (1, KV_HEADS, kept // 64, 1), generator=generator)
    in_blocks = (first.sort(dim=2).values * 64 + torch.arange(64)).flatten(2)
    counts = torch.full((1, KV_HEADS), kept)
    with_mask = torch.ones((1, 1, 1, tokens), dtype=torch.bool)
    module = LlamaAttention(HEADS // KV_HEADS)
    attention = compare(
        f"decode, 1 of {tokens:,} tokens",
        {
            "SDPA as transformers calls it": lambda: as_transformers(queries, keys, values),
            "SDPA as transformers calls it with padding": lambda: sdpa_attention_forward(
                module, queries, keys, values, with_mask, scaling=SCALE
            ),
            "best dense form (queries by KV head)": lambda: attend_densely(
                queries, keys, values, scale=SCALE, starts=starts
            ),
            f"{kept:,} kept tokens, scattered": lambda: indexed_attention(
                queries, keys, values, indices, counts, scale=SCALE
            ),
            f"{kept:,} kept tokens, in runs of 64": lambda: indexed_attention(
                queries, keys, values, in_blocks, counts, scale=SCALE
            ),
        },
        sizes.decode_turns,
    )
    grouped = queries.view(1, KV_HEADS, -1, HEAD_DIM).float()
    means = pool_blocks(keys.float(), 64, "mean", dim=-2)
    block_scores = torch.rand((1, KV_HEADS, tokens // 64), generator=generator)
    choosing = compare(
        "choosing, apart",
        {
            f"top {kept:,} of {tokens:,} scores, 8 lists": lambda: top_k(scattered, kept),
            f"top {kept // 64} of {tokens // 64:,} blocks, 8 lists": lambda: top_k(
                block_scores, kept // 64
            ),
            "scores of all block means (64 tokens)": lambda: grouped @ means.transpose(-1, -2),
        },
        sizes.decode_turns,
    )
    return [attention, choosing]


def random_blocks(blocks: int, heads: int, generator: torch.Generator) -> Tensor:
    """A map of a tenth of the causal blocks, the first and the own one of each row among them."""
    causal = torch.ones((blocks, blocks), dtype=torch.bool).tril()
    always = torch.eye(blocks, dtype=torch.bool)
    always[:, 0] = True
    chances = torch.rand((heads, blocks, blocks), generator=generator)
    chances = chances.masked_fill(~causal, -1.0).masked_fill(always, 2.0)
    wanted = int(DENSITY * int(causal.sum()))
    kept = torch.zeros((heads, blocks * blocks), dtype=torch.bool)
    kept.scatter_(1, chances.flatten(1).topk(wanted, dim=1).indices, value=True)
    return kept.view(1, heads, blocks, blocks)


def measure_prefill(sizes: Sizes, generator: torch.Generator) -> list[Comparison]:
    """One GQA group of one layer, the whole prompt in one call."""
    tokens, heads = sizes.prefill_tokens, HEADS // KV_HEADS
    queries = draw(heads, tokens, generator)
    keys, values = draw(1, tokens, generator), draw(1, tokens, generator)
    kept = random_blocks(tokens // BLOCK, heads, generator)
    starts = torch.zeros(1, dtype=torch.int64)
    return [
        compare(
            f"prefill, {tokens:,} tokens, one group of {heads} heads",
            {
                "SDPA as transformers calls it": lambda: as_transformers(queries, keys, values),
                f"{DENSITY:.0%} of the blocks of {BLOCK}": lambda: block_sparse_attention(
                    queries,
                    keys,
                    values,
                    kept,
                    query_block=BLOCK,
                    key_block=BLOCK,
                    scale=SCALE,
                    starts=starts,
                ),
            },
            sizes.prefill_turns,
        )
    ]


def open_default(name: str) -> AttentionSystem:
    """A system with its default settings; where it needs heads, every second one is dense."""
    heads = torch.arange(2 * SYSTEM_HEADS[1]).view(2, -1) % 2 == 0
    if name == "duo":
        return Duo(DuoConfig(), heads)
    if name == "razor":
        return Razor(RazorConfig(), heads)
    return SYSTEMS[name]()


def measure_system(name: str, tokens: int, turns: int, seed: int) -> SystemCost:
    """Prompt and next token of the last layer, the system and dense attention taking turns."""
    generator = torch.Generator().manual_seed(seed)
    heads, kv_heads = SYSTEM_HEADS
    shape = LayerShape(1, 2, heads, kv_heads, HEAD_DIM, SCALE)
    total = tokens + DECODE_STEPS
    queries = draw(heads, total, generator)
    keys, values = draw(kv_heads, total, generator), draw(kv_heads, total, generator)
    starts = torch.zeros(1, dtype=torch.int64)
    systems = {"system": open_default(name), "dense": Dense()}
    read: dict[str, list[float]] = {which: [] for which in systems}
    replied: dict[str, list[float]] = {which: [] for which in systems}
    sparse = False
    for _ in range(turns + 1):
        layers: dict[str, LayerAttention] = {}
        for which, system in systems.items():
            layers[which] = system.open_layer(shape, PlainRotary())
            began = time.perf_counter()
            new = slice(0, tokens)
            layers[which].prefill(queries[:, :, new], keys[:, :, new], values[:, :, new], starts)
            read[which].append(1000 * (time.perf_counter() - began))
            replied[which].append(0.0)
        sparse |= not bool(layers["system"].kept_by_last_query().all())
        for at in range(tokens, tokens + DECODE_STEPS):
            new = slice(at, at + 1)
            for which, layer in layers.items():
                began = time.perf_counter()
                layer.decode(queries[:, :, new], keys[:, :, new], values[:, :, new], starts)
                replied[which][-1] += 1000 * (time.perf_counter() - began) / DECODE_STEPS
        sparse |= not bool(layers["system"].kept_by_last_query().all())
    prefill_ms = {which: round(statistics.median(times[1:]), 2) for which, times in read.items()}
    decode_ms = {which: round(statistics.median(times[1:]), 3) for which, times in replied.items()}
    return SystemCost(name, tokens, sparse, prefill_ms["system"], prefill_ms["dense"],
                      decode_ms["system"], decode_ms["dense"])  # fmt: skip


def machine() -> dict[str, str | int]:
    """What it ran on."""
    cpu = platform.processor() or platform.machine()
    described = Path("/proc/cpuinfo")
    if described.exists():
        lines = described.read_text("utf-8").splitlines()
        cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), cpu)
    return {
        "cpu": cpu,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count() or 0,
        "threads": torch.get_num_threads(),
        "load_average": f"{os.getloadavg()[0]:.1f}",
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def show(comparison: Comparison) -> None:
    """One line for each form."""
    print(f"\n{comparison.title}")
    for name, ms in comparison.ms.items():
        print(f"  {name:<46} {ms:>11,.2f} ms  {comparison.times_as_fast_as_first[name]:>8.2f}x")


def show_system(cost: SystemCost) -> None:
    """One line for a system at a length."""
    prefill, decode = cost.dense_prefill_ms / cost.prefill_ms, cost.dense_decode_ms / cost.decode_ms
    slower = [name for name, x in (("prefill", prefill), ("decode", decode)) if x * SLOWER < 1]
    print(
        f"  {cost.system:<14} {cost.tokens:>7,}  prefill {cost.prefill_ms:>10,.1f} ms "
        f"{prefill:>6.2f}x  decode {cost.decode_ms:>8.2f} ms {decode:>6.2f}x"
        + (f"  slower than dense: {', '.join(slower)}" if slower else ""),
        flush=True,
    )


def main() -> None:
    """Measure the parts asked for and print them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes: a try-out, no result")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", nargs="+", choices=("decode", "prefill", "systems"))
    parser.add_argument("--systems", nargs="+", choices=sorted(SYSTEMS), default=sorted(SYSTEMS))
    parser.add_argument("--lengths", nargs="+", type=int, help="tokens that systems are given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    sizes = QUICK if given.quick else FULL
    parts = given.only or ("decode", "prefill", "systems")
    generator = torch.Generator().manual_seed(given.seed)
    ran_on = machine()
    print(", ".join(f"{name} {value}" for name, value in ran_on.items()))
    compared: list[Comparison] = []
    costs: list[SystemCost] = []
    with torch.inference_mode():
        if "decode" in parts:
            compared += measure_decode(sizes, generator)
        if "prefill" in parts:
            compared += measure_prefill(sizes, generator)
        for comparison in compared:
            show(comparison)
        if "systems" in parts:
            print("\nsystems with default settings, last of 2 layers, times as fast as dense")
            for name in given.systems:
                for tokens in given.lengths or sizes.system_tokens:
                    costs.append(measure_system(name, tokens, sizes.prefill_turns, given.seed))
                    show_system(costs[-1])
    if given.json:
        report = {"machine": ran_on, "sizes": asdict(sizes),
                  "comparisons": [asdict(comparison) for comparison in compared],
                  "systems": [asdict(cost) for cost in costs]}  # fmt: skip
        given.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()

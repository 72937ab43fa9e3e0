"""How quick the attention kernels are on this machine's CPU, beside torch's own attention.

Every number is a ratio within one run: the forms that are compared take turns, so that a machine
that is busy with other things slows all of them, and medians of the turns are compared. "SDPA" is
`transformers`' own function around `torch.nn.functional.scaled_dot_product_attention`, called as a
Llama without padding calls it. All tensors are bfloat16, 32 query heads on 8 KV heads of 128
channels (prefill: one of the 8 groups, 4 query heads on 1 KV head, for all 8 cost the same). Freed
memory is kept, as in every command of the package.

    python benchmarks/kernels_cpu.py [--quick] [--threads N] [--only PART ...] [--systems NAME ...]
                                     [--decode NAME ...]
                                     [--lengths N ...] [--heads N N] [--json FILE]

decode: one new token over 32,768, in each system that chooses what a step reads, choosing included:
the mean of 50 steps, for some choose only now and then. Settings are the defaults but for `DECODE`,
which has nothing dense. Only the last 64 tokens of the prompt are computed; the others are stored.
Beside the time stand the bytes of keys and values that a step's list names, at the speed at which
the machine reads memory.
prefill: 32,768 tokens, a tenth of the causal blocks of 128 x 128 kept.
systems: each system of the package, with its default settings, against the package's dense system,
which is torch's SDPA over a cache that grows by pages: one layer of 8 query heads on 2 KV heads
(--heads), deep enough to be a sparse one; where heads are chosen, every second KV head is dense.
    - A prompt in one call, then 50 steps, of which the mean counts, for some systems choose only
      now and then. Which of the two comes first changes with each round and each step. A ratio is
      that of one round; its median over the rounds is shown, and in brackets the least and largest.
      On one thread time is that of the thread on the processor, not that of the clock.
    - Systems that rotate keys themselves are compared with dense attention that rotates the new
      queries and keys before, for in a model that is then not done elsewhere.
    - Landmark Attention is compared with a second form, which is what dense attention is to it: the
      grouped softmax over everything.
    - `draw_text` says what the tokens are like. Attention to them is concentrated, as it is in
      models: systems that choose by their scores gain nothing where all tokens score alike.
    - The rule: slower than its dense form, by more than a tenth, neither below the break-even
      length that a system names (there it is dense itself) nor above it.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from drawn_text import HEAD_DIM, PASSAGE, SCALE, draw, draw_text
from torch import Tensor, nn
from torch.nn import functional
from torch_machine import machine
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from tapgraph.kernels.attention_system import AttentionSystem, LayerShape
from tapgraph.kernels.block_sparse import block_sparse_attention
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems import SYSTEMS
from tapgraph.kernels.systems.dense import Dense
from tapgraph.kernels.systems.dhsa import Dhsa, DhsaConfig
from tapgraph.kernels.systems.duo import Duo, DuoConfig
from tapgraph.kernels.systems.hip import Hip, HipConfig
from tapgraph.kernels.systems.landmark import Landmark, LandmarkConfig
from tapgraph.kernels.systems.quest import Quest, QuestConfig
from tapgraph.kernels.systems.razor import Razor, RazorConfig
from tapgraph.kernels.systems.recycled import Recycled, RecycledConfig
from tapgraph.kernels.systems.token_select import TokenSelect, TokenSelectConfig
from tapgraph.llm_backend.local.freed_memory import keep_freed_memory

Clock = Callable[[], float]

HEADS, KV_HEADS = 32, 8
BLOCK = 128
DENSITY = 0.1
DECODE_STEPS = 50
"""As many as a system may take before it chooses anew; the time of a step is their mean."""
SYSTEM_HEADS = (8, 2)
"""Query and KV heads of the layers that systems are measured on, if nothing else is said."""
SYSTEM_LAYERS = 8
"""Systems are measured on the last of so many layers."""
SLOWER = 1.1
"""A system this much slower than dense counts as slower; less is noise on a shared machine."""
LONG_TOKENS, LONG_ROUNDS = 8_192, 3
"""From so many tokens on systems are measured in so many rounds."""


@dataclass(frozen=True)
class Sizes:
    """How much is computed, and how often."""

    decode_tokens: int
    prefill_tokens: int
    decode_turns: int
    prefill_turns: int
    system_rounds: int
    system_tokens: Sequence[int]


FULL = Sizes(32_768, 32_768, 3, 3, 5, (512, 1_023, 2_047, 4_096, 8_192))
QUICK = Sizes(8_192, 4_096, 2, 3, 3, (512, 2_047))


@dataclass(frozen=True)
class Comparison:
    """Median times of forms that took turns, and how often the first is slower than each."""

    title: str
    ms: Mapping[str, float]
    times_as_fast_as_first: Mapping[str, float]


@dataclass(frozen=True)
class Ratio:
    """How often dense attention takes a system's time: the median over rounds, and its spread."""

    median: float
    least: float
    largest: float


@dataclass(frozen=True)
class SystemCost:
    """One system at one length, against a dense form over the same tokens; median times."""

    system: str
    against: str
    heads: Sequence[int]
    tokens: int
    break_even: int
    prefill_ms: float
    decode_ms: float
    prefill: Ratio
    decode: Ratio
    slower: Sequence[str]


@dataclass(frozen=True)
class DecodeCost:
    """A step of one system; how often dense attention takes its time.

    Attributes:
        against_dense: the package's dense attention.
        against_sdpa: torch's SDPA, queries packed by KV head.
        attended: tokens that took part, mean over steps and KV heads.
        scored: keys, or their stand-ins, that were read to choose.
        of_read_speed: bytes of both in the time of a step, over what the machine reads in it.
    """

    system: str
    tokens: int
    step_ms: float
    against_dense: float
    against_sdpa: float
    attended: int
    scored: int
    of_read_speed: float


DECODE: Mapping[str, Callable[[], AttentionSystem]] = {
    "quest": lambda: Quest(QuestConfig(dense_layers=0, dense_below=0)),
    "recycled": lambda: Recycled(RecycledConfig(kept=2048, dense_budgets=1)),
    "token_select": lambda: TokenSelect(TokenSelectConfig(dense_budgets=1)),
    "hip": lambda: Hip(HipConfig(dense_layers=0, dense_below=0)),
    "hip, each 8 steps": lambda: Hip(HipConfig(dense_layers=0, dense_below=0, refresh_every=8)),
    "dhsa": lambda: Dhsa(DhsaConfig(dense_below=0)),
}
"""The systems that choose what a step reads."""


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


def read_speed(clock: Clock) -> float:
    """Bytes in a millisecond that one sum over a gigabyte of numbers reads, at best."""
    numbers = torch.ones(2**28)
    times = []
    for _ in range(7):
        began = clock()
        numbers.sum()
        times.append(1000 * (clock() - began))
    return numbers.nbytes / min(times)


def open_long(system: AttentionSystem, text: Sequence[Tensor], tokens: int) -> Any:
    """The last of many layers, with a text in it of which the last passage was computed."""
    shape = LayerShape(SYSTEM_LAYERS - 1, SYSTEM_LAYERS, HEADS, KV_HEADS, HEAD_DIM, SCALE)
    layer: Any = system.open_layer(shape, PlainRotary())
    stored, computed = slice(0, tokens - PASSAGE), slice(tokens - PASSAGE, tokens)
    layer._store.append(*(part[:, :, stored] for part in text[1:]))
    layer.prefill(*(part[:, :, computed] for part in text))
    return layer


def measure_decode(
    sizes: Sizes, names: Sequence[str], generator: torch.Generator
) -> list[DecodeCost]:
    """Steps of each system, taking turns with dense attention."""
    tokens, clock = sizes.decode_tokens, time.thread_time
    if torch.get_num_threads() > 1:
        clock = time.perf_counter
    speed = read_speed(clock)
    text = draw_text(tokens + DECODE_STEPS, HEADS, KV_HEADS, generator)
    costs = []
    for name in ("dense", *names):
        make = DECODE.get(name, Dense)
        rounds: list[dict[str, float]] = []
        for _ in range(sizes.decode_turns):
            taken = dict.fromkeys(("ours", "dense", "SDPA"), 0.0)
            layers = {
                "ours": open_long(make(), text, tokens),
                "dense": open_long(Dense(), text, tokens),
            }
            attended = scored = 0.0
            for at in range(tokens, tokens + DECODE_STEPS):
                new = [part[:, :, at : at + 1] for part in text]
                for form, layer in layers.items():
                    began = clock()
                    layer.decode(*new)
                    taken[form] += 1000 * (clock() - began) / DECODE_STEPS
                began = clock()
                packed = new[0].view(1, KV_HEADS, -1, HEAD_DIM)
                held = layers["dense"]
                functional.scaled_dot_product_attention(packed, held.keys, held.values, scale=SCALE)
                taken["SDPA"] += 1000 * (clock() - began) / DECODE_STEPS
                attended += layers["ours"].reading.attended / DECODE_STEPS
                scored += layers["ours"].reading.scored / DECODE_STEPS
            rounds.append(taken)
        ms = {form: statistics.median(one[form] for one in rounds) for form in rounds[0]}
        read = 2 * KV_HEADS * HEAD_DIM * (2 * attended + scored)
        costs.append(
            DecodeCost(
                name,
                tokens,
                round(ms["ours"], 2),
                round(ms["dense"] / ms["ours"], 2),
                round(ms["SDPA"] / ms["ours"], 2),
                round(attended),
                round(scored),
                round(read / speed / ms["ours"], 2),
            )
        )
        show_decode(costs[-1])
    return costs


def show_decode(cost: DecodeCost) -> None:
    """One line for a system."""
    print(
        f"  {cost.system:<17} {cost.step_ms:>7.2f} ms  {cost.against_dense:>6.2f}x dense  "
        f"{cost.against_sdpa:>6.2f}x torch's SDPA  {cost.attended:>7,} read  "
        f"{cost.scored:>7,} scored  {cost.of_read_speed:.0%} of the read speed",
        flush=True,
    )


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
                ),
            },
            sizes.prefill_turns,
        )
    ]


class System:
    """A layer that takes a text, with the rotation of new tokens where dense attention needs it."""

    def __init__(self, system: AttentionSystem, heads: Sequence[int], *, rotates: bool) -> None:
        shape = LayerShape(SYSTEM_LAYERS - 1, SYSTEM_LAYERS, heads[0], heads[1], HEAD_DIM, SCALE)
        self.layer = system.open_layer(shape, PlainRotary())
        self._rotary = PlainRotary() if rotates else None

    def read(self, text: Sequence[Tensor], first: int, last: int, clock: Clock) -> float:
        """Milliseconds for the tokens from `first` to `last`."""
        queries, keys, values = (part[:, :, first:last] for part in text)
        call = self.layer.decode if last - first == 1 else self.layer.prefill
        began = clock()
        if self._rotary:
            positions = torch.arange(first, last)[None]
            queries, keys = self._rotary(queries, positions), self._rotary(keys, positions)
        call(queries, keys, values)
        return 1000 * (clock() - began)


def open_default(name: str, kv_heads: int) -> AttentionSystem:
    """A system with its default settings; where it needs heads, every second one is dense."""
    heads = torch.arange(SYSTEM_LAYERS * kv_heads).view(SYSTEM_LAYERS, -1) % 2 == 0
    if name == "duo":
        return Duo(DuoConfig(), heads)
    if name == "razor":
        return Razor(RazorConfig(), heads)
    return SYSTEMS[name]()


def dense_forms(name: str) -> dict[str, AttentionSystem]:
    """What a system is compared with; the last is what it computes where it is dense."""
    forms: dict[str, AttentionSystem] = {"SDPA": Dense()}
    if name == "landmark":
        forms["grouped softmax"] = Landmark(LandmarkConfig(dense_below=sys.maxsize))
    return forms


def measure_system(
    name: str, against: str, heads: Sequence[int], tokens: int, rounds: int, seed: int
) -> SystemCost:
    """Prompt and next tokens, the system and a dense form taking turns, after a warm-up."""
    generator = torch.Generator().manual_seed(seed)
    total = tokens + DECODE_STEPS
    text = draw_text(total, heads[0], heads[1], generator)
    system, dense = open_default(name, heads[1]), dense_forms(name)[against]
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    read: list[tuple[float, float]] = []
    replied: list[tuple[float, float]] = []
    for turn in range((min(rounds, LONG_ROUNDS) if tokens >= LONG_TOKENS else rounds) + 1):
        ours = System(system, heads, rotates=False)
        pair = (ours, System(dense, heads, rotates=dense.keys != system.keys))
        prefill = dict.fromkeys(pair, 0.0)
        for one in pair if turn % 2 else pair[::-1]:
            prefill[one] = one.read(text, 0, tokens, clock)
        decode = dict.fromkeys(pair, 0.0)
        for at in range(tokens, total):
            for one in pair if at % 2 else pair[::-1]:
                decode[one] += one.read(text, at, at + 1, clock) / DECODE_STEPS
        read.append((prefill[pair[0]], prefill[pair[1]]))
        replied.append((decode[pair[0]], decode[pair[1]]))
    prefill_ratio, decode_ratio = ratio_of(read[1:]), ratio_of(replied[1:])
    shown = {"prefill": prefill_ratio, "decode": decode_ratio}
    return SystemCost(
        name,
        against,
        heads,
        tokens,
        system.dense_below,
        statistics.median(one for one, _ in read[1:]),
        statistics.median(one for one, _ in replied[1:]),
        prefill_ratio,
        decode_ratio,
        [what for what, ratio in shown.items() if ratio.median * SLOWER < 1],
    )


def ratio_of(times: Sequence[tuple[float, float]]) -> Ratio:
    """Of pairs of a system's time and dense attention's."""
    ratios = [round(dense / ours, 2) for ours, dense in times]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def show(comparison: Comparison) -> None:
    """One line for each form."""
    print(f"\n{comparison.title}")
    for name, ms in comparison.ms.items():
        print(f"  {name:<46} {ms:>11,.2f} ms  {comparison.times_as_fast_as_first[name]:>8.2f}x")


def show_system(cost: SystemCost) -> None:
    """One line for a system at a length."""

    def told(ratio: Ratio) -> str:
        return f"{ratio.median:>5.2f}x [{ratio.least:.2f}, {ratio.largest:.2f}]"

    where = "below" if cost.tokens < cost.break_even else "above"
    print(
        f"  {cost.system:<13} {cost.tokens:>7,} {where}  against {cost.against}  "
        f"prefill {cost.prefill_ms:>9,.1f} ms {told(cost.prefill)}  "
        f"decode {cost.decode_ms:>7.2f} ms {told(cost.decode)}  "
        + (f"slower: {', '.join(cost.slower)}" if cost.slower else "ok"),
        flush=True,
    )


def main() -> None:
    """Measure the parts asked for and print them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes: a try-out, no result")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", nargs="+", choices=("decode", "prefill", "systems"))
    parser.add_argument("--systems", nargs="+", choices=sorted(SYSTEMS), default=sorted(SYSTEMS))
    parser.add_argument("--decode", nargs="+", choices=sorted(DECODE), default=sorted(DECODE))
    parser.add_argument("--lengths", nargs="+", type=int, help="tokens that systems are given")
    parser.add_argument("--heads", nargs=2, type=int, default=SYSTEM_HEADS, help="query, KV heads")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    given = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(given.threads)
    sizes = QUICK if given.quick else FULL
    parts = given.only or ("decode", "prefill", "systems")
    generator = torch.Generator().manual_seed(given.seed)
    ran_on = machine()
    print(", ".join(f"{name} {value}" for name, value in ran_on.items()))
    compared: list[Comparison] = []
    decoded: list[DecodeCost] = []
    costs: list[SystemCost] = []
    with torch.inference_mode():
        if "decode" in parts:
            print(f"\ndecode, a step after {sizes.decode_tokens:,} tokens, 32 heads on 8 KV heads")
            decoded = measure_decode(sizes, given.decode, generator)
        if "prefill" in parts:
            compared += measure_prefill(sizes, generator)
        for comparison in compared:
            show(comparison)
        if "systems" in parts:
            print("\nsystems with default settings, times as fast as dense [least, largest round]")
            for name in given.systems:
                break_even = open_default(name, given.heads[1]).dense_below
                print(f"{name}: break-even {break_even:,} tokens" if break_even else f"{name}:")
                for against, tokens in product(
                    dense_forms(name), given.lengths or sizes.system_tokens
                ):
                    rounds, seed = sizes.system_rounds, given.seed
                    costs.append(measure_system(name, against, given.heads, tokens, rounds, seed))
                    show_system(costs[-1])
    if given.json:
        report = {"machine": ran_on, "sizes": asdict(sizes),
                  "decode": [asdict(cost) for cost in decoded],
                  "comparisons": [asdict(comparison) for comparison in compared],
                  "systems": [asdict(cost) for cost in costs]}  # fmt: skip
        given.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()

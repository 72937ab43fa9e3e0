"""Methods that score tokens, against a second formulation over the whole text and index sets."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pytest
import torch
from tests.kernels.systems.rows import Rows
from torch import Tensor

from tapgraph.errors import UsageError
from tapgraph.kernels import (
    H2O,
    ExpectedAttention,
    ExpectedAttentionConfig,
    H2OConfig,
    Held,
    KeyDiff,
    LayerShape,
    PlainRotary,
    ScoredCache,
    ScoredConfig,
    SnapKV,
    SnapKVConfig,
    Tova,
)

ROUNDING = 1e-10
"""Float64; the expected attention is also turned back and forth."""
HEADS, KV_HEADS, DIM, GROUP, SCALE = 4, 2, 8, 2, 0.35
SHAPE = LayerShape(index=0, layers=1, heads=HEADS, kv_heads=KV_HEADS, head_dim=DIM, scale=SCALE)
PROMPT, TOKENS, KEPT, ROOM = 29, 45, 11, 3
CALLS = {
    "in one": [PROMPT],
    "in chunks": [7, 7, 7, 7, 1],
}


@dataclass(frozen=True)
class Text:
    """One row: queries `[heads, tokens, dim]`, keys and values `[kv_heads, tokens, dim]`."""

    queries: Tensor
    keys: Tensor
    values: Tensor

    def weights(self, head: int, query: int, seen: list[int]) -> dict[int, float]:
        """The softmax of one query over tokens, one number at a time."""
        seen = [token for token in seen if token <= query]
        key = self.keys[head // GROUP]
        powers = {
            token: math.exp(SCALE * float(self.queries[head, query] @ key[token])) for token in seen
        }
        total = sum(powers.values())
        return {token: power / total for token, power in powers.items()}


Seen = list[tuple[int, list[int]]]
"""Each query so far, and the tokens that it saw."""
Score = Callable[[Text, int, list[list[int]], list[Seen]], dict[int, float]]
"""From a text, a KV head, and for all KV heads the tokens held and what was seen."""


def heads_of(kv_head: int) -> range:
    return range(kv_head * GROUP, (kv_head + 1) * GROUP)


def keydiff(text: Text, kv_head: int, holds: list[list[int]], pasts: object) -> dict[int, float]:
    held = holds[kv_head]
    unit = {token: text.keys[kv_head, token] / text.keys[kv_head, token].norm() for token in held}
    anchor = sum(unit.values()) / len(held)
    return {token: -float(unit[token] @ anchor / anchor.norm()) for token in held}


def tova(text: Text, kv_head: int, holds: list[list[int]], pasts: list[Seen]) -> dict[int, float]:
    query = pasts[kv_head][-1][0]
    worth = dict.fromkeys(holds[kv_head], 0.0)
    for head in range(HEADS):
        # Each head looks at the tokens of its own KV head, which are the same for all.
        for token, weight in text.weights(head, query, holds[head // GROUP]).items():
            worth[token] += weight
    return worth


def snapkv(text: Text, kv_head: int, holds: list[list[int]], pasts: list[Seen]) -> dict[int, float]:
    held, past = holds[kv_head], pasts[kv_head]
    window, kernel = 4, 3
    queries = [query for query, _ in past][-window:]
    scored = held[: -len(queries)]
    mean = [0.0] * len(scored)
    for head in heads_of(kv_head):
        for query in queries:
            weights = text.weights(head, query, held)
            mean = [
                old + weights[token] / len(queries) / GROUP
                for old, token in zip(mean, scored, strict=True)
            ]
    reach = kernel // 2
    pooled = [
        sum(mean[max(0, place - reach) : place + reach + 1]) / kernel for place in range(len(mean))
    ]
    return dict(zip(scored, pooled, strict=True)) | dict.fromkeys(held[-len(queries) :], math.inf)


def h2o(text: Text, kv_head: int, holds: list[list[int]], pasts: list[Seen]) -> dict[int, float]:
    held, past = holds[kv_head], pasts[kv_head]
    sums = dict.fromkeys(held, 0.0)
    for query, seen in past:
        for head in heads_of(kv_head):
            weights = text.weights(head, query, seen)
            for token in held:
                sums[token] += weights.get(token, 0.0)
    return sums | dict.fromkeys(held[len(held) - KEPT // 2 :], math.inf)


def expected_attention(
    text: Text, kv_head: int, holds: list[list[int]], pasts: list[Seen]
) -> dict[int, float]:
    held, past = holds[kv_head], pasts[kv_head]
    sink, future, seen = 2, 8, len(past)
    frequency = [10_000.0 ** (-2 * channel / DIM) for channel in range(DIM // 2)]

    def turned(vector: Tensor, position: int) -> Tensor:
        first, second = vector[: DIM // 2].tolist(), vector[DIM // 2 :].tolist()
        pairs = [complex(a, b) for a, b in zip(first, second, strict=True)]
        out = [
            pair * complex(math.cos(position * rate), math.sin(position * rate))
            for pair, rate in zip(pairs, frequency, strict=True)
        ]
        return torch.tensor([one.real for one in out] + [one.imag for one in out]).double()

    total = dict.fromkeys(held[sink:], 0.0)
    turns = [
        torch.stack([turned(row, seen + step) for row in torch.eye(DIM).double()], dim=1)
        for step in range(future)
    ]
    mean_turn = torch.stack(turns).mean(dim=0)
    for head in heads_of(kv_head):
        queries = torch.stack([
            turned(text.queries[head, query], -query) for query in range(sink, seen)
        ])
        mean = mean_turn @ queries.mean(dim=0)
        covariance = mean_turn @ torch.cov(queries.T, correction=0) @ mean_turn.T
        powers = {}
        for token in held[sink:]:
            key = text.keys[kv_head, token]
            logit = SCALE * key @ mean + SCALE**2 / 2 * key @ covariance @ key
            powers[token] = math.exp(float(logit))
        for token, power in powers.items():
            total[token] += power / sum(powers.values()) / GROUP
    worth = {token: total[token] * float(text.values[kv_head, token].norm()) for token in total}
    return worth | dict.fromkeys(held[:sink], math.inf)


def simulate(text: Text, score: Score, prompt: str, chunks: list[int]) -> Tensor:
    """What each query gives, with sets of tokens instead of a cache."""
    held: list[list[int]] = [[] for _ in range(KV_HEADS)]
    past: list[Seen] = [[] for _ in range(KV_HEADS)]
    output = torch.zeros(HEADS, TOKENS, DIM, dtype=torch.float64)
    calls = [*chunks, *[1] * (TOKENS - PROMPT)]
    first, was_prompt = 0, False
    for number, count in enumerate(calls):
        is_prompt = number < len(chunks)
        if is_prompt:
            most = KEPT if prompt == "chunks" else TOKENS
        else:
            most = KEPT if was_prompt and prompt == "whole" else KEPT + ROOM - 1
        was_prompt = is_prompt
        chosen = []
        for kv_head in range(KV_HEADS):
            tokens = held[kv_head]
            if len(tokens) > most:
                worth = score(text, kv_head, held, past)
                best = sorted(tokens, key=lambda token: (-worth[token], token))[:KEPT]
                tokens = sorted(best)
            chosen.append(tokens)
        for kv_head in range(KV_HEADS):
            held[kv_head] = [*chosen[kv_head], *range(first, first + count)]
            for query in range(first, first + count):
                past[kv_head].append((query, list(held[kv_head])))
                for head in heads_of(kv_head):
                    for token, weight in text.weights(head, query, held[kv_head]).items():
                        output[head, query] += weight * text.values[kv_head, token]
        first += count
    return output


Prompt = Literal["whole", "chunks"]
METHODS: dict[str, tuple[Callable[[Prompt], ScoredCache], Score]] = {
    "keydiff": (lambda prompt: KeyDiff(ScoredConfig(KEPT, ROOM, prompt)), keydiff),
    "tova": (lambda prompt: Tova(ScoredConfig(KEPT, ROOM, prompt)), tova),
    "snapkv": (
        lambda prompt: SnapKV(SnapKVConfig(KEPT, ROOM, prompt, window=4, kernel=3)),
        snapkv,
    ),
    "h2o": (lambda prompt: H2O(H2OConfig(KEPT, ROOM, prompt)), h2o),
    "expected_attention": (
        lambda prompt: ExpectedAttention(
            ExpectedAttentionConfig(KEPT, ROOM, prompt, sink=2, future=8)
        ),
        expected_attention,
    ),
}


def texts(rows: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)

    def draw(heads: int) -> Tensor:
        return torch.randn(rows, heads, TOKENS, DIM, generator=generator, dtype=torch.float64)

    return draw(HEADS) * 2, draw(KV_HEADS), draw(KV_HEADS)


def run(system: ScoredCache, given: tuple[Tensor, Tensor, Tensor], chunks: list[int]) -> Tensor:
    layer = Rows(lambda: system.open_layer(SHAPE, PlainRotary()))
    outputs, first = [], 0
    for number, count in enumerate([*chunks, *[1] * (TOKENS - PROMPT)]):
        new = [tensor[:, :, first : first + count] for tensor in given]
        call = layer.prefill if number < len(chunks) else layer.decode
        outputs.append(call(*new))
        first += count
    return torch.cat(outputs, dim=2)


@pytest.mark.parametrize("chunks", CALLS)
@pytest.mark.parametrize("prompt", ["whole", "chunks"])
@pytest.mark.parametrize("name", METHODS)
def test_a_method_keeps_what_its_second_formulation_keeps(
    name: str, prompt: Prompt, chunks: str
) -> None:
    make, score = METHODS[name]
    given = texts(1)
    output = run(make(prompt), given, CALLS[chunks])
    expected = simulate(Text(*(tensor[0] for tensor in given)), score, prompt, CALLS[chunks])
    assert (output[0] - expected).abs().max() <= ROUNDING


@pytest.mark.parametrize("name", METHODS)
def test_methods_differ_from_each_other(name: str) -> None:
    given = texts(1)
    ours = run(METHODS[name][0]("whole"), given, [PROMPT])
    for other, (make, _) in METHODS.items():
        if other != name:
            assert (ours - run(make("whole"), given, [PROMPT])).abs().max() > 1e-3


def test_memory_is_what_stays_and_not_what_was_read() -> None:
    layer = KeyDiff(ScoredConfig(kept=100, room=50)).open_layer(SHAPE, PlainRotary())
    generator = torch.Generator().manual_seed(0)

    def draw(tokens: int) -> list[Tensor]:
        return [
            torch.randn(1, heads, tokens, DIM, generator=generator)
            for heads in (HEADS, KV_HEADS, KV_HEADS)
        ]

    layer.prefill(*draw(4000))
    dense = layer.bytes_held()
    for _ in range(120):
        layer.decode(*draw(1))
    page = 256
    positions = KV_HEADS * 100 * 8
    assert layer.bytes_held() == 2 * KV_HEADS * page * DIM * 4 + positions
    assert layer.bytes_held() < 0.1 * dense
    assert layer.tokens_seen == 4120
    assert 100 < layer.reading.attended < 150


def test_a_prompt_in_chunks_never_holds_more_than_the_budget_and_a_chunk() -> None:
    layer = KeyDiff(ScoredConfig(kept=200, prompt="chunks")).open_layer(SHAPE, PlainRotary())
    generator = torch.Generator().manual_seed(0)
    for _ in range(40):
        new = [torch.randn(1, heads, 50, DIM, generator=generator) for heads in (4, 2, 2)]
        layer.prefill(*new)
        assert layer.reading.attended <= 250
    assert layer.tokens_seen == 2000


class Wrong(ScoredCache):
    name = "wrong"
    about = KeyDiff.about

    def score(self, held: Held) -> Tensor:
        return held.keys.sum()


def test_a_score_of_another_shape_is_refused() -> None:
    with pytest.raises(UsageError, match=r"score of wrong must be \[2, 29\], got \[\]"):
        run(Wrong(ScoredConfig(kept=KEPT)), texts(1), [PROMPT])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ScoredConfig(kept=0), "kept must be at least 1, got 0"),
        (lambda: ScoredConfig(room=0), "room must be at least 1, got 0"),
        (
            lambda: ScoredConfig(prompt="some"),  # type: ignore[arg-type]
            "prompt must be 'whole' or 'chunks', got 'some'",
        ),
        (lambda: SnapKVConfig(kept=32), r"window must be in 1..31, got 32"),
        (lambda: SnapKVConfig(kernel=4), "kernel must be odd and at least 1, got 4"),
        (lambda: H2OConfig(recent_share=1), "recent_share must be at least 0 and below 1, got 1"),
        (lambda: ExpectedAttentionConfig(kept=4), r"sink must be in 0..3, got 4"),
        (lambda: ExpectedAttentionConfig(future=0), "future must be at least 1, got 0"),
    ],
)
def test_impossible_settings_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()

"""A prompt that begins like an earlier one is not read again, and says the same."""

from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tapgraph.kernels.attention_system import AttentionSystem
from tapgraph.kernels.systems import SYSTEMS
from tapgraph.kernels.systems.dense import Dense
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.local.generation import Generation, GenerationRequest, Prompt, Sampling
from tapgraph.llm_backend.local.prefix_store import common_length

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

CHUNK = 16
LIMITS = EngineLimits(prefill_chunk=CHUNK)
NO_STORE = EngineLimits(prefill_chunk=CHUNK, prefix_bytes=0)


def request(*parts: tuple[int, ...]) -> GenerationRequest:
    """A prompt of several turns, with log-probabilities as a witness of every bit."""
    ends = [sum(map(len, parts[: place + 1])) for place in range(len(parts))]
    prompt = Prompt(sum(parts, ()), tuple(ends))
    return GenerationRequest(prompt, 8, Sampling(0), top_logprobs=3, min_tokens=8)


def same(first: Generation, second: Generation) -> bool:
    """Whether tokens and log-probabilities are equal to the last bit."""
    return (first.tokens, first.scores) == (second.tokens, second.scores)


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_a_warm_prompt_gives_what_a_cold_one_gives(
    name: str, tiny: "Tiny", attention_cases: ModuleType
) -> None:
    system: AttentionSystem = attention_cases.TIGHT[name]()
    own = system.chunk_tokens or 1
    chunk = max(own, CHUNK // own * own)
    shared = tiny.prompt(2 * chunk + 6, 1)
    requests = [request(shared, tiny.prompt(length, length)) for length in (23, 40, 5, 23)]
    with Engine(tiny.load(), system, NO_STORE) as engine:
        cold = [engine.submit(one).result() for one in requests]
    with Engine(tiny.load(), system, LIMITS) as engine:
        warm = [engine.submit(one).result() for one in requests]
        statistics = engine.statistics
    assert [same(*pair) for pair in zip(cold, warm, strict=True)] == [True] * 4
    assert [one.finished.count.cached for one in cold] == [0] * 4
    # Two chunks are shared; the last prompt came before as a whole.
    last = (len(shared) + 22) // chunk * chunk
    assert [one.finished.count.cached for one in warm] == [0, 2 * chunk, 2 * chunk, last]
    assert (statistics.prefix_lookups, statistics.prefix_hits) == (4, 3)
    assert statistics.cached_tokens == 4 * chunk + last
    assert statistics.prefix_bytes > 0


def test_dense_attention_takes_over_tokens_at_any_cut(tiny: "Tiny") -> None:
    shared = tiny.prompt(70, 1)
    limits = EngineLimits(prefill_chunk=50)
    requests = [request(shared, tiny.prompt(length, length)) for length in (23, 40)]
    with Engine(tiny.load(), limits=EngineLimits(prefill_chunk=50, prefix_bytes=0)) as engine:
        cold = [engine.submit(one).result() for one in requests]
    with Engine(tiny.load(), limits=limits) as engine:
        warm = [engine.submit(one).result() for one in requests]
    assert [one.finished.count.cached for one in warm] == [0, 64]
    assert [one.tokens for one in warm] == [one.tokens for one in cold]
    for one, other in zip(warm, cold, strict=True):
        for score, wanted in zip(one.scores, other.scores, strict=True):
            assert score.chosen.logprob == pytest.approx(wanted.chosen.logprob, abs=1e-4)


def test_other_systems_are_cut_at_the_same_places_whatever_the_chunk(
    tiny: "Tiny", attention_cases: ModuleType
) -> None:
    prompts = [(*tiny.prompt(600, 1), *tiny.prompt(length, length)) for length in (9, 90)]
    system: AttentionSystem = attention_cases.TIGHT["token_select"]()
    with Engine(tiny.load(), system) as engine:
        cached = [
            engine.submit(tiny.greedy(prompt, 1)).result().finished.count.cached
            for prompt in prompts
        ]
    assert cached == [0, 512]


def test_the_check_would_see_a_wrong_prefix(tiny: "Tiny") -> None:
    with Engine(tiny.load(), Dense(), NO_STORE) as engine:
        first = engine.submit(request(tiny.prompt(70, 1), tiny.prompt(9, 2))).result()
        other = engine.submit(request(tiny.prompt(70, 3), tiny.prompt(9, 2))).result()
    assert not same(first, other)


@pytest.mark.parametrize("name", ["dense", "duo"])
def test_a_prompt_that_parts_within_a_turn_is_found_again(
    name: str, tiny: "Tiny", attention_cases: ModuleType
) -> None:
    shared = tiny.prompt(100, 1)
    prompts = [Prompt((*shared, *tiny.prompt(30, seed))) for seed in (2, 3, 4)]
    system: AttentionSystem = attention_cases.TIGHT[name]()
    with Engine(tiny.load(), system, LIMITS) as engine:
        cached = [
            engine.submit(GenerationRequest(prompt, 2, Sampling(0))).result().finished.count.cached
            for prompt in prompts
        ]
    # A cache that cannot be cropped is forked where two prompts part, once that has been seen.
    assert cached == ([0, 96, 96] if name == "dense" else [0, 0, 96])


@pytest.mark.parametrize("name", ["dense", "duo"])
def test_replies_of_one_prompt_share_its_reading_while_they_run(
    name: str, tiny: "Tiny", attention_cases: ModuleType
) -> None:
    prompt = Prompt(tiny.prompt(90, 5))
    system: AttentionSystem = attention_cases.TIGHT[name]()
    with Engine(tiny.load(), system, LIMITS) as engine:
        streams = [
            engine.submit(GenerationRequest(prompt, 30, Sampling(1, seed=seed), min_tokens=30))
            for seed in range(4)
        ]
        replies = [stream.result() for stream in streams]
    assert [reply.finished.count.cached for reply in replies] == [0, 80, 80, 80]
    assert len({reply.tokens for reply in replies}) == 4


def test_the_budget_of_bytes_is_kept_and_the_least_used_goes_first(tiny: "Tiny") -> None:
    first, second, third = (tiny.prompt(60, seed) for seed in (1, 2, 3))

    def cached(engine: Engine, prompt: tuple[int, ...]) -> int:
        return engine.submit(tiny.greedy(prompt, 1)).result().finished.count.cached

    with Engine(tiny.load(), limits=LIMITS) as engine:
        cached(engine, first)
        one = engine.statistics.prefix_bytes
    limits = EngineLimits(prefill_chunk=CHUNK, prefix_bytes=2 * one)
    with Engine(tiny.load(), limits=limits) as engine:
        assert [cached(engine, prompt) for prompt in (first, second, first, third)] == [0, 0, 48, 0]
        assert engine.statistics.kept_tokens == 2 * 48
        assert engine.statistics.prefix_bytes <= 2 * one
        assert [cached(engine, prompt) for prompt in (first, second)] == [48, 0]


def test_what_prompts_begin_with_alike_is_kept_once(tiny: "Tiny") -> None:
    beginning = tiny.prompt(64, 1)
    with Engine(tiny.load(), limits=LIMITS) as engine:
        for seed in range(3):
            engine.submit(tiny.greedy((*beginning, *tiny.prompt(33, 2 + seed)), 1)).result()
        statistics = engine.statistics
        assert statistics.kept_tokens == 64 + 3 * 32
        page = statistics.prefix_bytes // (statistics.kept_tokens // 16)
        assert page == 2 * 2 * 16 * 16 * 4, (
            "layers, keys and values, tokens, heads' widths, float32"
        )


def test_a_conversation_goes_on_from_what_was_said(tiny: "Tiny") -> None:
    prompt = tiny.prompt(40, 1)
    with Engine(tiny.load(), limits=LIMITS) as engine:
        said = engine.submit(tiny.greedy(prompt, 40, min_tokens=40)).result().tokens
        longer = (*prompt, *said, *tiny.prompt(9, 2))
        warm = engine.submit(request(longer)).result()
    with Engine(tiny.load(), limits=NO_STORE) as engine:
        cold = engine.submit(request(longer)).result()
    # 79 of the 80 tokens were read: the last one was only said.
    assert warm.finished.count.cached == 64
    assert warm.tokens == cold.tokens


def test_a_cancelled_reply_leaves_what_was_read(tiny: "Tiny") -> None:
    prompt = tiny.prompt(60, 1)
    with Engine(tiny.load(), limits=LIMITS) as engine:
        stream = engine.submit(tiny.greedy(prompt, 4000, min_tokens=4000))
        next(iter(stream))
        stream.cancel()
        list(stream)
        assert engine.submit(tiny.greedy(prompt, 1)).result().finished.count.cached == 48


def test_the_common_length_is_found_for_all_lengths() -> None:
    first = tuple(range(40))
    for length in range(40):
        second = (*first[:length], -1, *first[length + 1 :])
        assert common_length(first, second) == length
        assert common_length(first[:length], first) == length

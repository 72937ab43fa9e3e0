"""Requests share memory and time: all end well, and none for another's sake."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from tapgraph.errors import ContextExceeded, UsageError
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.local.generation import (
    Finished,
    Generation,
    GenerationRequest,
    Sampling,
)
from tapgraph.llm_backend.local.systems import open_system

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

PAGE_BYTES = 2 * 2 * 256 * 16 * 4
"""Of 256 tokens: layers, keys and values, tokens, width of the KV heads, float32."""


def together(engine: Engine, requests: Sequence[GenerationRequest]) -> list[Generation]:
    streams = [engine.submit(request) for request in requests]
    return [stream.result() for stream in streams]


def fail_on(token: int) -> Any:
    """A hook by which passes over this token raise."""

    def fail(module: nn.Module, inputs: Any, named: dict[str, Any]) -> None:
        if token in named["input_ids"]:
            raise RuntimeError("poison")

    return fail


@pytest.mark.parametrize("joins", ["at once", "while others run"])
def test_a_failing_pass_ends_only_the_reply_that_it_fails_for(joins: str, tiny: "Tiny") -> None:
    checkpoint = tiny.load()
    requests = [
        tiny.greedy([token for token in tiny.prompt(60, seed) if token != 77], 30, min_tokens=30)
        for seed in range(5)
    ]
    poisoned = tiny.greedy((8, 77, 9))
    limits = EngineLimits(prefill_chunk=16, prefix_bytes=0)
    with Engine(checkpoint, limits=limits) as engine:
        alone = together(engine, requests)
        hook = checkpoint.model.register_forward_pre_hook(fail_on(77), with_kwargs=True)
        streams = [engine.submit(request) for request in requests]
        if joins == "while others run":
            next(iter(streams[0]))
        *_, failed = engine.submit(poisoned)
        rest = [stream.result() for stream in streams[1:]]
        hook.remove()
    assert isinstance(failed, Finished)
    assert (failed.reason, failed.error) == ("failed", "RuntimeError: poison")
    assert [one.tokens for one in rest] == [one.tokens for one in alone[1:]]


def test_a_reply_whose_token_cannot_be_chosen_ends_alone(tiny: "Tiny") -> None:
    broken = Sampling(1.0, top_p=0.5)
    object.__setattr__(broken, "temperature", math.nan)
    sound = tiny.greedy((8, 9), 30)
    with Engine(tiny.load()) as engine:
        alone = engine.submit(sound).result()
        streams = [engine.submit(one) for one in (sound, replace(sound, sampling=broken), sound)]
        first, failed, last = ([*stream][-1] for stream in streams)
        assert engine.submit(sound).result().tokens == alone.tokens
    assert isinstance(failed, Finished)
    assert failed.reason == "failed"
    for other in (first, last):
        assert isinstance(other, Finished)
        assert other.count.completion == alone.finished.count.completion


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(0)])
def test_scores_that_are_no_numbers_end_a_reply_in_one_sentence(
    tiny: "Tiny", sampling: Sampling
) -> None:
    checkpoint = tiny.load()
    request = replace(tiny.greedy((8, 9), 30), sampling=sampling)
    with Engine(checkpoint) as engine:
        head = checkpoint.model.get_output_embeddings()
        hook = head.register_forward_hook(lambda *given: torch.full_like(given[2], math.nan))
        *_, failed = engine.submit(request)
        hook.remove()
        assert engine.submit(request).result().tokens
    assert isinstance(failed, Finished)
    assert failed.reason == "failed"
    assert "no numbers to choose by" in failed.error


def test_a_reply_that_chooses_what_fails_ends_alone(tiny: "Tiny") -> None:
    checkpoint = tiny.load()
    requests = [tiny.greedy(tiny.prompt(40, seed), 30, min_tokens=30) for seed in range(4)]
    with Engine(checkpoint, limits=EngineLimits(prefix_bytes=0)) as engine:
        alone = together(engine, requests)
        said = [set(one.tokens[:-1]) for one in alone]
        prompts = [set(one.prompt.tokens) for one in requests]
        poison = next(iter(said[2] - said[0] - said[1] - said[3] - set().union(*prompts)))
        hook = checkpoint.model.register_forward_pre_hook(fail_on(poison), with_kwargs=True)
        streams = [engine.submit(request) for request in requests]
        *_, failed = streams[2]
        rest = [streams[place].result() for place in (0, 1, 3)]
        hook.remove()
    assert isinstance(failed, Finished)
    assert failed.reason == "failed"
    assert [one.tokens for one in rest] == [alone[place].tokens for place in (0, 1, 3)]


@pytest.mark.parametrize("name", ["dense", "token_select", "duo", "razor", "snapkv", "landmark"])
def test_two_hundred_requests_end_well_in_half_the_memory(
    name: str, tiny: "Tiny", attention_cases: Any
) -> None:
    context, count = 1024, 200 if name == "dense" else 24
    lengths = [20 + 97 * seed % 700 for seed in range(count)]
    requests = [
        tiny.greedy(tiny.prompt(length, seed), 24 + 41 * seed % 250, min_tokens=400)
        for seed, length in enumerate(lengths)
    ]
    system = attention_cases.TIGHT[name]()
    with Engine(tiny.load(), system) as engine:
        page = engine.statistics.budget_bytes * 256 // engine.statistics.budget_tokens
    half = 16 * context // 256 * page // 2
    limits = EngineLimits(context, waiting=count, cache_bytes=half)
    with Engine(tiny.load(), system, limits) as engine:
        answered: list[int] = []
        streams = [
            engine.submit(request, partial(answered.append, place))
            for place, request in enumerate(requests)
        ]
        replies = [stream.result() for stream in streams]
        statistics = engine.statistics
    assert [len(one.tokens) for one in replies] == [one.max_tokens for one in requests]
    assert statistics.finished == {"length": count}
    # What other systems keep beside tokens varies by less than a hundredth.
    assert statistics.most_bytes <= half * (1 if name == "dense" else 1.01)
    # Only those that run together can overtake each other.
    first_words = list(dict.fromkeys(answered))
    late = [first_words.index(place) - place for place in range(count)]
    assert max(late) < 2 * limits.running


def test_a_reply_that_gave_up_its_memory_says_what_it_would_have_said(tiny: "Tiny") -> None:
    requests = [tiny.greedy(tiny.prompt(100, seed), 700, min_tokens=700) for seed in range(6)]
    with Engine(tiny.load(), limits=EngineLimits(running=1)) as engine:
        alone = together(engine, requests)
    limits = EngineLimits(cache_bytes=8 * PAGE_BYTES)
    with Engine(tiny.load(), limits=limits) as engine:
        crowded = together(engine, requests)
        statistics = engine.statistics
    assert statistics.preempted > 0, "memory was never short"
    assert [one.tokens for one in crowded] == [one.tokens for one in alone]
    assert statistics.most_bytes <= 8 * PAGE_BYTES


def test_nobody_who_runs_makes_way_for_a_newcomer(tiny: "Tiny") -> None:
    limits = EngineLimits(cache_bytes=4 * PAGE_BYTES, prefix_bytes=0)
    ended: list[str] = []
    with Engine(tiny.load(), limits=limits) as engine:
        first = engine.submit(
            tiny.greedy(tiny.prompt(500), 200, min_tokens=200), lambda: ended.append("first")
        )
        next(iter(first))
        second = engine.submit(tiny.greedy(tiny.prompt(600), 2), lambda: ended.append("second"))
        first.result()
        second.result()
        assert engine.statistics.preempted == 0
    assert ended.index("second") > len(ended) - 1 - ended[::-1].index("first")


def test_a_short_prompt_is_read_beside_a_long_one(tiny: "Tiny") -> None:
    order: list[str] = []
    limits = EngineLimits(prefill_chunk=32, prefix_bytes=0)
    with Engine(tiny.load(), limits=limits) as engine:
        long = engine.submit(tiny.greedy(tiny.prompt(3000, 1), 1), lambda: order.append("long"))
        short = engine.submit(tiny.greedy(tiny.prompt(14, 2), 1), lambda: order.append("short"))
        short.result()
        long.result()
    assert order.index("short") < order.index("long")


def test_what_never_fits_into_the_memory_is_refused(tiny: "Tiny") -> None:
    limits = EngineLimits(cache_bytes=2 * PAGE_BYTES)
    with Engine(tiny.load(), limits=limits) as engine:
        assert engine.context_tokens == engine.statistics.budget_tokens == 512
        with pytest.raises(ContextExceeded, match="is 512 tokens: the prompt has 500"):
            engine.submit(tiny.greedy(tiny.prompt(500), 13))
    with pytest.raises(UsageError, match="a context of 600 tokens needs 196608 bytes"):
        Engine(tiny.load(), limits=EngineLimits(600, cache_bytes=2 * PAGE_BYTES))


def test_kept_prefixes_make_way_for_replies(tiny: "Tiny") -> None:
    limits = EngineLimits(cache_bytes=8 * PAGE_BYTES)
    with Engine(tiny.load(), limits=limits) as engine:
        for seed in (1, 2):
            engine.submit(tiny.greedy(tiny.prompt(900, seed), 1)).result()
            assert engine.statistics.kept_tokens >= 896
        engine.submit(tiny.greedy(tiny.prompt(1300, 3), 1)).result()
        statistics = engine.statistics
    assert statistics.most_bytes <= 8 * PAGE_BYTES
    assert statistics.preempted == 0


def test_keys_and_values_in_few_bits_leave_room_for_more(tiny: "Tiny") -> None:
    budgets, replies = [], []
    for options in ({}, {"kv_bits": "8"}):
        limits = EngineLimits(cache_bytes=2**24)
        with Engine(tiny.load(), open_system("dense", options), limits) as engine:
            budgets.append(engine.statistics.budget_tokens)
            request = tiny.greedy(tiny.prompt(900), 20, min_tokens=20)
            said = [engine.submit(request).result() for _ in range(2)]
            assert engine.statistics.cached_tokens >= 512
        assert said[0].tokens == said[1].tokens
        replies.append(said[0].tokens)
    assert budgets[1] > 2.5 * budgets[0]
    assert replies[0][:5] == replies[1][:5]

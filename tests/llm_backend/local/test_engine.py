"""Many replies at once from one model are the replies that each would get alone."""

import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from tapgraph.errors import ContextExceeded, ModelBusy, ModelUnavailable, UsageError
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.local.generation import (
    Delta,
    Finished,
    Generation,
    GenerationRequest,
    GenerationStream,
    Prompt,
    Sampling,
)

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

FAMILIES = ("llama", "qwen2", "qwen3", "mistral", "gemma", "gemma3", "qwen2_5_vl", "qwen3_vl")
LENGTHS = (5, 33, 70, 14, 100, 64, 1, 32)


def together(engine: Engine, requests: Sequence[GenerationRequest]) -> list[Generation]:
    streams = [engine.submit(request) for request in requests]
    return [stream.result() for stream in streams]


def tokens_of(replies: Sequence[Generation]) -> list[tuple[int, ...]]:
    return [reply.tokens for reply in replies]


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_tokens_are_those_of_generate(family: str, tiny: "Tiny") -> None:
    checkpoint = tiny.load(family)
    prompts = [tiny.prompt(length, seed) for seed, length in enumerate(LENGTHS)]
    expected = []
    for prompt in prompts:
        generated = checkpoint.model.generate(  # type: ignore[operator]
            torch.tensor([prompt]), max_new_tokens=12, do_sample=False,
            suppress_tokens=list(tiny.nameless),
        )  # fmt: skip
        said = generated[0, len(prompt) :].tolist()
        expected.append(tuple(token for token in said if token not in checkpoint.end_tokens))
    with Engine(checkpoint, limits=EngineLimits(prefill_chunk=32)) as engine:
        assert tokens_of(together(engine, [tiny.greedy(one) for one in prompts])) == expected


@pytest.mark.parametrize("chunk", [7, 32])
def test_a_batch_of_mixed_lengths_equals_one_by_one(chunk: int, tiny: "Tiny") -> None:
    requests = [tiny.greedy(tiny.prompt(length, 50 + length), 20) for length in LENGTHS]
    with Engine(tiny.load(), limits=EngineLimits(prefill_chunk=chunk, prefix_bytes=0)) as engine:
        alone = [engine.submit(request).result() for request in requests]
        assert tokens_of(together(engine, requests)) == tokens_of(alone)
        assert max(len(reply.tokens) for reply in alone) == 20


def test_equal_seeds_give_equal_tokens_whoever_runs_beside(tiny: "Tiny") -> None:
    def sampled(seed: int, length: int = 20) -> GenerationRequest:
        prompt = Prompt(tiny.prompt(length))
        return GenerationRequest(prompt, 30, Sampling(1.0, top_p=0.95, seed=seed))

    with Engine(tiny.load()) as engine:
        alone = engine.submit(sampled(7)).result()
        crowd = together(
            engine, [sampled(1, 9), sampled(7), sampled(2, 40), sampled(7), sampled(8)]
        )
    assert crowd[1].tokens == crowd[3].tokens == alone.tokens
    assert crowd[4].tokens != alone.tokens


def test_without_a_seed_replies_differ(tiny: "Tiny") -> None:
    with Engine(tiny.load()) as engine:
        request = GenerationRequest(Prompt(tiny.prompt(9)), 20, Sampling(1.0))
        first, second = together(engine, [request, request])
    assert first.tokens != second.tokens


def test_requests_join_and_leave_between_steps(tiny: "Tiny") -> None:
    long, short = tiny.greedy(tiny.prompt(12, 4), 200), tiny.greedy(tiny.prompt(40, 5), 3)
    with Engine(tiny.load(), limits=EngineLimits(prefix_bytes=0)) as engine:
        long_alone, short_alone = (engine.submit(one).result() for one in (long, short))
        running = engine.submit(long)
        events = iter(running)
        begun = [next(events), next(events)]
        joined = engine.submit(short).result()
        assert engine.statistics.running == 1, "the long reply ended before the short one"
        rest = list(events)
    assert joined.tokens == short_alone.tokens
    said = [
        token for event in [*begun, *rest] if isinstance(event, Delta) for token in event.tokens
    ]
    assert tuple(said) == long_alone.tokens


def test_a_long_prompt_does_not_stall_running_replies(tiny: "Tiny") -> None:
    order: list[str] = []
    limits = EngineLimits(prefill_chunk=7, prefix_bytes=0)
    with Engine(tiny.load(), limits=limits) as engine:
        running = engine.submit(
            tiny.greedy(tiny.prompt(3, 1), 400, min_tokens=400), lambda: order.append("r")
        )
        events = iter(running)
        next(events)
        before = len(order)
        joined = engine.submit(tiny.greedy(tiny.prompt(140, 2), 1), lambda: order.append("joined"))
        joined.result()
        running.cancel()
    between = order[before : order.index("joined")]
    assert len(between) >= 140 // 7 - 1, "fewer tokens than chunks came meanwhile"


def test_events_come_in_order_and_end_once(tiny: "Tiny") -> None:
    with Engine(tiny.load()) as engine:
        events = list(engine.submit(tiny.greedy(tiny.prompt(30), 25)))
        whole = engine.submit(tiny.greedy(tiny.prompt(30), 25)).result()
    assert [isinstance(event, Finished) for event in events] == [False] * (len(events) - 1) + [True]
    deltas = [event for event in events if isinstance(event, Delta)]
    assert len(deltas) > 3, "the reply came in one piece"
    assert "".join(delta.text for delta in deltas) == whole.text


def test_text_is_what_the_tokenizer_decodes(tiny: "Tiny") -> None:
    checkpoint = tiny.load()
    requests = [
        GenerationRequest(Prompt(tiny.prompt(9)), 60, Sampling(1.0, seed=seed)) for seed in range(8)
    ]
    with Engine(checkpoint) as engine:
        replies = together(engine, requests)
    for reply in replies:
        decoded = checkpoint.tokenizer.decode(list(reply.tokens), skip_special_tokens=True)
        # The engine leaves out a character that the end of the reply cuts.
        assert str(decoded).rstrip("\ufffd") == reply.text.rstrip("\ufffd")


def test_cancelling_frees_the_slot(tiny: "Tiny") -> None:
    with Engine(tiny.load(), limits=EngineLimits(running=1)) as engine:
        held = engine.submit(tiny.greedy(tiny.prompt(5), 4000, min_tokens=4000))
        waiting = engine.submit(tiny.greedy(tiny.prompt(6), 4000, min_tokens=4000))
        next(iter(held))
        waiting.cancel()
        assert last_of(waiting).reason == "cancelled"
        held.cancel()
        assert last_of(held).reason == "cancelled"
        assert len(engine.submit(tiny.greedy(tiny.prompt(7), 5, min_tokens=5)).result().tokens) == 5
        assert engine.statistics.finished == {"cancelled": 2, "length": 1}
        assert engine.statistics.cache_bytes == 0


def last_of(stream: GenerationStream) -> Finished:
    *_, last = stream
    assert isinstance(last, Finished)
    return last


def test_a_cancelled_reply_is_an_error_for_who_waits_for_it(tiny: "Tiny") -> None:
    with Engine(tiny.load()) as engine:
        stream = engine.submit(tiny.greedy(tiny.prompt(5), 4000, min_tokens=4000))
        stream.cancel()
        with pytest.raises(ModelUnavailable, match="cancelled"):
            stream.result()


def test_a_full_queue_refuses_and_recovers(tiny: "Tiny") -> None:
    with Engine(tiny.load(), limits=EngineLimits(running=1, waiting=2)) as engine:
        endless = tiny.greedy(tiny.prompt(5), 4000, min_tokens=4000)
        first = engine.submit(endless)
        next(iter(first))
        waiting = [engine.submit(endless) for _ in range(2)]
        with pytest.raises(ModelBusy, match="2 wait, which is the limit"):
            engine.submit(endless)
        assert engine.statistics.refused == 1
        for stream in (first, *waiting):
            stream.cancel()
        for stream in waiting:
            list(stream)
        assert engine.submit(tiny.greedy(tiny.prompt(5), 2)).result().tokens


@pytest.mark.parametrize(
    ("length", "max_tokens", "fits"),
    [(90, 10, True), (90, 11, False), (99, None, True), (100, None, False), (500, 1, False)],
)
def test_the_context_limit_is_checked_before_any_work(
    length: int, max_tokens: int | None, fits: bool, tiny: "Tiny"
) -> None:
    with Engine(tiny.load(), limits=EngineLimits(context_tokens=100)) as engine:
        request = tiny.greedy(tiny.prompt(length), max_tokens, min_tokens=1000)
        if fits:
            reply = engine.submit(request).result()
            assert (len(reply.tokens), reply.finished.reason) == (100 - length, "length")
        else:
            with pytest.raises(ContextExceeded, match=f"is 100 tokens: the prompt has {length}"):
                engine.submit(request)
            assert engine.statistics.submitted == 0


def test_a_context_above_the_checkpoints_is_refused(tiny: "Tiny") -> None:
    with pytest.raises(UsageError, match="is 4096 tokens, got 5000"):
        Engine(tiny.load(), limits=EngineLimits(context_tokens=5000))


def test_time_that_is_over_ends_a_reply_and_keeps_its_text(tiny: "Tiny") -> None:
    with Engine(tiny.load()) as engine:
        request = tiny.greedy(tiny.prompt(5), 4000, min_tokens=4000, timeout_s=0.2)
        *deltas, last = engine.submit(request)
    assert isinstance(last, Finished)
    assert last.reason == "timeout"
    assert last.total_s >= 0.2
    assert last.count.completion > len(deltas) > 0 or last.count.completion == len(deltas)


def test_closing_finishes_what_was_taken_on(tiny: "Tiny") -> None:
    engine = Engine(tiny.load(), limits=EngineLimits(running=2))
    streams = [engine.submit(tiny.greedy(tiny.prompt(9, seed), 15)) for seed in range(6)]
    engine.close()
    assert [last_of(stream).reason in {"stop", "length"} for stream in streams] == [True] * 6
    with pytest.raises(ModelUnavailable, match="was closed"):
        engine.submit(tiny.greedy(tiny.prompt(5)))
    engine.close()


def test_closing_at_once_cancels_and_gives_the_model_back(tiny: "Tiny") -> None:
    checkpoint = tiny.load()
    before = checkpoint.model.config._attn_implementation
    engine = Engine(checkpoint, limits=EngineLimits(running=2))
    endless = tiny.greedy(tiny.prompt(5), 4000, min_tokens=4000)
    streams = [engine.submit(endless) for _ in range(5)]
    engine.close(drain=False)
    assert [last_of(stream).reason for stream in streams] == ["cancelled"] * 5
    assert checkpoint.model.config._attn_implementation == before


def test_a_failing_forward_pass_ends_its_replies_only(tiny: "Tiny") -> None:
    checkpoint = tiny.load()

    def fail_on_poison(module: nn.Module, inputs: Any, named: dict[str, Any]) -> None:
        if 77 in named["input_ids"] and named["input_ids"].shape[1] > 1:
            raise RuntimeError("poison")

    hook = checkpoint.model.register_forward_pre_hook(fail_on_poison, with_kwargs=True)
    with Engine(checkpoint) as engine:
        failed = last_of(engine.submit(tiny.greedy((8, 77, 9))))
        assert (failed.reason, failed.error) == ("failed", "RuntimeError: poison")
        assert engine.submit(tiny.greedy((8, 78, 9), min_tokens=3)).result().tokens
    hook.remove()


def test_twenty_clients_at_once_get_their_own_replies(tiny: "Tiny") -> None:
    requests = [tiny.greedy(tiny.prompt(10 + 3 * one, one), 10) for one in range(20)]
    with Engine(tiny.load(), limits=EngineLimits(running=4, prefill_chunk=16)) as engine:
        alone = [engine.submit(request).result().tokens for request in requests]
        got: dict[int, tuple[int, ...]] = {}

        def ask(place: int) -> None:
            got[place] = engine.submit(requests[place]).result().tokens

        clients = [threading.Thread(target=ask, args=(place,)) for place in range(20)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        statistics = engine.statistics
    assert [got[place] for place in range(20)] == alone
    assert (statistics.submitted, sum(statistics.finished.values())) == (40, 40)
    assert statistics.prompt_tokens == 2 * sum(len(one.prompt.tokens) for one in requests)
    assert (statistics.running, statistics.waiting) == (0, 0)


def test_log_probabilities_are_those_of_the_models_own_distribution(tiny: "Tiny") -> None:
    checkpoint = tiny.load()
    prompt = tiny.prompt(11)
    request = GenerationRequest(
        Prompt(prompt), 6, Sampling(2.0, top_p=0.5, seed=3), top_logprobs=4, min_tokens=6
    )
    with Engine(checkpoint) as engine:
        reply = engine.submit(request).result()
    with torch.no_grad():
        logits = checkpoint.model(torch.tensor([(*prompt, *reply.tokens)])).logits[0]
    logits[:, list(tiny.nameless)] = -torch.inf
    expected = torch.log_softmax(logits.double(), dim=-1)[len(prompt) - 1 :]
    assert len(reply.scores) == 6
    for score, token, row in zip(reply.scores, reply.tokens, expected, strict=False):
        assert score.chosen.token == token
        assert score.chosen.logprob == pytest.approx(float(row[token]), abs=1e-4)
        best = row.sort(descending=True)
        assert [one.token for one in score.top] == best.indices[:4].tolist()
        assert [one.logprob for one in score.top] == pytest.approx(
            best.values[:4].tolist(), abs=1e-4
        )


def test_tokens_that_are_none_are_refused(tiny: "Tiny") -> None:
    with Engine(tiny.load()) as engine:
        for token in (-1, 360):
            with pytest.raises(UsageError, match="from 0 to 359"):
                engine.submit(tiny.greedy((5, token)))


def test_waiting_requests_keep_their_order(tiny: "Tiny") -> None:
    ended: list[int] = []
    with Engine(tiny.load(), limits=EngineLimits(running=1)) as engine:
        streams = []
        for place in range(5):
            request = tiny.greedy(tiny.prompt(4, place), 2, min_tokens=2)
            streams.append(engine.submit(request, partial(ended.append, place)))
        for stream in streams:
            stream.result()
        deadline = time.monotonic() + 5
        while len(ended) < 15 and time.monotonic() < deadline:
            threading.Event().wait(0.01)
    assert ended == sorted(ended)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"running": 0}, "running must be at least 1, got 0"),
        ({"waiting": -1}, "waiting must be at least 0, got -1"),
        ({"prefill_chunk": 0}, "prefill_chunk must be at least 1"),
        ({"prefix_bytes": -1}, "prefix_bytes must be at least 0"),
        ({"context_tokens": 1}, "context_tokens must be at least 2"),
    ],
)
def test_limits_that_cannot_be_are_refused(values: dict[str, int], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        EngineLimits(**values)

"""Requests of one engine with different task embeddings, or none."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("llguidance")

from tapgraph.errors import UsageError  # noqa: E402
from tapgraph.kernels.systems import SYSTEMS  # noqa: E402
from tapgraph.llm_backend.local.engine import Engine, EngineLimits  # noqa: E402
from tapgraph.llm_backend.steering.known_tasks import KnownTasks  # noqa: E402
from tapgraph.llm_backend.steering.task_embedding import with_task  # noqa: E402

TASKS = ("opposites", "capitals")


@pytest.fixture(scope="module")
def checkpoint(tiny: Any) -> Any:
    return tiny.load()


@pytest.fixture(scope="module")
def known(checkpoint: Any, made_task: Any) -> KnownTasks:
    return KnownTasks({name: made_task(checkpoint, name, seed) for seed, name in enumerate(TASKS)})


def by_hand(checkpoint: Any, prompt: tuple[int, ...], embedding: Any) -> tuple[int, ...]:
    """The likeliest tokens, everything read again for each."""
    text = list(prompt)
    known = torch.ones(checkpoint.vocabulary, dtype=torch.bool)
    if checkpoint.nameless is not None:
        known = ~checkpoint.nameless
    for _ in range(12):
        with torch.no_grad():
            if embedding is None:
                logits = checkpoint.model(torch.tensor([text]), use_cache=False).logits
            else:
                with with_task(checkpoint.model, embedding, prompt_tokens=len(prompt)):
                    logits = checkpoint.model(torch.tensor([text]), use_cache=False).logits
        token = int(logits[0, -1].masked_fill(~known, -torch.inf).argmax())
        if token in checkpoint.end_tokens:
            break
        text.append(token)
    return tuple(text[len(prompt) :])


@pytest.mark.parametrize("system", ["dense", "quest", "sink_window"])
@pytest.mark.parametrize("length", [21, 48])
def test_replies_with_different_tasks_in_one_engine_are_those_of_each_alone(
    checkpoint: Any, known: KnownTasks, tiny: Any, system: str, length: int
) -> None:
    prompts = [tiny.prompt(length, seed=1), tiny.prompt(33, seed=2)]
    wanted = [
        by_hand(checkpoint, prompt, known.of(name or ""))
        for prompt in prompts
        for name in (*TASKS, "")
    ]
    limits = EngineLimits(prefill_chunk=10, cache_bytes=2**28)
    make: Any = SYSTEMS[system]
    with Engine(checkpoint, make(), limits, tasks=known) as engine:
        for _ in range(2):
            streams = [
                engine.submit(tiny.greedy(prompt, task=name))
                for prompt in prompts
                for name in (*TASKS, "")
            ]
            assert [one.result().tokens for one in streams] == wanted
        assert engine.statistics.cached_tokens > 0
    assert len(set(wanted)) == len(wanted)


def test_what_was_read_with_a_task_is_shared_up_to_the_last_token_of_the_prompt(
    checkpoint: Any, known: KnownTasks, tiny: Any
) -> None:
    prompt = tiny.prompt(48, seed=3)
    with Engine(checkpoint, None, EngineLimits(cache_bytes=2**28), tasks=known) as engine:
        first = engine.submit(tiny.greedy(prompt, task="opposites")).result()
        # The same text and what was said: 48 tokens are three pages, the last one ends with the
        # token that the embedding went into.
        longer = (*prompt, *first.tokens, *tiny.prompt(9, seed=4))
        plain = engine.submit(tiny.greedy(longer, task="")).result()
        again = engine.submit(tiny.greedy(prompt, task="opposites")).result()
    assert plain.finished.count.cached == 32
    assert again.tokens == first.tokens
    assert plain.tokens == by_hand(checkpoint, longer, None)


def test_a_reply_that_gave_up_its_memory_goes_on_as_before(
    checkpoint: Any, known: KnownTasks, tiny: Any
) -> None:
    prompt = tiny.prompt(30, seed=5)
    with Engine(checkpoint, None, EngineLimits(cache_bytes=2**28), tasks=known) as engine:
        whole = engine.submit(tiny.greedy(prompt, 40, task="capitals")).result().tokens
        page = engine._room.cost.page
    limits = EngineLimits(cache_bytes=7 * page, prefix_bytes=0, context_tokens=80)
    with Engine(checkpoint, None, limits, tasks=known) as engine:
        streams = [engine.submit(tiny.greedy(prompt, 40, task="capitals")) for _ in range(3)]
        replies = [one.result().tokens for one in streams]
    assert replies == [whole] * 3


def test_a_request_that_names_no_task_gets_the_default(
    checkpoint: Any, known: KnownTasks, tiny: Any
) -> None:
    prompt = tiny.prompt(20, seed=6)
    tasks = KnownTasks(known.by_name, "capitals")
    with Engine(checkpoint, None, EngineLimits(cache_bytes=2**28), tasks=tasks) as engine:
        named, default, none = (
            engine.submit(tiny.greedy(prompt, task=task)).result().tokens
            for task in ("capitals", None, "")
        )
    assert named == default != none


def test_an_unknown_task_is_refused_with_the_known_ones(
    checkpoint: Any, known: KnownTasks, tiny: Any
) -> None:
    with (
        Engine(checkpoint, None, EngineLimits(cache_bytes=2**28), tasks=known) as engine,
        pytest.raises(UsageError, match=r"'rhymes'; there are opposites, capitals"),
    ):
        engine.submit(tiny.greedy(tiny.prompt(5), task="rhymes"))


def test_an_embedding_of_another_shape_is_refused(tiny: Any, made_task: Any) -> None:
    other = tiny.load("qwen3")
    embedding = made_task(other)
    cut = KnownTasks({"cut": type(embedding)(**{
        name: getattr(embedding, name) for name in (
            "name", "model_fingerprint", "model_name", "data_sha256", "seed", "settings", "weights"
        )
    }, vectors=embedding.vectors[:1])})  # fmt: skip
    with pytest.raises(UsageError, match="layers, heads and head_dim"):
        Engine(other, None, EngineLimits(cache_bytes=2**28), tasks=cut)

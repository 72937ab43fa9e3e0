"""What an engine says is what `generate()` says, wherever a prompt ends."""

from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import torch

from tapgraph.kernels.attention_system import AttentionSystem
from tapgraph.kernels.in_models.attention import use_attention
from tapgraph.kernels.systems import SYSTEMS
from tapgraph.kernels.systems.hip import Hip, HipConfig
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.local.generation import Generation, GenerationRequest, Prompt, Sampling

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

LEAST_CHUNK = 16
LIMITS = EngineLimits(prefill_chunk=LEAST_CHUNK)
STEPS = 4
TOLERANCE = 1e-3
"""Of log-probabilities in float32: another order of sums is far below it, other tokens above."""

Said = tuple[list[int], list[float]]
"""Tokens of a reply, and their log-probabilities."""


def generated(
    checkpoint: Checkpoint, system: AttentionSystem, prompts: list[tuple[int, ...]]
) -> list[Said]:
    """What `generate()` says to prompts in one padded batch."""
    model: Any = checkpoint.model
    nameless: Any = checkpoint.nameless
    longest = max(map(len, prompts))
    padding = [longest - len(prompt) for prompt in prompts]
    ids = torch.tensor([(0,) * (longest - len(prompt)) + prompt for prompt in prompts])
    with use_attention(model, system):
        told = model.generate(
            ids,
            attention_mask=(torch.arange(longest) >= torch.tensor(padding)[:, None]).long(),
            max_new_tokens=STEPS,
            min_new_tokens=STEPS,
            do_sample=False,
            return_dict_in_generate=True,
            output_logits=True,
            suppress_tokens=nameless.nonzero()[:, 0].tolist(),
        )
    tokens = told.sequences[:, longest:]
    logits = torch.stack(told.logits, dim=1).masked_fill(nameless, -torch.inf)
    scores = logits.log_softmax(dim=-1).gather(2, tokens[..., None])[..., 0]
    return list(zip(tokens.tolist(), scores.tolist(), strict=True))


def request(prompt: tuple[int, ...]) -> GenerationRequest:
    return GenerationRequest(Prompt(prompt), STEPS, Sampling(0), top_logprobs=1, min_tokens=STEPS)


def said(reply: Generation) -> Said:
    return list(reply.tokens), [score.chosen.logprob for score in reply.scores]


def are_equal(one: Said, other: Said) -> bool:
    return one[0] == other[0] and one[1] == pytest.approx(other[1], abs=TOLERANCE)


@pytest.mark.parametrize("name", SYSTEMS)
def test_an_engine_says_what_generate_says(
    name: str, tiny: "Tiny", attention_cases: ModuleType
) -> None:
    system: AttentionSystem = attention_cases.TIGHT[name]()
    checkpoint = tiny.load()
    chunk = max(LEAST_CHUNK, system.chunk_tokens or 0)
    prompts = [tiny.prompt(length, length) for length in (chunk - 1, chunk + 1, 2 * chunk + 1)]
    wanted = [generated(checkpoint, system, [prompt])[0] for prompt in prompts]
    assert all(map(are_equal, generated(checkpoint, system, prompts), wanted))
    # The last prompt again, with another last token: all before it is known by then.
    prompts.append((*prompts[-1][:-1], 9))
    wanted += generated(checkpoint, system, prompts[-1:])
    with Engine(checkpoint, system, LIMITS) as engine:
        beside_each_other = [engine.submit(request(prompt)) for prompt in prompts]
        replies = [stream.result() for stream in beside_each_other]
        replies += [engine.submit(request(prompt)).result() for prompt in prompts]
    assert all(map(are_equal, map(said, replies), wanted * 2))
    assert replies[-1].finished.count.cached > 0


@pytest.mark.parametrize("name", ["dhsa", "hip", "sale", "xattention"])
def test_what_is_dense_is_kept_in_shorter_pieces_than_a_chunk(
    name: str, tiny: "Tiny", attention_cases: ModuleType
) -> None:
    system: Any = attention_cases.TIGHT[name]()
    chunk = 4 * LEAST_CHUNK
    dense_below = 3 * chunk + 5
    size = {"hip": {"query_block": chunk // 16}, "xattention": {"block": chunk // 4}}
    own = size.get(name, {"chunk": chunk})
    system.config = replace(system.config, dense_below=dense_below, **own)
    assert system.chunk_tokens == chunk
    assert 3 * chunk < system.dense_below < 4 * chunk
    checkpoint, text = tiny.load(), tiny.prompt(5 * chunk + 3, 1)
    # The second parts from the first amid a dense chunk, the third amid the first sparse one.
    prompts = [text[: 4 * chunk - 1], (*text[: 2 * chunk + 40], *text[chunk:]), text]
    with Engine(checkpoint, system, LIMITS) as engine:
        replies = [engine.submit(request(prompt)).result() for prompt in prompts]
    for reply, prompt in zip(replies, prompts, strict=True):
        assert are_equal(said(reply), generated(checkpoint, system, [prompt])[0])
    assert [reply.finished.count.cached for reply in replies] == [0, 2 * chunk + 32, 3 * chunk]


def test_the_check_would_see_other_chunks(tiny: "Tiny", attention_cases: ModuleType) -> None:
    class Uncut(Hip):
        @property
        def chunk_tokens(self) -> int | None:  # type: ignore[override]
            return None

    config: HipConfig = attention_cases.TIGHT["hip"]().config
    checkpoint, prompt = tiny.load(), tiny.prompt(100)
    wanted = generated(checkpoint, Uncut(config), [prompt])[0]
    with Engine(checkpoint, Uncut(config), EngineLimits(prefill_chunk=7)) as engine:
        assert not are_equal(said(engine.submit(request(prompt)).result()), wanted)

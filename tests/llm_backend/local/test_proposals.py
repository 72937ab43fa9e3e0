"""Several tokens a pass: what the grammar forces and what was said before, with equal output."""

from typing import TYPE_CHECKING, ClassVar

import pytest

from tapgraph.kernels.systems.dense import Dense
from tapgraph.llm_backend.local.constraints import Constraint, JsonSchema
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.local.engine_statistics import EngineStatistics
from tapgraph.llm_backend.local.generation import (
    Generation,
    GenerationRequest,
    Prompt,
    Sampling,
)

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

SCHEMA = JsonSchema({
    "type": "object",
    "properties": {
        "a_rather_long_name": {"enum": ["Tap", "Type"]},
        "another_long_name": {"type": "boolean"},
        "words": {"type": "string", "maxLength": 20},
    },
    "required": ["a_rather_long_name", "another_long_name", "words"],
    "additionalProperties": False,
})
NO_STORE = EngineLimits(prefix_bytes=0)


class TokenByToken(Dense):
    """Dense attention to which nothing is proposed."""

    same_in_chunks: ClassVar[bool] = False
    shares_pages: ClassVar[bool] = False


def answers(
    tiny: "Tiny", system: Dense, requests: list[GenerationRequest], family: str = "llama"
) -> tuple[list[Generation], EngineStatistics]:
    with Engine(tiny.load(family), system, NO_STORE) as engine:
        streams = [engine.submit(request) for request in requests]
        return [stream.result() for stream in streams], engine.statistics


def of_all_kinds(tiny: "Tiny", constraint: Constraint | None) -> list[GenerationRequest]:
    """Prompts that repeat themselves and one that does not, greedy and sampled, some scored."""
    prompts = [tiny.prompt(20, seed) * (1 + 3 * (seed % 2)) for seed in range(6)]
    return [
        GenerationRequest(
            Prompt(prompt),
            60,
            Sampling(float(seed % 3), seed=seed, frequency_penalty=0.5 if seed > 3 else 0.0),
            constraint=constraint,
            top_logprobs=2 if seed == 3 else None,
            min_tokens=5,
        )
        for seed, prompt in enumerate(prompts)
    ]


@pytest.mark.parametrize("constraint", [None, SCHEMA], ids=["free", "schema"])
@pytest.mark.parametrize("family", ["llama", "gemma3", "qwen2_5_vl"])
def test_proposed_tokens_change_no_reply(
    family: str, constraint: Constraint | None, tiny: "Tiny"
) -> None:
    requests = of_all_kinds(tiny, constraint)
    wanted, one_by_one = answers(tiny, TokenByToken(), requests, family)
    got, proposed = answers(tiny, Dense(), requests, family)
    assert [one.tokens for one in got] == [one.tokens for one in wanted]
    assert [one.text for one in got] == [one.text for one in wanted]
    assert one_by_one.reply_passes == one_by_one.completion_tokens
    assert proposed.completion_tokens == one_by_one.completion_tokens


def test_a_reply_that_repeats_itself_takes_fewer_passes_than_tokens(tiny: "Tiny") -> None:
    # A random model soon says the same again and again.
    request = tiny.greedy(tiny.prompt(20), 300, min_tokens=300)
    _, statistics = answers(tiny, Dense(), [request])
    assert statistics.reply_passes < statistics.completion_tokens


def test_what_the_grammar_forces_takes_fewer_passes_than_tokens(tiny: "Tiny") -> None:
    request = tiny.greedy(tiny.prompt(20), 80, constraint=SCHEMA)
    _, statistics = answers(tiny, Dense(), [request])
    assert statistics.reply_passes < statistics.completion_tokens

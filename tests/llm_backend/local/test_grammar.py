"""Replies that must keep to a schema do, whatever the model would like to say."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.mobile.replies import (
    DelegatingManagerReply,
    ManagerReply,
    NotetakerReply,
    OperatorReply,
    ReflectorReply,
    ShortcutReply,
    TipsReply,
    VerifierReply,
)
from tapgraph.errors import UsageError
from tapgraph.llm_backend.local.constraints import Choice, Constraint, JsonSchema
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.local.generation import (
    Generation,
    GenerationRequest,
    Prompt,
    Sampling,
)

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

SCHEMAS: tuple[type[BaseModel], ...] = (
    ManagerReply, DelegatingManagerReply, OperatorReply, ReflectorReply, NotetakerReply,
    VerifierReply, ShortcutReply, TipsReply, VerifierReply, TipsReply,
)  # fmt: skip
FLAG: Mapping[str, Any] = {
    "type": "object",
    "properties": {"done": {"type": "boolean"}, "kind": {"enum": ["A", "B"]}},
    "required": ["done", "kind"],
    "additionalProperties": False,
}


def replies(
    engine: Engine, constraint: Constraint, temperature: float, count: int, max_tokens: int = 900
) -> Sequence[Generation]:
    streams = [
        engine.submit(
            GenerationRequest(
                Prompt((7 + seed, 30, 40)),
                max_tokens,
                Sampling(temperature, seed=seed),
                constraint=constraint,
            )
        )
        for seed in range(count)
    ]
    return [stream.result() for stream in streams]


@pytest.mark.parametrize("temperature", [0, 1, 2])
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.__name__)
def test_every_reply_of_a_random_model_is_valid(
    schema: type[BaseModel], temperature: float, tiny: "Tiny"
) -> None:
    constraint = JsonSchema(schema.model_json_schema(), longest_text=8)
    with Engine(tiny.load("qwen3")) as engine:
        for reply in replies(engine, constraint, temperature, 4):
            assert reply.finished.reason == "stop", reply.text
            schema.model_validate_json(reply.text)


@pytest.mark.parametrize("family", ["llama", "gemma", "qwen2_5_vl"])
def test_other_families_keep_to_a_schema_too(family: str, tiny: "Tiny") -> None:
    with Engine(tiny.load(family)) as engine:
        for reply in replies(engine, JsonSchema(FLAG), 2, 12):
            said = json.loads(reply.text)
            assert set(said) == {"done", "kind"}
            assert said["done"] in {True, False}
            assert said["kind"] in {"A", "B"}


def test_without_the_grammar_the_same_model_says_something_else(tiny: "Tiny") -> None:
    with Engine(tiny.load("qwen3")) as engine:
        prompt = Prompt((7, 30, 40))
        free = engine.submit(GenerationRequest(prompt, 60, Sampling(1, seed=1))).result()
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(free.text)


@pytest.mark.parametrize("limit", [1, 5, 12])
def test_a_reply_that_the_limit_cuts_is_told_to_be_cut(limit: int, tiny: "Tiny") -> None:
    with Engine(tiny.load()) as engine:
        for reply in replies(engine, JsonSchema(FLAG), 1, 6, limit):
            assert reply.finished.reason == "length"
            assert reply.finished.count.completion == limit


def test_a_reply_that_fills_the_limit_exactly_is_whole(tiny: "Tiny") -> None:
    with Engine(tiny.load()) as engine:
        (whole,) = replies(engine, JsonSchema(FLAG), 0, 1)
        needed = whole.finished.count.completion
        (exact,) = replies(engine, JsonSchema(FLAG), 0, 1, needed)
        (cut,) = replies(engine, JsonSchema(FLAG), 0, 1, needed - 1)
    assert (exact.text, exact.finished.reason) == (whole.text, "stop")
    assert cut.finished.reason == "length"


def test_a_choice_is_one_of_its_texts(tiny: "Tiny") -> None:
    options = ("tap", "tap twice", 'say "é"')
    with Engine(tiny.load()) as engine:
        found = {reply.text for reply in replies(engine, Choice(options), 2, 40)}
    assert found <= set(options)
    assert len(found) > 1


def test_text_around_the_value_is_literal(tiny: "Tiny") -> None:
    constraint = JsonSchema({"type": "boolean"}, prefix="<a>\n", suffix="\n</a>")
    with Engine(tiny.load()) as engine:
        found = {reply.text for reply in replies(engine, constraint, 1, 20)}
    assert found <= {"<a>\ntrue\n</a>", "<a>\nfalse\n</a>"}


def test_any_object_is_an_object(tiny: "Tiny") -> None:
    with Engine(tiny.load()) as engine:
        for reply in replies(engine, JsonSchema({"type": "object"}, longest_text=8), 1, 10):
            assert isinstance(json.loads(reply.text), dict)


def test_log_probabilities_are_not_those_of_the_grammar(tiny: "Tiny") -> None:
    request = GenerationRequest(
        Prompt((7, 8)), 5, Sampling(0), constraint=JsonSchema(FLAG), top_logprobs=1
    )
    with Engine(tiny.load()) as engine:
        reply = engine.submit(request).result()
    # Under the grammar the first token would be certain.
    assert reply.scores[0].chosen.text.startswith("{")
    assert reply.scores[0].chosen.logprob < -0.1
    assert reply.scores[0].top[0].token != reply.scores[0].chosen.token


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"not": {"type": "string"}}, 'cannot be held to.*"not"'),
        ({"type": "string", "pattern": "(?=a)b"}, "cannot be held to"),
        ({"$ref": "#/nowhere"}, "cannot be held to"),
        ({"$ref": "https://example.org/schema"}, "cannot be held to"),
        ({"type": "nothing"}, "cannot be held to"),
        ({"type": {1, 2}}, "is no JSON schema"),
    ],
)
def test_a_schema_that_cannot_be_held_to_is_refused(
    schema: Mapping[str, Any], told: str, tiny: "Tiny"
) -> None:
    with Engine(tiny.load()) as engine, pytest.raises(UsageError, match=told):
        engine.submit(tiny.greedy((7, 8), constraint=JsonSchema(schema)))


def test_a_schema_that_is_nested_too_deeply_is_refused(tiny: "Tiny") -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(3000):
        schema = {"type": "array", "items": schema}
    with Engine(tiny.load()) as engine:
        for longest_text in (None, 5):
            constraint = JsonSchema(schema, longest_text=longest_text)
            with pytest.raises(UsageError, match="the schema"):
                engine.submit(tiny.greedy((7, 8), constraint=constraint))


def test_steering_tokens_are_never_part_of_a_valid_reply(tiny: "Tiny") -> None:
    checkpoint = tiny.load()
    with Engine(checkpoint) as engine:
        text = JsonSchema({"type": "string", "minLength": 5, "maxLength": 30})
        for reply in replies(engine, text, 2, 10):
            assert not checkpoint.special_tokens & set(reply.tokens)

"""The schema that holds a local model's reply to what each API takes."""

import json
from typing import Any

import pytest

from tapgraph.agents.api.offered_reply import offered_reply
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.llm_backend.json_object import parse_object
from tapgraph.llm_backend.local.short_schema import closed, shortened
from tapgraph.tools.api.catalog import Api, ApiCatalog
from tapgraph.tools.api.json_schema import SchemaReader

llguidance = pytest.importorskip("llguidance", reason="the extra 'local' is not installed")

EXACT = ModelTraits("local", enforces_schemas=True)
BYTES = llguidance.LLTokenizer("byte")
PERSON = {
    "type": "object",
    "required": ["email"],
    "properties": {
        "email": {"type": "string", "format": "made-up", "minLength": 900, "maxLength": 1},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
        "more": {},
    },
}
MAIL: dict[str, Any] = {"type": "array", "items": {"oneOf": [PERSON, {"type": "integer"}]}}
REFERENCE = {"from_call": 1, "pointer": "/0/email"}


def catalog() -> ApiCatalog:
    reader = SchemaReader({})
    to = reader.parameter("to", MAIL, required=True, where="x")
    dry = reader.parameter("dry", {"type": "boolean"}, required=False, where="x")
    return ApiCatalog([Api("mail.send", parameters=(to, dry)), Api("now")])


def is_possible(reply: dict[str, Any], *, longest_text: int | None = None) -> bool:
    """Whether the engine behind local models could write the reply."""
    schema = closed(offered_reply(catalog(), ["mail.send", "now"], EXACT).model_json_schema())
    if longest_text is not None:
        schema = shortened(schema, longest_text)
    compact: Any = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
    grammar = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=compact)
    matcher = llguidance.LLMatcher(BYTES, grammar, log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    text = json.dumps(reply, separators=(",", ":"))
    taken = matcher.validate_tokens(BYTES.tokenize_str(text))
    return bool(taken == len(text))


def call(api: str, **arguments: Any) -> dict[str, Any]:
    return {"thought": "", "action": "call", "api": api, "arguments": arguments}


@pytest.mark.parametrize(
    "reply",
    [
        call("now"),
        call("mail.send", to=[{"email": "a@b.c", "tags": ["a"], "more": {"x": 1}}, 7]),
        call("mail.send", to=[{"email": REFERENCE}], dry=True),
        call("mail.send", to=REFERENCE, dry={"from_call": 2}),
        call("mail.send", to=[{"email": "", "tags": [{"from_system": "now"}]}]),
        {"thought": "", "action": "read", "arguments": {"a": REFERENCE}},
        {"thought": "", "action": "search", "query": "q"},
        {"thought": "", "action": "ask_user", "question": "Which?"},
        {"thought": "", "action": "finish", "answer": "12"},
        {"thought": "", "action": "give_up", "answer": "no way"},
    ],
)
def test_what_can_be_said_fits_the_grammar_and_is_read(reply: dict[str, Any]) -> None:
    assert is_possible(reply)
    parse_object(json.dumps(reply), offered_reply(catalog(), ["mail.send", "now"], EXACT))


@pytest.mark.parametrize(
    "reply",
    [
        call("mail.sent"),
        call("now", zone="x"),
        call("mail.send"),
        call("mail.send", to="ann"),
        call("mail.send", to=[{"name": "Ann"}]),
        call("mail.send", to=[{"email": "a", "tags": ["c"]}]),
        call("mail.send", to=[{"email": 7}]),
        {"thought": "", "action": "search"},
    ],
)
def test_what_no_api_takes_cannot_be_said(reply: dict[str, Any]) -> None:
    assert not is_possible(reply)


def test_shortened_texts_leave_the_grammar_sound() -> None:
    assert is_possible(call("mail.send", to=[{"email": "a"}]), longest_text=9)


def test_servers_that_keep_to_no_schema_are_sent_names_only() -> None:
    schema = offered_reply(catalog(), ["mail.send"], ModelTraits("far")).model_json_schema()
    assert schema["properties"]["api"]["enum"] == ["mail.send", ""]
    assert "email" not in json.dumps(schema)


def test_one_offer_is_one_class() -> None:
    first, second = (offered_reply(catalog(), ["now"], EXACT) for _ in range(2))
    assert first is second

"""A shortened schema lets through less, and nothing that the schema would not."""

import json
import random
from typing import Any

import jsonschema
import pytest

from tapgraph.agents.api.replies import ChooserReply
from tapgraph.agents.mobile.replies import OperatorReply, ShortcutReply
from tapgraph.llm_backend.local.short_schema import (
    USUAL_ITEMS,
    USUAL_TEXT,
    closed,
    shortened,
    with_usual_limits,
)

OPEN: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "code": {"type": "string", "maxLength": 99},
        "amount": {"type": ["number", "null"], "minimum": 5},
        "list": {"type": "array", "items": {"type": "string"}, "minItems": 5},
        "anything": {},
        "open": {"type": "object", "additionalProperties": {"type": "number"}},
        "kind": {"enum": ["a very long word indeed", 1.5]},
    },
}


def test_every_kind_of_value_gets_a_limit() -> None:
    short = shortened(OPEN, 7)["properties"]
    assert short["text"]["maxLength"] == 7
    assert short["code"]["maxLength"] == 99
    assert (short["amount"]["type"], short["amount"]["minimum"]) == (["integer", "null"], 5)
    assert short["amount"]["maximum"] >= 5
    assert (short["list"]["maxItems"], short["list"]["items"]["maxLength"]) == (5, 7)
    assert short["open"]["maxProperties"] == 1
    assert short["kind"] == OPEN["properties"]["kind"]
    assert {one["type"] for one in short["anything"]["anyOf"]} == {"string", "integer", "boolean"}


def test_the_schema_itself_is_not_changed() -> None:
    before = json.dumps(OPEN)
    shortened(OPEN, 7)
    assert json.dumps(OPEN) == before


@pytest.mark.parametrize(
    "schema",
    [OPEN, *(one.model_json_schema() for one in (OperatorReply, ShortcutReply, ChooserReply))],
    ids=["open", "operator", "shortcut", "chooser"],
)
def test_what_fits_the_shortened_schema_fits_the_schema(schema: dict[str, Any]) -> None:
    short = shortened(schema, 9)
    checks = [jsonschema.Draft202012Validator(one) for one in (short, schema)]
    drawn = random.Random(3)
    for _ in range(60):
        value = _random_value(short, short, drawn)
        assert [check.is_valid(value) for check in checks] == [True, True], value


def test_objects_are_closed_unless_their_schema_opens_them() -> None:
    nested = {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {}}}}}
    assert closed(nested)["additionalProperties"] is False
    assert closed(nested)["properties"]["a"]["additionalProperties"] is False
    opened = {**nested, "additionalProperties": {"type": "string"}}
    assert closed(opened)["additionalProperties"] == {"type": "string"}
    assert "additionalProperties" not in closed({"type": "object"})
    parts = {"allOf": [nested, nested]}
    assert closed(parts) == parts


def _random_value(schema: Any, root: Any, drawn: random.Random) -> Any:
    """A value that fits, made without the grammar engine."""
    if "$ref" in schema:
        return _random_value(root["$defs"][schema["$ref"].rpartition("/")[2]], root, drawn)
    if "anyOf" in schema:
        return _random_value(drawn.choice(schema["anyOf"]), root, drawn)
    if "enum" in schema:
        return drawn.choice(schema["enum"])
    if "properties" in schema or "patternProperties" in schema:
        return _random_object(schema, root, drawn)
    kind = schema["type"] if isinstance(schema["type"], str) else drawn.choice(schema["type"])
    match kind:
        case "string":
            length = drawn.randint(schema.get("minLength", 0), schema["maxLength"])
            return "x" * length
        case "integer":
            return drawn.randint(schema["minimum"], schema["maximum"])
        case "array":
            count = drawn.randint(schema.get("minItems", 0), schema["maxItems"])
            return [_random_value(schema["items"], root, drawn) for _ in range(count)]
        case "boolean":
            return drawn.random() < 0.5
        case _:
            return None


def _random_object(schema: Any, root: Any, drawn: random.Random) -> dict[str, Any]:
    value = {
        name: _random_value(one, root, drawn)
        for name, one in schema.get("properties", {}).items()
        if name in schema.get("required", ()) or drawn.random() < 0.5
    }
    for one in schema.get("patternProperties", {}).values():
        if drawn.random() < 0.5:
            value["key"] = _random_value(one, root, drawn)
    return value


def test_usual_limits_are_set_where_there_are_none() -> None:
    words, numbers = {"type": "string"}, {"type": "array", "items": {"type": "integer"}}
    schema = {
        "$defs": {"tip": {"type": "object", "properties": {"tip": words}}},
        "properties": {
            "words": words,
            "short": {**words, "maxLength": 5},
            "grade": {"enum": ["A", "B"]},
            "list": {"type": "array", "items": {"anyOf": [words, numbers]}},
            "few": {**numbers, "maxItems": 2},
        },
    }
    limited = with_usual_limits(schema)
    assert limited["properties"]["words"]["maxLength"] == USUAL_TEXT
    assert limited["properties"]["short"]["maxLength"] == 5
    assert limited["properties"]["grade"] == {"enum": ["A", "B"]}
    inner = limited["properties"]["list"]
    assert inner["maxItems"] == USUAL_ITEMS
    assert inner["items"]["anyOf"][0]["maxLength"] == USUAL_TEXT // 10
    assert inner["items"]["anyOf"][1]["maxItems"] == USUAL_ITEMS
    assert limited["properties"]["few"]["maxItems"] == 2
    assert limited["$defs"]["tip"]["properties"]["tip"]["maxLength"] == USUAL_TEXT

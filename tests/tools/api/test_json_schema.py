"""Schemas of foreign documents."""

import json
from typing import Any

import pytest

from tapgraph.errors import UsageError
from tapgraph.tools.api.json_schema import SchemaReader, problems


def inlined(schema: object, document: dict[str, Any] | None = None) -> dict[str, Any]:
    return SchemaReader(document or {}).inlined(schema, where="here")


def test_references_are_followed_by_json_pointer() -> None:
    document = {"a/b": {"~c": [{"type": "integer"}]}}
    assert inlined({"$ref": "#/a~1b/~0c/0"}, document) == {"type": "integer"}


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("https://evil.example/schema.json", "outside the document"),
        ("other.yaml#/X", "outside the document"),
        ("#/components/Missing", "which is not there"),
        ("#/loop", "leads in a circle"),
    ],
)
def test_references_that_cannot_be_followed_are_refused(reference: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        SchemaReader({"loop": {"$ref": "#/loop"}}).resolved({"$ref": reference}, where="here")


def test_a_schema_that_holds_itself_is_cut_where_it_does() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/Node"}}}
    found = inlined({"$ref": "#/Node"}, {"Node": node})
    assert found["properties"] == {"next": {}}


def test_a_schema_that_doubles_at_each_level_stays_small() -> None:
    document: dict[str, Any] = {
        f"L{n}": {
            "type": "object",
            "properties": {f"p{m}": {"$ref": f"#/L{n + 1}"} for m in range(10)},
        }
        for n in range(30)
    }
    document["L30"] = {"type": "string"}
    assert len(json.dumps(inlined({"$ref": "#/L0"}, document))) < 100_000


def test_parts_of_all_of_are_joined() -> None:
    base = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    found = inlined(
        {"allOf": [{"$ref": "#/Base"}, {"properties": {"name": {"type": "string"}}}]},
        {"Base": base},
    )
    assert found["properties"] == {"id": {"type": "integer"}, "name": {"type": "string"}}
    assert found["required"] == ["id"]


def test_what_is_only_answered_is_not_asked() -> None:
    found = inlined({
        "properties": {"id": {"type": "integer", "readOnly": True}, "a": {"type": "string"}},
        "required": ["id", "a"],
    })
    assert found["properties"] == {"a": {"type": "string"}}
    assert found["required"] == ["a"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "nullable": True},
        {"type": ["string", "null"]},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
    ],
)
def test_all_ways_to_say_or_null_give_the_plain_type(schema: dict[str, Any]) -> None:
    parameter = SchemaReader({}).parameter("a", schema, required=False, where="here")
    assert parameter.type == "text"


def test_parameter_takes_description_choices_and_default() -> None:
    schema = {"type": "string", "enum": ["a", "b"], "default": "a", "description": "Which."}
    parameter = SchemaReader({}).parameter("p", schema, required=True, where="here")
    assert (parameter.type, parameter.choices, parameter.default, parameter.description) == (
        "enumeration", ("a", "b"), "a", "Which."
    )  # fmt: skip


def test_malformed_schemas_count_as_anything() -> None:
    assert inlined({"type": "no such", "enum": [], "minimum": "x", "properties": [1]}) == {}
    with pytest.raises(UsageError, match="must be a JSON object"):
        inlined(["not", "a", "schema"])


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ({"type": "string", "minLength": 2}, "a", "v must have at least 2 characters, got 1"),
        ({"type": "array", "maxItems": 1}, [1, 2], "v must have at most 1 items, got 2"),
        ({"type": "integer", "minimum": 1}, 0, "v must be at least 1, got 0"),
        ({"type": "number", "exclusiveMaximum": 1}, 1, "v must be below 1, got 1"),
        ({"const": 3}, 4, "v must be 3, got 4"),
        ({"required": ["a"]}, {}, "v lacks 'a'"),
        ({"properties": {"a": {"type": "string"}}}, {"a": 1}, "v.a must be text, got 1"),
        (
            {"properties": {"a": {}}, "additionalProperties": False},
            {"b": 1},
            "v.b is unknown; known are a",
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            [],
            "v fits none of the 2 shapes that it may have, got []",
        ),
        ({"type": ["string", "null"]}, 3, "v must be text or null, got 3"),
    ],
)
def test_problems_are_told_in_words(schema: dict[str, Any], value: Any, problem: str) -> None:
    assert list(problems(schema, value, "v")) == [problem]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({}, [1, {"a": None}]),
        ({"type": "number"}, 3),
        ({"type": "integer", "minimum": 1}, 1),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, 3),
        ({"type": ["string", "null"]}, None),
        ({"pattern": "^(a+)+$"}, "a" * 40 + "!"),
    ],
)
def test_what_fits_has_no_problems(schema: dict[str, Any], value: Any) -> None:
    assert list(problems(schema, value, "v")) == []

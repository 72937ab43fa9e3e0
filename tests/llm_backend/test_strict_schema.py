"""What is sent to a server as strict conforms to OpenAI's published rules."""

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from tapgraph.agents.api import replies as api_replies
from tapgraph.agents.mobile import replies as phone_replies
from tapgraph.agents.mobile.offer import Offer
from tapgraph.agents.mobile.offered_reply import offered_reply
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.llm_backend.json_object import parse_object
from tapgraph.llm_backend.openai_wire import response_format
from tapgraph.llm_backend.strict_schema import is_strict, strict_schema
from tapgraph.memory import MemoryStore
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.screen import Element, Role, Screen

OPEN = {"OperatorReply", "ChooserReply", "TipsReply"}
"""Replies in which `arguments` may hold any key, which no strict schema can say."""


def replies_of(module: Any) -> list[type[BaseModel]]:
    return [getattr(module, name) for name in module.__all__ if name.endswith("Reply")]


REPLIES = [*replies_of(phone_replies), *replies_of(api_replies)]
CLOSED = [reply for reply in REPLIES if reply.__name__ not in OPEN]


def screen_of(*elements: Element) -> Screen:
    return Screen(
        size=Size(1080, 2400),
        elements=elements,
        app=AppInfo("com.example", "Example"),
        keyboard_shown=False,
        screenshot=None,
        tree_xml="",
        fingerprint="f",
    )


SEARCH = Element(1, Bounds(0, 100, 1080, 200), "Search", Role.INPUT, clickable=True)


def sent(reply: type[BaseModel]) -> dict[str, Any]:
    asked: dict[str, Any] = response_format(reply)["json_schema"]
    return asked


def test_every_role_of_the_agents_has_a_reply() -> None:
    assert len(REPLIES) > 9
    assert {reply.__name__ for reply in REPLIES} >= OPEN


@pytest.mark.parametrize("reply", CLOSED, ids=lambda reply: str(reply.__name__))
def test_replies_are_strict_by_the_published_rules(
    reply: type[BaseModel], openai_strict_rules: Any
) -> None:
    assert sent(reply)["strict"] is True
    assert openai_strict_rules.problems_of(sent(reply)["schema"]) == []


@pytest.mark.parametrize(
    "screen", [screen_of(SEARCH), screen_of(), None], ids=["one element", "no element", "any"]
)
def test_the_offer_of_a_screen_is_strict_too(
    screen: Screen | None, openai_strict_rules: Any, tmp_path: Path
) -> None:
    with MemoryStore.open(tmp_path / "memory.db") as memory:
        offered = offered_reply(Offer(shortcuts=memory.shortcuts()), ModelTraits("m"), screen)
    assert sent(offered)["strict"] is True
    assert openai_strict_rules.problems_of(sent(offered)["schema"]) == []


class Free(BaseModel):
    arguments: dict[str, str] = Field(default_factory=dict)


def test_open_reply_is_sent_as_it_is_and_not_as_strict() -> None:
    assert sent(Free)["strict"] is False
    assert sent(Free)["schema"] == Free.model_json_schema()


@pytest.mark.parametrize("reply", CLOSED, ids=lambda reply: str(reply.__name__))
def test_reply_with_null_for_all_that_is_optional_is_the_one_without_it(
    reply: type[BaseModel],
) -> None:
    schema = sent(reply)["schema"]
    nulled = filled(schema, schema)
    required = {name: nulled[name] for name in reply.model_json_schema()["required"]}
    assert parse_object(json.dumps(nulled), reply) == parse_object(json.dumps(required), reply)


def filled(schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """A value that fits, null wherever that fits."""
    if "$ref" in schema:
        return filled(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    choices = schema.get("anyOf", [])
    kinds = schema.get("type", [])
    if "null" in kinds or any(choice.get("type") == "null" for choice in choices):
        return None
    if choices:
        return filled(choices[0], root)
    if "enum" in schema:
        return schema["enum"][0]
    if kinds == "object":
        return {name: filled(one, root) for name, one in schema["properties"].items()}
    if kinds == "array":
        return [filled(schema["items"], root)] * schema.get("minItems", 0)
    return {"string": "a", "integer": 1, "number": 1, "boolean": True}[kinds]


class Place(BaseModel):
    """A place."""

    name: str = Field(min_length=1, max_length=9)
    kind: Literal["cafe", "shop"] | None = None


class Trip(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str = "none"
    start: Place = Field(description="where it begins")
    stops: list[Place] = Field(default_factory=list, max_length=3)
    mode: Literal["foot", "car"] = "foot"


def test_everything_is_required_and_what_is_optional_may_be_null() -> None:
    place = {
        "type": "object",
        "description": "A place.",
        "properties": {
            "name": {"type": "string"},
            "kind": {"anyOf": [{"type": "string", "enum": ["cafe", "shop"]}, {"type": "null"}]},
        },
        "required": ["name", "kind"],
        "additionalProperties": False,
    }
    assert strict_schema(Trip.model_json_schema()) == {
        "type": "object",
        "properties": {
            "title": {"type": ["string", "null"]},
            "start": {**place, "description": "where it begins"},
            "stops": {
                "type": ["array", "null"],
                "items": {"$ref": "#/$defs/Place"},
                "maxItems": 3,
            },
            "mode": {"anyOf": [{"type": "string", "enum": ["foot", "car"]}, {"type": "null"}]},
        },
        "required": ["title", "start", "stops", "mode"],
        "additionalProperties": False,
        "$defs": {"Place": place},
    }


class Folder(BaseModel):
    name: str
    inside: "list[Folder]" = Field(default_factory=list)


def test_recursive_schema_ends(openai_strict_rules: Any) -> None:
    strict = strict_schema({
        "type": "object",
        "properties": {"top": {"$ref": "#/$defs/Folder"}},
        "$defs": Folder.model_json_schema()["$defs"],
    })
    assert openai_strict_rules.problems_of(strict) == []


def test_union_of_kinds_becomes_any_of() -> None:
    kinds = {"oneOf": [{"type": "string", "title": "A"}, {"type": "integer", "default": 1}]}
    schema = {"type": "object", "properties": {"a": kinds}, "required": ["a"]}
    assert strict_schema(schema)["properties"]["a"] == {
        "anyOf": [{"type": "string"}, {"type": "integer"}]
    }


def test_property_that_is_called_as_a_keyword_stays() -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}}
    assert strict_schema(schema)["required"] == ["title"]


def test_schema_that_is_given_is_not_changed() -> None:
    schema = Trip.model_json_schema()
    before = json.dumps(schema)
    strict_schema(schema)
    assert json.dumps(schema) == before


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"type": "object"},
        {"type": "object", "additionalProperties": True, "properties": {}},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "array"},
        {"type": "array", "items": {}},
        {"anyOf": [{"type": "string"}, {}]},
        {"allOf": [{"type": "string"}, {"minLength": 2}]},
    ],
)
def test_what_is_open_is_not_strict(value: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"a": value}, "required": ["a"]}
    assert not is_strict(strict_schema(schema))


def test_root_must_be_an_object() -> None:
    assert not is_strict(strict_schema({"anyOf": [{"type": "object", "properties": {}}]}))
    assert not is_strict(strict_schema({"type": "array", "items": {"type": "string"}}))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"type": "string", "default": ""}, "'default' is not permitted"),
        ({"type": "string", "minLength": 1}, "'minLength' is not permitted"),
        ({"oneOf": [{"type": "string"}]}, "'oneOf' is not permitted"),
        ({"allOf": [{"type": "string"}]}, "'allOf' is not permitted"),
        ({}, "it has no type"),
        ({"type": "object", "properties": {}, "required": []}, "must be false"),
        ({"type": "array"}, "'items' is missing"),
        ({"type": "string", "format": "uri"}, "format 'uri' is not known"),
        ({"$ref": "#/$defs/A", "description": "a"}, "has neighbours"),
        ({"type": "string", "enum": [str(number) for number in range(1001)]}, "1,000 values"),
        ({"type": "string", "enum": ["x" * 61 + str(n) for n in range(251)]}, "15,000"),
        ({"type": "string", "const": "x" * 120_000}, "120,000 characters"),
    ],
)
def test_checker_finds_what_breaks_the_rules(
    value: dict[str, Any], told: str, openai_strict_rules: Any
) -> None:
    problems = openai_strict_rules.problems_of(object_of(a=value))
    assert any(told in problem for problem in problems), problems


def test_checker_finds_what_breaks_the_rules_as_a_whole(openai_strict_rules: Any) -> None:
    problems_of = openai_strict_rules.problems_of
    text = {"type": "string"}
    optional = {**object_of(a=text), "required": []}
    deep: dict[str, Any] = text
    for _ in range(11):
        deep = object_of(a=deep)
    alike = {"anyOf": [object_of(a=text, b=text), object_of(a=text, c=text)]}
    told_apart = {"anyOf": [object_of(a={**text, "enum": [name]}, b=text) for name in "xy"]}
    wide = object_of(**{f"p{number}": text for number in range(5001)})
    assert problems_of(optional) == ["$: 'required' must name every key"]
    assert problems_of({"anyOf": [text]}) == ["the root must be an object"]
    assert problems_of(deep) == ["more than ten levels"]
    assert problems_of(deep["properties"]["a"]) == []
    assert problems_of(wide) == ["5001 properties"]
    assert problems_of(object_of(a=alike)) == ["$.a: objects of 'anyOf' share the first key 'a'"]
    assert problems_of(object_of(a=told_apart)) == []


def object_of(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def test_long_names_are_made_such_as_the_server_takes() -> None:
    class Wide(BaseModel):
        x: int

    Wide.__name__ = "Wide[int]" * 20
    assert sent(Wide)["name"] == ("Wide_int_" * 20)[:64]

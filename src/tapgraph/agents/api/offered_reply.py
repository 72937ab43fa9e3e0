"""The Chooser's reply as a JSON schema in which each API has its own arguments.

A server that keeps a model to the schema of every request is sent this one: it gives no call of an
unknown API and none whose arguments have another shape. Any value may be a reference instead, and
what a schema says beyond its shape (ranges, lengths, formats) is checked afterwards, so that no
foreign schema makes a grammar that nothing fits. Other servers are sent the APIs' names only, as a
schema that they do not keep to would only lengthen the prompt.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, TypeAlias

from pydantic import WithJsonSchema, create_model

from tapgraph.agents.api.replies import ChooserReply
from tapgraph.agents.run.replies import Words
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.tools.api.catalog import Api, ApiCatalog, arguments_schema

__all__ = ["offered_reply"]

JsonSchema: TypeAlias = dict[str, Any]

_TEXT: JsonSchema = {"type": "string"}
_REFERENCE: JsonSchema = {"$ref": "#/$defs/reference"}
_DEFINITIONS: JsonSchema = {
    "reference": {
        "anyOf": [
            {
                "type": "object",
                "properties": {"from_call": {"type": "integer"}, "pointer": _TEXT},
                "required": ["from_call"],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {"from_system": {"enum": ["now", "today", "timezone"]}},
                "required": ["from_system"],
                "additionalProperties": False,
            },
        ]
    }
}
_OTHER_ACTIONS: Mapping[str, JsonSchema] = {
    "read": {"arguments": {"type": "object", "additionalProperties": _REFERENCE}},
    "search": {"query": _TEXT},
    "ask_user": {"question": _TEXT},
    "finish": {"answer": {}},
    "give_up": {"answer": _TEXT},
}


def offered_reply(
    catalog: ApiCatalog, offered: Sequence[str], traits: ModelTraits
) -> type[ChooserReply]:
    """`ChooserReply` with the schema of what is offered; validation takes any name.

    The same offer gives the same class: what knows replies by their class stays small.
    """
    if traits.enforces_schemas:
        return _exact(json.dumps(list(_replies([catalog[one] for one in offered]))))
    return _named(tuple(offered))


def _replies(apis: Sequence[Api]) -> Iterator[JsonSchema]:
    for api in apis:
        given = {"api": {"enum": [api.identifier]}, "arguments": _shape(arguments_schema(api))}
        yield _reply("call", given)
    for action, given in _OTHER_ACTIONS.items():
        yield _reply(action, given)


def _reply(action: str, given: Mapping[str, JsonSchema]) -> JsonSchema:
    properties = {"thought": _TEXT, "action": {"enum": [action]}, **given}
    tips = {"type": "array", "items": _TEXT}
    return {
        "type": "object",
        "properties": {**properties, "tips": tips},
        "required": list(properties),
        "additionalProperties": False,
    }


def _shape(schema: Mapping[str, Any]) -> JsonSchema:
    """The schema without what only narrows its values, a reference allowed for each part."""
    if "enum" in schema:
        return {"enum": schema["enum"]}
    if "const" in schema:
        return {"enum": [schema["const"]]}
    shapes = schema.get("anyOf") or schema.get("oneOf")
    if shapes:
        return {"anyOf": [_shape(one) for one in shapes]}
    shape: JsonSchema = {"type": schema["type"]} if "type" in schema else {}
    members = schema.get("properties", {})
    if members:
        shape.setdefault("type", "object")
        shape["properties"] = {name: _value(one) for name, one in members.items()}
        shape["required"] = [one for one in schema.get("required", ()) if one in members]
        shape["additionalProperties"] = False
    elif "object" in _kinds(shape):
        extra = schema.get("additionalProperties", {})
        shape["additionalProperties"] = extra and _value(extra)
    if "array" in _kinds(shape):
        shape["items"] = _value(schema.get("items", {}))
    return shape


def _value(schema: Mapping[str, Any]) -> JsonSchema:
    shape = _shape(schema)
    # An open value may be a reference as it is.
    return {"anyOf": [_REFERENCE, shape]} if shape else {}


def _kinds(schema: Mapping[str, Any]) -> Sequence[str]:
    named = schema.get("type", ())
    return [named] if isinstance(named, str) else named


@lru_cache(maxsize=64)
def _named(offered: tuple[str, ...]) -> type[ChooserReply]:
    names = WithJsonSchema({"type": "string", "enum": [*offered, ""]})
    fields: dict[str, Any] = {"api": (Annotated[Words, names], "")}
    return create_model(ChooserReply.__name__, __base__=ChooserReply, **fields)


@lru_cache(maxsize=64)
def _exact(replies: str) -> type[ChooserReply]:
    class ExactReply(ChooserReply):
        """One of the replies."""

        @classmethod
        def model_json_schema(cls, *_: Any, **__: Any) -> JsonSchema:
            """The schema as it is: pydantic's own hook would lose its definitions."""
            return {"title": cls.__name__, "anyOf": json.loads(replies), "$defs": _DEFINITIONS}

    ExactReply.__name__ = ChooserReply.__name__
    return ExactReply

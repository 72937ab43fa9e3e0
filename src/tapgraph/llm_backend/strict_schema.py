"""JSON schemas in the form that OpenAI's strict mode takes.

The rules are those of OpenAI's guide to structured outputs ("Supported schemas"): every object is
closed and requires all its keys, what is optional may be null, a few keywords are known, and the
root is an object. What the keywords that are left out forbid, validation of the reply still finds.
"""

import copy
from collections.abc import Mapping
from typing import Any, TypeAlias

__all__ = ["is_strict", "strict_schema"]

JsonSchema: TypeAlias = dict[str, Any]

_KEYWORDS = frozenset({
    "$ref", "additionalProperties", "anyOf", "const", "description", "enum", "exclusiveMaximum",
    "exclusiveMinimum", "items", "maxItems", "maximum", "minItems", "minimum", "multipleOf",
    "pattern", "properties", "required", "type",
})  # fmt: skip
_SAYS_SOMETHING = frozenset({"type", "enum", "const", "anyOf", "$ref"})
_DEEPEST = 64
"""Levels of references inside references; a schema that needs more is recursive."""


def strict_schema(json_schema: Mapping[str, Any]) -> JsonSchema:
    """The same schema with all keys required, optional ones as null, and only known keywords.

    Where the schema leaves open what an object may hold, so does the result (`is_strict` tells).

    >>> strict_schema({"type": "object", "properties": {"x": {"type": "string", "minLength": 1}}})
    {'type': 'object', 'properties': {'x': {'type': ['string', 'null']}}, 'required': ['x'], \
'additionalProperties': False}
    """
    definitions: Mapping[str, Any] = json_schema.get("$defs", {})
    strict = _strict(json_schema, definitions, _DEEPEST)
    if definitions:
        strict["$defs"] = {
            name: _strict(definition, definitions, _DEEPEST)
            for name, definition in definitions.items()
        }
    return strict


def is_strict(schema: object, *, is_root: bool = True) -> bool:
    """Whether a result of `strict_schema` leaves nothing open."""
    if not isinstance(schema, Mapping) or not _SAYS_SOMETHING & set(schema):
        return False
    if is_root and schema.get("type") != "object":
        return False
    if _is_object(schema):
        keys = set(schema.get("properties", {}))
        if schema.get("additionalProperties") is not False or keys != set(schema["required"]):
            return False
    if schema.get("type") == "array" and "items" not in schema:
        return False
    inner = [
        *schema.get("properties", {}).values(),
        *schema.get("$defs", {}).values(),
        *schema.get("anyOf", ()),
        *([schema["items"]] if "items" in schema else ()),
    ]
    return all(is_strict(one, is_root=False) for one in inner)


def _strict(schema: Any, definitions: Mapping[str, Any], levels: int) -> JsonSchema:
    if not isinstance(schema, Mapping):
        return {}
    resolved = _resolved(schema, definitions, levels)
    strict: JsonSchema = {key: value for key, value in resolved.items() if key in _KEYWORDS}
    if _is_object(resolved):
        required = resolved.get("required", ())
        properties = {
            name: _strict(one, definitions, levels) for name, one in _properties(resolved).items()
        }
        strict["properties"] = {
            name: one if name in required else _nullable(one) for name, one in properties.items()
        }
        strict["required"] = list(properties)
        # A mapping of any keys stays open; validation ignores or refuses what a model adds.
        if "properties" in resolved:
            strict.setdefault("additionalProperties", False)
    if "anyOf" in strict:
        strict["anyOf"] = [_strict(one, definitions, levels) for one in strict["anyOf"]]
    if "items" in strict:
        strict["items"] = _strict(strict["items"], definitions, levels)
    return strict


def _resolved(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], levels: int
) -> dict[str, Any]:
    """The schema with `oneOf` as `anyOf`, and without words beside a reference."""
    resolved = dict(schema)
    if "oneOf" in resolved:
        resolved["anyOf"] = resolved.pop("oneOf")
    if len(resolved.get("allOf", ())) == 1:
        resolved = {**resolved.pop("allOf")[0], **resolved}
    name = str(resolved.get("$ref", "")).removeprefix("#/$defs/")
    if len(set(resolved) & _KEYWORDS) > 1 and name in definitions and levels:
        del resolved["$ref"]
        return _resolved({**definitions[name], **resolved}, definitions, levels - 1)
    return resolved


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema.get("properties", {})
    return found if isinstance(found, Mapping) else {}


def _is_object(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind)


def _nullable(schema: JsonSchema) -> JsonSchema:
    if not schema or any(one.get("type") == "null" for one in schema.get("anyOf", ())):
        return schema
    kind = schema.get("type")
    if kind is None or "enum" in schema or "const" in schema:
        return {"anyOf": [copy.deepcopy(schema), {"type": "null"}]}
    kinds = kind if isinstance(kind, list) else [kind]
    return {**schema, "type": [*kinds, *(["null"] if "null" not in kinds else [])]}

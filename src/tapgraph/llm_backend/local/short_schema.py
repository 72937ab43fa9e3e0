"""Schemas made narrower: what fits the result fits the schema as it was."""

from collections.abc import Mapping
from typing import Any

__all__ = ["USUAL_ITEMS", "USUAL_TEXT", "closed", "shortened", "with_usual_limits"]

USUAL_TEXT = 2000
USUAL_ITEMS = 32
_MOST_ITEMS = 3
_LARGEST = 10**6
_KEY_PATTERN = "^[A-Za-z_][A-Za-z0-9_]{0,15}$"
_BY_NAME = ("properties", "$defs", "definitions", "patternProperties")
_BOUNDED = frozenset({"enum", "const", "pattern", "format", "maxLength"})
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")


def closed(schema: object) -> Any:
    """The schema without entries that its objects do not list.

    Only `additionalProperties` opens an object, as in OpenAI's strict mode; what a schema lists is
    what its author wants. Parts of `allOf` stay open, for each of them lists only some entries.

    >>> closed({"type": "object", "properties": {"a": {"type": "null"}}})
    {'type': 'object', 'properties': {'a': {'type': 'null'}}, 'additionalProperties': False}
    """
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    narrow: dict[str, Any] = dict(schema)
    for name in _BY_NAME:
        if isinstance(narrow.get(name), Mapping):
            narrow[name] = {key: closed(one) for key, one in narrow[name].items()}
    for name in ("anyOf", "oneOf", "prefixItems", "items", "additionalProperties"):
        if name in narrow:
            narrow[name] = closed(narrow[name])
    if narrow.get("properties") and not {"allOf", "patternProperties"} & set(narrow):
        narrow.setdefault("additionalProperties", False)
    return narrow


def with_usual_limits(schema: Any, longest_text: int = USUAL_TEXT) -> Any:
    """The schema with limits that no sensible reply meets, wherever it has none.

    Texts get `longest_text` characters at most, those in lists a tenth of that; lists `USUAL_ITEMS`
    items. Without limits a weak model may write on until the reply is cut, and is lost.

    >>> with_usual_limits({"properties": {"note": {"type": "string"}}})
    {'properties': {'note': {'type': 'string', 'maxLength': 2000}}}
    """
    if isinstance(schema, list):
        return [with_usual_limits(part, longest_text) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    limited: dict[str, Any] = dict(schema)
    is_list = limited.get("type") == "array"
    inside = min(longest_text, USUAL_TEXT // 10) if is_list else longest_text
    for name in _BY_NAME:
        if isinstance(limited.get(name), Mapping):
            limited[name] = {
                key: with_usual_limits(one, inside) for key, one in limited[name].items()
            }
    for name in (*_LISTS, "items", "additionalProperties"):
        if name in limited:
            limited[name] = with_usual_limits(limited[name], inside)
    if limited.get("type") == "string" and not _BOUNDED & set(limited):
        limited["maxLength"] = max(longest_text, limited.get("minLength", 0))
    if is_list:
        limited.setdefault("maxItems", max(USUAL_ITEMS, limited.get("minItems", 0)))
    return limited


def shortened(schema: object, longest_text: int) -> Any:
    """The schema with limits wherever it has none; what fits it fits the schema as it was.

    Strings get `longest_text` characters at most, lists 3 items, numbers are whole and below a
    million, open objects have one entry (so that no key can stand twice), and a value of any kind
    is a string, a number, true, false or null. Schemas that refer to themselves still have no end.

    >>> shortened({"type": "array", "items": {"type": "string"}}, 9)
    {'type': 'array', 'items': {'type': 'string', 'maxLength': 9}, 'maxItems': 3}
    """
    if not isinstance(schema, Mapping) or not _says_something(schema):
        return {"anyOf": [_short(kind, longest_text) for kind in ("string", "integer", "boolean")]}
    short: dict[str, Any] = dict(schema)
    for name in _BY_NAME:
        if isinstance(short.get(name), Mapping):
            short[name] = {key: shortened(one, longest_text) for key, one in short[name].items()}
    for name in _LISTS:
        if isinstance(short.get(name), list):
            short[name] = [shortened(one, longest_text) for one in short[name]]
    if "enum" not in short and "const" not in short:
        _limit(short, longest_text)
    return short


def _limit(short: dict[str, Any], longest_text: int) -> None:
    named = short.get("type")
    kinds = [named] if isinstance(named, str) else list(named or ())
    if "number" in kinds or "integer" in kinds:
        _limit_numbers(short, kinds)
    if "string" in kinds and not {"pattern", "format"} & set(short):
        least = short.get("minLength", 0)
        short.setdefault("maxLength", max(longest_text, least))
    if "array" in kinds:
        short["items"] = shortened(short.get("items", True), longest_text)
        short.setdefault("maxItems", max(_MOST_ITEMS, short.get("minItems", 0)))
    if "object" in kinds:
        _limit_entries(short, longest_text)


def _says_something(schema: Mapping[str, Any]) -> bool:
    telling = {"type", "enum", "const", "$ref", "properties", *_LISTS}
    return bool(telling & set(schema))


def _short(kind: str, longest_text: int) -> Any:
    return shortened({"type": kind}, longest_text)


def _limit_numbers(short: dict[str, Any], kinds: list[str]) -> None:
    short["type"] = list(dict.fromkeys("integer" if kind == "number" else kind for kind in kinds))
    if len(short["type"]) == 1:
        short["type"] = short["type"][0]
    if not {"minimum", "exclusiveMinimum"} & set(short):
        short["minimum"] = -_LARGEST
    if not {"maximum", "exclusiveMaximum"} & set(short):
        short["maximum"] = max(_LARGEST, short.get("minimum", 0))


def _limit_entries(short: dict[str, Any], longest_text: int) -> None:
    rest = short.get("additionalProperties", not short.get("properties"))
    if rest is False or short.get("properties") or "patternProperties" in short:
        short["additionalProperties"] = False
        return
    short["patternProperties"] = {_KEY_PATTERN: shortened(rest, longest_text)}
    short["additionalProperties"] = False
    short.setdefault("maxProperties", max(1, short.get("minProperties", 0)))

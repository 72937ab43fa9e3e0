"""OpenAI's published rules for strict schemas, as a checker that shares no code with ours.

From the guide "Structured model outputs", section "Supported schemas" (as of February 2026): the
root is an object and no `anyOf`; all fields are required; every object has `additionalProperties:
false`; 5,000 properties in all, ten levels of nesting, 120,000 characters of names and values of
enumerations and constants, 1,000 enumeration values, 15,000 characters in an enumeration of more
than 250 strings; no `allOf`, `not`, `dependentRequired`, `dependentSchemas`, `if`, `then`, `else`.
The service also refuses `default` ("'default' is not permitted"), `oneOf`, keywords beside `$ref`,
schemas that say nothing, and objects in one `anyOf` that begin alike ("must not share identical
first keys") unless the first key itself tells them apart.
"""

from collections.abc import Iterator
from typing import Any

KEYWORDS = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"pattern", "format"},
    "number": {"multipleOf", "maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"},
    "integer": {"multipleOf", "maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"},
}
FOR_ALL = {"type", "enum", "const", "anyOf", "$ref", "$defs", "description", "title"}
FORMATS = {
    "date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid",
}  # fmt: skip


def problems_of(schema: dict[str, Any]) -> list[str]:
    """What the service would refuse; empty for a schema that it takes."""
    problems = []
    if schema.get("type") != "object" or "anyOf" in schema:
        problems.append("the root must be an object")
    every = list(_schemas(schema, "$"))
    for place, one in every:
        problems += [f"{place}: {problem}" for problem in _problems_here(one)]
    properties = [name for _, one in every for name in one.get("properties", {})]
    values = [value for _, one in every for value in _values(one)]
    names = [*properties, *schema.get("$defs", {}), *map(str, values)]
    if len(properties) > 5000:
        problems.append(f"{len(properties)} properties")
    if sum(map(len, names)) > 120_000:
        problems.append("more than 120,000 characters of names and values")
    if len([value for _, one in every for value in one.get("enum", [])]) > 1000:
        problems.append("more than 1,000 values of enumerations")
    if _depth(schema, schema, ()) > 10:
        problems.append("more than ten levels")
    return problems


def _schemas(schema: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(schema, dict):
        return
    yield place, schema
    for keyword in ("properties", "$defs"):
        for name, one in schema.get(keyword, {}).items():
            yield from _schemas(one, f"{place}.{name}")
    for number, one in enumerate(schema.get("anyOf", [])):
        yield from _schemas(one, f"{place}|{number}")
    yield from _schemas(schema.get("items"), f"{place}[]")


def _problems_here(schema: dict[str, Any]) -> Iterator[str]:
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    allowed = FOR_ALL.union(*(KEYWORDS.get(kind, set()) for kind in kinds))
    for keyword in sorted(set(schema) - allowed):
        yield f"'{keyword}' is not permitted"
    if not set(schema) & {"type", "enum", "const", "anyOf", "$ref"}:
        yield "it has no type"
    if "$ref" in schema and len(schema) > 1:
        yield "'$ref' has neighbours"
    if "object" in kinds:
        if schema.get("additionalProperties") is not False:
            yield "'additionalProperties' must be false"
        if sorted(schema.get("required", [])) != sorted(schema.get("properties", {})):
            yield "'required' must name every key"
    if "array" in kinds and "items" not in schema:
        yield "'items' is missing"
    if schema.get("format", "date") not in FORMATS:
        yield f"the format {schema['format']!r} is not known"
    texts = [value for value in schema.get("enum", []) if isinstance(value, str)]
    if len(texts) > 250 and sum(map(len, texts)) > 15_000:
        yield "an enumeration holds more than 15,000 characters"
    yield from _alike(schema.get("anyOf", []))


def _alike(alternatives: list[Any]) -> Iterator[str]:
    seen: dict[str, set[str]] = {}
    for one in alternatives:
        for name, first in list(one.get("properties", {}).items())[:1]:
            values = set(map(repr, _values(first)))
            if name in seen and (not values or not seen[name] or values & seen[name]):
                yield f"objects of 'anyOf' share the first key {name!r}"
            seen[name] = seen.get(name, set()) | values


def _values(schema: dict[str, Any]) -> list[Any]:
    return [*schema.get("enum", []), *([schema["const"]] if "const" in schema else [])]


def _depth(schema: Any, root: dict[str, Any], inside: tuple[str, ...]) -> int:
    if not isinstance(schema, dict):
        return 0
    reference = schema.get("$ref", "")
    if reference:
        if reference in inside:
            return 0
        name = reference.removeprefix("#/$defs/")
        return _depth(root.get("$defs", {}).get(name), root, (*inside, reference))
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", []), schema.get("items")]
    own = 1 if "properties" in schema else 0
    return own + max(_depth(one, root, inside) for one in inner)

"""JSON schemas of foreign documents: made self-contained, turned into parameters, checked against.

Schemas come from OpenAPI documents, MCP servers and pydantic. They may be huge, refer to each other
in circles, or double at each level, so what is read from one is limited in depth and size; what
lies beyond the limit counts as "anything".
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import unquote

from tapgraph.errors import UsageError
from tapgraph.tools.api.catalog import ApiParameter
from tapgraph.tools.api.json_value import Json, json_text, one_line
from tapgraph.tools.api.schema_words import TYPES, ParameterType, SchemaWords, parameter_type

__all__ = ["SchemaReader", "problems"]

Schema = Mapping[str, Any]

_MAX_DEPTH = 6
_MAX_DEPTH_OF_WORDS = 3
_MAX_NODES = 200
_MAX_REFERENCES = 50
_MAX_MEMBERS = 200
_LIMITS = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minLength", "maxLength", "minItems", "maxItems"),
)
_KEPT = ("type", "enum", "const", "format", "contentMediaType", *_LIMITS)
_ANSWERED = SchemaWords(depth=2, members=12, choices=4, optional="")


class SchemaReader:
    """Reads the schemas of one document, in which `$ref` may only point inside the document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Read references in this document."""
        self.document = document
        self._inlined: dict[str, dict[str, Any]] = {}
        self._words: dict[str, str] = {}

    def resolved(self, node: object, *, where: str) -> dict[str, Any]:
        """The object itself, or the one that its `$ref` leads to.

        Raises:
            UsageError: the reference leads out of the document, nowhere, or in a circle; or there
                is no object.
        """
        for _ in range(_MAX_REFERENCES):
            if not isinstance(node, Mapping):
                raise UsageError(f"{where} must be a JSON object, got {one_line(repr(node), 80)}")
            reference = node.get("$ref")
            if not isinstance(reference, str):
                return dict(node)
            node = self._target(reference, where)
        raise UsageError(f"the $ref of {where} leads in a circle")

    def inlined(self, schema: object, *, where: str) -> dict[str, Any]:
        """The schema without references and with no more than what `problems` understands.

        Members that are only ever answered (`readOnly`) are left out. A schema that holds itself is
        cut where it does so; a part whose reference cannot be followed may be anything.

        Raises:
            UsageError: the schema's own reference cannot be followed.
        """
        reference = _only_reference(schema)
        if reference not in self._inlined:
            made = _Inlining(self, where).inline(schema, ())
            if not reference:
                return made
            self._inlined[reference] = made
        return dict(self._inlined[reference])

    def parameter(
        self,
        name: str,
        schema: object,
        *,
        required: bool,
        description: str = "",
        where: str,
    ) -> ApiParameter:
        """A parameter that takes what the schema describes.

        Raises:
            UsageError: a reference cannot be followed.
        """
        own = self.inlined(schema, where=where)
        return self.parameter_of(name, own, required=required, description=description)

    def parameter_of(
        self, name: str, inlined: Schema, *, required: bool, description: str = ""
    ) -> ApiParameter:
        """A parameter that takes what a schema describes that is already inlined."""
        own = dict(inlined)
        kind = parameter_type(own)
        words = [description or str(own.pop("description", ""))]
        own.pop("description", None)
        default = own.pop("default", None)
        if isinstance(own.get("format"), str):
            words.append(f"({own.pop('format')})")
        return ApiParameter(
            name=name,
            type=kind,
            description=one_line(" ".join(word for word in words if word), 600),
            required=required,
            choices=tuple(own["enum"]) if kind == "enumeration" else (),
            default=default if isinstance(default, str | int | float) else None,
            json_schema="" if own.keys() <= {"type", "enum"} and _says_all(kind, own)
            else json_text(own),
        )  # fmt: skip

    def words_for(self, schema: object, *, where: str) -> str:
        """What the schema describes in a few words, such as `list of {id: integer, title: text}`.

        Raises:
            UsageError: a reference cannot be followed.
        """
        reference = _only_reference(schema)
        if reference in self._words:
            return self._words[reference]
        words = one_line(
            _ANSWERED.of(_Inlining(self, where, answered=True).inline(schema, ())), 300
        )
        if reference:
            self._words[reference] = words
        return words

    def _target(self, reference: str, where: str) -> object:
        if not reference.startswith("#"):
            raise UsageError(
                f"{where} refers to {one_line(reference, 120)!r}, which is outside the document"
            )
        node: object = self.document
        pointer = reference.removeprefix("#")
        # Anything but a pointer names an anchor, which no document has in practice.
        for part in pointer.removeprefix("/").split("/") if pointer else ():
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(node, Mapping) and key in node:
                node = node[key]
            elif isinstance(node, list) and key.isdecimal() and int(key[:9]) < len(node):
                node = node[int(key[:9])]
            else:
                raise UsageError(
                    f"{where} refers to {one_line(reference, 120)!r}, which is not there"
                )
        return node


class _Inlining:
    """One walk through a schema, with what is left of its size."""

    def __init__(self, reader: SchemaReader, where: str, *, answered: bool = False) -> None:
        self._reader = reader
        self._where = where
        self._hidden = "writeOnly" if answered else "readOnly"
        self._max_depth = _MAX_DEPTH_OF_WORDS if answered else _MAX_DEPTH
        self._nodes = 0

    def inline(self, schema: object, inside: tuple[object, ...]) -> dict[str, Any]:
        self._nodes += 1
        if isinstance(schema, bool) or len(inside) > self._max_depth or self._nodes > _MAX_NODES:
            return {}
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if reference is not None and reference in inside:
            return {}
        try:
            node = self._reader.resolved(schema, where=self._where)
        except UsageError:
            if not inside:
                raise
            return {}
        below = (*inside, reference)
        for part in _objects(node.get("allOf")):
            node = _merged(node, self.inline(part, below))
        kept = {key: node[key] for key in _KEPT if key in node and _is_sound(key, node[key])}
        if node.get("nullable") is True and isinstance(kept.get("type"), str):
            kept["type"] = [kept["type"], "null"]
        if isinstance(node.get("description"), str):
            kept["description"] = one_line(node["description"], 200)
        if isinstance(node.get("default"), str | int | float):
            kept["default"] = node["default"]
        kept |= self._contents(node, below)
        return _without_null_choice(kept)

    def _contents(self, node: Schema, below: tuple[object, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        needed = _names(node.get("required"))
        if isinstance(node.get("properties"), Mapping):
            members = islice(node["properties"].items(), _MAX_MEMBERS)
            own = {name: self._member(one, below) for name, one in members}
            found["properties"] = {name: one for name, one in own.items() if one is not None}
            found["required"] = [name for name in needed if name in found["properties"]]
        elif needed:
            # The members may stand in another part of an `allOf`.
            found["required"] = needed
        if isinstance(node.get("items"), Mapping):
            found["items"] = self.inline(node["items"], below)
        extra = node.get("additionalProperties")
        if extra is False and len(_object(node.get("properties"))) <= _MAX_MEMBERS:
            found["additionalProperties"] = False
        elif isinstance(extra, Mapping) and extra:
            found["additionalProperties"] = self.inline(extra, below)
        for key in ("anyOf", "oneOf"):
            if choices := [self.inline(one, below) for one in _objects(node.get(key))]:
                found[key] = choices
        return found

    def _member(self, schema: object, below: tuple[object, ...]) -> dict[str, Any] | None:
        hidden = isinstance(schema, Mapping) and schema.get(self._hidden) is True
        return None if hidden else self.inline(schema, below)


def _only_reference(schema: object) -> str:
    """The reference that is all of a schema; else nothing."""
    reference = schema.get("$ref") if isinstance(schema, Mapping) and len(schema) == 1 else None
    return reference if isinstance(reference, str) else ""


def _objects(value: object) -> Iterator[Schema]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, Mapping))


def _is_sound(key: str, value: object) -> bool:
    if key == "enum":
        return isinstance(value, list) and 0 < len(value) <= 2000
    if key == "type":
        named = value if isinstance(value, list) else [value]
        return all(isinstance(one, str) and one in {*TYPES, "null"} for one in named)
    if key in {"format", "contentMediaType"}:
        return isinstance(value, str) and len(value) <= 40
    # OpenAPI 3.0 writes exclusive limits as booleans.
    return key == "const" or (isinstance(value, int | float) and not isinstance(value, bool))


def _merged(first: Schema, second: Schema) -> dict[str, Any]:
    """Both schemas at once; of what only one of them can say, the first says it."""
    both = {**second, **first}
    if "properties" in first or "properties" in second:
        both["properties"] = {
            **_object(second.get("properties")),
            **_object(first.get("properties")),
        }
    if "required" in first or "required" in second:
        both["required"] = [*_names(first.get("required")), *_names(second.get("required"))]
    return both


def _object(value: object) -> Schema:
    return value if isinstance(value, Mapping) else {}


def _names(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _without_null_choice(schema: dict[str, Any]) -> dict[str, Any]:
    """`X or null` as the schema of X: a parameter that may be null may be left out as well."""
    for key in ("anyOf", "oneOf"):
        choices = schema.get(key, [])
        others = [one for one in choices if one.get("type") != "null"]
        if len(choices) == len(others) + 1 and len(others) == 1:
            rest = {name: value for name, value in schema.items() if name != key}
            return {**others[0], **rest}
    return schema


def _says_all(kind: ParameterType, schema: Schema) -> bool:
    simple = kind in {"text", "number", "integer", "boolean"} and "enum" not in schema
    return (simple and isinstance(schema.get("type"), str)) or (
        kind == "enumeration" or (kind == "any" and not schema)
    )


def problems(schema: Schema, value: Json, where: str) -> Iterator[str]:
    """What about the value does not fit an inlined schema, in words for a model.

    Patterns and formats are not checked: the service does that, and a foreign pattern can take
    for ever.

    >>> list(problems({"type": "array", "items": {"type": "integer"}}, [1, "two"], "sizes"))
    ['sizes[1] must be an integer, got "two"']
    """
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices and all(any(True for _ in problems(one, value, where)) for one in choices):
        yield f"{where} fits none of the {len(choices)} shapes that it may have, {_got(value)}"
    if "const" in schema and value != schema["const"]:
        yield f"{where} must be {json_text(schema['const'])}, {_got(value)}"
    if "enum" in schema and value not in schema["enum"]:
        shown = [json_text(one) for one in schema["enum"][:20]]
        more = len(schema["enum"]) - len(shown)
        listed = ", ".join([*shown, f"… {more} more"] if more else shown)
        yield f"{where} must be one of {listed}, {_got(value)}"
    named = schema.get("type", [])
    names: list[str] = named if isinstance(named, list) else [named]
    if names and not any(_is_of_type(value, one) for one in names):
        yield f"{where} must be {' or '.join(_ARTICLES[one] for one in names)}, {_got(value)}"
        return
    yield from _limits(schema, value, where)
    if isinstance(value, Mapping):
        yield from _object_problems(schema, value, where)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, item in enumerate(value):
            yield from problems(schema.get("items", {}), item, f"{where}[{number}]")


_ARTICLES = {
    "string": "text",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def _is_of_type(value: Json, name: str) -> bool:
    match name:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            return is_whole or (isinstance(value, float) and math.isfinite(value))
        case "array":
            return isinstance(value, Sequence) and not isinstance(value, str)
        case "object":
            return isinstance(value, Mapping)
        case _:
            return value is None


def _limits(schema: Schema, value: Json, where: str) -> Iterator[str]:
    if isinstance(value, str | Sequence):
        unit, low, high = (
            ("characters", "minLength", "maxLength")
            if isinstance(value, str)
            else ("items", "minItems", "maxItems")
        )
        if len(value) < schema.get(low, 0):
            yield f"{where} must have at least {schema[low]} {unit}, got {len(value)}"
        if len(value) > schema.get(high, math.inf):
            yield f"{where} must have at most {schema[high]} {unit}, got {len(value)}"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", -math.inf):
            yield f"{where} must be at least {schema['minimum']}, {_got(value)}"
        if value > schema.get("maximum", math.inf):
            yield f"{where} must be at most {schema['maximum']}, {_got(value)}"
        above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        if above is not None and value <= above:
            yield f"{where} must be above {above}, {_got(value)}"
        if below is not None and value >= below:
            yield f"{where} must be below {below}, {_got(value)}"


def _object_problems(schema: Schema, value: Mapping[str, Json], where: str) -> Iterator[str]:
    known = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{where} lacks {name!r}"
    extra = schema.get("additionalProperties", {})
    for name, item in value.items():
        inside = f"{where}.{one_line(name, 60)}"
        if name in known:
            yield from problems(known[name], item, inside)
        elif extra is False:
            yield f"{inside} is unknown; known are {', '.join(known) or 'none'}"
        else:
            yield from problems(extra, item, inside)


def _got(value: Json) -> str:
    return f"got {one_line(json.dumps(value, ensure_ascii=False), 80)}"

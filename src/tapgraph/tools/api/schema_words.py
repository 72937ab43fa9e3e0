"""JSON schemas in a few words, as prompts say what an argument holds or an API gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tapgraph.tools.api.json_value import excerpt, json_line

__all__ = ["TYPES", "ParameterType", "SchemaWords", "parameter_type"]

ParameterType = Literal[
    "text", "number", "integer", "boolean", "enumeration", "list", "dictionary", "any"
]
TYPES: Mapping[str, ParameterType] = {
    "string": "text",
    "number": "number",
    "integer": "integer",
    "boolean": "boolean",
    "array": "list",
    "object": "dictionary",
}
"""What JSON schema calls the kinds of values."""

_MOST_SHAPES = 4
_LONGEST_CHOICE = 60


def parameter_type(schema: Mapping[str, Any]) -> ParameterType:
    """The kind of parameter that takes what an inlined schema describes."""
    named = schema.get("type")
    names = [one for one in (named if isinstance(named, list) else [named]) if one != "null"]
    choices = schema.get("enum")
    if choices and all(isinstance(one, str) for one in choices):
        return "enumeration"
    if len(names) == 1 and names[0] is not None:
        return TYPES[names[0]]
    return "dictionary" if "properties" in schema else "any"


@dataclass(frozen=True, slots=True)
class SchemaWords:
    """How much is said of a schema whose references are inlined.

    Attributes:
        depth: how many objects inside one another are spelled out.
        members: how many members of each; where some are left out, required ones stand first.
        choices: how many values of an enumeration.
        optional: the mark of members that may be left out.

    >>> person = {"properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}
    >>> SchemaWords(depth=1).of({"type": "array", "items": {**person, "required": ["id"]}})
    'list of {id: integer, name?: text}'
    """

    depth: int
    members: int = 12
    choices: int = 8
    optional: str = "?"

    def of(self, schema: Mapping[str, Any], inside: int = 0) -> str:
        """The kind of value, and what is in it."""
        if "const" in schema:
            return excerpt(json_line(schema["const"]), _LONGEST_CHOICE)
        kind = parameter_type(schema)
        shapes = schema.get("anyOf") or schema.get("oneOf")
        if kind == "any" and shapes and inside < self.depth:
            return self._shapes(shapes, inside)
        if kind == "enumeration":
            return self.enumeration(schema["enum"])
        if kind == "list" and inside < self.depth:
            items = self.of(schema.get("items", {}), inside)
            return kind if items == "any" else f"list of {items}"
        if kind == "dictionary" and schema.get("properties") and inside < self.depth:
            return self._object(schema, inside)
        return kind

    def enumeration(self, values: Sequence[str]) -> str:
        """The values of an enumeration."""
        named = [excerpt(json_line(one), _LONGEST_CHOICE) for one in values[: self.choices]]
        more = len(values) - len(named)
        return "|".join([*named, f"… {more} more"] if more else named)

    def _shapes(self, shapes: Sequence[Mapping[str, Any]], inside: int) -> str:
        words = list(dict.fromkeys(self.of(one, inside) for one in shapes[:_MOST_SHAPES]))
        return " or ".join([*words, "…"] if len(shapes) > _MOST_SHAPES else words)

    def _object(self, schema: Mapping[str, Any], inside: int) -> str:
        required = schema.get("required", [])
        names = list(schema["properties"])
        if len(names) > self.members:
            names.sort(key=lambda name: name not in required)
        shown = [
            f"{excerpt(json_line(name)[1:-1], _LONGEST_CHOICE)}"
            f"{'' if name in required else self.optional}: "
            f"{self.of(schema['properties'][name], inside + 1)}"
            for name in names[: self.members]
        ]
        more = len(names) - len(shown)
        return f"{{{', '.join([*shown, f'… {more} more'] if more else shown)}}}"

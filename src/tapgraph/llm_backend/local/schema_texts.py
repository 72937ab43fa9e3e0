"""The texts that a JSON schema wants to see letter by letter."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["texts_of"]

_SCHEMAS_BY_NAME = frozenset({
    "properties", "$defs", "definitions", "patternProperties", "dependentSchemas",
})  # fmt: skip
_VALUES = frozenset({"enum", "required"})
_ONLY_TOLD = frozenset({"default", "example", "examples"})


def texts_of(schema: Any) -> Iterator[str]:
    """Keys that objects may have and values that are listed, as JSON writes them.

    >>> list(texts_of({"properties": {"a": {"enum": ["b", 1]}}, "required": ["a"]}))
    ['"a"', '"b"', '1', '"a"']
    """
    if isinstance(schema, list):
        for part in schema:
            yield from texts_of(part)
    elif isinstance(schema, Mapping):
        for name, part in schema.items():
            yield from _texts_under(name, part)


def _texts_under(name: str, part: Any) -> Iterator[str]:
    if name == "const":
        yield _written(part)
    elif name in _VALUES and isinstance(part, list):
        yield from map(_written, part)
    elif name in _SCHEMAS_BY_NAME and isinstance(part, Mapping):
        if name == "properties":
            yield from map(_written, part)
        yield from texts_of(list(part.values()))
    elif name not in _ONLY_TOLD:
        yield from texts_of(part)


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

"""Schemas that no finite value fits."""

from collections.abc import Iterator, Mapping
from typing import Any

from tapgraph.errors import UsageError

__all__ = ["check_has_an_end"]

_MOST_REFERENCES = 1000


def check_has_an_end(schema: Mapping[str, Any]) -> None:
    """See that a value of the schema can end.

    References that lead back to themselves may stand where a value can do without them, as the
    children of a tree may. A grammar of others allows nothing, or never ends.

    Raises:
        UsageError: it cannot, or it holds too many references to tell.

    >>> check_has_an_end({"$ref": "#"})
    Traceback (most recent call last):
    tapgraph.errors.UsageError: no value fits the schema: its references lead in a circle
    """
    references = {one: _target(schema, one) for one in set(_references(schema))}
    if len(references) > _MOST_REFERENCES:
        raise UsageError(f"a schema may hold {_MOST_REFERENCES} different references at most")
    ending: set[str] = set()
    while found := {
        one for one, target in references.items() if one not in ending and _ends(target, ending)
    }:
        ending |= found
    if not _ends(schema, ending):
        raise UsageError("no value fits the schema: its references lead in a circle")


def _references(part: object) -> Iterator[str]:
    if isinstance(part, Mapping):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for one in part.values():
            yield from _references(one)
    elif isinstance(part, list):
        for one in part:
            yield from _references(one)


def _target(schema: Mapping[str, Any], reference: str) -> object:
    """What a reference inside the schema means; others are the grammar engine's to refuse."""
    part: object = schema
    for step in reference.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        part = part.get(name, True) if isinstance(part, Mapping) else True
    return part


def _ends(part: object, ending: set[str]) -> bool:
    """Whether a value of this part can end when those of these references can."""
    if not isinstance(part, Mapping) or "const" in part or "enum" in part:
        return True
    reference = part.get("$ref")
    if isinstance(reference, str) and reference.startswith("#") and reference not in ending:
        return False
    for name, enough in (("allOf", all), ("anyOf", any), ("oneOf", any)):
        ways = part.get(name)
        if isinstance(ways, list) and ways and not enough(_ends(one, ending) for one in ways):
            return False
    kind = part.get("type", "object" if "properties" in part else None)
    if kind == "object":
        entries, required = part.get("properties"), part.get("required")
        return not (isinstance(entries, Mapping) and isinstance(required, list)) or all(
            _ends(entries.get(name), ending) for name in required if isinstance(name, str)
        )
    if kind == "array" and isinstance(part.get("minItems"), int) and part["minItems"] > 0:
        return _ends(part.get("items"), ending)
    return True

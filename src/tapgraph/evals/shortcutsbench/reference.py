"""Variables inside parameters: what they point to, wherever they stand."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from tapgraph.evals.shortcutsbench.identifiers import SYSTEM_INPUTS

__all__ = ["Reference", "references_in", "top_level_kind"]

_NAMES = {
    "WFPropertyVariableAggrandizement": "PropertyName",
    "WFDictionaryValueVariableAggrandizement": "DictionaryKey",
}


@dataclass(frozen=True, slots=True)
class Reference:
    """A variable.

    Attributes:
        kind: `ActionOutput`, `Variable`, or one of the system inputs.
        target: UUID of the output (its name when it has no UUID), name of the variable, or empty.
        path: properties and dictionary keys that are read from it, in their order.
    """

    kind: str
    target: str
    path: tuple[str, ...] = ()

    @property
    def is_system_input(self) -> bool:
        """Whether the value comes from the system or the user."""
        return self.kind in SYSTEM_INPUTS


def references_in(value: JsonValue) -> Iterator[Reference]:
    """All variables in a parameter: alone, in texts, dictionaries, lists and conditions.

    >>> text = {"Value": {"string": "…", "attachmentsByRange": {
    ...     "{0, 1}": {"Type": "ActionOutput", "OutputUUID": "A", "OutputName": "Text"}}}}
    >>> [(found.kind, found.target) for found in references_in(text)]
    [('ActionOutput', 'A')]
    """
    waiting: list[JsonValue] = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, list):
            waiting.extend(reversed(current))
        elif isinstance(current, dict):
            reference = _reference(current)
            if reference is not None:
                yield reference
            else:
                waiting.extend(reversed(list(current.values())))


def top_level_kind(value: JsonValue) -> str | None:
    """`Value.Type` of a parameter, which is all that the paper looks at."""
    inner = value.get("Value") if isinstance(value, dict) else None
    kind = inner.get("Type") if isinstance(inner, dict) else None
    return kind if isinstance(kind, str) else None


def _reference(value: dict[str, JsonValue]) -> Reference | None:
    kind = value.get("Type")
    if not isinstance(kind, str):
        return None
    path = _path(value.get("Aggrandizements"))
    if kind in SYSTEM_INPUTS:
        return Reference(kind, "", path)
    if kind == "ActionOutput":
        target = value.get("OutputUUID") or value.get("OutputName")
    elif kind == "Variable" and "VariableName" in value:
        target = value["VariableName"]
    else:
        return None
    return Reference(kind, str(target), path)


def _path(aggrandizements: JsonValue) -> tuple[str, ...]:
    if not isinstance(aggrandizements, list):
        return ()
    return tuple(
        str(one.get(_NAMES[kind], ""))
        for one in aggrandizements
        if isinstance(one, dict) and isinstance(kind := one.get("Type"), str) and kind in _NAMES
    )

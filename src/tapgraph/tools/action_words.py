"""An action in the few words that a report or a terminal has room for."""

import json
from collections.abc import Mapping

__all__ = ["action_words"]


def action_words(wire: Mapping[str, object], target: str = "") -> str:
    """What an action `{"name": ..., "arguments": {...}}` does, on one line.

    The words of a target, where they are known, stand for the point that is touched.

    >>> action_words({"name": "Tap", "arguments": {"x": 540, "y": 1803}})
    'Tap (540, 1803)'
    >>> action_words({"name": "Tap", "arguments": {"x": 540, "y": 1803}}, '"Search" (button)')
    'Tap "Search" (button)'
    >>> action_words({"name": "Type", "arguments": {"text": "two // three"}})
    'Type “two // three”'
    >>> action_words({"name": "Home", "arguments": None})
    'Home'
    >>> action_words({"name": "get", "arguments": {"id": {"from_call": 1, "pointer": "/0/id"}}})
    'get id=[step 1 /0/id]'
    """
    name = str(wire.get("name", "?"))
    arguments = wire.get("arguments")
    if not isinstance(arguments, Mapping) or not arguments:
        return name
    match dict(arguments):
        case {"x": x, "y": y, **rest} if not rest:
            return f"{name} {target or f'({x}, {y})'}"
        case {"x1": x1, "y1": y1, "x2": x2, "y2": y2, **rest} if not rest:
            return f"{name} ({x1}, {y1}) → ({x2}, {y2})"
        case {"seconds": seconds, **rest} if not rest:
            return f"{name} {seconds} s"
        case single if len(single) == 1 and not isinstance(next(iter(single.values())), dict):
            return f"{name} {_value_words(*single.values())}"
        case several:
            listed = ", ".join(f"{key}={_value_words(value)}" for key, value in several.items())
            return f"{name} {listed}"


def _value_words(value: object) -> str:
    match value:
        case str():
            return "“" + " ".join(value.split()) + "”"
        case {"from_call": step, **rest} if not set(rest) - {"pointer"}:
            return f"[step {step}{' ' if rest else ''}{rest.get('pointer', '')}]"
        case {"from_system": name, **rest} if not rest:
            return f"[{name}]"
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)

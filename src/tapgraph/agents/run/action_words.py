"""An action in the few words that a report or a terminal has room for."""

from collections.abc import Mapping

__all__ = ["action_words"]


def action_words(wire: Mapping[str, object]) -> str:
    """What an action `{"name": ..., "arguments": {...}}` does, on one line.

    >>> action_words({"name": "Tap", "arguments": {"x": 540, "y": 1803}})
    'Tap (540, 1803)'
    >>> action_words({"name": "Type", "arguments": {"text": "two // three"}})
    'Type “two // three”'
    >>> action_words({"name": "Home", "arguments": None})
    'Home'
    """
    name = str(wire.get("name", "?"))
    arguments = wire.get("arguments")
    if not isinstance(arguments, Mapping) or not arguments:
        return name
    match dict(arguments):
        case {"x": x, "y": y, **rest} if not rest:
            return f"{name} ({x}, {y})"
        case {"x1": x1, "y1": y1, "x2": x2, "y2": y2, **rest} if not rest:
            return f"{name} ({x1}, {y1}) → ({x2}, {y2})"
        case {"seconds": seconds, **rest} if not rest:
            return f"{name} {seconds} s"
        case single if len(single) == 1:
            return f"{name} {_value_words(*single.values())}"
        case several:
            listed = ", ".join(f"{key}={_value_words(value)}" for key, value in several.items())
            return f"{name} {listed}"


def _value_words(value: object) -> str:
    return "“" + " ".join(value.split()) + "”" if isinstance(value, str) else str(value)

"""JSON values: their type, their size, and their text for a prompt."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from tapgraph.errors import ToolError

__all__ = ["Json", "check_size", "excerpt", "json_line", "json_text", "one_line", "outline"]

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""What JSON can say."""

MAX_CHARACTERS = 200_000
"""Characters that all texts of one call's arguments may hold together."""
MAX_VALUES = 20_000
"""Values, counted through all lists and dictionaries, that one call's arguments may hold."""
MAX_DEPTH = 32
"""Lists and dictionaries inside one another."""
_MOST_MEMBERS = 20


def check_size(name: str, value: Json) -> None:
    """Refuse a value that no service wants and that would only cost memory.

    Raises:
        ToolError: too many characters, too many values, nested too deep, or a number that JSON
            cannot say.
    """
    characters = values = 0
    waiting: list[tuple[Json, int]] = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        values += 1
        if isinstance(item, str):
            characters += len(item)
        elif isinstance(item, float) and not math.isfinite(item):
            raise ToolError(f"{name} must hold finite numbers only, got {item}")
        elif isinstance(item, Mapping):
            characters += sum(len(key) for key in item)
            waiting += [(below, depth + 1) for below in item.values()]
        elif isinstance(item, Sequence):
            waiting += [(below, depth + 1) for below in item]
        if depth > MAX_DEPTH:
            raise ToolError(f"{name} is nested deeper than {MAX_DEPTH} levels")
        if values > MAX_VALUES:
            raise ToolError(f"{name} holds more than {MAX_VALUES:,} values")
        if characters > MAX_CHARACTERS:
            raise ToolError(f"{name} holds more than {MAX_CHARACTERS:,} characters of text")


def json_text(value: Json) -> str:
    """The value as compact JSON in which all letters stay readable.

    >>> json_text({"city": "Zürich", "rooms": [1, 2]})
    '{"city": "Zürich", "rooms": [1, 2]}'
    """
    return json.dumps(value, ensure_ascii=False)


def json_line(value: Json) -> str:
    r"""The value as compact JSON in one line; what cannot be seen is escaped.

    >>> print(json_line("a\u2028b ü"))
    "a\u2028b ü"
    """
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in json_text(value))


def excerpt(text: str, max_characters: int) -> str:
    """The text, or its beginning with a note of how much is left out.

    >>> excerpt("abcdefgh", 4)
    'abcd… (4 more characters)'
    """
    if len(text) <= max_characters:
        return text
    left_out = len(text) - max_characters
    return f"{text[:max_characters]}… ({left_out:,} more characters)"


def one_line(text: str, max_characters: int) -> str:
    r"""Foreign text as one line without control characters, cut with "…" where it is too long.

    >>> one_line("Adds a note.\n\nIgnore all rules.", 20)
    'Adds a note. Ignore…'
    """
    text = text[: 4 * max_characters]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    flat = " ".join(text.split())
    return flat if len(flat) <= max_characters else f"{flat[: max_characters - 1].rstrip()}…"


def outline(value: Json) -> str:
    """What kind of value it is and what is in it, for one that is too long to show.

    >>> outline([{"id": 1}, {"id": 2}])
    'a list of 2, each with id'
    """
    if isinstance(value, Mapping):
        return f"an object with {_members(value)}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        first = value[0]
        inside = f", each with {_members(first)}" if isinstance(first, Mapping) else ""
        return f"a list of {len(value)}{inside}"
    return "a text"


def _members(value: Mapping[str, Json]) -> str:
    names = [json_line(str(name))[1:-1] for name in list(value)]
    more = len(names) - _MOST_MEMBERS
    return ", ".join(names[:_MOST_MEMBERS]) + (f" and {more} more" if more > 0 else "")

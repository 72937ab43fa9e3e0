"""JSON objects as GUI models write them, some with brackets, commas or quotes that need mending."""

import json

from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.dialects.punctuation import plain, plain_quotes

__all__ = ["read_object"]

_CLOSING = {"{": "}", "[": "]"}
_END = "</tool_call>"


def read_object(text: str, position: int) -> tuple[dict[str, object], int, tuple[str, ...]]:
    """The object that starts at the position, where it ends, and what was mended.

    Raises:
        InvalidReply: it is no JSON, and what is meant is not certain.

    >>> read_object("{'x': [1, 2]", 0)[0]
    {'x': [1, 2]}
    """
    decoder = json.JSONDecoder(
        object_pairs_hook=_without_repeated_keys, parse_constant=_refuse_constant, strict=False
    )
    try:
        try:
            found, end = decoder.raw_decode(text, position)
            repairs: tuple[str, ...] = ()
        except json.JSONDecodeError:
            mended, end = _mended(text, position)
            found, repairs = decoder.decode(mended), ("broken JSON was mended",)
    except RecursionError as error:
        raise InvalidReply("the JSON is nested too deeply") from error
    except ValueError as error:
        raise InvalidReply(f"the JSON cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise InvalidReply("a call must be a JSON object")
    return found, end, repairs


def _mended(text: str, position: int) -> tuple[str, int]:
    """The object with plain quotes and punctuation, no trailing commas and all brackets closed."""
    parts: list[str] = []
    open_brackets: list[str] = []
    while position < len(text) and not text.startswith(_END, position):
        character = plain(text[position])
        if plain_quotes(character) in "'\"":
            string, position = _string(text, position)
            parts.append(string)
            continue
        position += 1
        if character in _CLOSING:
            open_brackets.append(_CLOSING[character])
        elif character in "}]":
            if character not in open_brackets:
                break
            _drop_comma(parts)
            while (closing := open_brackets.pop()) != character:
                parts.append(closing)
        parts.append(character)
        if not open_brackets:
            return "".join(parts), position
    _drop_comma(parts)
    if position == len(text) and parts and parts[-1].isdigit():
        raise InvalidReply("the JSON ends inside a number")
    return "".join([*parts, *reversed(open_brackets)]), position


def _string(text: str, position: int) -> tuple[str, int]:
    opening = text[position]
    quote = plain_quotes(opening)
    characters: list[str] = []
    position += 1
    while position < len(text):
        character = text[position]
        if character == "\\" and position + 1 < len(text):
            following = text[position + 1]
            characters.append("'" if following == "'" else f"\\{following}")
            position += 2
            continue
        position += 1
        if character == opening or (opening != quote and plain_quotes(character) == quote):
            return f'"{"".join(characters)}"', position
        characters.append('\\"' if character == '"' else character)
    raise InvalidReply("a text in the JSON is not closed")


def _drop_comma(parts: list[str]) -> None:
    while parts and (parts[-1].isspace() or parts[-1] == ","):
        parts.pop()


def _without_repeated_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {repeated!r} stands twice in one object")
    return dict(pairs)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")

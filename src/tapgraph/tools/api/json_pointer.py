"""JSON pointers (RFC 6901): a part of a value by its path."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from tapgraph.errors import ToolError
from tapgraph.tools.api.json_value import Json, one_line

__all__ = ["value_at"]

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_BAD_ESCAPE = re.compile(r"~(?![01])")
_NAMED = 12


def value_at(value: Json, pointer: str) -> Json:
    """The part of the value that the pointer names; the empty pointer names all of it.

    Raises:
        ToolError: the pointer is malformed or names nothing; the text says what is there.

    >>> value_at({"items": [{"a/b": 7}]}, "/items/0/a~1b")
    7
    """
    if not pointer:
        return value
    shown = one_line(pointer, 120)
    if not pointer.startswith("/"):
        raise ToolError(f"a JSON pointer starts with '/', got {shown!r}")
    if _BAD_ESCAPE.search(pointer):
        raise ToolError(f"in a JSON pointer '~' is written '~0' and '/' '~1', got {shown!r}")
    for escaped in pointer[1:].split("/"):
        token = escaped.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and token in value:
            value = value[token]
        elif _is_list(value) and _INDEX.fullmatch(token) and int(token) < len(value):
            value = value[int(token)]
        else:
            raise ToolError(f"{shown!r} names nothing: {one_line(token, 60)!r} is not {_in(value)}")
    return value


def _is_list(value: Json) -> TypeGuard[Sequence[Json]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _in(value: Json) -> str:
    if isinstance(value, Mapping):
        names = ", ".join(one_line(str(name), 40) for name in list(value)[:_NAMED])
        return f"among {names or 'no members'}"
    if _is_list(value):
        return f"an index of a list of {len(value)}"
    return f"in {'a text' if isinstance(value, str) else 'a plain value'}"

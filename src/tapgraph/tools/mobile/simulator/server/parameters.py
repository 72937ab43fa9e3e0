"""The JSON parameters of a command, read with their types checked."""

import math
import re
from collections.abc import Mapping
from typing import TypeGuard

from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError

__all__ = ["Parameters"]

_MISSING = object()
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_LARGEST_NUMBER = 2**53
"""JSON numbers beyond it are not exact in other languages; the standard allows no larger ones."""


class Parameters:
    """A JSON object; every reader raises the error `invalid argument` for a wrong type.

    >>> Parameters({"keycode": 4}).integer("keycode")
    4
    """

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    @property
    def names(self) -> list[str]:
        """The names of all parameters that were sent."""
        return list(self._values)

    def value(self, name: str) -> object:
        """Any JSON value, None where it is missing."""
        return self._values.get(name)

    def text(self, name: str, default: object = _MISSING) -> str:
        """A string of whole characters: JSON can write half of a surrogate pair."""
        value = self._get(name, default)
        if not isinstance(value, str) or _HALF_CHARACTER.search(value):
            raise _wrong_type(name, "a string", value)
        return value

    def integer(self, name: str, default: object = _MISSING) -> int:
        """A whole number; 3.0 is one too, as some clients know no integers."""
        value = self._get(name, default)
        if not _is_number(value) or value != int(value):
            raise _wrong_type(name, "an integer", value)
        return int(value)

    def number(self, name: str, default: object = _MISSING) -> float:
        """Any number."""
        value = self._get(name, default)
        if not _is_number(value):
            raise _wrong_type(name, "a number", value)
        return float(value)

    def boolean(self, name: str, default: object = _MISSING) -> bool:
        """True or false."""
        value = self._get(name, default)
        if not isinstance(value, bool):
            raise _wrong_type(name, "a boolean", value)
        return value

    def mapping(self, name: str, default: object = _MISSING) -> Mapping[str, object]:
        """A JSON object."""
        value = self._get(name, default)
        if not isinstance(value, dict):
            raise _wrong_type(name, "an object", value)
        return value

    def sequence(self, name: str, default: object = _MISSING) -> list[object]:
        """A JSON array."""
        value = self._get(name, default)
        if not isinstance(value, list):
            raise _wrong_type(name, "an array", value)
        return value

    def _get(self, name: str, default: object) -> object:
        value = self._values.get(name)
        if value is not None:
            return value
        if default is _MISSING:
            raise ProtocolError("invalid argument", f"the parameter {name!r} is missing")
        return default


def _is_number(value: object) -> TypeGuard[int | float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and abs(value) < _LARGEST_NUMBER


def _wrong_type(name: str, wanted: str, value: object) -> ProtocolError:
    return ProtocolError("invalid argument", f"{name!r} must be {wanted}, got {value!r:.200}")

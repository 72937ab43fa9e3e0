"""Calling APIs: what a runner is, what a call gives, and what its arguments must be."""

import difflib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from tapgraph.errors import ToolError
from tapgraph.tools.api.catalog import Api, ApiCatalog, ApiParameter
from tapgraph.tools.api.json_schema import problems
from tapgraph.tools.api.json_value import Json, check_size, excerpt, json_text, one_line

__all__ = ["ApiRunner", "CallResult", "checked_arguments", "result_text"]

_MAX_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a call gave.

    Attributes:
        value: the answer.
        text: the answer as the model is shown it, cut where it is long; foreign text.
        elapsed_s: seconds that the call took.
    """

    value: Json
    text: str
    elapsed_s: float


class ApiRunner(Protocol):
    """Something whose APIs can be called."""

    @property
    def catalog(self) -> ApiCatalog:
        """The APIs that can be called here."""
        ...

    def call(self, identifier: str, arguments: Mapping[str, Json]) -> CallResult:
        """Call an API and wait for its answer.

        Raises:
            ToolError: the call cannot be made or failed; the text is for the model.
            EnvironmentMissing: what the API needs is gone: its server, its key.
        """
        ...


def result_text(value: Json, *, max_characters: int = 4000) -> str:
    """A value as a model is shown it: text as it is, anything else as JSON, cut where it is long.

    >>> result_text({"id": 7})
    '{"id": 7}'
    """
    if value is None:
        return "done; there is no answer to read"
    return excerpt(value if isinstance(value, str) else json_text(value), max_characters)


def checked_arguments(api: Api, arguments: Mapping[str, Json]) -> dict[str, Json]:
    """The arguments as the API takes them.

    What a model often writes otherwise is put right where nothing is lost: `"3"` for a number,
    `"true"` for true, other capitals in the value of an enumeration, a list or an object as JSON
    text, null for an optional parameter that is meant to be left out.

    Raises:
        ToolError: a parameter is unknown, missing, of another type, or much too large; the text
            names the first five problems.
    """
    if not isinstance(arguments, Mapping):
        raise ToolError(f"the arguments must be an object, got {one_line(repr(arguments), 80)}")
    check_size("the arguments", arguments)
    given: dict[str, Json] = {}
    found: list[str] = []
    for name, value in arguments.items():
        parameter = api.parameter(name)
        if parameter is None:
            found.append(_unknown(api, name))
            continue
        schema = parameter.value_schema()
        if value is None and not parameter.required:
            continue
        given[name] = _converted(parameter, value)
        found += islice(problems(schema, given[name], name), _MAX_PROBLEMS)
    found += [
        f"{one.name!r} is missing"
        for one in api.parameters
        if one.required and one.name not in given
    ]
    if found:
        more = len(found) - _MAX_PROBLEMS
        listed = "; ".join(found[:_MAX_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
        raise ToolError(f"{api.identifier} was not called: {listed}")
    return given


def _unknown(api: Api, name: str) -> str:
    names = [one.name for one in api.parameters]
    shown = one_line(str(name), 60)
    near = difflib.get_close_matches(shown, names, n=1)
    if near:
        return f"{shown!r} is no parameter; do you mean {near[0]!r}?"
    listed = ", ".join(names[:20]) or "none"
    return f"{shown!r} is no parameter; it takes {listed}"


def _converted(parameter: ApiParameter, value: Json) -> Json:
    match parameter.type:
        case "integer" | "number":
            return _number(value, whole=parameter.type == "integer")
        case "boolean" if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
            return value.strip().lower() == "true"
        case "text" if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        case "enumeration" if isinstance(value, str) and value not in parameter.choices:
            alike = [one for one in parameter.choices if one.casefold() == value.strip().casefold()]
            return alike[0] if len(alike) == 1 else value
        case "list" | "dictionary" if isinstance(value, str):
            return _from_text(value, list if parameter.type == "list" else dict)
        case _:
            return value


def _number(value: Json, *, whole: bool) -> Json:
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,15}\s*", value, re.ASCII):
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,15}\.[0-9]{1,15}\s*", value):
        value = float(value)
    if whole and isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    return value


def _from_text(value: str, kind: type[list[Json]] | type[dict[str, Json]]) -> Json:
    try:
        read: Json = json.loads(value)
    except (ValueError, RecursionError):
        return value
    if not isinstance(read, kind):
        return value
    check_size("the arguments", read)
    return read

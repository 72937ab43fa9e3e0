"""The one JSON object in a model's reply."""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.chat_model import Reply
from tapgraph.llm_backend.json_text import find_objects

__all__ = ["Parsed", "parse_object", "read_object", "schema_text", "with_object"]

Schema = TypeVar("Schema", bound=BaseModel)

_MOST_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class Parsed(Generic[Schema]):
    """An object, and what was put right in the words to get it."""

    answer: Schema
    repairs: tuple[str, ...] = ()


def read_object(text: str, schema: type[Schema]) -> Parsed[Schema]:
    """The object of type `schema` that the text holds, as `find_objects` finds it.

    A number may be written as another type where its value is exactly the same (`2.0` or `"2"` for
    2), and null stands for what is not given.

    Raises:
        InvalidReply: there is no object, a broken one, one that does not fit the schema, or two
            different ones that fit; the text says which, for the model.
    """
    try:
        return _read_object(text, schema)
    except RecursionError as error:
        raise InvalidReply("its JSON is nested too deeply") from error


def _read_object(text: str, schema: type[Schema]) -> Parsed[Schema]:
    found = find_objects(text)
    if not found.objects:
        raise InvalidReply("it holds no JSON object")
    fitting: list[Parsed[Schema]] = []
    problem = ""
    for one in found.objects:
        try:
            fitted = _fitted(one, schema)
        except ValidationError as error:
            problem = problem or _told(error)
        else:
            if all(fitted.answer != other.answer for other in fitting):
                fitting.append(fitted)
    if not fitting:
        raise InvalidReply(f"the JSON object does not fit the schema: {problem}")
    if len(fitting) > 1:
        raise InvalidReply(f"it holds {len(fitting)} different JSON objects; give only one")
    return replace(fitting[0], repairs=(*found.repairs, *fitting[0].repairs))


def parse_object(text: str, schema: type[Schema]) -> Schema:
    """The answer of `read_object`.

    Raises:
        InvalidReply: as `read_object`.

    >>> class Visit(BaseModel):
    ...     url: str
    >>> parse_object('I go on: {"url": "https://example.org/#a"} // done', Visit)
    Visit(url='https://example.org/#a')
    """
    return read_object(text, schema).answer


def with_object(reply: Reply, schema: type[BaseModel]) -> Reply:
    """The reply with `parsed` set where it is whole and its words hold an object that fits."""
    if reply.finish_reason == "length":
        return reply
    try:
        read = read_object(reply.text, schema)
    except InvalidReply:
        return reply
    return replace(reply, parsed=read.answer, repairs=read.repairs)


def schema_text(schema: type[BaseModel]) -> str:
    """The JSON schema of a model in one line, for a prompt."""
    return json.dumps(schema.model_json_schema(), ensure_ascii=False)


def _fitted(found: dict[str, object], schema: type[Schema]) -> Parsed[Schema]:
    try:
        return Parsed(schema.model_validate_json(json.dumps(found), strict=True))
    except ValidationError as error:
        if _has_truth_for_number(error):
            raise
    try:
        return Parsed(schema.model_validate(found), ("took values of another type",))
    except ValidationError as error:
        given = _without_nulls(found, error)
        try:
            return Parsed(schema.model_validate(given))
        except ValidationError:
            raise error from None


def _has_truth_for_number(error: ValidationError) -> bool:
    return any(
        isinstance(problem["input"], bool) and problem["type"] in {"int_type", "float_type"}
        for problem in error.errors(include_url=False, include_context=False)
    )


def _without_nulls(found: dict[str, object], error: ValidationError) -> dict[str, object]:
    """The object without the nulls that do not fit: whoever must fill in all keys says so."""
    given = copy.deepcopy(found)
    for problem in error.errors(include_url=False, include_context=False):
        if problem["input"] is None:
            _remove(given, problem["loc"])
    return given


def _remove(inside: Any, place: Sequence[int | str]) -> None:
    """Remove the null at a place; where unions are, it ends in names of types."""
    for step in place:
        if isinstance(inside, dict) and step in inside:
            if inside[step] is None:
                del inside[step]
                return
            inside = inside[step]
        elif isinstance(inside, list) and isinstance(step, int) and step < len(inside):
            inside = inside[step]


def _told(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False)
    told = [
        f"{'.'.join(map(str, problem['loc'])) or 'the object'}: {problem['msg']}"
        + ("" if problem["type"] == "missing" else f", got {_clipped(problem['input'])}")
        for problem in problems[:_MOST_PROBLEMS]
    ]
    if len(problems) > _MOST_PROBLEMS:
        told.append(f"and {len(problems) - _MOST_PROBLEMS} more")
    return "; ".join(told)


def _clipped(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:79]}…"

"""The one JSON object in a model's reply."""

import json
import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tapgraph.errors import InvalidReply

__all__ = ["parse_object", "schema_text"]

Schema = TypeVar("Schema", bound=BaseModel)

# Prose may hold braces ("{curly}"); only a brace before a key or an empty object starts JSON.
_OBJECT_START = re.compile(r'\{\s*["}]')
_THINKING = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_MOST_PROBLEMS = 5


def parse_object(text: str, schema: type[Schema]) -> Schema:
    """The object of type `schema` that the text holds, alone, in a Markdown fence or in prose.

    Strings inside the object keep whatever they hold: `//`, `# `, quotes, braces, line breaks. A
    leading `<think>` block is not read.

    Raises:
        InvalidReply: there is no object, a broken one, one that does not fit the schema, or two
            different ones that fit; the text says which, for the model.

    >>> class Visit(BaseModel):
    ...     url: str
    >>> parse_object('I go on: {"url": "https://example.org/#a"} // done', Visit)
    Visit(url='https://example.org/#a')
    """
    objects = _objects_in(_THINKING.sub("", text, count=1))
    if not objects:
        raise InvalidReply("it holds no JSON object")
    fitting: list[Schema] = []
    problem = ""
    for found in objects:
        try:
            fitted = schema.model_validate(found)
        except ValidationError as error:
            problem = problem or _told(error)
        else:
            if fitted not in fitting:
                fitting.append(fitted)
    if not fitting:
        raise InvalidReply(f"the JSON object does not fit the schema: {problem}")
    if len(fitting) > 1:
        raise InvalidReply(f"it holds {len(fitting)} different JSON objects; give only one")
    return fitting[0]


def schema_text(schema: type[BaseModel]) -> str:
    """The JSON schema of a model in one line, for a prompt."""
    return json.dumps(schema.model_json_schema(), ensure_ascii=False)


def _objects_in(text: str) -> list[dict[str, object]]:
    decoder = json.JSONDecoder(
        object_pairs_hook=_without_repeated_keys, parse_constant=_refuse_constant, strict=False
    )
    objects: list[dict[str, object]] = []
    position = 0
    while start := _OBJECT_START.search(text, position):
        try:
            found, position = decoder.raw_decode(text, start.start())
            # A lone surrogate cannot be stored or sent as UTF-8.
            json.dumps(found, ensure_ascii=False).encode()
        except json.JSONDecodeError as error:
            around = text[max(0, error.pos - 20) : error.pos + 20]
            raise InvalidReply(f"the JSON is broken near {around!r}: {error.msg}") from error
        except UnicodeEncodeError as error:
            raise InvalidReply("a string holds half of a surrogate pair") from error
        except RecursionError as error:
            raise InvalidReply("the JSON is nested too deeply") from error
        except ValueError as error:
            raise InvalidReply(f"the JSON cannot be read: {error}") from error
        objects.append(found)
    return objects


def _without_repeated_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {repeated!r} stands twice in one object")
    return dict(pairs)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


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

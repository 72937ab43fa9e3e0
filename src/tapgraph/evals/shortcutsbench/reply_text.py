"""From a reply's words to a call: by the paper's rule, by its pre-experiment's, and strictly."""

import json
import re
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue

from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.json_object import read_object
from tapgraph.llm_backend.json_text import NOTATION_REPAIRS

__all__ = [
    "ApiReply",
    "Call",
    "StepReply",
    "paper_call",
    "pre_experiment_name",
    "strict_api",
    "strict_call",
]

_Schema = TypeVar("_Schema", bound=BaseModel)

_GREEDY_OBJECT = re.compile(r"\{.*\}", re.DOTALL)
_API_NAME = re.compile(r'"api_name":\s*(?:"([^"]+)"|([^\s,}]+))')
"""The expression of the authors' script: a name in quotes, or bare up to a blank or a comma."""


class StepReply(BaseModel):
    """The next action of a shortcut, or `Finish`."""

    model_config = ConfigDict(extra="ignore")

    Thought: str = ""
    WFWorkflowActionIdentifier: str
    WFWorkflowActionParameters: dict[str, JsonValue] = {}


class ApiReply(BaseModel):
    """The next API of a pre-experiment query."""

    model_config = ConfigDict(extra="ignore")

    Thought: str = ""
    api_name: str


@dataclass(frozen=True, slots=True)
class Call:
    """What a reply calls; `identifier` is None when it names nothing."""

    identifier: str | None
    parameters: dict[str, JsonValue]


def paper_call(text: str) -> Call | None:
    """The call by the paper's rule, or None for its `json_error`.

    From the first brace to the last one is read as JSON, and when that fails, the whole text. Two
    objects, or braces in the prose, are therefore an error. Deviation: parameters that are no
    object count as none; the authors' code looks for names inside such a string, or crashes.
    """
    found = _greedy_json(text)
    if found is _NOTHING:
        return None
    if not isinstance(found, dict):
        return Call(None, {})
    identifier = found.get("WFWorkflowActionIdentifier")
    parameters = found.get("WFWorkflowActionParameters")
    return Call(
        identifier if isinstance(identifier, str) else None,
        parameters if isinstance(parameters, dict) else {},
    )


def pre_experiment_name(text: str) -> str | None:
    """The chosen API by the pre-experiment's rule; None when the row is dropped.

    Broken JSON is rescued by looking for `"api_name": …` in the text, and `click[Buy]` counts as
    `click`. A name that is no text is wrong, and a row without a name is dropped.

    >>> pre_experiment_name('{"api_name": "click[Buy Now]",}')
    'click'
    >>> pre_experiment_name('{"api_name": click[Buy Now]}')
    'click'
    """
    found = _greedy_json(text)
    if found is _NOTHING:
        rescued = _API_NAME.search(text)
        return (rescued[1] or rescued[2]).split("[")[0] if rescued else None
    if not isinstance(found, dict) or "api_name" not in found:
        return None
    name = found["api_name"]
    return name.split("[")[0] if isinstance(name, str) else ""


def strict_call(text: str) -> Call | None:
    """The call when the text holds exactly one object that fits `StepReply`, else None.

    Prose and a Markdown fence around the object are no error.
    """
    reply = _strictly_read(text, StepReply)
    if reply is None:
        return None
    return Call(reply.WFWorkflowActionIdentifier, reply.WFWorkflowActionParameters)


def strict_api(text: str) -> str | None:
    """The API, letter for letter, when the text holds exactly one object that fits `ApiReply`.

    >>> strict_api('Next: {"api_name": "click"}'), strict_api("Next: {'api_name': 'click'}")
    ('click', None)
    """
    reply = _strictly_read(text, ApiReply)
    return None if reply is None else reply.api_name


def _strictly_read(text: str, schema: type[_Schema]) -> _Schema | None:
    """The object; None where there is not exactly one, or it has to be mended to be JSON."""
    try:
        read = read_object(text, schema)
    except InvalidReply:
        return None
    return None if NOTATION_REPAIRS & set(read.repairs) else read.answer


_NOTHING = object()


def _greedy_json(text: str) -> object:
    braces = _GREEDY_OBJECT.search(text)
    for candidate in ((braces.group(),) if braces else ()) + (text,):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    return _NOTHING

"""Calls, and what was said to a task."""

import ast
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from tapgraph.errors import UsageError

__all__ = ["Call", "Transcript", "call_from_python"]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function."""

    name: str
    arguments: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What was called for one task.

    Attributes:
        turns: for each turn the steps, each the calls that were made at once.
        fault: why it counts as wrong whatever was called.
        calls: replies that were asked for.
        prompt_tokens: sent in all.
        completion_tokens: received in all.
        cost_usd: of all.
    """

    turns: tuple[tuple[tuple[Call, ...], ...], ...]
    fault: str = ""
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0


def call_from_python(text: str, function_named: Callable[[str], Callable[..., object]]) -> Call:
    """The call that a line of Python says, its arguments by name.

    Raises:
        UsageError: it is no call of literals.
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            raise UsageError(f"{text!r} is no call of a function")
        function = function_named(node.func.id)
        positional = [ast.literal_eval(one) for one in node.args]
        named = {one.arg or "": ast.literal_eval(one.value) for one in node.keywords}
        bound = inspect.signature(function).bind_partial(*positional, **named)
    except (SyntaxError, ValueError, TypeError) as error:
        raise UsageError(f"{text!r} is no call of literals: {error}") from error
    return Call(node.func.id, json.loads(json.dumps(bound.arguments)))

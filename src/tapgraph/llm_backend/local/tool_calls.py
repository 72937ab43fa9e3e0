"""Calls of tools in what a model says.

Two ways of writing a call are read: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, any
number of them, as Qwen and Hermes models do and as models without a way of their own are asked to;
and a reply that is nothing but such an object (or a list of them), as Llama models do, where
`parameters` may stand for `arguments`. Text that looks like a call but is none stays text.
"""

import json
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from tapgraph.llm_backend.chat_model import ToolCall, ToolSpec
from tapgraph.llm_backend.local.constraints import JsonSchema

__all__ = ["CALL_BEGIN", "CALL_END", "ReadReply", "ToolCallReader", "forced_call"]

CALL_BEGIN = "<tool_call>"
CALL_END = "</tool_call>"
_CALL = re.compile(rf"{CALL_BEGIN}\s*(.*?)\s*{CALL_END}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ReadReply:
    """A reply's words that were not told before, and the calls in it."""

    text: str
    tool_calls: tuple[ToolCall, ...]


def forced_call(
    tools: Sequence[ToolSpec], *, with_tags: bool, longest_text: int | None
) -> JsonSchema:
    """What a reply must look like that calls exactly one of these tools."""
    definitions: dict[str, Any] = {}
    calls: list[dict[str, Any]] = []
    for place, tool in enumerate(tools):
        parameters = dict(tool.parameters) or {"type": "object"}
        definitions[f"parameters{place}"] = _moved(parameters, f"#/$defs/parameters{place}")
        calls.append({
            "type": "object",
            "properties": {
                "name": {"const": tool.name},
                "arguments": {"$ref": f"#/$defs/parameters{place}"},
            },
            "required": ["name", "arguments"],
            "additionalProperties": False,
        })
    return JsonSchema(
        {"anyOf": calls, "$defs": definitions},
        prefix=f"{CALL_BEGIN}\n" if with_tags else "",
        suffix=f"\n{CALL_END}" if with_tags else "",
        longest_text=longest_text,
    )


def _moved(schema: Any, root: str) -> Any:
    """The schema with its references to itself changed for the place where it now stands."""
    if isinstance(schema, list):
        return [_moved(part, root) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: f"{root}{part[1:]}"
        if key == "$ref" and isinstance(part, str) and part.startswith("#")
        else _moved(part, root)
        for key, part in schema.items()
    }


class ToolCallReader:
    """Parts words from calls while a reply comes; one for each reply.

    >>> reader = ToolCallReader(["tap"])
    >>> reader.push("I tap. <tool"), reader.push('_call>{"name": "tap", "arguments": {"x": 1}}')
    ('I tap. ', '')
    >>> reader.push("</tool_call>")
    ''
    >>> [(call.name, call.arguments) for call in reader.finish().tool_calls]
    [('tap', '{"x": 1}')]
    """

    def __init__(self, names: Collection[str]) -> None:
        """Read calls of the tools with these names; with no names all is words."""
        self._names = frozenset(names)
        self._said = ""
        self._told = 0

    def push(self, text: str) -> str:
        """Add text; the words that can be told now."""
        self._said += text
        if not self._names:
            sure = len(self._said)
        elif self._said.lstrip()[:1] in {"{", "["} or not self._said.strip():
            sure = 0
        else:
            sure = self._said.find(CALL_BEGIN)
            if sure < 0:
                sure = len(self._said) - _overlap(self._said, CALL_BEGIN)
        words = self._said[self._told : sure]
        self._told = max(self._told, sure)
        return words

    def finish(self) -> ReadReply:
        """What was held back, as words or as calls."""
        bare = self._calls(self._said)
        if bare and not self._told:
            return ReadReply("", bare)
        calls: list[ToolCall] = []

        def take(found: re.Match[str]) -> str:
            one = self._calls(found[1])
            calls.extend(one)
            return "" if one else found[0]

        rest = _CALL.sub(take, self._said[self._told :])
        return ReadReply(rest.strip() if calls else rest, tuple(calls))

    def _calls(self, text: str) -> tuple[ToolCall, ...]:
        """The calls that a JSON text is; none if any part of it is not one."""
        if not self._names:
            return ()
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            return ()
        calls = [self._call(one) for one in (said if isinstance(said, list) else [said])]
        return tuple(call for call in calls if call) if all(calls) else ()

    def _call(self, said: object) -> ToolCall | None:
        if not isinstance(said, dict) or said.get("name") not in self._names:
            return None
        arguments = said.get("arguments", said.get("parameters"))
        if not isinstance(arguments, dict):
            return None
        written = json.dumps(arguments, ensure_ascii=False)
        return ToolCall(f"call_{secrets.token_hex(12)}", str(said["name"]), written)


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of the text may be the beginning of the tag."""
    return next((length for length in range(len(tag) - 1, 0, -1) if text.endswith(tag[:length])), 0)

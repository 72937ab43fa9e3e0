"""What a reply holds, read while it comes: thoughts, words and calls of tools.

Thoughts stand in `<think>` tags in front of everything else. A call is a JSON object with the name
of a tool and its `arguments` (or `parameters`, or either as a JSON string, or all of it in
`function`), where models write it: in `<tool_call>` tags as Qwen and Hermes do, in a fence, or as
the beginning of what is said, alone or in a list, as Llama and Mistral do; or it is written in tags
(`tagged_call`). Text that looks like a call but is none stays text.
"""

import json
import re
import secrets
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from tapgraph.llm_backend.chat_model import ToolCall
from tapgraph.llm_backend.local.json_nesting import JsonNesting
from tapgraph.llm_backend.local.tagged_call import (
    FUNCTION_BEGIN,
    FUNCTION_ENDS,
    read_tagged_call,
)

__all__ = [
    "CALL_BEGIN",
    "CALL_END",
    "THOUGHT_BEGIN",
    "THOUGHT_END",
    "CallArguments",
    "CallBegun",
    "ReadReply",
    "ReplyPart",
    "ReplyReader",
    "Thought",
    "Words",
    "gather",
]

CALL_BEGIN, CALL_END = "<tool_call>", "</tool_call>"
THOUGHT_BEGIN, THOUGHT_END = "<think>", "</think>"
_FENCE = "```"
_OPENING = re.compile(rf"{CALL_BEGIN}|(?={FUNCTION_BEGIN})|{_FENCE}[ \t]*[\w+-]*\s*(?=[\[{{])")
_MAY_OPEN = re.compile(rf"{_FENCE}[ \t]*[\w+-]*\s*\Z")
_FUNCTION_END = re.compile("|".join(FUNCTION_ENDS))
_CLOSING = re.compile(rf"\s*(?:</function>|{CALL_END}|{_FENCE}|\]|[,;](?=\s*[\[{{]))")
_HEAD = re.compile(
    r'\s*\{\s*"name"\s*:\s*"([^"\\]*)"\s*,\s*"(?:arguments|parameters)"\s*:\s*(?=\{)'
)
_FIRST_KEY = re.compile(r'\s*\{\s*"([^"\\]*)"')
_KEYS_OF_CALLS = frozenset({"name", "arguments", "parameters", "function", "type", "id"})
_ID_LETTERS = string.ascii_letters + string.digits
_ID_LENGTH = 9
"""Some templates take no id of another length."""


@dataclass(frozen=True, slots=True)
class Thought:
    """More of the thoughts."""

    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """More of the words."""

    text: str


@dataclass(frozen=True, slots=True)
class CallBegun:
    """A tool is called; its arguments follow."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class CallArguments:
    """More of the JSON text of the last call's arguments."""

    text: str


ReplyPart: TypeAlias = Thought | Words | CallBegun | CallArguments


@dataclass(frozen=True, slots=True)
class ReadReply:
    """All that a reply holds."""

    reasoning: str
    text: str
    tool_calls: tuple[ToolCall, ...]


def gather(parts: Iterable[ReplyPart]) -> ReadReply:
    """The parts of a whole reply, put together."""
    thoughts, words, calls = "", "", list[ToolCall]()
    for part in parts:
        match part:
            case Thought(text):
                thoughts += text
            case Words(text):
                words += text
            case CallBegun(id, name):
                calls.append(ToolCall(id, name, ""))
            case CallArguments(text):
                last = calls.pop()
                calls.append(ToolCall(last.id, last.name, last.arguments + text))
    return ReadReply(thoughts, words, tuple(calls))


class ReplyReader:
    """Reads one reply, in pieces of any size.

    >>> reader = ReplyReader({"tap": {"properties": {"x": {"type": "integer"}}}})
    >>> [part.text for part in reader.push("I tap. <tool")]
    ['I tap. ']
    >>> reader.push('_call>{"name": "tap", "arguments": {"x"')[1]
    CallArguments(text='{"x"')
    >>> reader.push(": 1}}</tool_call>"), reader.finish()
    ([CallArguments(text=': 1}')], [])

    Args:
        tools: those whose calls are read, with the schemas of their arguments; with none, a call is
            words.
        most_calls: what comes after so many calls is left out; None for no limit.
        is_in_thought: whether the prompt has opened the thoughts already.
        drops_first_blank: whether a blank before all else is the tokenizer's and no part of it.
    """

    def __init__(
        self,
        tools: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
        *,
        most_calls: int | None = None,
        is_in_thought: bool = False,
        drops_first_blank: bool = False,
    ) -> None:
        self._tools = tools
        self._most_calls = most_calls
        self._drops_first_blank = drops_first_blank
        self._held = ""
        self._opening = ""
        self._calls = 0
        self._has_thought = self._has_words = False
        self._is_first = True
        self._is_end = False
        self._nesting = JsonNesting()
        self._read: Callable[[], Iterator[ReplyPart]] = (
            self._thought if is_in_thought else self._start
        )

    def push(self, text: str) -> list[ReplyPart]:
        """Add text; what is known now."""
        self._held += text
        return self._parts()

    def finish(self) -> list[ReplyPart]:
        """What was held back until the reply had ended."""
        self._is_end = True
        return self._parts()

    def _parts(self) -> list[ReplyPart]:
        parts: list[ReplyPart] = []
        while True:
            before = self._read, len(self._held)
            parts += self._read()
            if (self._read, len(self._held)) == before:
                return parts

    def _take(self, count: int) -> str:
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def _start(self) -> Iterator[ReplyPart]:
        """In front of everything, or of what follows the thoughts."""
        said = self._held.lstrip()
        if said.startswith(THOUGHT_BEGIN):
            self._held = said.removeprefix(THOUGHT_BEGIN)
            if self._has_thought:
                yield Thought("\n")
            self._has_thought = False
            self._read = self._thought
        elif self._is_end or not THOUGHT_BEGIN.startswith(said):
            if self._has_thought:
                self._held = said
            elif self._drops_first_blank:
                self._held = self._held.removeprefix(" ")
            self._read = self._words if self._tools else self._only_words

    def _thought(self) -> Iterator[ReplyPart]:
        if not self._has_thought:
            self._held = self._held.lstrip()
        place = self._held.find(THOUGHT_END)
        if place >= 0:
            sure, self._held = self._held[:place].rstrip(), self._held[place + len(THOUGHT_END) :]
            self._read = self._start
            self._has_thought = True
        else:
            open_end = 0 if self._is_end else _overlap(self._held, THOUGHT_END)
            sure = self._held[: len(self._held) - open_end].rstrip()
            self._held = "" if self._is_end else self._held[len(sure) :]
            self._has_thought |= bool(sure)
        if sure:
            yield Thought(sure)

    def _only_words(self) -> Iterator[ReplyPart]:
        if self._held:
            yield Words(self._take(len(self._held)))

    def _ignored(self) -> Iterator[ReplyPart]:
        self._held = ""
        yield from ()

    def _words(self) -> Iterator[ReplyPart]:
        """Up to what may be a call."""
        if self._is_first:
            said = self._held.lstrip()
            if not said:
                if self._is_end:
                    yield from self._told_words("" if self._calls else self._held)
                    self._held = ""
                return
            if said[0] in "{[":
                self._open(len(self._held) - len(said))
                return
        found = _OPENING.search(self._held)
        if found:
            yield from self._told_words(self._take(found.start()))
            self._open(found.end() - found.start())
            return
        sure = len(self._held)
        if not self._is_end:
            fence = _MAY_OPEN.search(self._held)
            tail = max(_overlap(self._held, tag) for tag in (CALL_BEGIN, FUNCTION_BEGIN, _FENCE))
            sure = fence.start() if fence else sure - tail
        yield from self._told_words(self._take(sure))

    def _told_words(self, text: str) -> Iterator[ReplyPart]:
        if text:
            self._is_first &= not text.strip()
            yield Words(text)

    def _open(self, length: int) -> None:
        """A call may begin here; its opening is words again if it does not."""
        self._opening = self._take(length)
        said = self._held.lstrip()
        if said.startswith("["):
            self._opening += self._take(len(self._held) - len(said) + 1)
        self._nesting = JsonNesting()
        self._read = self._candidate

    def _candidate(self) -> Iterator[ReplyPart]:
        head = _HEAD.match(self._held)
        if head and head[1] in self._tools:
            yield from self._begin_call(head[1])
            self._take(head.end())
            self._nesting = JsonNesting(depth=1)
            return
        said = self._held.lstrip()
        if FUNCTION_BEGIN.startswith(said[: len(FUNCTION_BEGIN)]) and said:
            yield from self._tagged(said)
            return
        first_key = _FIRST_KEY.match(said)
        is_none = said[:1] not in {"", "{"}
        if is_none or (first_key and first_key[1] not in _KEYS_OF_CALLS):
            yield from self._no_call(0)
            return
        self._take(len(self._held) - len(said))
        length = self._nesting.find_end(self._held, floor=0)
        if length is not None:
            call = self._call(self._held[:length])
            if call is None:
                yield from self._no_call(length)
                return
            yield from self._begin_call(call[0])
            self._take(length)
            if self._read == self._arguments:
                yield CallArguments(call[1])
                self._read = self._after_call
        elif self._is_end:
            yield from self._no_call(len(self._held))

    def _tagged(self, said: str) -> Iterator[ReplyPart]:
        """A call in tags, once it is whole."""
        end = _FUNCTION_END.search(said)
        if end is None and not self._is_end:
            return
        text = said[: end.start()] if end else said
        length = len(self._held) - len(said) + len(text)
        call = read_tagged_call(text, self._tools)
        if call is None:
            yield from self._no_call(length)
            return
        yield from self._begin_call(call[0])
        self._take(length)
        if self._read == self._arguments:
            yield CallArguments(json.dumps(call[1], ensure_ascii=False))
            self._read = self._after_call

    def _no_call(self, length: int) -> Iterator[ReplyPart]:
        self._read = self._words
        text = self._opening + self._take(length)
        self._is_first = False
        yield from self._told_words(text)

    def _begin_call(self, name: str) -> Iterator[ReplyPart]:
        if self._calls == self._most_calls:
            self._read = self._ignored
            return
        self._calls += 1
        self._read = self._arguments
        yield CallBegun(_new_id(), name)

    def _arguments(self) -> Iterator[ReplyPart]:
        end = self._nesting.find_end(self._held, floor=1)
        text = self._take(len(self._held) if end is None else end)
        self._nesting.forget(len(text))
        if end is not None:
            self._read = self._rest_of_call
        if text:
            yield CallArguments(text)

    def _rest_of_call(self) -> Iterator[ReplyPart]:
        end = self._nesting.find_end(self._held, floor=0)
        if end is not None:
            self._read = self._after_call
        dropped = self._take(len(self._held) if end is None else end)
        self._nesting.forget(len(dropped))
        yield from ()

    def _after_call(self) -> Iterator[ReplyPart]:
        """What closes a call is dropped; then words may come, or the next call."""
        closing = _CLOSING.match(self._held)
        if closing:
            self._take(closing.end())
            return
        said = self._held.lstrip()
        is_open = any(tag.startswith(said) for tag in (*FUNCTION_ENDS, _FENCE))
        is_open |= said[0:1] in {",", ";"} and not said[1:].strip()
        if self._is_end or not is_open:
            self._held = said
            self._is_first = True
            self._read = self._words
        yield from ()

    def _call(self, text: str) -> tuple[str, str] | None:
        """Name and arguments, if the JSON text is a call."""
        try:
            said = json.loads(text)
            if isinstance(said.get("function"), dict):
                said = said["function"]
            arguments = said.get("arguments", said.get("parameters"))
            if isinstance(arguments, str):
                arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            return None
        name = said.get("name")
        if not isinstance(name, str) or name not in self._tools or not isinstance(arguments, dict):
            return None
        return name, json.dumps(arguments, ensure_ascii=False)


def _new_id() -> str:
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of the text may be the beginning of the tag."""
    return next((length for length in range(len(tag) - 1, 0, -1) if text.endswith(tag[:length])), 0)

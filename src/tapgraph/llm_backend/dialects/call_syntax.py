"""Calls that are written like Python: `name(key='text', key=(x, y))`.

They are read by hand and not by `ast`, because models put quotes into quoted text, break lines
in it and forget the last parenthesis.
"""

import re

from tapgraph.errors import InvalidReply
from tapgraph.llm_backend.dialects.found_call import FoundCall
from tapgraph.llm_backend.dialects.punctuation import plain, plain_quotes

__all__ = ["read_call"]

_POINTS = frozenset((
    "start_box",
    "end_box",
    "point",
    "start_point",
    "end_point",
    "element",
    "start",
    "end",
))
_NAME = re.compile(r"([A-Za-z_]\w*)\s*\(\s*")
_KEY = re.compile(r"([A-Za-z_]\w*)\s*=\s*")
_COMMA = re.compile(r"\s*,\s*")
_CLOSED = re.compile(r"\s*\)")
_NOTHING_MORE = re.compile(r"[^\S\n]*(?:\n|\Z)|\s*(?:</|<\|)")
_NUMBER = r"-?\d{1,9}(?:\.\d{1,9})?"
_POINT = re.compile(
    r"['\"]?\s*(?:<\|box_start\|>|<(?:point|bbox)>)?\s*[(\[]?\s*"
    rf"({_NUMBER}(?:[\s,()]+{_NUMBER})+)"
    r"\s*[)\]]?\s*(?:<\|box_end\|>|</(?:point|bbox)>)?\s*['\"]?"
)
_EMPTY = re.compile(r"''|\"\"")
_BARE = re.compile(r"[^\s,()\[\]'\"<>=]+(?: [^\s,()\[\]'\"<>=]+)*")
# A quote ends the text only where an argument can end; other quotes belong to the text.
_TEXTS = {
    quote: re.compile(
        rf"{quote}((?:\\.|[^\\])*?){quote}"
        r"(?=\s*(?:,\s*[A-Za-z_]\w*\s*=|\)|(?:</\w+>|<\|\w+\|>)?\s*\Z))",
        re.DOTALL,
    )
    for quote in "'\""
}
_UNCLEAR_END = re.compile(r"[^\n]*?['\"]\s*\)")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "\n": "\n"}


def read_call(text: str, position: int) -> tuple[FoundCall, int]:
    """The call that starts at the position, and where it ends.

    Arguments that hold a point become tuples of numbers, all others text.

    Raises:
        InvalidReply: it is no call, or it is broken in a way that leaves open what is meant.

    >>> read_call("type(content='it's on')", 0)[0].arguments
    {'content': "it's on"}
    """
    reading = _Reading(text, position)
    call = reading.call()
    if _UNCLEAR_END.match(reading.structure, reading.position):
        raise InvalidReply(
            f"it is not clear where the text of {call.name} ends; write a backslash before each "
            "quote inside it"
        )
    return call, reading.position


class _Reading:
    def __init__(self, text: str, position: int) -> None:
        self.text = text
        self.structure = plain(text)
        self.position = position
        self._repairs: dict[str, None] = {}

    def call(self) -> FoundCall:
        name = self._take(_NAME)
        if name is None:
            raise InvalidReply("an action must be written as name(key='value')")
        arguments: dict[str, object] = {}
        while not self._ends():
            key = self._take(_KEY)
            if key is None:
                raise InvalidReply(f"{name[1]}: give each argument as key='value'")
            if key[1] in arguments:
                raise InvalidReply(f"{name[1]}: {key[1]} is given twice")
            arguments[key[1]] = self._point(key[1]) if key[1] in _POINTS else self._words(key[1])
            if self._take(_COMMA) is None and not self._ends(look_only=True):
                raise InvalidReply(f"{name[1]}: it cannot be read after {key[1]}")
        return FoundCall(name[1], arguments, repairs=tuple(self._repairs))

    def _ends(self, *, look_only: bool = False) -> bool:
        start = self.position
        is_end = self._take(_CLOSED) is not None
        if not is_end and _NOTHING_MORE.match(self.structure, self.position):
            self._repairs["a closing parenthesis was missing"] = None
            is_end = True
        if look_only:
            self.position = start
        return is_end

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.structure, self.position)
        if found is not None:
            self.position = found.end()
            if found[0] != self.text[found.start() : found.end()]:
                self._repairs["full-width punctuation"] = None
        return found

    def _point(self, key: str) -> tuple[float, ...] | str:
        if self._take(_EMPTY):
            return ""
        found = self._take(_POINT)
        if found is None:
            raise InvalidReply(f"{key} must be a point such as (120,340)")
        if found.end(1) == len(self.text):
            raise InvalidReply(f"it ends inside the point of {key}")
        numbers = re.findall(_NUMBER, found[1])
        return tuple(float(number) if "." in number else int(number) for number in numbers)

    def _words(self, key: str) -> str:
        opening = self.text[self.position : self.position + 1]
        quote = plain_quotes(opening)
        if quote not in _TEXTS:
            bare = self._take(_BARE)
            if bare is None:
                raise InvalidReply(f"{key} must be a text in quotes")
            self._repairs[f"the quotes of {key} were missing"] = None
            return self.text[bare.start() : bare.end()]
        is_plain = quote == opening
        structure = self.structure if is_plain else plain_quotes(self.structure)
        found = _TEXTS[quote].match(structure, self.position)
        if found is None:
            raise InvalidReply(f"the text of {key} is not closed")
        self.position = found.end()
        if not is_plain:
            self._repairs["full-width punctuation"] = None
        written = self.text[found.start(1) : found.end(1)]
        if re.search(rf"(?<!\\){quote}", written):
            self._repairs[f"quotes inside {key} were not escaped"] = None
        return _ESCAPE.sub(_unescaped, written)


def _unescaped(escape: re.Match[str]) -> str:
    code = escape[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPED.get(code, escape[0])

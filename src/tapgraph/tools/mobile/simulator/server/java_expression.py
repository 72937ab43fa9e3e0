"""The small piece of Java that `-android uiautomator` locators are written in, parsed, never run.

::

    expression = ["new"] name "(" [values] ")" { "." name "(" [values] ")" } [";"]
    value      = string | number | "true" | "false" | expression
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError

__all__ = ["Expression", "MethodCall", "Value", "parse_expression"]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*")
      | (?P<number>-?\d+)
      | (?P<name>[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*(?=\s*\()|new\b|true\b|false\b)
      | (?P<sign>[().,;])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u+[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_DEEPEST_NESTING = 20
_LONGEST_SOURCE = 10_000


@dataclass(frozen=True, slots=True)
class MethodCall:
    """A name with its arguments."""

    name: str
    arguments: tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """An object that is made, and what is called on it, in order."""

    constructor: MethodCall
    calls: tuple[MethodCall, ...]


Value: TypeAlias = str | int | bool | Expression


def parse_expression(source: str) -> Expression:
    """The expression that a locator writes.

    Raises:
        ProtocolError: `invalid selector`, with the place where it goes wrong.

    >>> parse_expression('new UiSelector().text("OK")').calls
    (MethodCall(name='text', arguments=('OK',)),)
    """
    if len(source) > _LONGEST_SOURCE:
        raise ProtocolError("invalid selector", "the locator is longer than 10,000 characters")
    parser = _Parser(source)
    expression = parser.expression(depth=0)
    parser.skip(";")
    parser.expect_end()
    return expression


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0

    def expression(self, depth: int) -> Expression:
        if depth > _DEEPEST_NESTING:
            raise self._error("fewer nested expressions")
        self.skip("new")
        constructor = self._method_call(depth)
        calls: list[MethodCall] = []
        while self.skip("."):
            calls.append(self._method_call(depth))
        return Expression(constructor, tuple(calls))

    def skip(self, token: str) -> bool:
        match = _TOKEN.match(self._source, self._position)
        if match is None or match.group().strip() != token:
            return False
        self._position = match.end()
        return True

    def expect_end(self) -> None:
        if self._source[self._position :].strip():
            raise self._error("the end of the locator")

    def _method_call(self, depth: int) -> MethodCall:
        match = _TOKEN.match(self._source, self._position)
        if match is None or match["name"] is None:
            raise self._error("a method or class name followed by '('")
        self._position = match.end()
        name = match["name"].rpartition(".")[2]
        self._expect("(")
        arguments: list[Value] = []
        if not self.skip(")"):
            arguments.append(self._value(depth))
            while self.skip(","):
                arguments.append(self._value(depth))
            self._expect(")")
        return MethodCall(name, tuple(arguments))

    def _value(self, depth: int) -> Value:
        match = _TOKEN.match(self._source, self._position)
        if match is None or match["sign"]:
            raise self._error("a string, a number, true, false or an expression")
        if match["text"] is not None:
            self._position = match.end()
            return _unescaped(match["text"][1:-1])
        if match["number"] is not None:
            self._position = match.end()
            return int(match["number"])
        if match["name"] in {"true", "false"}:
            self._position = match.end()
            return match["name"] == "true"
        return self.expression(depth + 1)

    def _expect(self, sign: str) -> None:
        if not self.skip(sign):
            raise self._error(repr(sign))

    def _error(self, wanted: str) -> ProtocolError:
        return ProtocolError(
            "invalid selector",
            f"the uiautomator locator needs {wanted} at character {self._position}: "
            f"{self._source[: self._position]!r:.200} << here >> "
            f"{self._source[self._position : self._position + 40]!r}",
        )


def _unescaped(text: str) -> str:
    def replacement(match: re.Match[str]) -> str:
        escape = match[1]
        if len(escape) > 1:
            return chr(int(escape.lstrip("u"), 16))
        return _ESCAPES.get(escape, escape)

    return _ESCAPE.sub(replacement, text)

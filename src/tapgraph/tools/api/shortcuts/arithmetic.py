"""Arithmetic in words, evaluated without `eval`."""

import math
import re
from collections.abc import Callable, Mapping

from tapgraph.errors import ToolError

__all__ = ["evaluated"]

_LONGEST = 1000
_DEEPEST = 50
_TOKEN = re.compile(
    r"\s*(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+|[a-zA-Z]+|[-+*/^(),%\u00d7\u00f7\u2212])"
)
_CONSTANTS = {"pi": math.pi, "e": math.e}
_FUNCTIONS: Mapping[str, Callable[[float], float]] = {
    "sqrt": math.sqrt,
    "abs": abs,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "ln": math.log,
    "log": math.log10,
    "exp": math.exp,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
}
_SAME = {"\u00d7": "*", "\u00f7": "/", "\u2212": "-"}


def evaluated(expression: str) -> float:
    """The value of an expression of numbers, + - * / ^ %, brackets and a few functions.

    Raises:
        ToolError: it is not one, or it has no value.

    >>> evaluated("2 + 3 * (4 - 1)^2"), evaluated("-2^2"), evaluated("sqrt(16) / 2")
    (29.0, -4.0, 2.0)
    """
    if len(expression) > _LONGEST:
        raise ToolError(f"the expression is longer than {_LONGEST} characters")
    reader = _Reader(_tokens(expression))
    try:
        value = reader.sum(0)
    except (ArithmeticError, ValueError) as error:
        raise ToolError(f"{expression[:80]!r} has no value: {error}") from error
    reader.expect_end()
    return float(value)


def _tokens(expression: str) -> list[str]:
    tokens = []
    position = 0
    text = expression.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ToolError(f"{text[position : position + 20]!r} is no part of an expression")
        tokens.append(_SAME.get(found.group(1), found.group(1)))
        position = found.end()
    return tokens


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._next = 0

    def sum(self, depth: int) -> float:
        if depth > _DEEPEST:
            raise ToolError("the expression is nested too deeply")
        value = self._product(depth)
        while self._peek() in {"+", "-"}:
            sign = 1 if self._take() == "+" else -1
            value += sign * self._product(depth)
        return value

    def expect_end(self) -> None:
        if self._next < len(self._tokens):
            raise ToolError(f"{self._tokens[self._next]!r} does not fit into the expression")

    def _product(self, depth: int) -> float:
        value = self._signed(depth)
        while self._peek() in {"*", "/", "%"}:
            operator = self._take()
            operand = self._signed(depth)
            if operator == "*":
                value *= operand
            else:
                value = value / operand if operator == "/" else math.fmod(value, operand)
        return value

    def _signed(self, depth: int) -> float:
        if depth > _DEEPEST:
            raise ToolError("the expression is nested too deeply")
        if self._peek() in {"+", "-"}:
            sign = 1 if self._take() == "+" else -1
            return sign * self._signed(depth + 1)
        base = self._atom(depth)
        if self._peek() == "^":
            self._take()
            return math.pow(base, self._signed(depth + 1))
        return base

    def _atom(self, depth: int) -> float:
        token = self._take()
        if token == "(":
            value = self.sum(depth + 1)
            self._close()
            return value
        if token in _FUNCTIONS and self._peek() == "(":
            self._take()
            value = self.sum(depth + 1)
            self._close()
            return float(_FUNCTIONS[token](value))
        if token in _CONSTANTS:
            return _CONSTANTS[token]
        if token[:1].isdigit() or token[:1] == ".":
            return float(token)
        raise ToolError(f"{token!r} does not fit into the expression")

    def _close(self) -> None:
        if self._take() != ")":
            raise ToolError("a bracket is not closed")

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        if not token:
            raise ToolError("the expression ends too early")
        self._next += 1
        return token

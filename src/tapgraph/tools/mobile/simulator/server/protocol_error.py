"""How the server says no: the errors of the W3C WebDriver standard, in its spelling."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

__all__ = ["ErrorCode", "ProtocolError"]

ErrorCode: TypeAlias = Literal[
    "element not interactable",
    "invalid argument",
    "invalid element state",
    "invalid selector",
    "invalid session id",
    "move target out of bounds",
    "no such alert",
    "no such element",
    "no such window",
    "session not created",
    "stale element reference",
    "timeout",
    "unknown command",
    "unknown error",
    "unknown method",
    "unsupported operation",
]
"""An error code of section 6.6 of https://www.w3.org/TR/webdriver2/."""

_HTTP_STATUS: Mapping[ErrorCode, int] = {
    "element not interactable": 400,
    "invalid argument": 400,
    "invalid element state": 400,
    "invalid selector": 400,
    "invalid session id": 404,
    "move target out of bounds": 500,
    "no such alert": 404,
    "no such element": 404,
    "no such window": 404,
    "session not created": 500,
    "stale element reference": 404,
    "timeout": 500,
    "unknown command": 404,
    "unknown error": 500,
    "unknown method": 405,
    "unsupported operation": 500,
}


class ProtocolError(Exception):
    """A command is refused; it becomes the HTTP answer and never leaves the server."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def http_status(self) -> int:
        """The HTTP status that the standard gives this code."""
        return _HTTP_STATUS[self.code]

    def body(self) -> dict[str, object]:
        """The JSON answer; the stack trace stays empty, clients only need the key."""
        return {"value": {"error": self.code, "message": self.message, "stacktrace": ""}}

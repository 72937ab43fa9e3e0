"""Errors in the words of OpenAI and of Anthropic."""

from typing import Any, Literal, TypeAlias

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from tapgraph.errors import ContextExceeded, ModelBusy, ModelUnavailable, TapgraphError

__all__ = ["ErrorReply", "Refusal", "as_refusal", "refusal_of_validation"]

ErrorType: TypeAlias = Literal[
    "invalid_request_error", "authentication_error", "rate_limit_error", "server_error"
]

_ANTHROPICS_PATH = "/v1/messages"


class _Error(BaseModel):
    message: str
    type: ErrorType
    param: str | None = None
    code: str | None = None


class ErrorReply(BaseModel):
    """The body of every reply that is not a success."""

    error: _Error

    def in_anthropics_words(self) -> dict[str, Any]:
        """The same for clients of `/v1/messages`."""
        kind = {"server_error": "api_error"}.get(self.error.type, self.error.type)
        if self.error.code == "model_not_found":
            kind = "not_found_error"
        return {"type": "error", "error": {"type": kind, "message": self.error.message}}


class Refusal(Exception):
    """A request that gets no answer; raised anywhere below the application.

    Attributes:
        status: of HTTP.
        body: what is sent.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: ErrorType = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = ErrorReply(error=_Error(message=message, type=kind, param=param, code=code))

    def response(self, path: str) -> JSONResponse:
        """As HTTP, in the words of the dialect at the path; a full queue says when to come back."""
        headers = {"Retry-After": "1"} if self.status == 429 else None
        is_anthropics = path.startswith(_ANTHROPICS_PATH)
        body = self.body.in_anthropics_words() if is_anthropics else self.body.model_dump()
        return JSONResponse(body, self.status, headers)


def as_refusal(error: TapgraphError) -> Refusal:
    """What a caller is told of one of our own errors."""
    if isinstance(error, ContextExceeded):
        return Refusal(400, str(error), code="context_length_exceeded")
    if isinstance(error, ModelBusy):
        return Refusal(429, str(error), kind="rate_limit_error", code="queue_full")
    if isinstance(error, ModelUnavailable):
        return Refusal(503, str(error), kind="server_error", code="model_unavailable")
    return Refusal(400, str(error))


def refusal_of_validation(error: RequestValidationError) -> Refusal:
    """The first thing that is wrong with a request's body, without repeating the body."""
    problem: dict[str, Any] = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"] if part != "body")
    where = f"{place}: " if place else ""
    # A key of the body may hold what cannot be encoded.
    told = f"{where}{problem['msg']}".encode(errors="replace").decode()
    return Refusal(400, told, param=place.encode(errors="replace").decode() or None)

"""What stands before the application: the key, and how much and how slowly one may send."""

import asyncio
import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tapgraph.errors import UsageError
from tapgraph.llm_backend.server.refusals import Refusal

__all__ = ["LOOPBACK", "Gate", "GateLimits", "check_limit"]

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Names under which only this machine reaches itself."""

_OPEN_PATHS = frozenset({"/health"})


@dataclass(frozen=True, slots=True)
class GateLimits:
    """Who may send what.

    Attributes:
        api_key: what the header `Authorization: Bearer` or `x-api-key` must hold; None lets
            everybody in.
        max_body_bytes: of one request.
        body_timeout_s: seconds within which a body must have come.
        head_timeout_s: seconds within which headers must have come.
        reader_timeout_s: seconds for which a client may read nothing of a long reply.
    """

    api_key: str | None = None
    max_body_bytes: int = 32 * 2**20
    body_timeout_s: float = 60.0
    head_timeout_s: float = 20.0
    reader_timeout_s: float = 60.0

    def __post_init__(self) -> None:
        for name in ("max_body_bytes", "body_timeout_s", "head_timeout_s", "reader_timeout_s"):
            check_limit(name, getattr(self, name))


def check_limit(name: str, value: float) -> None:
    """See that a limit is a number above 0.

    Raises:
        UsageError: it is not.
    """
    if not (value > 0 and math.isfinite(value)):
        raise UsageError(f"{name} must be above 0, got {value!r}")


class Gate:
    """ASGI middleware that checks the key before anything is read, and counts what is read."""

    def __init__(self, app: ASGIApp, limits: GateLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if self._limits.api_key is None and not _is_local(headers):
            refusal = Refusal(
                403, "without an API key, this server answers under its local name only, and no "
                "page of another origin", kind="authentication_error", code="not_local",
            )  # fmt: skip
            await refusal.response(scope["path"])(scope, receive, send)
            return
        if not self._has_key(scope["path"], headers):
            refusal = Refusal(
                401, "the API key is missing or wrong", kind="authentication_error",
                code="invalid_api_key",
            )  # fmt: skip
            await refusal.response(scope["path"])(scope, receive, send)
            return
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > self._limits.max_body_bytes:
            await self._too_long().response(scope["path"])(scope, receive, send)
            return
        await self._app(scope, _Counted(receive, self._limits, self._too_long()), send)

    def _has_key(self, path: str, headers: Mapping[bytes, bytes]) -> bool:
        key = self._limits.api_key
        if key is None or path in _OPEN_PATHS:
            return True
        scheme, _, bearer = headers.get(b"authorization", b"").partition(b" ")
        given = bearer.strip() if scheme.lower() == b"bearer" else headers.get(b"x-api-key", b"")
        return hmac.compare_digest(given, key.encode())

    def _too_long(self) -> Refusal:
        return Refusal(413, f"a request may have {self._limits.max_body_bytes} bytes at most")


def _is_local(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the request is meant for this machine, by its headers `Host` and `Origin`.

    A page from anywhere may send requests to a server on its reader's machine, and by a name of its
    own that leads there it may even read the replies.
    """
    named = headers.get(b"host", b"").decode("latin-1")
    origin = headers.get(b"origin")
    names = [f"//{named}", *([] if origin is None else [origin.decode("latin-1")])]
    return all(_host_of(name) in LOOPBACK for name in names)


def _host_of(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


class _Counted:
    """`receive` that stops when a body is too long or too slow."""

    def __init__(self, receive: Receive, limits: GateLimits, too_long: Refusal) -> None:
        self._receive = receive
        self._limits = limits
        self._too_long = too_long
        self._bytes = 0
        self._is_complete = False
        self._deadline = asyncio.get_running_loop().time() + limits.body_timeout_s

    async def __call__(self) -> Message:
        if self._is_complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as error:
            # The only exception that the framework's reading of bodies lets through.
            raise HTTPException(408, "the request's body came too slowly") from error
        self._bytes += len(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)
        if self._bytes > self._limits.max_body_bytes:
            raise HTTPException(413, str(self._too_long))
        return message

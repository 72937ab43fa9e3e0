"""What stands before the application: the key, and how much and how slowly one may send."""

import asyncio
import hmac
from dataclasses import dataclass

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tapgraph.llm_backend.server.refusals import Refusal

__all__ = ["Gate", "GateLimits"]

_OPEN_PATHS = frozenset({"/health"})


@dataclass(frozen=True, slots=True)
class GateLimits:
    """Who may send what.

    Attributes:
        api_key: what the header `Authorization: Bearer` must hold; None lets everybody in.
        max_body_bytes: of one request.
        body_timeout_s: seconds within which a body must have come.
    """

    api_key: str | None = None
    max_body_bytes: int = 32 * 2**20
    body_timeout_s: float = 60.0


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
        if not self._has_key(scope["path"], headers.get(b"authorization", b"")):
            refusal = Refusal(
                401, "the API key is missing or wrong", kind="authentication_error",
                code="invalid_api_key",
            )  # fmt: skip
            await refusal.response()(scope, receive, send)
            return
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > self._limits.max_body_bytes:
            await self._too_long().response()(scope, receive, send)
            return
        await self._app(scope, _Counted(receive, self._limits, self._too_long()), send)

    def _has_key(self, path: str, authorization: bytes) -> bool:
        key = self._limits.api_key
        if key is None or path in _OPEN_PATHS:
            return True
        scheme, _, given = authorization.partition(b" ")
        is_equal = hmac.compare_digest(given.strip(), key.encode())
        return is_equal and scheme.lower() == b"bearer"

    def _too_long(self) -> Refusal:
        return Refusal(413, f"a request may have {self._limits.max_body_bytes} bytes at most")


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

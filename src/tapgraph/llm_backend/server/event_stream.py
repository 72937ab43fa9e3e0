"""Server-sent events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import Response
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from tapgraph.llm_backend.server.arrivals import ClientLeft
from tapgraph.llm_backend.server.refusals import Refusal

__all__ = ["EventStream"]


class EventStream(Response):
    """A response that sends each object as one event, and `[DONE]` after the last.

    A refusal that comes when the first event was sent already is sent as an event.
    """

    def __init__(self, events: AsyncGenerator[BaseModel]) -> None:
        super().__init__()
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send it; the events know when the client has left."""
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        async with aclosing(self._events) as events:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            try:
                async for event in events:
                    await _send_event(send, event.model_dump_json(exclude_none=True))
                await _send_event(send, "[DONE]")
            except Refusal as refusal:
                await _send_event(send, refusal.body.model_dump_json())
            except ClientLeft:
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_event(send: Send, text: str) -> None:
    body = f"data: {text}\n\n".encode()
    await send({"type": "http.response.body", "body": body, "more_body": True})

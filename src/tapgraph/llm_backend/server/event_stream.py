"""Server-sent events."""

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Self

from fastapi import Response
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from tapgraph.llm_backend.server.arrivals import ClientLeft
from tapgraph.llm_backend.server.refusals import Refusal

__all__ = ["EventStream", "StreamEvent"]


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event: JSON text, and a name where the dialect gives it one."""

    data: str
    name: str = ""

    @classmethod
    def of(cls, body: BaseModel) -> Self:
        """A nameless event without the fields that are None."""
        return cls(body.model_dump_json(exclude_none=True))

    @classmethod
    def named(cls, body: Mapping[str, Any]) -> Self:
        """An event whose name is its `type`."""
        return cls(json.dumps(body, ensure_ascii=False), str(body["type"]))

    @property
    def raw(self) -> bytes:
        """As it is sent."""
        name = f"event: {self.name}\n" if self.name else ""
        return f"{name}data: {self.data}\n\n".encode("utf-8", "replace")


class EventStream(Response):
    """A response that sends events as they come.

    A refusal that comes when the first event was sent already is sent as an event.
    """

    def __init__(
        self,
        events: AsyncGenerator[StreamEvent],
        failed: Callable[[Refusal], StreamEvent],
        *,
        last: str = "",
    ) -> None:
        """Prepare it.

        Args:
            events: what is sent; they know when the client has left.
            failed: how the dialect tells a refusal.
            last: data of an event after all others; empty for none.
        """
        super().__init__()
        self._events = events
        self._failed = failed
        self._last = last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send it."""
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        async with aclosing(self._events) as events:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            try:
                async for event in events:
                    await _send_event(send, event)
                if self._last:
                    await _send_event(send, StreamEvent(self._last))
            except Refusal as refusal:
                await _send_event(send, self._failed(refusal))
            except ClientLeft:
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_event(send: Send, event: StreamEvent) -> None:
    await send({"type": "http.response.body", "body": event.raw, "more_body": True})

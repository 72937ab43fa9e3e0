"""Events of the engine, waited for in an event loop."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager

from starlette.types import Receive

from tapgraph.llm_backend.local.generation import Finished, GenerationEvent, GenerationStream
from tapgraph.llm_backend.server.refusals import Refusal

__all__ = ["Arrivals", "ClientLeft"]


class ClientLeft(Exception):
    """Nobody waits for the reply any more."""


class Arrivals:
    """The events of one HTTP request's replies; made and used in its event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._client_left = False

    def notify(self) -> None:
        """Say that there is something new; may be called in any thread."""
        self._loop.call_soon_threadsafe(self._wake.set)

    async def of(
        self, streams: Sequence[GenerationStream], receive: Receive
    ) -> AsyncGenerator[tuple[int, GenerationEvent]]:
        """Each event with the index of its stream, as it comes, until all have ended.

        However it is left, streams that have not ended are cancelled.

        Raises:
            ClientLeft: the connection was closed.
            Refusal: a reply failed, or its time is over.
        """
        unfinished = dict(enumerate(streams))
        watch = asyncio.create_task(self._watch(receive))
        try:
            with _cancelled_at_the_end(unfinished):
                while unfinished:
                    self._wake.clear()
                    if self._client_left:
                        raise ClientLeft
                    for index, stream in list(unfinished.items()):
                        for event in stream.take_ready():
                            if isinstance(event, Finished):
                                del unfinished[index]
                                _check(event)
                            yield index, event
                    if unfinished:
                        await self._wake.wait()
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._client_left = True
        self._wake.set()


@contextmanager
def _cancelled_at_the_end(unfinished: dict[int, GenerationStream]) -> Iterator[None]:
    try:
        yield
    finally:
        for stream in unfinished.values():
            stream.cancel()


def _check(end: Finished) -> None:
    if end.reason == "timeout":
        raise Refusal(504, "the reply took too long", kind="server_error", code="timeout")
    if end.reason == "cancelled":
        raise Refusal(503, "the server is stopping", kind="server_error", code="stopping")
    if end.reason == "stuck":
        raise Refusal(400, f"the schema cannot be held to: {end.error}", param="response_format")
    if end.reason == "failed":
        raise Refusal(500, f"the model failed: {end.error}", kind="server_error")

"""Connections that end when the other side sends or reads too slowly."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["TimedConnection"]


class TimedConnection(H11Protocol):
    """A connection whose requests begin, and whose replies are read, within a time.

    uvicorn itself waits for ever for the rest of half-sent headers, and for a client that reads
    nothing more of its reply.
    """

    head_timeout_s = 20.0
    """From the first byte of a request, or from connecting, until its headers are complete."""
    reader_timeout_s = 60.0
    """How long a client may leave a full buffer as it is."""

    _head: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes; the clock runs on unless they complete the headers."""
        super().data_received(data)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        super().connection_lost(exc)
        self._stop_head_clock()
        self._stop_reader_clock()

    def pause_writing(self) -> None:
        """The buffer is full: begin to wait for the reader."""
        super().pause_writing()
        self._reader = self.loop.call_later(self.reader_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """The reader has read."""
        super().resume_writing()
        self._stop_reader_clock()

    def _await_head(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_head_clock()
        elif self._head is None:
            self._head = self.loop.call_later(self.head_timeout_s, self.transport.abort)

    def _stop_head_clock(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _stop_reader_clock(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

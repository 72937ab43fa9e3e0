"""HTTP for models whose answers end: in time and in size, also after they are unpacked."""

import time
import zlib
from collections.abc import Iterator

import httpx2

__all__ = ["AnswerTooLarge", "BoundedTransport"]

_MOST_BYTES = 64_000_000
"""No reply of a model is so long; a packed one of a megabyte can unpack to a thousand."""
_PIECE_BYTES = 1_000_000
_PACKED = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_OF_THE_PACKING = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class AnswerTooLarge(httpx2.DecodingError):
    """An answer that is larger than any reply of a model, or packed in an unknown way."""


class BoundedTransport(httpx2.BaseTransport):
    """Sends requests and reads their answers whole.

    The timeout for reading that a request carries is for the whole body, however slowly it comes.
    """

    def __init__(self, *, max_bytes: int = _MOST_BYTES) -> None:
        """Open no connection yet."""
        self._inner = httpx2.HTTPTransport()
        self._max_bytes = max_bytes

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer the request.

        Raises:
            AnswerTooLarge: the answer is.
            httpx2.TransportError: no connection, it broke, or the answer was too slow.
        """
        request.headers["accept-encoding"] = "gzip, deflate"
        response = self._inner.handle_request(request)
        timeout_s = request.extensions.get("timeout", {}).get("read")
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            body = self._read(response, deadline)
        finally:
            response.close()
        headers = [
            (name, value)
            for name, value in response.headers.multi_items()
            if name.lower() not in _OF_THE_PACKING
        ]
        return httpx2.Response(
            response.status_code, headers=headers, content=body, extensions=response.extensions
        )

    def close(self) -> None:
        """Close all connections."""
        self._inner.close()

    def __del__(self) -> None:
        """Close what a model that was dropped has left open."""
        self.close()

    def _read(self, response: httpx2.Response, deadline: float | None) -> bytes:
        body = bytearray()
        packing = response.headers.get("content-encoding", "identity").strip().lower()
        for part in _unpacked(_in_time(response, deadline), packing):
            body += part
            if len(body) > self._max_bytes:
                raise AnswerTooLarge(f"an answer of more than {self._max_bytes:,} bytes")
        return bytes(body)


def _in_time(response: httpx2.Response, deadline: float | None) -> Iterator[bytes]:
    for part in response.stream:  # type: ignore[union-attr]  # the transport is synchronous
        yield part
        if deadline is not None and time.monotonic() > deadline:
            raise httpx2.ReadTimeout("the answer came too slowly")


def _unpacked(packed: Iterator[bytes], packing: str) -> Iterator[bytes]:
    """The bytes in pieces of bounded size."""
    if packing in {"", "identity"}:
        yield from packed
        return
    if packing not in _PACKED:
        raise AnswerTooLarge(f"an answer packed as {packing!r}, which was not asked for")
    unpacker = zlib.decompressobj(_PACKED[packing])
    for part in packed:
        waiting = part
        while waiting:
            try:
                yield unpacker.decompress(waiting, _PIECE_BYTES)
            except zlib.error as error:
                raise AnswerTooLarge(f"an answer that cannot be unpacked ({error})") from error
            waiting = unpacker.unconsumed_tail
    yield unpacker.flush()

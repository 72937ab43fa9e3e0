"""Answers that trickle in."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tapgraph.errors import ToolError
from tapgraph.tools.api.openapi import HttpLimits, OpenApiService

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n"


@pytest.fixture
def trickling() -> Iterator[Callable[[bytes], str]]:
    """A server that sends the beginning at once and then a byte every 20 ms, for ever."""
    ended = threading.Event()
    opened: list[socket.socket] = []

    def serve(listening: socket.socket, beginning: bytes) -> None:
        connection, _ = listening.accept()
        opened.append(connection)
        connection.recv(4096)
        connection.sendall(beginning)
        while not ended.wait(0.02):
            try:
                connection.sendall(b"x")
            except OSError:
                return

    def start(beginning: bytes) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        opened.append(listening)
        threading.Thread(target=serve, args=(listening, beginning), daemon=True).start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    ended.set()
    for one in opened:
        one.close()


@pytest.mark.parametrize("beginning", [HEAD, HEAD + b"y" * 65535, b"HTTP/1.1 200 OK\r\nX-Slow: "])
def test_a_slow_answer_ends_at_its_deadline(
    trickling: Callable[[bytes], str], document: Callable[..., dict[str, Any]], beginning: bytes
) -> None:
    limits = HttpLimits(timeout_s=0.5, retries=0)
    service = OpenApiService(
        document({"/a": {"get": {}}}), server=trickling(beginning), limits=limits
    )
    began = time.monotonic()
    with service, pytest.raises(ToolError, match=r"get_a gave no answer in 0\.5 s"):
        service.call("get_a", {})
    # A byte arrives every 20 ms, so that no silence is ever long: only the deadline can end it.
    assert 0.4 < time.monotonic() - began < 5

"""Servers whose answers do not end, in size or in time."""

import contextlib
import gzip
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tapgraph.errors import ModelUnavailable
from tapgraph.llm_backend.messages import user
from tapgraph.llm_backend.openai_model import OpenAIModel

REPLY = b'{"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}'
Send = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Send], str]]:
    """Starts a server that answers every POST with what `send` writes; gives its URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(send: Send) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                send(self)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/v1"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def answer(handler: BaseHTTPRequestHandler, body: bytes, packing: str = "") -> None:
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(body)))
    if packing:
        handler.send_header("content-encoding", packing)
    handler.end_headers()
    with contextlib.suppress(OSError):  # The client may have gone, as it should.
        handler.wfile.write(body)


@pytest.mark.parametrize(
    ("packing", "body"),
    [("", REPLY), ("gzip", gzip.compress(REPLY)), ("deflate", zlib.compress(REPLY))],
)
def test_an_answer_is_unpacked(packing: str, body: bytes, serve: Callable[[Send], str]) -> None:
    model = OpenAIModel(serve(lambda handler: answer(handler, body, packing)), "m")
    assert model.reply([user("hi")]).text == "hello"


def test_a_gigabyte_in_a_megabyte_is_refused_before_it_fills_the_memory(
    serve: Callable[[Send], str],
) -> None:
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    zeros = bytes(1_000_000)
    bomb = b"".join(packer.compress(zeros) for _ in range(1000)) + packer.flush()
    url = serve(lambda handler: answer(handler, bomb, "gzip"))
    model = OpenAIModel(url, "m", max_retries=0)
    tracemalloc.start()
    try:
        with pytest.raises(ModelUnavailable, match="more than 64,000,000 bytes"):
            model.reply([user("hi")])
        assert tracemalloc.get_traced_memory()[1] < 500_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("packing", ["gzip", "br"])
def test_what_cannot_be_unpacked_is_refused(packing: str, serve: Callable[[Send], str]) -> None:
    url = serve(lambda handler: answer(handler, b"nothing packed", packing))
    with pytest.raises(ModelUnavailable, match="sent an answer"):
        OpenAIModel(url, "m", max_retries=0).reply([user("hi")])


def test_an_answer_that_drips_ends_at_the_timeout(serve: Callable[[Send], str]) -> None:
    gone = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):  # The client has gone, as it should.
            while not gone.wait(0.05):
                handler.wfile.write(b" ")

    url = serve(drip)
    try:
        with pytest.raises(ModelUnavailable, match=r"within 0\.3 s"):
            OpenAIModel(url, "m", max_retries=0, timeout_s=0.3).reply([user("hi")])
    finally:
        gone.set()

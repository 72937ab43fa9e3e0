"""A service for tests of calls over HTTP that answers as a test says."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass(frozen=True)
class Got:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Said:
    """What to answer; a body of bytes is sent as it is, anything else as JSON."""

    status: int = 200
    body: object = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class HttpServer:
    """A running server and what it got."""

    port: int
    got: list[Got] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Callable[[Got], Said]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.view = HttpServer(self.server_port)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        got = Got(self.command, self.path, headers, body)
        self.server.view.got.append(got)
        said = self.server.answer(got)
        if said.status == 0:
            self.close_connection = True
            return
        content = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
        self.send_response(said.status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        for name, value in (headers | said.headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _any

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base's name
        pass


StartServer = Callable[[Callable[[Got], Said]], HttpServer]


@pytest.fixture
def http_server() -> Iterator[StartServer]:
    """Starts servers: `server = http_server(lambda got: Said(200, {"a": 1}))`, `server.got`."""
    running: list[_Server] = []

    def start(answer: Callable[[Got], Said]) -> HttpServer:
        server = _Server(answer)
        running.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server.view

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def said() -> type[Said]:
    """What a server answers."""
    return Said


def document_of(paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An OpenAPI document with these paths."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Test", "version": "1"},
        "servers": [{"url": "https://api.example.com/v1"}],
        "paths": paths,
        **more,
    }


@pytest.fixture(scope="session")
def document() -> Callable[..., dict[str, Any]]:
    """Makes OpenAPI documents: `document(paths, components=...)`."""
    return document_of

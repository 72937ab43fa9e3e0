"""Keys, sizes, times, queues, and clients that leave."""

import asyncio
import base64
import contextlib
import io
import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from PIL import Image

from tapgraph.errors import UsageError
from tapgraph.llm_backend.local.engine import EngineLimits
from tapgraph.llm_backend.server.app import ServerLimits, build_app
from tapgraph.llm_backend.server.connection import TimedConnection
from tapgraph.llm_backend.server.gate import GateLimits
from tapgraph.llm_backend.server.pictures_in import PictureLimits
from tapgraph.llm_backend.server.serving import Server, open_server

Serve = Callable[..., AbstractContextManager[Server]]


def body(server: Server, **more: object) -> dict[str, object]:
    messages = [{"role": "user", "content": "Go on."}]
    return {"model": server.model, "messages": messages, "max_tokens": 4, **more}


def post(server: Server, path: str = "/chat/completions", **request: object) -> httpx.Response:
    return httpx.post(server.url + path, timeout=60, **request)  # type: ignore[arg-type]


def running(server: Server) -> float:
    text = httpx.get(server.url.removesuffix("/v1") + "/metrics").text
    lines = dict(line.split(" ") for line in text.splitlines() if not line.startswith("#"))
    return float(lines["tapgraph_requests_running"]) + float(lines["tapgraph_requests_waiting"])


def wait_until_idle(server: Server) -> bool:
    deadline = time.monotonic() + 20
    while running(server) and time.monotonic() < deadline:
        threading.Event().wait(0.05)
    return running(server) == 0


def test_another_address_needs_a_key() -> None:
    with pytest.raises(UsageError, match="--api-key"):
        open_server(None, host="0.0.0.0", port=0, limits=ServerLimits())  # type: ignore[arg-type]


def test_only_the_key_opens_all_but_health(serve: Serve) -> None:
    limits = ServerLimits(gate=GateLimits(api_key="sesame"))
    with serve(limits=limits) as server:
        root = server.url.removesuffix("/v1")
        assert httpx.get(root + "/health").status_code == 200
        for headers in ({}, {"Authorization": "Bearer sesam"}, {"Authorization": "sesame"}):
            for path in ("/v1/models", "/metrics", "/openapi.json"):
                refused = httpx.get(root + path, headers=headers)
                assert refused.status_code == 401
                assert refused.json()["error"]["code"] == "invalid_api_key"
        opened = httpx.get(root + "/v1/models", headers={"Authorization": "Bearer sesame"})
        assert opened.status_code == 200


def test_a_body_that_is_not_called_json_is_told_so(server: Server) -> None:
    text = json.dumps(body(server)).encode()
    unsaid = post(server, content=text)
    form = post(server, content=text, headers={"Content-Type": "application/x-www-form-urlencoded"})
    for refused in (unsaid, form):
        assert refused.status_code == 415
        assert "Content-Type: application/json" in refused.json()["error"]["message"]
    said = {"Content-Type": "application/json; charset=utf-8"}
    assert post(server, content=text, headers=said).status_code == 200
    assert post(server, content=b"[]", headers=said).status_code == 400


def test_a_long_body_is_refused_whether_or_not_it_says_its_length(serve: Serve) -> None:
    with serve(limits=ServerLimits(gate=GateLimits(max_body_bytes=2000))) as server:
        text = json.dumps(body(server, user="x" * 3000)).encode()
        said = post(server, content=text, headers={"Content-Type": "application/json"})
        pieces = iter([text[:1500], text[1500:]])
        unsaid = post(server, content=pieces, headers={"Content-Type": "application/json"})
        assert (said.status_code, unsaid.status_code) == (413, 413)
        assert "2000 bytes" in unsaid.json()["error"]["message"]
        assert post(server, json=body(server)).status_code == 200


def test_a_slow_body_is_given_up(serve: Serve) -> None:
    with serve(limits=ServerLimits(gate=GateLimits(body_timeout_s=0.3))) as server:
        address = urlsplit(server.url)
        assert address.hostname is not None
        assert address.port is not None
        with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
            connection.sendall(
                b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
            )
            assert connection.recv(100).startswith(b"HTTP/1.1 408")


def connected(server: Server) -> socket.socket:
    address = urlsplit(server.url)
    assert address.hostname is not None
    assert address.port is not None
    return socket.create_connection((address.hostname, address.port), timeout=20)


@pytest.mark.parametrize("sent", [b"", b"POST /v1/completions HTTP/1.1\r\nHost: loc"])
@pytest.mark.parametrize("has_asked_before", [False, True])
def test_headers_that_stop_half_way_end_the_connection(
    serve: Serve, sent: bytes, has_asked_before: bool
) -> None:
    with (
        serve(limits=ServerLimits(gate=GateLimits(head_timeout_s=0.3))) as server,
        connected(server) as connection,
    ):
        if has_asked_before:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            received = b""
            while not received.endswith(b"}"):
                received += connection.recv(4096)
            sent = sent or b"G"
        connection.sendall(sent)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(4096) == b""


class FullTransport(asyncio.Transport):
    """Its other side reads nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.is_aborted = asyncio.Event()

    def abort(self) -> None:
        self.is_aborted.set()


def test_a_client_that_reads_nothing_more_is_left() -> None:
    class Hasty(TimedConnection):
        reader_timeout_s = 0.01

    async def fill() -> None:
        transport = FullTransport()
        connection = Hasty(uvicorn.Config(build_app), uvicorn.server.ServerState(), {})
        connection.connection_made(transport)
        connection.pause_writing()
        async with asyncio.timeout(20):
            await transport.is_aborted.wait()

    asyncio.run(fill())


def test_a_client_that_reads_on_is_kept() -> None:
    async def fill() -> None:
        transport = FullTransport()
        connection = TimedConnection(uvicorn.Config(build_app), uvicorn.server.ServerState(), {})
        connection.connection_made(transport)
        connection.reader_timeout_s = 0.0
        connection.pause_writing()
        connection.resume_writing()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not transport.is_aborted.is_set()

    asyncio.run(fill())


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example"},
        {"Host": "rebound.example:8000"},
        {"Host": "localhost.example"},
        {"Origin": "https://page.example"},
        {"Origin": "null"},
    ],
)
def test_pages_from_elsewhere_are_refused(server: Server, headers: dict[str, str]) -> None:
    refused = httpx.post(f"{server.url}/chat/completions", json=body(server), headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_local")


@pytest.mark.parametrize(
    "headers", [{"Host": "localhost:1"}, {"Host": "[::1]"}, {"Origin": "http://localhost:3000"}]
)
def test_pages_of_this_machine_are_answered(server: Server, headers: dict[str, str]) -> None:
    assert httpx.get(f"{server.url}/models", headers=headers).status_code == 200


def test_with_a_key_any_name_will_do(serve: Serve) -> None:
    with serve(limits=ServerLimits(gate=GateLimits(api_key="sesame"))) as server:
        headers = {"Host": "models.example", "Authorization": "Bearer sesame"}
        assert httpx.get(f"{server.url}/models", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"type": "object", "properties": {"x": {"$ref": "#"}}, "required": ["x"]},
        {"type": "array", "items": {"$ref": "#"}, "minItems": 1},
    ],
)
def test_a_schema_whose_references_lead_in_a_circle_is_refused(
    server: Server, schema: dict[str, Any]
) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    refused = post(server, json=body(server, response_format=wanted))
    assert refused.status_code == 400
    assert "lead in a circle" in refused.json()["error"]["message"]


def test_a_prompt_far_beyond_the_context_is_refused(server: Server) -> None:
    words = "taps and types and goes on " * 100_000
    refused = post(server, json=body(server, messages=[{"role": "user", "content": words}]))
    assert refused.json()["error"]["code"] == "context_length_exceeded"


def test_a_full_queue_says_so(serve: Serve) -> None:
    with (
        serve(engine_limits=EngineLimits(running=1, waiting=1)) as server,
        ThreadPoolExecutor(8) as pool,
    ):
        asked = [
            pool.submit(post, server, json=body(server, max_tokens=300, temperature=0))
            for _ in range(8)
        ]
        replies = [one.result() for one in asked]
        refused = [reply for reply in replies if reply.status_code == 429]
        assert {reply.status_code for reply in replies} == {200, 429}
        assert refused[0].headers["Retry-After"] == "1"
        assert refused[0].json()["error"]["type"] == "rate_limit_error"


def test_a_reply_that_takes_too_long_is_ended(serve: Serve) -> None:
    with serve(limits=ServerLimits(timeout_s=0.2)) as server:
        # The likeliest token never ends this model's turn.
        endless = body(server, max_tokens=4000, temperature=0)
        late = post(server, json=endless)
        assert late.status_code == 504
        with httpx.stream(
            "POST",
            server.url + "/chat/completions",
            json={**endless, "stream": True},
            timeout=60,
        ) as stream:
            events = [line for line in stream.iter_lines() if line]
        assert json.loads(events[-1].removeprefix("data: "))["error"]["code"] == "timeout"
        assert wait_until_idle(server)


@pytest.mark.parametrize("is_stream", [True, False])
def test_a_client_that_leaves_frees_its_slot(serve: Serve, is_stream: bool) -> None:
    with serve(engine_limits=EngineLimits(running=2, waiting=2)) as server:
        address = urlsplit(server.url)
        assert address.hostname is not None
        assert address.port is not None
        for _ in range(10):
            text = json.dumps(body(server, max_tokens=3500, stream=is_stream)).encode()
            with socket.create_connection((address.hostname, address.port)) as connection:
                connection.sendall(
                    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                    b"Content-Type: application/json\r\n"
                    b"Content-Length: " + str(len(text)).encode() + b"\r\n\r\n" + text
                )
                if is_stream:
                    connection.recv(200)
            assert wait_until_idle(server)
        assert post(server, json=body(server)).status_code == 200


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://169.254.169.254/latest", "data URLs only"),
        ("file:///etc/passwd", "data URLs only"),
        ("data:image/png,abc", "base64"),
        ("data:image/png;base64,@@", "base64"),
        ("data:image/png;base64,aGVsbG8=", "PNG, JPEG"),
    ],
)
def test_what_is_no_picture_is_refused(seeing_server: Server, url: str, words: str) -> None:
    parts = [{"type": "image_url", "image_url": {"url": url}}]
    refused = post(
        seeing_server,
        json=body(seeing_server, messages=[{"role": "user", "content": parts}]),
    )
    assert refused.status_code == 400
    assert words in refused.json()["error"]["message"]


def test_a_picture_with_too_many_pixels_is_not_decoded(serve: Serve) -> None:
    file = io.BytesIO()
    Image.new("1", (3000, 3000)).save(file, "PNG")
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    parts = [{"type": "image_url", "image_url": {"url": url}}]
    limits = ServerLimits(pictures=PictureLimits(max_pixels=1_000_000))
    with serve("qwen2_5_vl", limits) as server:
        refused = post(server, json=body(server, messages=[{"role": "user", "content": parts}]))
    assert refused.status_code == 400
    assert "3000 x 3000" in refused.json()["error"]["message"]


def test_a_model_without_eyes_refuses_pictures(server: Server) -> None:
    file = io.BytesIO()
    Image.new("RGB", (32, 32)).save(file, "PNG")
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    parts = [{"type": "image_url", "image_url": {"url": url}}]
    refused = post(server, json=body(server, messages=[{"role": "user", "content": parts}]))
    assert refused.status_code == 400


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b'{"model": "\\ud800", "messages": [{"role": "user", "content": "x"}]}',
        b'{"model": "x", "messages": [{"role": "user", "content": "\\ud800"}]}',
        b"[" * 100_000,
        b'{"temperature": NaN}',
        b'{"temperature": 1e999}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_request_is_refused_in_words(server: Server, content: bytes) -> None:
    for path in ("/chat/completions", "/completions"):
        refused = post(server, path, content=content, headers={"Content-Type": "application/json"})
        assert refused.status_code in {400, 404}
        assert refused.json()["error"]["message"]


def test_unknown_places_and_ways_are_refused_in_openais_words(server: Server) -> None:
    assert httpx.get(server.url + "/nothing").json()["error"]["type"] == "invalid_request_error"
    assert httpx.get(server.url + "/chat/completions").status_code == 405

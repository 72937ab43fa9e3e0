"""Model servers that answer wrongly, for `faults.py`."""

import contextlib
import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["CALL", "FINISH", "VERIFIED", "answering"]

CALL = '{"thought": "", "action": "call", "api": "get_weather", "arguments": {}}'
FINISH = '{"thought": "", "action": "finish", "answer": "sunny"}'
VERIFIED = '{"complete": true, "missing": ""}'
_RIGHT = (CALL, FINISH, VERIFIED)
_NEVER = 3600.0

Send = Callable[[socket.socket], object]


def answering() -> dict[str, Callable[[int, bool], Any]]:
    """Servers by name; each is opened with the request that goes wrong first, and whether once."""
    statuses = (400, 401, 404, 408, 409, 413, 429, 500, 502, 503, 529)
    faults: dict[str, Send] = {f"status {one}": _body(b"no", status=one) for one in statuses}
    bodies: dict[str, bytes] = {
        "nothing": b"",
        "HTML": b"<html>hello</html>",
        "null": b"null",
        "an empty object": b"{}",
        "no choices": b'{"choices": []}',
        "choices that are null": b'{"choices": null}',
        "a message that is null": b'{"choices": [{"message": null}]}',
        "content that is null": b'{"choices": [{"message": {"content": null}}]}',
        "half of a JSON": _completion(CALL)[:60],
        "bytes of Latin-1": b'{"choices": [{"message": {"content": "\xe4"}}]}',
        "an error in a 200": b'{"error": {"message": "the model is on fire", "code": 500}}',
        "a rate limit in a 200": b'{"error": {"message": "Rate limit reached", "code": 429}}',
        "JSON 900 deep": _completion('{"a":' * 900 + "1" + "}" * 900),
        "a body 100,000 deep": b"[" * 100_000,
        "words": _completion("I would rather talk about something else."),
        "another schema": _completion('{"colour": "red"}'),
        "a reply that is cut": _completion(CALL[:20], finish_reason="length"),
        "a content filter": _completion("", finish_reason="content_filter"),
        "lone surrogates": _completion('{"thought": "\\ud800", "action": "finish"}'),
        "usage that is none": _completion(CALL, usage={"prompt_tokens": "many"}),
    }
    faults |= {name: _body(body) for name, body in bodies.items()}
    faults["a gzip of nonsense"] = _body(b"nonsense", packing="gzip")
    faults["an unknown packing"] = _body(b"nonsense", packing="br")
    faults["a gzip bomb"] = lambda connection: _body(_bomb(), packing="gzip")(connection)
    faults["a closed connection"] = lambda connection: connection.close()
    faults["silence"] = lambda _: threading.Event().wait(_NEVER)
    faults["a drip of the body"] = _drip(b"HTTP/1.1 200 OK\r\n\r\n", b" ")
    faults["chunks for ever"] = _drip(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"
    )
    faults["a redirect to itself"] = lambda connection: connection.sendall(
        b"HTTP/1.1 307 X\r\nlocation: /v1/chat/completions\r\ncontent-length: 0\r\n\r\n"
    )
    faults["a drip of the head"] = _drip(b"HTTP/1.1 200 OK\r\n", b"x-a: b\r\n")
    return {name: _server(send) for name, send in faults.items()}


def _server(wrong: Send) -> Callable[[int, bool], Any]:
    @contextmanager
    def opened(first: int, is_once: bool) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            threading.Thread(
                target=_serve, args=(listening, wrong, first, is_once), daemon=True
            ).start()
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"

    return opened


def _serve(listening: socket.socket, wrong: Send, first: int, is_once: bool) -> None:
    requests, given = 0, 0
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listening.accept()
            _read_request(connection)
            is_wrong = requests == first if is_once else requests >= first
            requests += 1
            if is_wrong:
                threading.Thread(target=_safely, args=(wrong, connection), daemon=True).start()
                continue
            _safely(_body(_completion(_RIGHT[min(given, 2)])), connection)
            given += 1


def _safely(send: Send, connection: socket.socket) -> None:
    with contextlib.suppress(OSError), connection:
        send(connection)


def _read_request(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    missing = (lengths[0] if lengths else 0) - len(body)
    while missing > 0:
        missing -= len(connection.recv(65536)) or missing


def _completion(words: str, **fields: Any) -> bytes:
    choice = {"message": {"content": words}, "finish_reason": fields.pop("finish_reason", "stop")}
    return json.dumps({"choices": [choice], **fields}).encode()


def _body(body: bytes, *, status: int = 200, packing: str = "") -> Send:
    packed = f"content-encoding: {packing}\r\n" if packing else ""
    head = (
        f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n"
        f"{packed}content-length: {len(body)}\r\n\r\n"
    )
    return lambda connection: connection.sendall(head.encode() + body)


def _drip(beginning: bytes, drop: bytes) -> Send:
    def send(connection: socket.socket) -> None:
        connection.sendall(beginning)
        while True:
            threading.Event().wait(0.2)
            connection.sendall(drop)

    return send


def _bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    zeros = bytes(1_000_000)
    return b"".join(packer.compress(zeros) for _ in range(1000)) + packer.flush()

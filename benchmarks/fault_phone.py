"""The simulated phone's own Appium server behind an HTTP layer that does wrong, for `faults.py`."""

import contextlib
import http.client
import json
import os
import re
import signal
import struct
import threading
import time
import zlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tapgraph.agents.mobile.replies import (
    ManagerReply,
    NotetakerReply,
    OperatorReply,
    ReflectorReply,
    VerifierReply,
)
from tapgraph.llm_backend.chat_model import Reply
from tapgraph.llm_backend.messages import Message
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.server import SimulatorServer

__all__ = ["COMMANDS", "WRONGS", "Wrong", "alarm_replies", "served_phone", "url_in"]

COMMANDS = {
    "the picture": "GET .*/screenshot",
    "the hierarchy": "GET .*/source",
    "the window": "GET .*/window/rect",
    "touches": "POST .*/actions",
    "scripts": "POST .*/execute/sync",
    "all commands": ".* /session/[^/]+/(?!appium/settings).*",
}
"""What goes wrong: a pattern for method and path."""

_ANSWERS = {
    "null": (200, b'{"value": null}'),
    "another type": (200, b'{"value": "\\ud83d <b>"}'),
    "a proxy's page": (502, b"<html>Bad gateway</html>"),
    "an unknown error": (500, b'{"value": {"error": "unknown error", "message": "no\\nway"}}'),
    "no such session": (404, b'{"value": {"error": "invalid session id", "message": "gone"}}'),
}
WRONGS = (*_ANSWERS, "a closed line", "a lost answer", "silence", "a drip", "half an answer")


@dataclass(frozen=True)
class Wrong:
    """What the layer does instead at the `at`-th fitting command, once or from then on."""

    command: str
    instead: str
    at: int
    is_once: bool


@contextmanager
def served_phone(place: Path, wrong: Wrong | None = None) -> Iterator[None]:
    """A phone behind the layer in a process of its own; its address and its touches lie in files.

    `phone.url` holds the address; `touches.txt` gets a line for each touch that reaches the phone.
    """
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            _serve(place, wrong)
        os._exit(1)
    while not (place / "phone.url").exists():
        time.sleep(0.02)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def url_in(place: Path) -> str:
    """The address of the phone that is served there."""
    return (place / "phone.url").read_text()


def alarm_replies(messages: Sequence[Message], schema: type[BaseModel] | None) -> Reply:
    """Turns on the alarm at 08:30, by what the prompt tells and nothing else."""
    told = messages[-1].text
    alarm = re.search(r'\[(\d+)\] switch "08:30[^"]*"[^\n]*', told)
    is_on = re.search(r'"08:30[^\n]*checked', told) is not None
    name: str
    arguments: dict[str, Any]
    name, arguments = "Open_App", {"app_name": "Clock"}
    if is_on:
        name, arguments = "Answer", {"text": "it is on"}
    elif alarm is not None:
        name, arguments = "Tap", {"element": int(alarm[1])}
    said: dict[Any, BaseModel] = {
        ManagerReply: ManagerReply(
            thought="", subgoals=["Turn the alarm on"], current=1, status="working"
        ),
        OperatorReply: OperatorReply(
            thought="", action=name, arguments=arguments, description="", completes_subgoal=is_on
        ),
        ReflectorReply: ReflectorReply(verdict="A", error="", progress="", subgoal_done=is_on),
        NotetakerReply: NotetakerReply(notes=""),
        VerifierReply: VerifierReply(complete=True),
    }
    fitting = (reply for kind, reply in said.items() if schema and issubclass(schema, kind))
    return Reply(next(fitting).model_dump_json())


def huge_picture() -> bytes:
    """30,000 x 30,000 white pixels of one bit each, as a server sends a screenshot."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    packer, side = zlib.compressobj(1), 30_000
    rows = [packer.compress(b"\0" + b"\xff" * (side // 8)) for _ in range(side)]
    png = b"\x89PNG\r\n\x1a\n" + b"".join((
        chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)),
        chunk(b"IDAT", b"".join([*rows, packer.flush()])),
        chunk(b"IEND", b""),
    ))
    return json.dumps({"value": b64encode(png).decode()}).encode()


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None: ...


def _serve(place: Path, wrong: Wrong | None) -> None:
    with build_phone(seed=1) as phone, SimulatorServer(phone) as server:
        layer = _QuietServer(("127.0.0.1", 0), _handler(server.url, place, wrong))
        layer.daemon_threads = True
        unfinished = place / "phone.url.part"
        unfinished.write_text(f"http://127.0.0.1:{layer.server_port}")
        unfinished.rename(place / "phone.url")
        layer.serve_forever(0.05)


def _handler(url: str, place: Path, wrong: Wrong | None) -> type[BaseHTTPRequestHandler]:
    layer = _Layer(url, place, wrong)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None: ...

        def answer(self) -> None:
            layer.answer(self)

        do_GET = do_POST = do_DELETE = do_PUT = answer

    return Handler


class _Layer:
    """Hands commands on to the phone's server at `url`, but for those that go wrong."""

    def __init__(self, url: str, place: Path, wrong: Wrong | None) -> None:
        self._url, self._place, self._wrong = url, place, wrong
        self._seen = 0
        self._lock = threading.Lock()

    def answer(self, asked: BaseHTTPRequestHandler) -> None:
        body = asked.rfile.read(int(asked.headers.get("content-length") or 0))
        instead = self._instead(f"{asked.command} {asked.path}")
        if instead == "silence":
            threading.Event().wait(3600)
        if instead in {"", "a lost answer", "half an answer", "a drip"}:
            status, told = self._forwarded(asked, body)
        elif instead == "a picture of 30,000 x 30,000":
            status, told = 200, huge_picture()
        else:
            status, told = _ANSWERS.get(instead, (200, b""))
        asked.close_connection = bool(instead)
        if instead in {"a closed line", "a lost answer"}:
            return
        asked.send_response(status)
        asked.send_header("content-type", "application/json")
        asked.send_header("content-length", str(len(told)))
        asked.end_headers()
        if instead == "a drip":
            for number in range(len(told)):
                asked.wfile.write(told[number : number + 1])
                time.sleep(0.2)
        asked.wfile.write(told[: len(told) // 2] if instead == "half an answer" else told)

    def _instead(self, command: str) -> str:
        wrong = self._wrong
        if wrong is None or not re.fullmatch(COMMANDS[wrong.command], command):
            return ""
        with self._lock:
            self._seen += 1
            is_wrong = self._seen == wrong.at if wrong.is_once else self._seen >= wrong.at
        return wrong.instead if is_wrong else ""

    def _forwarded(self, asked: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        if asked.command == "POST" and asked.path.endswith("/actions"):
            with self._lock, (self._place / "touches.txt").open("a") as log:
                log.write("touched\n")
        line = http.client.HTTPConnection(self._url.removeprefix("http://"))
        with contextlib.closing(line):
            line.request(asked.command, asked.path, body, {"content-type": "application/json"})
            answer = line.getresponse()
            return answer.status, answer.read()

"""Fixtures for all tests: real data where it is present, and a server of OpenAI's chat protocol."""

import importlib.util
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

_BESIDE_THE_REPOSITORY = Path(__file__).parents[2] / "shared" / "data"

Responder = Callable[[dict[str, Any]], "str | BaseModel | dict[str, Any] | tuple[int, object]"]
"""From a request's JSON to words, an object that is said as JSON, the whole body of a completion,
or status and body (JSON, or bytes as they are); status 0 hangs up without an answer."""


@dataclass(slots=True)
class OpenAIServer:
    """A running server; `requests` holds the JSON of all requests, `headers` their headers
    by lower-case names."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def spec(self, name: str = "test-model", options: str = "") -> str:
        """The model spec that leads here."""
        return f"{self.url}#{name}" + (f"?{options}" if options else "")


def _completion(text: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "test-model",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text},
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


class _Server(ThreadingHTTPServer):
    # The test ends even when a handler still waits on purpose.
    daemon_threads = True
    block_on_close = False

    def __init__(self, respond: Responder) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.respond = respond
        self.view = OpenAIServer(f"http://127.0.0.1:{self.server_port}/v1")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.view.requests.append(request)
        self.server.view.headers.append({
            name.lower(): value for name, value in self.headers.items()
        })
        if self.path != "/v1/chat/completions":
            self._send(404, {"error": {"message": f"no path {self.path}"}})
            return
        said = self.server.respond(request)
        if isinstance(said, BaseModel):
            said = said.model_dump_json()
        if isinstance(said, str):
            said = _completion(said)
        status, body = said if isinstance(said, tuple) else (200, said)
        self._send(status, body)

    def _send(self, status: int, body: object) -> None:
        if status == 0:
            self.close_connection = True
            return
        encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        # The client's usual pauses between tries are half a second and more.
        self.send_header("Retry-After-Ms", "1")
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base's name
        pass


def _loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def notes_calendar() -> ModuleType:
    """The module of the example's HTTP service."""
    return _loaded(Path(__file__).parents[1] / "examples" / "notes_calendar_service.py")


@pytest.fixture(scope="session")
def meeting() -> ModuleType:
    """A task for that service, a model that does it, and a check."""
    return _loaded(Path(__file__).parent / "agents" / "api" / "meeting.py")


@pytest.fixture(scope="session")
def attention_cases() -> ModuleType:
    """Every attention system with a budget that covers a short context, and with a small one."""
    return _loaded(Path(__file__).parent / "kernels" / "systems" / "attention_cases.py")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Tiny checkpoints of each family, made when they are first asked for."""
    pytest.importorskip("transformers")
    module = _loaded(Path(__file__).parent / "llm_backend" / "tiny_checkpoints.py")
    return module.Tiny(tmp_path_factory.mktemp)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, which the repository does not hold."""
    folder = Path(os.environ.get("TAPGRAPH_SHARED_DATA", _BESIDE_THE_REPOSITORY))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set TAPGRAPH_SHARED_DATA")
    return folder


@pytest.fixture
def openai_server() -> Iterator[Callable[[Responder], OpenAIServer]]:
    """Starts servers: `server = openai_server(lambda request: "words")`, `server.url`."""
    running: list[_Server] = []

    def start(respond: Responder) -> OpenAIServer:
        server = _Server(respond)
        running.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server.view

    yield start
    for server in running:
        server.shutdown()
        server.server_close()

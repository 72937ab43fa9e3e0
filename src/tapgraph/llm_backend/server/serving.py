"""The application at an address."""

import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn

from tapgraph.errors import UsageError
from tapgraph.llm_backend.local.embedder import Embedder
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.server.app import ServerLimits, build_app
from tapgraph.llm_backend.server.connection import TimedConnection
from tapgraph.llm_backend.server.gate import LOOPBACK, GateLimits

__all__ = ["Server", "open_server"]

_BACKLOG = 256


class Server:
    """A running server, until it is left as a context; then it finishes what it was asked.

    Attributes:
        url: where clients reach it, `/v1` included.
        model: what clients call the model.
    """

    def __init__(self, url: str, model: str, config: uvicorn.Config, at: socket.socket) -> None:
        """Answer in a thread of its own; the socket listens already."""
        self.url = url
        self.model = model
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._uvicorn.run, kwargs={"sockets": [at]})
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._uvicorn.should_exit = True
        self._thread.join()


def open_server(
    engine: Engine,
    *,
    host: str,
    port: int,
    limits: ServerLimits,
    embedder: Embedder | None = None,
) -> Server:
    """Answer at an address; `port` 0 takes a free one. The engine stays the caller's to close.

    Raises:
        UsageError: the address can be reached by others and there is no API key, or it is taken.
    """
    if host not in LOOPBACK and limits.gate.api_key is None:
        raise UsageError(
            f"{host!r} can be reached from other machines; give --api-key, or serve at 127.0.0.1"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise UsageError(f"cannot listen at {host!r}, port {port}: {error.strerror}") from error
    name = f"[{host}]" if ":" in host else host
    config = uvicorn.Config(
        build_app(engine, limits, embedder),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        http=_connections(limits.gate),
        ws="none",
    )
    url = f"http://{name}:{listening.getsockname()[1]}/v1"
    return Server(url, engine.checkpoint.name, config, listening)


def _connections(limits: GateLimits) -> type[TimedConnection]:
    class Connection(TimedConnection):
        head_timeout_s = limits.head_timeout_s
        reader_timeout_s = limits.reader_timeout_s

    return Connection

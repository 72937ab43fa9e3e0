"""The server that `tapgraph sim serve` runs, usable in process too."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from tapgraph.errors import UsageError
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.server.application import SIMULATOR_UDID, Application
from tapgraph.tools.mobile.simulator.server.manners import Manners

__all__ = ["SimulatorServer"]

_logger = logging.getLogger(__name__)


class _QuickHandler(WSGIRequestHandler):
    disable_nagle_algorithm = True
    """Headers and body are two packets; together with delayed acknowledgement each answer would
    wait 40 ms."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        _logger.debug("%s: %s", type, message % args)


class SimulatorServer:
    """A simulated phone behind the W3C WebDriver protocol with Appium's extensions.

    Use it as a context manager to serve from a background thread::

        with SimulatorServer(phone) as server:
            AppiumDevice.connect(server.url)
    """

    def __init__(
        self,
        phone: Phone,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        udid: str = SIMULATOR_UDID,
        manners: Manners | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the port at once; 0 means any free one.

        Raises:
            UsageError: the port is taken or not allowed.
        """
        self.phone = phone
        self._application = Application(phone, udid=udid, manners=manners, clock=clock)
        self._host = host
        try:
            self._server = _bound_server(host, port, self._application)
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"cannot serve on {host}:{port} ({error}); choose another --port"
            ) from error
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address for clients."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._server.port}"

    def serve_forever(self) -> None:
        """Answer requests until `close` is called or the process is interrupted."""
        self._server.serve_forever(poll_interval=0.05)

    def end_session(self) -> None:
        """Forget the client's session, as a server does that was restarted."""
        self._application.end_session()

    def close(self) -> None:
        """Stop answering and give the port back."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(
            target=self.serve_forever, name="tapgraph-sim-server", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _bound_server(host: str, port: int, application: Application) -> BaseWSGIServer:
    """A server on a socket of ours: werkzeug's own ends the process when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        return make_server(
            host,
            listener.getsockname()[1],
            application,
            threaded=True,
            request_handler=_QuickHandler,
            fd=listener.fileno(),
        )

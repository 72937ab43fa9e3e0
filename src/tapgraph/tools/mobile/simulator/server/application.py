"""The HTTP side: addresses, JSON bodies, sessions, errors."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lxml import etree
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, MapAdapter, Rule
from werkzeug.wrappers import Request, Response

from tapgraph import __version__
from tapgraph.errors import TapgraphError
from tapgraph.tools.mobile.device import SIMULATED_CAPABILITY
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.server.call import Call
from tapgraph.tools.mobile.simulator.server.capabilities import match_capabilities
from tapgraph.tools.mobile.simulator.server.manners import Manners
from tapgraph.tools.mobile.simulator.server.parameters import Parameters
from tapgraph.tools.mobile.simulator.server.protocol_error import ProtocolError
from tapgraph.tools.mobile.simulator.server.routes import ROUTES, Command
from tapgraph.tools.mobile.simulator.server.session import SessionBook

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["SIMULATOR_UDID", "Application"]

SIMULATOR_UDID = "tapgraph-sim"
_OLDER_BASE_PATH = "/wd/hub"
_LARGEST_BODY = 1_000_000
_LARGEST_DRAINED = 64_000_000
_CHUNK = 65_536
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_logger = logging.getLogger(__name__)


class _Outside(Enum):
    """Commands that are not carried out inside a session."""

    STATUS = auto()
    SESSIONS = auto()
    OPEN_SESSION = auto()
    CLOSE_SESSION = auto()


class Application:
    """The WSGI application around one phone; commands are carried out one at a time."""

    def __init__(
        self,
        phone: Phone,
        *,
        udid: str = SIMULATOR_UDID,
        manners: Manners | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._phone = phone
        self._udid = udid
        self._manners = manners or Manners()
        self._sessions = SessionBook(clock)
        self._lock = threading.Lock()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        try:
            value = self._answer(request)
            response = _json_response({"value": value}, 200)
        except ProtocolError as error:
            _logger.info("%s %s: %s: %s", request.method, request.path, error.code, error.message)
            response = _json_response(error.body(), error.http_status)
        except Exception:
            # A fault inside a simulated app must reach the client as an error of the protocol.
            _logger.exception("%s %s failed", request.method, request.path)
            failure = ProtocolError("unknown error", "the simulated phone failed; see its log")
            response = _json_response(failure.body(), failure.http_status)
        return response(environ, start_response)

    def end_session(self) -> None:
        """Forget the open session, as a server does that was restarted."""
        with self._lock:
            self._sessions.close()

    def _answer(self, request: Request) -> object:
        _refuse_foreign_origin(request)
        body_bytes = _read_body(request)
        command, path = _match(request)
        if command is _Outside.STATUS:
            return _status()
        body = _parse_body(request, body_bytes)
        with self._lock:
            if command is _Outside.SESSIONS:
                return self._sessions.listed()
            if command is _Outside.OPEN_SESSION:
                return self._open_session(body)
            session = self._sessions.get(path["session_id"])
            try:
                if command is _Outside.CLOSE_SESSION:
                    self._sessions.close()
                    return None
                return _run(command, Call(self._phone, self._manners, session, path, body))
            finally:
                self._sessions.touch(session)

    def _open_session(self, body: Parameters) -> object:
        capabilities = match_capabilities(body, udid=self._udid)
        package = capabilities.get("appium:appPackage")
        if package is not None and capabilities.get("appium:autoLaunch", True):
            if package not in {app.package for app in self._phone.apps}:
                raise ProtocolError("session not created", f"no app has the package {package!r}")
            self._phone.open_app(str(package))
        size = self._phone.size
        session = self._sessions.open({
            "platformName": "Android",
            "appium:automationName": "UiAutomator2",
            "appium:udid": self._udid,
            "appium:deviceName": self._udid,
            "appium:platformVersion": "14",
            "appium:deviceScreenSize": f"{size.width_px}x{size.height_px}",
            "appium:deviceScreenDensity": self._phone.profile.dpi,
            **capabilities,
            SIMULATED_CAPABILITY: True,
        })
        return {"sessionId": session.id, "capabilities": session.capabilities}


def _status() -> object:
    return {
        "ready": True,
        "message": "the simulated phone is ready",
        "build": {"name": "tapgraph sim", "version": __version__},
    }


def _run(command: Command, call: Call) -> object:
    try:
        return command(call)
    except TapgraphError as error:
        raise ProtocolError("unknown error", str(error)) from error
    except etree.XMLSyntaxError as error:
        raise ProtocolError("unknown error", f"the page source is no XML: {error}") from error


@cache
def _routes() -> MapAdapter:
    """All addresses; shared by all servers, because werkzeug compiles them slowly."""
    rules = [
        Rule("/status", methods=["GET"], endpoint=_Outside.STATUS),
        Rule("/sessions", methods=["GET"], endpoint=_Outside.SESSIONS),
        Rule("/appium/sessions", methods=["GET"], endpoint=_Outside.SESSIONS),
        Rule("/session", methods=["POST"], endpoint=_Outside.OPEN_SESSION),
        Rule("/session/<session_id>", methods=["DELETE"], endpoint=_Outside.CLOSE_SESSION),
    ]
    for route in ROUTES:
        address = f"/session/<session_id>{route.path}"
        rules.append(Rule(address, methods=[route.method], endpoint=route.command))
    return Map(rules, strict_slashes=False, merge_slashes=False).bind("localhost")


def _match(request: Request) -> tuple[Command | _Outside, Mapping[str, str]]:
    path = request.path
    if path.startswith(f"{_OLDER_BASE_PATH}/"):
        path = path.removeprefix(_OLDER_BASE_PATH)
    try:
        endpoint, variables = _routes().match(path, method=request.method)
    except MethodNotAllowed as error:
        raise ProtocolError(
            "unknown method", f"{request.path} does not take {request.method}"
        ) from error
    except HTTPException as error:
        raise ProtocolError(
            "unknown command", f"there is no command {request.method} {request.path!r:.300}"
        ) from error
    return endpoint, variables


def _refuse_foreign_origin(request: Request) -> None:
    """Keep web pages in a browser on this machine from using the phone."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).hostname not in _LOOPBACK:
        raise ProtocolError("unknown error", f"requests from the web page {origin!r} are refused")


def _read_body(request: Request) -> bytes:
    length = request.content_length or 0
    if length > _LARGEST_BODY:
        unread = min(length, _LARGEST_DRAINED)
        while unread > 0 and (chunk := request.stream.read(min(_CHUNK, unread))):
            unread -= len(chunk)
        raise ProtocolError(
            "invalid argument", f"the body has {length:,} bytes; {_LARGEST_BODY:,} are allowed"
        )
    return request.stream.read(_LARGEST_BODY)


def _parse_body(request: Request, body: bytes) -> Parameters:
    if request.method != "POST":
        return Parameters({})
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("invalid argument", f"the body is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise ProtocolError("invalid argument", "the body must be a JSON object")
    return Parameters(values)


def _json_response(body: object, status: int) -> Response:
    return Response(
        json.dumps(body),
        status=status,
        content_type="application/json; charset=utf-8",
        headers={"Cache-Control": "no-cache"},
    )

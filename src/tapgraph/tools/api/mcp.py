"""Tools of an MCP server (Model Context Protocol) as APIs, through the official client."""

import importlib.util
import tempfile
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TextIO, TypeAlias
from urllib.parse import urlsplit

from anyio.from_thread import BlockingPortal, start_blocking_portal
from pydantic import ValidationError

from tapgraph.errors import EnvironmentMissing, ExtraMissing, ToolError, UsageError
from tapgraph.tools.api.calls import CallResult, checked_arguments, result_text
from tapgraph.tools.api.catalog import Api, ApiCatalog, Effect
from tapgraph.tools.api.http_guard import Resolver, checked_address, hosts_inside, resolve
from tapgraph.tools.api.json_schema import SchemaReader
from tapgraph.tools.api.json_value import Json, excerpt, one_line
from tapgraph.tools.api.mcp_answers import answer_of
from tapgraph.tools.api.policy import names_change, names_reading
from tapgraph.tools.api.secret import Secret, redacted, spellings

if TYPE_CHECKING:
    from mcp import Client
    from mcp.client import Transport
    from mcp.client._transport import TransportStreams
    from mcp_types import Tool

__all__ = ["HttpTransport", "McpServer"]

HttpTransport: TypeAlias = Literal["streamable-http", "sse"]

_MOST_PAGES = 100
_LONGEST_MESSAGES = 400
_LONGEST_ERROR = 600


class McpServer:
    """An `ApiRunner` over the tools of one MCP server; `start` or `connect` makes one.

    The client lives on one event loop in a thread of its own until `close`; calls wait for it. Use
    it as a context manager. The list of tools is read once, at the beginning.
    """

    def __init__(
        self, portal: BlockingPortal, client: "Client", closing: ExitStack, messages: "_Messages"
    ) -> None:
        """Use `McpServer.start` or `McpServer.connect`."""
        self._portal = portal
        self._client = client
        self._closing = closing
        self._messages = messages
        tools = {tool.name: tool for tool in reversed(portal.call(_all_tools, client))}
        origin = one_line(getattr(client.server_info, "name", None) or "mcp", 80)
        self.catalog = ApiCatalog(_api(tool, origin) for tool in reversed(tools.values()))

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, Secret] | None = None,
        folder: str | None = None,
        timeout_s: float = 60.0,
    ) -> "McpServer":
        """Start the server as a program of this machine and talk to it over its pipes.

        Args:
            command: the program and its arguments; no shell reads them.
            environment: variables for it, besides the few that every program needs. It sees no
                others, so that no key of this process leaks into it.
            secrets: variables for it whose values are taken out of its answers.
            folder: where it runs; None for the folder of this process.
            timeout_s: how long each answer may take.

        Raises:
            ExtraMissing: the client is not installed.
            UsageError: the command is empty.
            EnvironmentMissing: the program cannot be started or speaks no MCP, or a secret is
                missing.
        """
        if not command:
            raise UsageError("the command of an MCP server must name a program")
        _require_client()
        values = {name: secret() for name, secret in (secrets or {}).items()}
        with ExitStack() as closing:
            file = closing.enter_context(tempfile.TemporaryFile())
            log = TextIOWrapper(file, encoding="utf-8", errors="replace")
            transport = _started(command, {**(environment or {}), **values}, folder, log)
            messages = _Messages(_spellings_of(values), log)
            server = cls._opened(transport, one_line(command[0], 120), timeout_s, messages)
            server._closing.push(closing.pop_all())
        return server

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        headers: Mapping[str, Secret] | None = None,
        plain_headers: Mapping[str, str] | None = None,
        allow_hosts: Collection[str] = (),
        transport: HttpTransport = "streamable-http",
        timeout_s: float = 60.0,
        resolver: Resolver = resolve,
    ) -> "McpServer":
        """Talk to a server at an http or https address.

        Args:
            url: the address of its endpoint.
            headers: secrets to send with each request, such as `Authorization`, each with the whole
                value of the header.
            plain_headers: headers whose values anybody may see.
            allow_hosts: hosts that may lie inside a local network.
            transport: how it speaks; `sse` is the older way, which MCP has given up.
            timeout_s: how long each answer may take.
            resolver: finds the addresses of names.

        Raises:
            ExtraMissing: the client is not installed.
            UsageError: the address is not one.
            EnvironmentMissing: no server answers there, a secret is missing, or the address is
                inside a local network while its name is not.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise UsageError(f"{one_line(url, 120)!r} must be an http or https address")
        _require_client()
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
        try:
            address = checked_address(
                parts.hostname, port, inside=hosts_inside(url, allow_hosts), resolver=resolver
            )
        except ToolError as error:
            raise EnvironmentMissing(str(error)) from error
        values = {name: secret() for name, secret in (headers or {}).items()}
        sent = {**(plain_headers or {}), **values}
        streams = _connected(url, address, sent, timeout_s, transport)
        return cls._opened(streams, url, timeout_s, _Messages(_spellings_of(values)))

    @classmethod
    def _opened(
        cls,
        transport: "Transport",
        name: str,
        timeout_s: float,
        messages: "_Messages",
    ) -> "McpServer":
        from httpx2 import HTTPError  # noqa: PLC0415 — comes with the extra
        from mcp import Client, MCPError  # noqa: PLC0415 — an extra

        try:
            with ExitStack() as closing:
                portal = closing.enter_context(start_blocking_portal())
                client = closing.enter_context(
                    portal.wrap_async_context_manager(
                        Client(transport, read_timeout_seconds=timeout_s)
                    )
                )
                server = cls(portal, client, closing, messages)
                server._closing = closing.pop_all()
        # The client's task groups put whatever breaks off the connection into groups.
        except (OSError, MCPError, HTTPError, ValidationError, ExceptionGroup) as error:
            words = messages.told(_first_words(error))
            raise EnvironmentMissing(f"no MCP server answers at {name}: {words}") from error
        return server

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, the program behind it, and the thread."""
        self._closing.close()

    def call(self, identifier: str, arguments: Mapping[str, Json]) -> CallResult:
        """Call a tool of the server.

        Raises:
            ToolError: an argument is wrong, the tool says that it failed, or is too slow.
            EnvironmentMissing: the server is gone.
        """
        from httpx2 import HTTPError  # noqa: PLC0415 — comes with the extra
        from mcp import MCPError  # noqa: PLC0415 — an extra
        from mcp_types.jsonrpc import CONNECTION_CLOSED  # noqa: PLC0415 — an extra

        given = checked_arguments(self.catalog[identifier], arguments)
        began = time.monotonic()
        try:
            result = self._portal.call(self._client.call_tool, identifier, given)
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                words = self._messages.told("the MCP server has ended")
                raise EnvironmentMissing(words) from error
            words = one_line(str(redacted(error.message, self._messages.hidden)), _LONGEST_ERROR)
            raise ToolError(f"{identifier} failed: {words}") from error
        except ValidationError as error:
            raise ToolError(f"{identifier} failed: {_first_words(error)}") from error
        except (OSError, RuntimeError, HTTPError, ExceptionGroup) as error:
            raise EnvironmentMissing(f"the MCP server is gone: {_first_words(error)}") from error
        value = redacted(answer_of(result), self._messages.hidden)
        if result.is_error:
            raise ToolError(f"{identifier} failed: {excerpt(result_text(value), _LONGEST_ERROR)}")
        return CallResult(value, result_text(value), time.monotonic() - began)


@dataclass(frozen=True, slots=True)
class _Messages:
    """What may be told of a server.

    Attributes:
        hidden: texts that are taken out of whatever it says.
        log: what its program writes for people.
    """

    hidden: Sequence[str]
    log: TextIO | None = None

    def told(self, words: str) -> str:
        """The words, and the last ones that its program wrote for people."""
        if self.log is not None:
            self.log.seek(0)
            lines = self.log.read().strip()[-_LONGEST_MESSAGES:]
            words += f"; it said: {one_line(lines, _LONGEST_MESSAGES)}" if lines else ""
        return str(redacted(words, self.hidden))


@asynccontextmanager
async def _connected(
    url: str,
    address: str,
    headers: Mapping[str, str],
    timeout_s: float,
    transport: HttpTransport,
) -> AsyncIterator["TransportStreams"]:
    """The streams of a server over HTTP, with our headers, without proxies, at that address."""
    from httpx2 import (  # noqa: PLC0415 — an extra
        AsyncClient,
        AsyncHTTPTransport,
        Auth,
        Request,
        Response,
        Timeout,
    )
    from mcp.client.sse import sse_client  # noqa: PLC0415 — an extra
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415 — an extra

    host = urlsplit(url).hostname or ""

    class PinnedTransport(AsyncHTTPTransport):
        """Dials the address that was checked; certificates are still checked against the name."""

        async def handle_async_request(self, request: Request) -> Response:
            if request.url.host != host:
                raise OSError(f"the server leads to {one_line(request.url.host, 80)!r}: refused")
            pinned = Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            return await super().handle_async_request(pinned)

    def pinned_client(
        headers: dict[str, str] | None = None,
        timeout: Timeout | None = None,
        auth: Auth | None = None,
    ) -> AsyncClient:
        return AsyncClient(
            headers=headers,
            timeout=timeout or timeout_s,
            auth=auth,
            transport=PinnedTransport(trust_env=False),
        )

    sent = dict(headers)
    if transport == "sse":
        async with sse_client(
            url, sent, timeout=timeout_s, httpx_client_factory=pinned_client
        ) as streams:
            yield streams
        return
    async with (
        pinned_client(sent) as client,
        streamable_http_client(url, http_client=client) as streams,
    ):
        yield streams


@asynccontextmanager
async def _started(
    command: Sequence[str], environment: Mapping[str, str], folder: str | None, log: TextIO
) -> AsyncIterator["TransportStreams"]:
    """The pipes of a program whose messages for people go into the log."""
    from mcp import StdioServerParameters, stdio_client  # noqa: PLC0415 — an extra

    parameters = StdioServerParameters(
        command=command[0], args=list(command[1:]), env=dict(environment), cwd=folder
    )
    async with stdio_client(parameters, errlog=log) as streams:
        yield streams


def _spellings_of(values: Mapping[str, str]) -> list[str]:
    return [text for value in values.values() for text in spellings(value)]


def _require_client() -> None:
    if importlib.util.find_spec("mcp") is None:
        raise ExtraMissing("mcp", "talking to MCP servers")


def _first_words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        return one_line(f"its answer is not as MCP has it: {place}: {first['msg']}", 200)
    return one_line(str(error) or type(error).__name__, 200)


async def _all_tools(client: "Client") -> "list[Tool]":
    found: list[Tool] = []
    cursor = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        found += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return found


def _api(tool: "Tool", origin: str) -> Api:
    schema = tool.input_schema
    reader = SchemaReader(schema)
    properties = schema.get("properties")
    required = schema.get("required")
    where = f"the tool {one_line(tool.name, 80)!r}"
    returns = _words_for(tool.output_schema, where)
    return Api(
        identifier=tool.name,
        summary=one_line(tool.description or tool.title or "", 1000),
        parameters=tuple(
            reader.parameter(
                name,
                described,
                required=isinstance(required, list) and name in required,
                where=f"the parameter {name!r} of {where}",
            )
            for name, described in (properties if isinstance(properties, Mapping) else {}).items()
        ),
        returns=returns,
        origin=origin,
        effect=_effect(tool),
    )


def _effect(tool: "Tool") -> Effect:
    """A warning is believed; a word that it only reads, where the tool's name agrees."""
    hints, name = tool.annotations, tool.name
    if hints and hints.destructive_hint:
        return "destroys"
    if hints and hints.read_only_hint and names_reading(name) and not names_change(name):
        return "reads"
    return "unknown" if names_reading(name) else "changes"


def _words_for(schema: Mapping[str, object] | None, where: str) -> str:
    """What an output schema describes, in a few words; empty without one."""
    return "" if schema is None else SchemaReader(schema).words_for(schema, where=where)

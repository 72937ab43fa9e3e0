"""A service that an OpenAPI document describes, called over HTTP."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tapgraph.errors import EnvironmentMissing, ToolError, UsageError
from tapgraph.tools.api.calls import CallResult, checked_arguments, result_text
from tapgraph.tools.api.catalog import ApiCatalog
from tapgraph.tools.api.http_guard import (
    Addresses,
    Answer,
    GuardedTransport,
    Resolver,
    addresses_for,
    fetch,
    resolve,
)
from tapgraph.tools.api.json_value import Json, excerpt, one_line
from tapgraph.tools.api.openapi_document import MAX_DOCUMENT_BYTES, parse_document, read_document
from tapgraph.tools.api.openapi_operations import (
    LeftOut,
    Operation,
    checked_server,
    read_operations,
    server_of,
)
from tapgraph.tools.api.openapi_request import PreparedRequest, prepare
from tapgraph.tools.api.secret import (
    Placement,
    Secret,
    SecretTransport,
    looked_up,
    redacted,
    spellings,
)

__all__ = ["HttpLimits", "OpenApiService", "open_service"]

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_PASSING = frozenset({502, 503, 504})
_LONGEST_WAIT_S = 5.0
_LONGEST_ERROR = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """How long a call may take and how much it may bring.

    Attributes:
        timeout_s: for connecting, for each silence, and for the whole answer.
        max_answer_bytes: larger answers are refused.
        retries: how often a call that changes nothing when repeated is sent again after 502, 503
            or 504.
        backoff_s: the wait before the first repetition; it doubles with each.
    """

    timeout_s: float = 30.0
    max_answer_bytes: int = 2 * 1024 * 1024
    retries: int = 2
    backoff_s: float = 0.5

    def __post_init__(self) -> None:
        if self.timeout_s <= 0 or self.max_answer_bytes < 1:
            raise UsageError("timeout_s and max_answer_bytes must be above 0")
        if self.retries < 0 or self.backoff_s < 0:
            raise UsageError("retries and backoff_s must be at least 0")


class OpenApiService:
    """An `ApiRunner` over the operations of an OpenAPI 3.0 or 3.1 document.

    Connections go to public addresses only, unless the document's own server is local by its name
    or number (`localhost`, `127.0.0.1`, `10.0.0.5`). Use it as a context manager, or `close` it.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        *,
        server: str = "",
        secrets: Mapping[str, Secret] | None = None,
        limits: HttpLimits | None = None,
        addresses: Addresses | None = None,
        resolver: Resolver = resolve,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Read the document; nothing is sent before the first call.

        Args:
            document: what `read_document` gives.
            server: the server's address; without it the document's first one.
            secrets: the values of security schemes by their names in the document.
            limits: of time and size.
            addresses: to which addresses connections may go; without it the server decides.
            resolver: finds the addresses of names.
            sleep: waits between repetitions.

        Raises:
            UsageError: the document is malformed, or its server is not an http(s) address.
        """
        self.server = checked_server(server) if server else server_of(document)
        self._secrets = dict(secrets or {})
        self._limits = limits or HttpLimits()
        self._sleep = sleep
        title = str((document.get("info") or {}).get("title", "")) or self.server
        read = read_operations(document, origin=one_line(title, 80))
        self.left_out = tuple(one for one in read if isinstance(one, LeftOut))
        self._operations = {one.api.identifier: one for one in read if isinstance(one, Operation)}
        self.catalog = ApiCatalog(one.api for one in self._operations.values())
        guard = GuardedTransport(addresses or addresses_for(self.server), resolver=resolver)
        self._client = httpx.Client(
            transport=SecretTransport(guard, self._secrets),
            timeout=self._limits.timeout_s,
            trust_env=False,
            headers={"user-agent": "tapgraph", "accept-encoding": "identity"},
        )

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
        """Close all connections."""
        self._client.close()

    def call(self, identifier: str, arguments: Mapping[str, Json]) -> CallResult:
        """Request the operation and read its answer.

        Raises:
            ToolError: an argument is wrong, the service refuses or fails, or the answer is too
                large, too slow or leads elsewhere.
            EnvironmentMissing: no server answers, or a secret is missing.
        """
        api = self.catalog[identifier]
        operation = self._operations[identifier]
        prepared = prepare(operation, self.server, checked_arguments(api, arguments))
        placements = self._placements(operation)
        hidden = [
            spelling
            for one in placements
            for spelling in spellings(looked_up(one.scheme, self._secrets))
        ]
        began = time.monotonic()
        answer = self._answer(operation, prepared, placements)
        value = redacted(_value(answer), hidden)
        if answer.status >= 400:
            words = excerpt(result_text(value), _LONGEST_ERROR) if answer.body else "no explanation"
            raise ToolError(f"{identifier} failed: {answer.status} {answer.reason}: {words}")
        return CallResult(value, result_text(value), time.monotonic() - began)

    def _placements(self, operation: Operation) -> Sequence[Placement]:
        """The first set of secrets that we have whole."""
        for requirement in operation.security:
            if all(one.scheme in self._secrets for one in requirement):
                return requirement
        wanted = next(p.scheme for p in operation.security[0] if p.scheme not in self._secrets)
        looked_up(wanted, self._secrets)
        return ()

    def _answer(
        self, operation: Operation, prepared: PreparedRequest, placements: Sequence[Placement]
    ) -> Answer:
        wait_s = self._limits.backoff_s
        can_repeat = prepared.method in _IDEMPOTENT
        for left in range(self._limits.retries if can_repeat else 0, -1, -1):
            answer = self._sent(operation, prepared, placements)
            if answer.status not in _PASSING or not left:
                return answer
            asked_s = float(answer.retry_after) if answer.retry_after.isdecimal() else 0.0
            self._sleep(min(max(wait_s, asked_s), _LONGEST_WAIT_S))
            wait_s *= 2
        return answer

    def _sent(
        self, operation: Operation, prepared: PreparedRequest, placements: Sequence[Placement]
    ) -> Answer:
        try:
            request = self._client.build_request(
                prepared.method,
                prepared.url,
                headers=prepared.headers,
                content=prepared.content,
                extensions={"secrets": tuple(placements)},
            )
            return fetch(
                self._client,
                request,
                timeout_s=self._limits.timeout_s,
                max_bytes=self._limits.max_answer_bytes,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise EnvironmentMissing(f"no server answers at {self.server}") from error
        except httpx.TimeoutException as error:
            raise ToolError(
                f"{operation.api.identifier} gave no answer in {self._limits.timeout_s:g} s; "
                f"{_what_it_means(prepared.method)}"
            ) from error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise ToolError(
                f"the connection broke during {operation.api.identifier} "
                f"({type(error).__name__}); {_what_it_means(prepared.method)}"
            ) from error


def _what_it_means(method: str) -> str:
    if method in _IDEMPOTENT:
        return "it can be called again"
    return "whether it was done is not known: look before calling it again"


def _value(answer: Answer) -> Json:
    kind = answer.content_type
    if not answer.body:
        return None
    if kind == "application/json" or kind.endswith("+json"):
        try:
            value: Json = json.loads(answer.text)
        except (ValueError, RecursionError) as error:
            if answer.status >= 400:
                return answer.text
            raise ToolError("the service answered with JSON that is cut off or broken") from error
        return value
    if kind.startswith("text/") or kind.endswith(("xml", "yaml")) or not kind:
        return answer.text
    return {"content_type": kind, "bytes": len(answer.body)}


def open_service(
    source: str | Path,
    *,
    server: str = "",
    secrets: Mapping[str, Secret] | None = None,
    limits: HttpLimits | None = None,
) -> OpenApiService:
    """The service whose document is in a file or at an http(s) address.

    A document at an address may name its server relative to that address.

    Raises:
        UsageError: the document cannot be read or is none.
        EnvironmentMissing: no server answers at the document's address.
    """
    address = str(source)
    if not address.startswith(("http://", "https://")):
        return OpenApiService(
            read_document(Path(source)), server=server, secrets=secrets, limits=limits
        )
    document = parse_document(_downloaded(address), name=address)
    server = server or server_of(document, base=address)
    return OpenApiService(document, server=server, secrets=secrets, limits=limits)


def _downloaded(address: str) -> bytes:
    limits = HttpLimits()
    transport = GuardedTransport(addresses_for(address))
    with httpx.Client(transport=transport, timeout=limits.timeout_s, trust_env=False) as client:
        try:
            answer = fetch(
                client,
                client.build_request("GET", address),
                timeout_s=limits.timeout_s,
                max_bytes=MAX_DOCUMENT_BYTES,
            )
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise EnvironmentMissing(f"no server answers at {address}") from error
        except ToolError as error:
            raise UsageError(f"{address} cannot be read: {error}") from error
    if answer.status != 200:
        raise UsageError(f"{address} cannot be read: {answer.status} {answer.reason}")
    return answer.body

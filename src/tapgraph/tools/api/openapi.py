"""A service that an OpenAPI document describes, called over HTTP."""

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tapgraph.errors import EnvironmentMissing, ToolError, UsageError
from tapgraph.tools.api.calls import CallResult, checked_arguments, result_text
from tapgraph.tools.api.catalog import ApiCatalog
from tapgraph.tools.api.http_guard import (
    Answer,
    GuardedTransport,
    Resolver,
    fetch,
    hosts_inside,
    resolve,
)
from tapgraph.tools.api.json_value import Json, excerpt, one_line
from tapgraph.tools.api.oauth import access_tokens, token_points
from tapgraph.tools.api.openapi_operations import LeftOut, Operation, read_operations
from tapgraph.tools.api.openapi_request import PreparedRequest, prepare
from tapgraph.tools.api.openapi_servers import checked_server, server_of
from tapgraph.tools.api.openapi_source import ServiceDocument, read_service
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

    Connections go to public addresses only, unless the server is local by its name or number
    (`localhost`, `127.0.0.1`, `10.0.0.5`), or its host is among those allowed. Use it as a context
    manager, or `close` it.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        *,
        server: str = "",
        secrets: Mapping[str, Secret] | None = None,
        headers: Mapping[str, Secret] | None = None,
        files: Mapping[str, Path] | None = None,
        allow_hosts: Collection[str] = (),
        limits: HttpLimits | None = None,
        resolver: Resolver = resolve,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Read the document; nothing is sent before the first call.

        Args:
            document: what `read_document` gives.
            server: the server's address; without it the document's first one.
            secrets: the values of security schemes by their names in the document; for OAuth 2 also
                what tokens are got with, as `tools.api.oauth` says.
            headers: secret headers that every request carries, by their names.
            files: the files that calls may upload, by the names that a model gives them.
            allow_hosts: hosts that may lie inside a local network, and that operations may name as
                their own server.
            limits: of time and size.
            resolver: finds the addresses of names.
            sleep: waits between repetitions.

        Raises:
            UsageError: its server is not an http(s) address.
        """
        self.server = checked_server(server) if server else server_of(document)
        self._secrets = dict(secrets or {})
        self._headers = {name.lower(): value for name, value in (headers or {}).items()}
        self._files = dict(files or {})
        self._limits = limits or HttpLimits()
        self._sleep = sleep
        inside = hosts_inside(self.server, allow_hosts)
        read = read_operations(
            document,
            origin=_title(document) or one_line(self.server, 80),
            server=self.server,
            allow_hosts=inside,
            headers=self._headers.keys(),
            files=self._files.keys(),
        )
        self.left_out = tuple(one for one in read if isinstance(one, LeftOut))
        self._operations = {one.api.identifier: one for one in read if isinstance(one, Operation)}
        self.catalog = ApiCatalog(one.api for one in self._operations.values())
        guard = GuardedTransport(inside, resolver=resolver)
        self._tokens = access_tokens(
            token_points(document, server=self.server),
            self._secrets,
            transport=guard,
            timeout_s=self._limits.timeout_s,
        )
        self._secrets = {**self._secrets, **self._tokens}
        self._client = _client(
            SecretTransport(guard, self._secrets, self._headers), self._limits.timeout_s
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
        given = checked_arguments(api, arguments)
        prepared = prepare(operation, self.server, given, files=self._files)
        placements = self._placements(operation)
        self._hidden(placements)
        began = time.monotonic()
        try:
            answer = self._answer(operation, prepared, placements)
            # Only now it is known which tokens were sent.
            hidden = self._hidden(placements)
            value = redacted(_value(answer), hidden)
        except ToolError as error:
            raise ToolError(str(redacted(str(error), self._hidden(placements)))) from error
        if answer.status >= 400:
            words = excerpt(result_text(value), _LONGEST_ERROR) if answer.body else "no explanation"
            reason = redacted(one_line(answer.reason, 80), hidden)
            raise ToolError(f"{identifier} failed: {answer.status} {reason}: {words}")
        return CallResult(value, result_text(value), time.monotonic() - began)

    @property
    def locked(self) -> dict[str, str]:
        """The operations for which no whole set of secrets is given, each with a missing one."""
        missing = {name: self._missing(one) for name, one in self._operations.items()}
        return {name: scheme for name, scheme in missing.items() if scheme}

    @property
    def wanted(self) -> frozenset[str]:
        """The security schemes that some operation takes."""
        return frozenset(
            placement.scheme
            for operation in self._operations.values()
            for requirement in operation.security
            for placement in requirement
        )

    def _missing(self, operation: Operation) -> str:
        """The first missing secret of the set of which the fewest are missing, or nothing."""
        sets = [
            [one.scheme for one in requirement if not self._has(one)]
            for requirement in operation.security
        ]
        fewest = min(sets, key=len)
        return fewest[0] if fewest else ""

    def _has(self, placement: Placement) -> bool:
        is_given = placement.place == "header" and placement.name.lower() in self._headers
        return is_given or placement.scheme in self._secrets

    def _placements(self, operation: Operation) -> Sequence[Placement]:
        """The fullest set of secrets that we have whole; what headers carry is not repeated."""
        looked_for = self._missing(operation)
        if looked_for:
            looked_up(looked_for, self._secrets)
        whole = [one for one in operation.security if all(map(self._has, one))]
        return [one for one in max(whole, key=len) if one.scheme in self._secrets]

    def _hidden(self, placements: Sequence[Placement]) -> list[str]:
        """How all secrets of this service may be spelled; those not needed may be unset."""
        needed = {one.scheme for one in placements} | self._headers.keys()
        given = self._secrets | self._headers
        found: set[str] = set()
        for name in given:
            if name in self._tokens:
                continue
            try:
                found.update(spellings(looked_up(name, given)))
            except EnvironmentMissing:
                if name in needed:
                    raise
        for token in self._tokens.values():
            found.update(text for one in token.seen for text in spellings(one))
        return sorted(found, key=len, reverse=True)

    def _answer(
        self, operation: Operation, prepared: PreparedRequest, placements: Sequence[Placement]
    ) -> Answer:
        wait_s = self._limits.backoff_s
        can_repeat = prepared.method in _IDEMPOTENT
        for left in range(self._limits.retries if can_repeat else 0, -1, -1):
            answer = self._sent(operation, prepared, placements)
            if answer.status == 401 and self._forget_tokens(placements):
                answer = self._sent(operation, prepared, placements)
            if answer.status not in _PASSING or not left:
                return answer
            asked_s = float(answer.retry_after) if answer.retry_after.isdecimal() else 0.0
            self._sleep(min(max(wait_s, asked_s), _LONGEST_WAIT_S))
            wait_s *= 2
        return answer

    def _forget_tokens(self, placements: Sequence[Placement]) -> bool:
        """Whether a call that was refused had a token; the next use gets another one."""
        tokens = [self._tokens[one.scheme] for one in placements if one.scheme in self._tokens]
        for token in tokens:
            token.forget()
        return bool(tokens)

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


def _title(document: Mapping[str, Any]) -> str:
    described = document.get("info")
    title = described.get("title") if isinstance(described, Mapping) else None
    return one_line(str(title or ""), 80)


def _client(transport: httpx.BaseTransport, timeout_s: float) -> httpx.Client:
    return httpx.Client(
        transport=transport,
        timeout=timeout_s,
        trust_env=False,
        headers={"user-agent": "tapgraph", "accept-encoding": "identity"},
    )


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
    source: str | Path | ServiceDocument,
    *,
    server: str = "",
    secrets: Mapping[str, Secret] | None = None,
    headers: Mapping[str, Secret] | None = None,
    files: Mapping[str, Path] | None = None,
    allow_hosts: Collection[str] = (),
    limits: HttpLimits | None = None,
) -> OpenApiService:
    """The service whose document is in a file, at an http(s) address, or already read.

    A document at an address may name its server relative to that address; one at a public address
    may not name a server inside a local network, unless `server` or `allow_hosts` does.

    Raises:
        UsageError: the document cannot be read or is none, or may not name its server.
        EnvironmentMissing: no server answers at the document's address.
    """
    if isinstance(source, ServiceDocument):
        document = source
    else:
        document = read_service(source, allow_hosts=allow_hosts)
    return OpenApiService(
        document.content,
        server=server or document.server(allow_hosts),
        secrets=secrets,
        headers=headers,
        files=files,
        allow_hosts=allow_hosts,
        limits=limits,
    )

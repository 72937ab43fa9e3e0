"""OpenAPI documents from files and addresses, and which servers they may name."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from tapgraph.errors import EnvironmentMissing, ToolError, UsageError
from tapgraph.tools.api.http_guard import GuardedTransport, fetch, hosts_inside
from tapgraph.tools.api.json_value import one_line
from tapgraph.tools.api.openapi_document import (
    MAX_DOCUMENT_BYTES,
    checked_document,
    parse_value,
    read_file,
)
from tapgraph.tools.api.openapi_files import FolderFiles, OtherFiles, joined
from tapgraph.tools.api.openapi_servers import server_of

__all__ = ["ServiceDocument", "read_service"]

_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class ServiceDocument:
    """An OpenAPI document and where it is from.

    Attributes:
        content: the document.
        address: its http(s) address; empty for a file.
    """

    content: dict[str, Any]
    address: str

    def server(self, allow_hosts: Collection[str]) -> str:
        """The server that the document names, complete.

        Raises:
            UsageError: it names none; or it is from a public address and names a server inside a
                local network that the user does not allow.
        """
        server = server_of(self.content, base=self.address)
        host, origin = urlsplit(server).hostname or "", urlsplit(self.address).hostname or ""
        is_from_outside = origin and origin not in hosts_inside(self.address, allow_hosts)
        if is_from_outside and host in hosts_inside(server) and host not in allow_hosts:
            raise UsageError(
                f"the document at {self.address} names the server {server}, which is inside this "
                f"machine or network: if you mean it, add --server {server}"
            )
        return server


def read_service(source: str | Path, *, allow_hosts: Collection[str] = ()) -> ServiceDocument:
    """The document in a file or at an http(s) address, with the files that it refers to.

    These lie in its folder or below, or on its server.

    Raises:
        UsageError: it cannot be read or is none.
        EnvironmentMissing: no server answers at its address.
    """
    address = str(source)
    if not address.startswith(("http://", "https://")):
        path = Path(source)
        content = read_file(path)
        return ServiceDocument(_document(content, address, FolderFiles(path)), "")
    _require_address(address)
    others = _ServerFiles(address, allow_hosts)
    return ServiceDocument(_document(_downloaded(address, allow_hosts), address, others), address)


def _require_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        is_address = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_address = False
    if not is_address:
        raise UsageError(f"{one_line(address, 120)!r} is no address of a document")
    if parts.username is not None:
        raise UsageError("the address of a document must hold no credentials")


def _document(content: bytes, name: str, others: OtherFiles) -> dict[str, Any]:
    value = parse_value(content, name=name)
    return checked_document(joined(value, others) if isinstance(value, dict) else value, name=name)


class _ServerFiles:
    """Files on the server of a document."""

    def __init__(self, address: str, allow_hosts: Collection[str]) -> None:
        self._address = address
        self._allow_hosts = allow_hosts
        self._left_bytes = MAX_DOCUMENT_BYTES

    def name_of(self, reference: str, *, seen_from: str) -> str:
        try:
            name = urljoin(seen_from or self._address, reference)
            is_here = urlsplit(name)[:2] == urlsplit(self._address)[:2]
        except ValueError:
            is_here = False
        if not is_here:
            raise UsageError(f"{reference!r} is on another server")
        return "" if name == self._address else name

    def load(self, name: str) -> object:
        try:
            content = _downloaded(name, self._allow_hosts, max_bytes=self._left_bytes)
        except EnvironmentMissing as error:
            raise UsageError(str(error)) from error
        self._left_bytes -= len(content)
        return parse_value(content, name=name)


def _downloaded(
    address: str, allow_hosts: Collection[str], *, max_bytes: int = MAX_DOCUMENT_BYTES
) -> bytes:
    transport = GuardedTransport(hosts_inside(address, allow_hosts))
    with httpx.Client(transport=transport, trust_env=False) as client:
        try:
            answer = fetch(
                client,
                client.build_request("GET", address),
                timeout_s=_TIMEOUT_S,
                max_bytes=max_bytes,
            )
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise EnvironmentMissing(f"no server answers at {address}") from error
        except ToolError as error:
            raise UsageError(f"{address} cannot be read: {error}") from error
    if answer.status != 200:
        raise UsageError(f"{address} cannot be read: {answer.status} {answer.reason}")
    return answer.body

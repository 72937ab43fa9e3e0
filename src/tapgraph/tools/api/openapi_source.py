"""OpenAPI documents from files and addresses, and which servers they may name."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tapgraph.errors import EnvironmentMissing, ToolError, UsageError
from tapgraph.tools.api.http_guard import GuardedTransport, fetch, hosts_inside
from tapgraph.tools.api.openapi_document import MAX_DOCUMENT_BYTES, parse_document, read_document
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
    """The document in a file or at an http(s) address.

    Raises:
        UsageError: it cannot be read or is none.
        EnvironmentMissing: no server answers at its address.
    """
    address = str(source)
    if not address.startswith(("http://", "https://")):
        return ServiceDocument(read_document(Path(source)), "")
    if urlsplit(address).username is not None:
        raise UsageError("the address of a document must hold no credentials")
    return ServiceDocument(parse_document(_downloaded(address, allow_hosts), name=address), address)


def _downloaded(address: str, allow_hosts: Collection[str]) -> bytes:
    transport = GuardedTransport(hosts_inside(address, allow_hosts))
    with httpx.Client(transport=transport, trust_env=False) as client:
        try:
            answer = fetch(
                client,
                client.build_request("GET", address),
                timeout_s=_TIMEOUT_S,
                max_bytes=MAX_DOCUMENT_BYTES,
            )
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise EnvironmentMissing(f"no server answers at {address}") from error
        except ToolError as error:
            raise UsageError(f"{address} cannot be read: {error}") from error
    if answer.status != 200:
        raise UsageError(f"{address} cannot be read: {answer.status} {answer.reason}")
    return answer.body

"""HTTP for calls that a model wrote: to which addresses it may go, and how much may come back.

A model can be talked into any argument, and a document can name any server, so the rules stand
below both: where a connection goes is decided by the address that is really dialled, not by the
name, and a redirect never leads to another server.
"""

import ipaddress
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import httpx

from tapgraph.errors import EnvironmentMissing, ToolError

__all__ = [
    "Addresses",
    "Answer",
    "GuardedTransport",
    "Resolver",
    "addresses_for",
    "fetch",
    "is_allowed",
    "resolve",
]

Addresses = Literal["public", "private"]
"""`public`: only addresses of the internet. `private`: also this machine and local networks."""

Resolver: TypeAlias = Callable[[str, int], Sequence[str]]
"""The IP addresses of a host and port, the one to use first."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_AZURE_METADATA = ipaddress.ip_address("168.63.129.16")
_MAX_REDIRECTS = 3
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def addresses_for(server: str) -> Addresses:
    """`private` for a server that is itself local by its name or number, else `public`.

    >>> addresses_for("http://localhost:8000/v1"), addresses_for("https://api.example.com")
    ('private', 'public')
    """
    host = (urlsplit(server).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return "private"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "public"
    return "public" if is_allowed(str(address), "public") else "private"


def is_allowed(address: str, addresses: Addresses) -> bool:
    """Whether a connection to the IP address may be made.

    Link-local addresses, under which clouds answer with credentials, are allowed to nobody; nor are
    multicast and unspecified ones. IPv6 addresses that stand for an IPv4 address count as that one.

    >>> is_allowed("93.184.216.34", "public"), is_allowed("::ffff:127.0.0.1", "public")
    (True, False)
    >>> is_allowed("127.0.0.1", "private"), is_allowed("169.254.169.254", "private")
    (True, False)
    """
    try:
        ip = _underlying(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip == _AZURE_METADATA:
        return False
    if ip.version == 4 and ip.is_reserved:
        return False
    if ip.is_global:
        return True
    return addresses == "private" and (ip.is_private or ip.is_loopback)


def _underlying(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def resolve(host: str, port: int) -> Sequence[str]:
    """The IP addresses of a host, as the operating system finds them.

    Raises:
        EnvironmentMissing: the name is not known.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise EnvironmentMissing(f"no address is known for {host!r}: {error}") from error
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class GuardedTransport(httpx.BaseTransport):
    """Dials only allowed addresses: a name is resolved once, judged, and that address is dialled.

    A name with any forbidden address is refused as a whole, so that a server which answers with
    both cannot have its way by chance. Proxies of the environment are not used: they would resolve
    names themselves.
    """

    def __init__(
        self,
        addresses: Addresses,
        *,
        resolver: Resolver = resolve,
        inner: httpx.BaseTransport | None = None,
    ) -> None:
        """Guard the connections that `inner` makes."""
        self._addresses = addresses
        self._resolver = resolver
        self._inner = inner or httpx.HTTPTransport(trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer the request.

        Raises:
            ToolError: the host has an address to which no connection may be made.
            EnvironmentMissing: the host has no address.
        """
        host = request.url.host
        port = request.url.port or {"https": 443}.get(request.url.scheme, 80)
        found = self._resolver(host, port)
        if not found:
            raise EnvironmentMissing(f"no address is known for {host!r}")
        for address in found:
            if not is_allowed(address, self._addresses):
                raise ToolError(
                    f"{host!r} leads to {address}, an address inside a machine or local network, "
                    "which is refused"
                )
        dialled = httpx.Request(
            request.method,
            request.url.copy_with(host=found[0]),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return self._inner.handle_request(dialled)

    def close(self) -> None:
        """Close all connections."""
        self._inner.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read whole."""

    status: int
    reason: str
    content_type: str
    retry_after: str
    body: bytes
    encoding: str | None

    @property
    def text(self) -> str:
        """The body as text; what cannot be decoded becomes U+FFFD."""
        try:
            return self.body.decode(self.encoding or "utf-8", errors="replace")
        except LookupError:
            return self.body.decode("utf-8", errors="replace")


def fetch(
    client: httpx.Client, request: httpx.Request, *, timeout_s: float, max_bytes: int
) -> Answer:
    """Send the request and read the answer; redirects stay on the server.

    Raises:
        ToolError: the answer is too large or too slow, or redirects to another server.
        httpx.TransportError: no connection, or it broke.
    """
    deadline = time.monotonic() + timeout_s
    for _ in range(_MAX_REDIRECTS + 1):
        response = client.send(request, stream=True, follow_redirects=False)
        try:
            if not response.has_redirect_location:
                return _read(response, deadline, timeout_s, max_bytes)
            request = _redirected(client, request, response)
        finally:
            response.close()
    raise ToolError(f"the service redirects more than {_MAX_REDIRECTS} times")


def _read(response: httpx.Response, deadline: float, timeout_s: float, max_bytes: int) -> Answer:
    body = bytearray()
    for part in response.iter_bytes(65536):
        body += part
        if len(body) > max_bytes:
            raise ToolError(f"the answer is larger than {max_bytes:,} bytes")
        if time.monotonic() > deadline:
            raise ToolError(f"the answer was not complete after {timeout_s:g} s")
    return Answer(
        status=response.status_code,
        reason=response.reason_phrase,
        content_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
        retry_after=response.headers.get("retry-after", ""),
        body=bytes(body),
        encoding=response.charset_encoding,
    )


def _redirected(
    client: httpx.Client, request: httpx.Request, response: httpx.Response
) -> httpx.Request:
    try:
        target = request.url.join(response.headers["location"])
    except (httpx.InvalidURL, ValueError) as error:
        raise ToolError("the service redirects to something that is no address") from error
    same_host = target.host == request.url.host
    same_port = (target.scheme, target.port) == (request.url.scheme, request.url.port)
    is_upgrade = (request.url.scheme, target.scheme) == ("http", "https") and (
        request.url.port is None and target.port is None
    )
    if not same_host or not (same_port or is_upgrade) or target.userinfo:
        raise ToolError(f"the service redirects to another server ({target.host!r}): refused")
    if request.method not in _SAFE_METHODS:
        raise ToolError(
            f"the service answered {response.status_code} with a redirect, which is not followed "
            f"for {request.method}"
        )
    return client.build_request(
        request.method, target, headers=request.headers, extensions=request.extensions
    )

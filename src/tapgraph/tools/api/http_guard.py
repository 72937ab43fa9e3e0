"""HTTP for calls that a model wrote: to which addresses it may go, and how much may come back.

A model can be talked into any argument, and a document can name any server, so the rules stand
below both: where a connection goes is decided by the address that is really dialled, not by the
name, and a redirect never leads to another server.
"""

import ipaddress
import socket
import time
from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import httpx

from tapgraph.errors import EnvironmentMissing, ToolError
from tapgraph.tools.api.http_deadline import DeadlineTransport

__all__ = [
    "Addresses",
    "Answer",
    "GuardedTransport",
    "Resolver",
    "addresses_for",
    "checked_address",
    "fetch",
    "hosts_inside",
    "is_allowed",
    "resolve",
]

Addresses = Literal["public", "private"]
"""`public`: only addresses of the internet. `private`: also this machine and local networks."""

Resolver: TypeAlias = Callable[[str, int], Sequence[str]]
"""The IP addresses of a host and port, the one to use first."""

_IPV4_AT_END = tuple(
    ipaddress.IPv6Network(block) for block in ("64:ff9b::/96", "::ffff:0:0:0/96", "::/96")
)
"""IPv6 blocks whose last 32 bits are the IPv4 address that is meant: RFC 6052, 2765 and 4291."""
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_SPECIAL = tuple(
    ipaddress.ip_network(block)
    for block in (
        # Protocol assignments, the metadata of a cloud among them; relays; documentation.
        *("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20"),
        "168.63.129.16/32",
    )
)
_PRIVATE = tuple(
    ipaddress.ip_network(block)
    for block in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8"),
        *("::1/128", "fc00::/7"),
    )
)
_MAX_REDIRECTS = 3
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def addresses_for(server: str) -> Addresses:
    """`private` for a server that is itself local by its name or number, else `public`.

    >>> addresses_for("http://localhost:8000/v1"), addresses_for("https://api.example.com")
    ('private', 'public')
    """
    host = _host(server)
    if host == "localhost" or host.endswith(".localhost"):
        return "private"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "public"
    return "public" if is_allowed(str(address), "public") else "private"


def _host(server: str) -> str:
    return (urlsplit(server).hostname or "").rstrip(".")


def is_allowed(address: str, addresses: Addresses) -> bool:
    """Whether a connection to the IP address may be made.

    Only unicast addresses of the internet are public, only RFC 1918's, loopback and unique local
    ones private. All others are allowed to nobody: link-local ones, under which clouds answer with
    credentials, multicast, unspecified, relays, protocol assignments. IPv6 addresses that stand for
    an IPv4 address count as that one.

    >>> is_allowed("93.184.216.34", "public"), is_allowed("::ffff:127.0.0.1", "public")
    (True, False)
    >>> is_allowed("127.0.0.1", "private"), is_allowed("169.254.169.254", "private")
    (True, False)
    """
    try:
        ip = _underlying(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    if any(ip in block for block in _PRIVATE):
        return addresses == "private"
    if any(ip in block for block in _SPECIAL) or ip.is_multicast or ip.is_reserved:
        return False
    return ip.is_global and (ip.version == 4 or ip in _GLOBAL_UNICAST)


def _underlying(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    if isinstance(ip, ipaddress.IPv4Address) or int(ip) <= 1:
        return ip
    if any(ip in block for block in _IPV4_AT_END):
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


def hosts_inside(server: str, allowed: Collection[str] = ()) -> frozenset[str]:
    """The hosts that may lie inside a local network: those allowed by name, and a local server's.

    >>> sorted(hosts_inside("http://localhost:8000/v1", ["Intranet.example."]))
    ['intranet.example', 'localhost']
    """
    named = {one.lower().rstrip(".") for one in allowed}
    own = {_host(server)} if addresses_for(server) == "private" else set()
    return frozenset(named | own)


def checked_address(
    host: str, port: int, *, inside: Collection[str], resolver: Resolver = resolve
) -> str:
    """The IP address to dial for a host; a private one only where the host is among `inside`.

    A name with any forbidden address is refused as a whole, so that a server which answers with
    both cannot have its way by chance.

    Raises:
        ToolError: the host has an address to which no connection may be made.
        EnvironmentMissing: the host has no address.
    """
    found = resolver(host, port)
    if not found:
        raise EnvironmentMissing(f"no address is known for {host!r}")
    allowed: Addresses = "private" if host.lower().rstrip(".") in inside else "public"
    for address in found:
        if not is_allowed(address, allowed):
            hint = f"; --allow-host {host} allows it" if is_allowed(address, "private") else ""
            raise ToolError(
                f"{host!r} leads to {address}, an address inside a machine or local network, "
                f"which is refused{hint}"
            )
    return found[0]


class GuardedTransport(httpx.BaseTransport):
    """Dials only allowed addresses: a name is resolved once, judged, and that address is dialled.

    Proxies of the environment are not used: they would resolve names themselves.
    """

    def __init__(
        self,
        inside: AbstractSet[str] = frozenset(),
        *,
        resolver: Resolver = resolve,
        inner: httpx.BaseTransport | None = None,
    ) -> None:
        """Guard the connections that `inner` makes.

        Args:
            inside: hosts that may have private addresses, as `hosts_inside` gives them.
            resolver: finds the addresses of names.
            inner: makes the connections.
        """
        self._inside = inside
        self._resolver = resolver
        self._inner = inner or DeadlineTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer the request.

        Raises:
            ToolError: the host has an address to which no connection may be made.
            EnvironmentMissing: the host has no address.
        """
        host = request.url.host
        port = request.url.port or {"https": 443}.get(request.url.scheme, 80)
        address = checked_address(host, port, inside=self._inside, resolver=self._resolver)
        dialled = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
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
    """Send the request and read the answer, all within `timeout_s`; redirects stay on the server.

    Raises:
        ToolError: the answer is too large, or redirects to another server.
        httpx.TransportError: no connection, it broke, or the answer was too slow.
    """
    request.extensions["deadline"] = time.monotonic() + timeout_s
    for _ in range(_MAX_REDIRECTS + 1):
        response = client.send(request, stream=True, follow_redirects=False)
        try:
            if not response.has_redirect_location:
                return _read(response, max_bytes)
            request = _redirected(client, request, response)
        finally:
            response.close()
    raise ToolError(f"the service redirects more than {_MAX_REDIRECTS} times")


def _read(response: httpx.Response, max_bytes: int) -> Answer:
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > max_bytes:
            raise ToolError(f"the answer is larger than {max_bytes:,} bytes")
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

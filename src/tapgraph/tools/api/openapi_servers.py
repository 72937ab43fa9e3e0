"""Where the operations of an OpenAPI document are called: its servers, and theirs."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from tapgraph.errors import UsageError
from tapgraph.tools.api.json_value import one_line

__all__ = ["checked_server", "operation_server", "server_of"]

_PORTS = {"http": 80, "https": 443}


def server_of(document: Mapping[str, Any], *, base: str = "") -> str:
    """The document's first server with the default values of its variables, without a last "/".

    Args:
        document: an OpenAPI document.
        base: the address that a relative server is meant to follow, that of the document.

    Raises:
        UsageError: there is none, or it is not an http or https address without credentials.
    """
    return checked_server(_joined(base, next(_urls(document.get("servers")), "/")))


def operation_server(
    servers: object, document: Mapping[str, Any], server: str, allowed: Collection[str]
) -> str:
    """The server of an operation that names some of its own; empty where that is the document's.

    One of the document's servers stands for the one in use. Another is taken only on the origin of
    the one in use, or on a host that the user allowed: secrets travel along.

    Args:
        servers: what the operation or its path names.
        document: the document.
        server: the one in use, with which relative ones are completed.
        allowed: hosts that the user named.

    Raises:
        UsageError: it can be called at none of them.
    """
    own = list(_urls(servers))
    if not own:
        return ""
    base = f"{server}/"
    known = {_joined(base, one).rstrip("/") for one in _urls(document.get("servers"))} | {server}
    completed = [_joined(base, one).rstrip("/") for one in own]
    if known & set(completed) or set(own) & set(_urls(document.get("servers"))):
        return ""
    for one in completed:
        host = _hostname(one)
        if (server and _origin(one) == _origin(server)) or host in allowed:
            return checked_server(one)
    shown = one_line(completed[0], 120)
    host = one_line(_hostname(completed[0]) or "HOST", 120)
    raise UsageError(f"its own server {shown} is on another host; --allow-host {host} allows it")


def checked_server(url: str) -> str:
    """The address of a server without a last "/".

    Raises:
        UsageError: it is not an http or https address without credentials, query and fragment.
    """
    try:
        parts = urlsplit(url)
        is_address = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_address = False
    if not is_address or parts.scheme not in _PORTS or not url.isprintable():
        raise UsageError(f"the server must be an http or https address, got {one_line(url, 120)!r}")
    if parts.username is not None or parts.query or parts.fragment or "{" in url:
        raise UsageError("the server's address must hold no credentials, query or open variables")
    return url.rstrip("/")


def _urls(servers: object) -> Iterator[str]:
    """The addresses in a list of servers, with the default values of their variables."""
    for one in servers if isinstance(servers, list) else ():
        if not isinstance(one, Mapping) or not isinstance(one.get("url"), str):
            continue
        url = one["url"]
        variables = one.get("variables")
        for name, variable in variables.items() if isinstance(variables, Mapping) else ():
            if isinstance(variable, Mapping):
                url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
        yield url


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError:
        return url


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return "", url, None


def _hostname(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""

"""Pictures by address, from hosts that were allowed by name."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

import httpx

from tapgraph.errors import ToolError, UsageError
from tapgraph.tools.api.http_guard import GuardedTransport, fetch

__all__ = ["ImageSource"]

_MAX_BYTES = 32 * 2**20
_TIMEOUT_S = 20.0
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?=[a-z]){_LABEL}", re.IGNORECASE)


class ImageSource:
    """Loads pictures by https; never from an address inside a machine or local network."""

    def __init__(
        self, hosts: Collection[str], *, transport: httpx.BaseTransport | None = None
    ) -> None:
        """Allow these hosts; `transport` replaces the network in tests.

        Raises:
            UsageError: one is not the name of a host, as `images.example.org` is.
        """
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise UsageError(f"a host looks like images.example.org, got {host!r}")
        self._hosts = frozenset(host.lower() for host in hosts)
        self._client = httpx.Client(
            transport=transport or GuardedTransport(),
            timeout=_TIMEOUT_S,
            trust_env=False,
        )

    def __call__(self, url: str) -> bytes:
        """The content behind an address.

        Raises:
            UsageError: the address is not allowed, or gives no content.
            ToolError: the host leads to a private address, or sends too much or too slowly.
            EnvironmentMissing: the host has no address.
        """
        if not self._is_allowed(url):
            hosts = ", ".join(sorted(self._hosts))
            raise UsageError(f"pictures are taken as data URLs, or by https from {hosts}")
        try:
            request = self._client.build_request("GET", url)
            answer = fetch(self._client, request, timeout_s=_TIMEOUT_S, max_bytes=_MAX_BYTES)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise ToolError(f"the picture could not be loaded: {type(error).__name__}") from error
        if answer.status != 200:
            raise ToolError(f"the picture could not be loaded: status {answer.status}")
        return answer.body

    def _is_allowed(self, url: str) -> bool:
        try:
            address = urlsplit(url)
        except ValueError:
            return False
        return address.scheme == "https" and (address.hostname or "") in self._hosts

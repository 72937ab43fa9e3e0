"""The way of a shortcut to the real web: public addresses alone."""

import httpx

from tapgraph.errors import ToolError
from tapgraph.tools.api.http_guard import GuardedTransport, fetch
from tapgraph.tools.api.shortcuts.system import WebRequest, WebResponse

__all__ = ["PublicWeb"]

_TIMEOUT_S = 30.0
_MAX_BYTES = 4 * 2**20


class PublicWeb:
    """A `Transport` that a shortcut of a stranger may have: it reaches no machine of the user's.

    A redirect is followed on its own server only.
    """

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        """Send through a transport; through one that dials public addresses, unless given."""
        self._client = httpx.Client(
            transport=transport or GuardedTransport("public"), timeout=_TIMEOUT_S
        )

    def __call__(self, request: WebRequest) -> WebResponse:
        """The server's answer, whatever its status.

        Raises:
            ToolError: the address is refused, or the answer is broken, too large or too slow.
            EnvironmentMissing: the host has no address.
        """
        try:
            built = self._client.build_request(
                request.method, request.url, headers=dict(request.headers), content=request.body
            )
            answer = fetch(self._client, built, timeout_s=_TIMEOUT_S, max_bytes=_MAX_BYTES)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ToolError(f"{request.method} {request.url[:120]} failed: {error}") from error
        return WebResponse(answer.body, answer.content_type, answer.status)

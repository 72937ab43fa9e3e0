"""The real web of a shortcut, over a stand-in for the network."""

import httpx
import pytest

from tapgraph.errors import ToolError
from tapgraph.tools.api.shortcuts.public_web import PublicWeb
from tapgraph.tools.api.shortcuts.system import WebRequest, WebResponse


def test_a_request_is_sent_as_it_is_and_any_status_is_an_answer() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.headers["X-Key"]) == ("POST", "k")
        return httpx.Response(404, content=request.content, headers={"Content-Type": "text/html"})

    web = PublicWeb(httpx.MockTransport(answer))
    sent = WebRequest("POST", "https://a.example/x", {"X-Key": "k"}, b"body")
    assert web(sent) == WebResponse(b"body", "text/html", 404)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[::1]/", "http://10.0.0.1/"])
def test_local_addresses_are_refused(url: str) -> None:
    with pytest.raises(ToolError, match="local network"):
        PublicWeb()(WebRequest("GET", url))


def test_a_broken_address_or_connection_is_told() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    web = PublicWeb(httpx.MockTransport(refuse))
    with pytest.raises(ToolError, match=r"GET https://a\.example failed: refused"):
        web(WebRequest("GET", "https://a.example"))
    with pytest.raises(ToolError, match="failed"):
        web(WebRequest("GET", "http://a.example:port/"))

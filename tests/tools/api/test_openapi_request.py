"""Arguments as parts of a request, and the server that it goes to."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapgraph.errors import ToolError, UsageError
from tapgraph.tools.api.catalog import Api
from tapgraph.tools.api.openapi_fields import Field, Place
from tapgraph.tools.api.openapi_operations import Operation
from tapgraph.tools.api.openapi_request import PreparedRequest, prepare
from tapgraph.tools.api.openapi_servers import server_of

SERVER = "https://api.example.com/v1"


def request_with(value: Any, place: Place = "query", **more: Any) -> PreparedRequest:
    """The request of an operation whose only argument is `p`."""
    field = Field("p", "p", place, **more)
    path = "/items/{p}" if place == "path" else "/items"
    operation = Operation(Api("x"), "GET", path, (field,), "none", "", ((),))
    return prepare(operation, SERVER, {"p": value})


@pytest.mark.parametrize(
    ("more", "value", "query"),
    [
        ({"style": "form", "explode": True}, ["a", "b c"], "p=a&p=b%20c"),
        ({"style": "form", "explode": False}, ["a", "b"], "p=a,b"),
        ({"style": "spaceDelimited"}, ["a", "b"], "p=a%20b"),
        ({"style": "pipeDelimited"}, ["a", "b"], "p=a%7Cb"),
        ({"style": "deepObject"}, {"a": 1}, "p%5Ba%5D=1"),
        ({"style": "form", "explode": True}, {"a": 1, "b": True}, "a=1&b=true"),
        ({"style": "form", "explode": False}, {"a": 1}, "p=a,1"),
        ({"as_json": True}, {"a": [1]}, "p=%7B%22a%22%3A%20%5B1%5D%7D"),
        ({"style": "form", "reserved": True}, "a/b?c&d=e#f", "p=a/b?c%26d%3De%23f"),
        ({"style": "form"}, False, "p=false"),
    ],
)
def test_styles_of_the_query(more: dict[str, Any], value: Any, query: str) -> None:
    assert request_with(value, **more).url == f"{SERVER}/items?{query}"


@pytest.mark.parametrize(
    ("more", "value", "segment"),
    [
        ({}, ["a", "b"], "a,b"),
        ({}, {"a": 1, "b": 2}, "a,1,b,2"),
        ({"explode": True}, {"a": 1, "b": 2}, "a=1,b=2"),
        ({"style": "label"}, "x", ".x"),
        ({"style": "label", "explode": True}, ["a", "b"], ".a.b"),
        ({"style": "matrix"}, "x", ";p=x"),
        ({"style": "matrix", "explode": True}, ["a", "b"], ";p=a;p=b"),
        ({}, "a/b?c#d", "a%2Fb%3Fc%23d"),
    ],
)
def test_styles_of_the_path(more: dict[str, Any], value: Any, segment: str) -> None:
    assert request_with(value, "path", **more).url == f"{SERVER}/items/{segment}"


@pytest.mark.parametrize(
    "value",
    ["..", ".", "../admin", "a/../../b", "..\\x", "a\\..", "", [], ["a", ".."], "a\x00", "a\nb"],
)
def test_path_arguments_cannot_lead_elsewhere(value: Any) -> None:
    with pytest.raises(ToolError, match="p must not"):
        request_with(value, "path")


@pytest.mark.parametrize("value", ["a\r\nX-Admin: 1", "a\nb", "a\x00", "é", ["a", "b\r\n"]])
def test_header_arguments_stay_one_line(value: Any) -> None:
    with pytest.raises(ToolError, match="one line of plain ASCII"):
        request_with(value, "header")


@given(st.text())
def test_query_arguments_stay_one_value(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return
    parts = urlsplit(request_with(value, style="form").url)
    assert parse_qsl(parts.query, keep_blank_values=True) == [("p", value)]
    assert parts.fragment == ""


@given(st.text(min_size=1))
def test_path_arguments_stay_one_segment(value: str) -> None:
    try:
        url = request_with(value, "path").url
    except (ToolError, UnicodeEncodeError):
        return
    before, _, segment = urlsplit(url).path.rpartition("/")
    assert before == "/v1/items"
    assert unquote(segment) == value


@pytest.mark.parametrize(
    ("servers", "base", "server"),
    [
        ([{"url": "https://a.example/v1/"}], "", "https://a.example/v1"),
        (
            [{"url": "https://{r}.example", "variables": {"r": {"default": "eu"}}}],
            "",
            "https://eu.example",
        ),
        ([{"url": "/v2"}], "http://127.0.0.1:80/docs/openapi.json", "http://127.0.0.1:80/v2"),
        (None, "https://a.example/openapi.json", "https://a.example"),
    ],
)
def test_server_of_a_document(servers: Any, base: str, server: str) -> None:
    assert server_of({"servers": servers}, base=base) == server


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "ftp://a.example", "/v1", "https://", "https://a:b@c.example"),
        *("https://{open}.example", "https://a.example/?x=1", "http://a.example:99999", "http://["),
    ],
)
def test_servers_that_are_no_plain_address_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="server"):
        server_of({"servers": [{"url": url}]})

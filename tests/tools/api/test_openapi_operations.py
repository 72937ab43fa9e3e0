"""Operations as APIs, and arguments as requests."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapgraph.errors import ToolError, UsageError
from tapgraph.tools.api.catalog import Api
from tapgraph.tools.api.openapi_operations import (
    Field,
    LeftOut,
    Operation,
    Place,
    read_operations,
    server_of,
)
from tapgraph.tools.api.openapi_request import PreparedRequest, prepare

Document = Callable[..., dict[str, Any]]
SERVER = "https://api.example.com/v1"


def only(document: dict[str, Any]) -> Operation:
    (operation,) = read_operations(document, origin="test")
    assert isinstance(operation, Operation)
    return operation


def request_with(value: Any, place: Place = "query", **more: Any) -> PreparedRequest:
    """The request of an operation whose only argument is `p`."""
    field = Field("p", "p", place, **more)
    path = "/items/{p}" if place == "path" else "/items"
    operation = Operation(Api("x"), "GET", path, (field,), "none", "", ((),))
    return prepare(operation, SERVER, {"p": value})


def test_parameters_of_all_places_and_the_body_become_arguments(document: Document) -> None:
    post = {
        "operationId": "add item",
        "summary": "Add an item",
        "parameters": [
            {"name": "id", "in": "query", "schema": {"type": "integer"}},
            {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
            {"name": "Authorization", "in": "header", "schema": {"type": "string"}},
            {"$ref": "#/components/parameters/Session"},
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}},
        },
        "responses": {
            "201": {
                "description": "ok",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}},
            }
        },
    }
    item = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "tags": {"type": "array"}},
        "required": ["name"],
    }
    operation = only(
        document(
            {
                "/lists/{id}": {
                    "parameters": [
                        {"name": "id", "in": "path", "schema": {"type": "string"}},
                        {"name": "id", "in": "query", "schema": {"type": "string"}},
                    ],
                    "post": post,
                }
            },
            components={
                "schemas": {"Item": item},
                "parameters": {"Session": {"name": "s", "in": "cookie", "schema": {}}},
            },
        )
    )
    assert operation.api.identifier == "add_item"
    assert operation.api.signature().splitlines()[0] == (
        "add_item(id: text, id_query?: integer, X-Trace?: text, s?: any, name: text, tags?: list)"
        " -> {name: text, tags: list of any}"
    )
    prepared = prepare(
        operation,
        SERVER,
        {"id": "a b", "id_query": 3, "X-Trace": "t", "s": "x;y", "name": "é", "tags": [1]},
    )
    assert prepared.url == f"{SERVER}/lists/a%20b?id=3"
    assert prepared.headers["x-trace"] == "t"
    assert prepared.headers["cookie"] == "s=x%3By"
    assert prepared.content == '{"name": "é", "tags": [1]}'.encode()


def test_bodies_that_cannot_be_flattened_stay_one_argument(document: Document) -> None:
    for schema in (
        {"type": "array", "items": {"type": "integer"}},
        {"oneOf": [{"type": "object"}, {"type": "array"}]},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {f"m{n}": {} for n in range(100)}},
    ):
        content = {"application/json": {"schema": schema}}
        operation = only(document({"/a": {"put": {"requestBody": {"content": content}}}}))
        assert [one.name for one in operation.api.parameters] == ["body"]
        assert prepare(operation, SERVER, {"body": [1]}).content == b"[1]"
        assert prepare(operation, SERVER, {}).content is None


def test_forms_and_plain_text_are_written_as_such(document: Document) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    form = only(
        document({
            "/a": {
                "post": {
                    "requestBody": {
                        "content": {"application/x-www-form-urlencoded": {"schema": schema}}
                    }
                }
            }
        })
    )
    assert prepare(form, SERVER, {"a": "x&y=z é"}).content == b"a=x%26y%3Dz%20%C3%A9"
    text = only(document({"/a": {"post": {"requestBody": {"content": {"text/plain": {}}}}}}))
    assert prepare(text, SERVER, {"body": "hello"}).content == b"hello"


def test_what_cannot_be_called_is_left_out_with_a_reason(document: Document) -> None:
    paths = {
        "/upload": {"post": {"requestBody": {"content": {"multipart/form-data": {}}}}},
        "/else": {"get": {"servers": [{"url": "https://evil.example"}]}},
        "/cert": {"get": {"security": [{"tls": []}]}},
        "/fine": {"get": {}},
    }
    schemes = {"securitySchemes": {"tls": {"type": "mutualTLS"}}}
    read = read_operations(document(paths, components=schemes), origin="test")
    assert read[:3] == [
        LeftOut("POST /upload", "its body can only be sent as multipart/form-data"),
        LeftOut("GET /else", "it names a server of its own"),
        LeftOut("GET /cert", "its security scheme 'tls' is of an unknown kind"),
    ]
    assert isinstance(read[3], Operation)


def test_repeated_names_give_way_to_method_and_path(document: Document) -> None:
    paths = {"/a": {"get": {"operationId": "x"}, "put": {"operationId": "x"}}, "/b/{c}": {}}
    read = read_operations(document(paths), origin="test")
    assert [one.api.identifier for one in read if isinstance(one, Operation)] == ["x", "put_a"]


@pytest.mark.parametrize(
    ("operation", "problem"),
    [
        ({"parameters": [{"$ref": "#/components/parameters/Gone"}]}, "which is not there"),
        ({"parameters": [{"$ref": "http://evil.example/p.json"}]}, "outside the document"),
        ({"parameters": [{"name": "a", "in": "body"}]}, "no name or no known place"),
        ({"parameters": {"a": 1}}, "must be a list"),
        ({"parameters": [{"name": "A\r\nB", "in": "header"}]}, "header whose name is not one"),
        ({"security": [{"nope": []}]}, "security scheme 'nope' is not declared"),
    ],
)
def test_malformed_operations_are_refused(
    document: Document, operation: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        read_operations(document({"/a": {"get": operation}}), origin="test")


def test_undeclared_path_parameter_is_refused(document: Document) -> None:
    with pytest.raises(UsageError, match="does not declare its path parameter 'id'"):
        read_operations(document({"/a/{id}": {"get": {}}}), origin="test")


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

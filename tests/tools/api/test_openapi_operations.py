"""Operations as APIs, and arguments as requests."""

import copy
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapgraph.errors import ToolError
from tapgraph.tools.api.openapi_operations import LeftOut, Operation, read_operations
from tapgraph.tools.api.openapi_request import prepare

Document = Callable[..., dict[str, Any]]
SERVER = "https://api.example.com/v1"


def only(document: dict[str, Any]) -> Operation:
    (operation,) = read_operations(document, origin="test")
    assert isinstance(operation, Operation)
    return operation


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
        " -> {name: text, tags: list}"
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


def test_members_of_forms_are_written_in_their_styles(document: Document) -> None:
    members = {
        "name": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "ids": {"type": "array", "items": {"type": "integer"}},
        "place": {"type": "object"},
        "lines": {"type": "array", "items": {"type": "object"}},
    }
    media = {
        "schema": {"type": "object", "properties": members},
        "encoding": {"ids": {"explode": False}, "lines": {"style": "deepObject", "explode": True}},
    }
    content = {"application/x-www-form-urlencoded": media}
    operation = only(document({"/a": {"post": {"requestBody": {"content": content}}}}))

    def written(**arguments: Any) -> str:
        return unquote((prepare(operation, SERVER, arguments).content or b"").decode())

    assert written(name="A&b", tags=["x", "y"]) == "name=A&b&tags=x&tags=y"
    assert written(ids=[1, 2], place={"city": "Bonn"}) == 'ids=1,2&place={"city": "Bonn"}'
    assert written(lines=[{"price": "p1", "of": {"n": 2}}]) == (
        "lines[0][price]=p1&lines[0][of][n]=2"
    )


def test_what_cannot_be_called_is_left_out_with_a_reason(document: Document) -> None:
    paths = {
        "/soap": {"post": {"requestBody": {"content": {"application/soap+xml": {}}}}},
        "/else": {"get": {"servers": [{"url": "https://evil.example"}]}},
        "/cert": {"get": {"security": [{"tls": []}]}},
        "/fine": {"get": {}},
    }
    schemes = {"securitySchemes": {"tls": {"type": "mutualTLS"}}}
    read = read_operations(document(paths, components=schemes), origin="test")
    assert read[:3] == [
        LeftOut("POST /soap", "its body can only be sent as application/soap+xml"),
        LeftOut(
            "GET /else",
            "its own server https://evil.example is on another host; "
            "--allow-host evil.example allows it",
        ),
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
        ({"parameters": [{"name": "a", "in": "body"}]}, "no known place"),
        ({"parameters": [{"name": "a", "in": ["query"]}]}, "no known place"),
        ({"parameters": [{"in": "query"}]}, "has no name"),
        ({"parameters": [None]}, "must be a JSON object"),
        ({"parameters": {"a": 1}}, "must be a list"),
        ({"parameters": [{"name": "A\r\nB", "in": "header"}]}, "header has a name that is none"),
        ({"security": [{"nope": []}]}, "security scheme 'nope' is not declared"),
        ({"security": "nope"}, "its security must be a list"),
        ({"requestBody": {"$ref": "#/components/requestBodies/Gone"}}, "which is not there"),
        (None, "must be a JSON object"),
        ({"servers": [{"url": "http://["}]}, "on another host"),
    ],
)
def test_a_malformed_operation_is_left_out_and_the_others_stay(
    document: Document, operation: Any, problem: str
) -> None:
    paths = {"/a": {"get": operation}, "/b": {"get": {"operationId": "fine"}}}
    bad, fine = read_operations(document(paths), origin="test")
    assert isinstance(bad, LeftOut)
    assert bad.operation == "GET /a"
    assert problem in bad.reason
    assert isinstance(fine, Operation)


def test_what_is_no_path_is_passed_over(document: Document) -> None:
    paths: dict[str, Any] = {
        "x-hooks": {"get": {}},
        "/empty": None,
        "/list": [1],
        "/b": {"get": {}, "x-a": 1},
    }
    read = read_operations(document(paths), origin="test")
    assert [type(one) for one in read] == [LeftOut, Operation]
    assert read[0] == LeftOut("/list", "the path must be a JSON object, got [1]")


def test_a_dangling_answer_costs_only_the_words_about_it(document: Document) -> None:
    gone = {"$ref": "#/components/responses/Gone"}
    assert only(document({"/a": {"get": {"responses": {"200": gone}}}})).api.returns == ""
    inside = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Gone"}}}}
    assert only(document({"/a": {"get": {"responses": {"200": inside}}}})).api.returns == ""


def test_a_dangling_member_of_a_body_may_be_anything(document: Document) -> None:
    schema = {"properties": {"name": {"type": "string"}, "owner": {"$ref": "#/gone"}}}
    post = {"requestBody": {"content": {"application/json": {"schema": schema}}}}
    operation = only(document({"/a": {"post": post}}))
    assert operation.api.signature().startswith("post_a(name?: text, owner?: any)")


def test_an_undeclared_path_parameter_is_a_text_that_is_required(document: Document) -> None:
    parameters = [{"name": "id", "in": "query"}, {"name": "other", "in": "path"}]
    operation = only(document({"/a/{id}/{no}": {"get": {"parameters": parameters}}}))
    assert operation.api.signature().startswith("get_a_id_no(id?: any, id_path: text, no: text)")
    assert prepare(operation, SERVER, {"id_path": "x", "no": "1"}).url == f"{SERVER}/a/x/1"


def test_long_and_broken_names_are_cut_for_the_model_only(document: Document) -> None:
    long, broken = "n" * 400, "two\nlines"
    get = {
        "operationId": "o" * 400,
        "parameters": [{"name": name, "in": "query"} for name in (long, broken, "n" * 401)],
    }
    operation = only(document({"/a": {"get": get}}))
    assert operation.api.identifier == "o" * 200
    names = [one.name for one in operation.api.parameters]
    assert names == ["n" * 120, "two lines", f"{'n' * 120}_query"]
    prepared = prepare(operation, SERVER, {names[0]: 1, "two lines": 2})
    assert prepared.url == f"{SERVER}/a?{long}=1&two%0Alines=2"


@pytest.mark.parametrize(
    ("servers", "url"),
    [
        ([{"url": SERVER}], f"{SERVER}/a"),
        ([{"url": f"{SERVER}/"}], f"{SERVER}/a"),
        ([{"url": "https://evil.example"}, {"url": SERVER}], f"{SERVER}/a"),
        ([{"url": "/v2"}], "https://api.example.com/v2/a"),
        ([{"url": "https://API.example.com:443/v3"}], "https://API.example.com:443/v3/a"),
        ([{"url": "https://files.example.com/up"}], "https://files.example.com/up/a"),
        ([{"url": "https://{r}.example.com", "variables": {"r": {"default": "api"}}}],
         "https://api.example.com/a"),
        ([], f"{SERVER}/a"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("level", ["path", "operation"])
def test_servers_of_paths_and_operations(
    document: Document, servers: list[Any], url: str, level: str
) -> None:
    operation: dict[str, Any] = {"get": {"operationId": "x"}}
    (operation if level == "path" else operation["get"])["servers"] = servers
    (read,) = read_operations(
        document({"/a": operation}), origin="test", server=SERVER, allow_hosts=["files.example.com"]
    )
    assert isinstance(read, Operation)
    assert prepare(read, SERVER, {}).url == url


def test_a_server_in_use_stands_for_those_of_the_document(document: Document) -> None:
    (read,) = read_operations(
        document({"/a": {"servers": [{"url": SERVER}], "get": {}}}),
        origin="test",
        server="http://127.0.0.1:8000",
    )
    assert isinstance(read, Operation)
    assert read.server == ""


@pytest.mark.parametrize(
    ("path", "arguments", "url"),
    [
        ("/a?kind=list", {}, "/a?kind=list"),
        ("/a?kind=list", {"page": 2}, "/a?kind=list&page=2"),
        ("/a?q={q}&page={page}", {"q": "x&y=z"}, "/a?q=x%26y%3Dz"),
        ("/a?q={q}&page={page}", {"q": "x", "page": 2}, "/a?q=x&page=2"),
        ("/#Action=List", {"page": 2}, "/?page=2"),
        ("/{q}/b?again={q}", {"q": "x/y"}, "/x%2Fy/b?again=x%2Fy"),
    ],
)
def test_a_query_inside_a_path(
    document: Document, path: str, arguments: dict[str, Any], url: str
) -> None:
    get: dict[str, Any] = {
        "parameters": [{"name": "page", "in": "query", "schema": {"type": "integer"}}]
    }
    assert prepare(only(document({path: {"get": get}})), SERVER, arguments).url == SERVER + url


@pytest.mark.parametrize(("required", "is_required"), [(None, True), (True, True), (False, False)])
def test_required_members_are_required_unless_the_body_is_optional(
    document: Document, required: bool | None, is_required: bool
) -> None:
    base = {"type": "object", "properties": {"id": {"readOnly": True}, "name": {}, "tag": {}}}
    schema = {"allOf": [base, {"required": ["id", "name"]}]}
    body: dict[str, Any] = {"content": {"application/json": {"schema": schema}}}
    if required is not None:
        body["required"] = required
    operation = only(document({"/a": {"post": {"requestBody": body}}}))
    needed = {one.name: one.required for one in operation.api.parameters}
    assert needed == {"name": is_required, "tag": False}


def test_another_secret_does_where_one_scheme_is_unknown(document: Document) -> None:
    schemes = {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}, "odd": {"type": "hmac"}}
    get: dict[str, Any] = {"security": [{"odd": []}, {"key": []}]}
    operation = only(document({"/a": {"get": get}}, components={"securitySchemes": schemes}))
    assert [[one.scheme for one in each] for each in operation.security] == [["key"]]


MULTIPART = {
    "content": {
        "multipart/form-data": {
            "schema": {
                "properties": {
                    "title": {"type": "string"},
                    "photo": {"type": "string", "format": "binary"},
                    "more": {"type": "array", "items": {"type": "string", "format": "binary"}},
                },
                "required": ["photo"],
            }
        }
    }
}


def test_uploads_send_files_that_the_user_named(document: Document, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"\x89PNG")
    files = {"cat.png": tmp_path / "cat.png"}
    paths = {
        "/form": {"post": {"operationId": "form", "requestBody": MULTIPART}},
        "/raw": {"put": {"requestBody": {"content": {"application/octet-stream": {}}}}},
        "/png": {"put": {"requestBody": {"content": {"image/png": {"schema": {}}}}}},
    }
    form, raw, png = read_operations(document(paths), origin="test", files=files)
    assert isinstance(form, Operation)
    assert isinstance(raw, Operation)
    assert isinstance(png, Operation)
    assert form.api.signature().startswith(
        'form(title?: text, photo: "cat.png", more?: list of "cat.png")'
    )
    prepared = prepare(form, SERVER, {"title": "Tom", "photo": "cat.png"}, files=files)
    assert prepared.content is not None
    head = f"Content-Type: {prepared.headers['content-type']}\n\n".encode()
    parts: list[Any] = list(message_from_bytes(head + prepared.content).walk())[1:]
    sent = [
        (
            one.get_param("name", header="content-disposition"),
            one.get_filename(),
            one.get_payload(decode=True),
        )
        for one in parts
    ]
    assert sent == [("title", None, b"Tom"), ("photo", "cat.png", b"\x89PNG")]
    for one, kind in ((raw, "application/octet-stream"), (png, "image/png")):
        prepared = prepare(one, SERVER, {"body": "cat.png"}, files=files)
        assert prepared.content == b"\x89PNG"
        assert prepared.headers["content-type"] == kind
    with pytest.raises(ToolError, match="no file is called '/etc/passwd'"):
        prepare(raw, SERVER, {"body": "/etc/passwd"}, files=files)


def test_without_a_named_file_an_upload_is_left_out_with_the_option(document: Document) -> None:
    (read,) = read_operations(document({"/a": {"post": {"requestBody": MULTIPART}}}), origin="test")
    assert read == LeftOut("POST /a", "it uploads a file: name one with --file PATH")


JUNK = st.sampled_from([None, True, 7, "x", [], [1], {}, {"$ref": 1}, {"$ref": "#/gone"}, [None]])


@given(st.data())
def test_no_operation_refuses_a_document(data: st.DataObject) -> None:
    """Any part of a document may be replaced by anything."""
    schema = {
        "allOf": [{"type": "object", "properties": {"a": {"enum": ["x"]}}, "required": ["a"]}]
    }
    operation = {
        "operationId": "o", "summary": "S", "security": [{"k": []}], "servers": [{"url": "/v1"}],
        "parameters": [{"name": "p", "in": "query", "style": "form", "schema": {"type": "array"}}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"200": {"content": {"application/json": {"schema": schema}}}},
    }  # fmt: skip
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "paths": {"/a/{p}": {"post": operation, "parameters": []}, "/b": {"get": {}}},
        "components": {"securitySchemes": {"k": {"type": "apiKey", "in": "query", "name": "k"}}},
        "servers": [{"url": SERVER, "variables": {"a": {"default": "b"}}}],
    }
    broken = copy.deepcopy(found)
    node: Any = broken["paths"]["/a/{p}"] if data.draw(st.booleans()) else broken
    while isinstance(node, dict | list) and node:
        key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
        if key != "paths" and data.draw(st.booleans()):
            node[key] = data.draw(JUNK)
            break
        node = node[key]
    if isinstance(broken["paths"].get("/b"), dict):
        read = read_operations(broken, origin="test")
        assert all(isinstance(one, Operation | LeftOut) for one in read)

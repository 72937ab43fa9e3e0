"""OpenAPI documents from untrusted files."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tapgraph.errors import UsageError
from tapgraph.tools.api.openapi_document import checked_document, parse_value
from tapgraph.tools.api.openapi_operations import LeftOut, Operation, read_operations
from tapgraph.tools.api.openapi_request import prepare
from tapgraph.tools.api.openapi_servers import server_of
from tapgraph.tools.api.openapi_source import read_service

YAML = b"""
openapi: 3.0.3
info: {title: T, version: 2024-01-01}
paths:
  /a:
    get:
      responses:
        200: {description: ok}
        on: {description: no}
"""


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
"""Each line is nine times the one before it: 10 billion values in 600 characters."""
DEEP = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [[*a{n - 1}]]\n" for n in range(1, 60))


class NoAliases(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes equal parts out."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def parse_document(content: bytes, *, name: str) -> dict[str, Any]:
    return checked_document(parse_value(content, name=name), name=name)


def test_yaml_is_read_as_json_would_be() -> None:
    found = parse_document(YAML, name="x")
    assert found["info"]["version"] == "2024-01-01"
    responses = {"200": {"description": "ok"}, "on": {"description": "no"}}
    assert found["paths"]["/a"]["get"]["responses"] == responses


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *(("on", "on"), ("no", "no"), ("Yes", "Yes"), ("off", "off"), ("y", "y")),
        *(("12:30:00", "12:30:00"), ("2024-01-01", "2024-01-01"), ("1_000", "1_000")),
        *(("true", True), ("False", False), ("~", None), ("", None), ("null", None)),
        *(("010", 10), ("0o10", 8), ("0x1F", 31), ("-7", -7), ("0b11", "0b11")),
        *(("1e3", 1000.0), ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("-.inf", float("-inf"))),
        *(("'1'", "1"), ('"true"', "true"), ("!!str 1", "1"), ("=", "="), ("<<", "<<")),
        *(("+12 34", "+12 34"), ("1.2.3", "1.2.3"), ("-", [None]), ("[1, a]", [1, "a"])),
    ],
)
def test_yaml_has_the_core_schema_of_its_version_1_2(written: str, value: object) -> None:
    assert parse_value(f"- {written}".encode(), name="x") == [value]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("a: &x [1]\nb: [*x, *x]", {"a": [1], "b": [[1], [1]]}),
        ("a: &x {k: v}\nb: *x", {"a": {"k": "v"}, "b": {"k": "v"}}),
        ("a: &x 7\nb: *x", {"a": 7, "b": 7}),
        ("a: &x '7'\nb: *x", {"a": "7", "b": "7"}),
        ("&k name: 1\nb: {*k : 2}", {"name": 1, "b": {"name": 2}}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ("a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}", {"a": {"k": 1, "l": 2}, "b": {"k": 3, "l": 2}}),
        ("a: &x {k: 1}\nb: {k: 3, <<: *x}", {"a": {"k": 1}, "b": {"k": 3}}),
        ("a: &x {k: 1}\nb: &y {k: 2, l: 2}\nc: {<<: [*x, *y]}",
         {"a": {"k": 1}, "b": {"k": 2, "l": 2}, "c": {"k": 1, "l": 2}}),
        ("<<: text", {"<<": "text"}),
    ],
)  # fmt: skip
def test_an_alias_of_yaml_is_the_value_that_it_stands_for(written: str, value: object) -> None:
    assert parse_value(written.encode(), name="x") == value


def test_references_of_a_part_that_an_alias_repeats_lead_to_one_place(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").write_text("openapi: 3.1.0\npaths: {/a: {$ref: more.yaml#/a}}", "utf-8")
    more = (
        "a: {get: {operationId: a, responses: {200: &r {content: {application/json: {schema: "
        "{$ref: '#/s'}}}}, 201: *r}}}\ns: {type: object, properties: {id: {type: integer}}}"
    )
    (tmp_path / "more.yaml").write_text(more, "utf-8")
    (one,) = read_operations(read_service(tmp_path / "api.yaml").content, origin="x")
    assert isinstance(one, Operation)
    assert one.api.returns == "{id: integer}"


def test_json_is_read_with_a_byte_order_mark(tmp_path: Path) -> None:
    content = {"openapi": "3.1.0", "paths": {}}
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content), "utf-8-sig")
    assert read_service(path).content == content


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"openapi": "3.1.0", "paths": {', "not whole JSON"),
        (b"openapi: [3.1.0", "not whole YAML"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"", "must hold an object, got None"),
        (b"just words", "must hold an object"),
        (b'{"swagger": "1.2", "paths": {}}', "OpenAPI 3 or Swagger 2.0 document, got '1.2'"),
        (b'{"openapi": "4.0.0", "paths": {}}', "OpenAPI 3 or Swagger 2.0 document, got '4.0.0'"),
        (b'{"info": 1, "paths": {}}', "OpenAPI 3 or Swagger 2.0 document, got None"),
        (b'{"openapi": "3.1.0"}', "has no paths"),
        (b'{"a":' * 100_000, "nested too deep|not whole JSON"),
        (b"[" * 100_000, "nested deeper than 100"),
        (b"a: &x [*x]", "the alias 'x' stands for no whole value"),
        (b"a: *none", "undefined alias|stands for no whole value"),
        (b"a: &x [1]\n*x : 2", "a key must be a text"),
        (BOMB.encode(), "its aliases stand for more than 1,000,000 values"),
        (DEEP.encode(), "nested deeper than 100 levels"),
        (b"!!python/object/apply:os.system ['true']", "not whole YAML"),
        (b"? [1, 2]\n: 3", "not whole YAML"),
        (b"a: !!timestamp 2024-01-01", "not whole YAML"),
        (b"a: 1\n---\nb: 2", "several documents"),
        (b" " * (128 * 1024 * 1024 + 1), "larger than"),
    ],
)
def test_bad_documents_are_refused_in_a_sentence(content: bytes, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as raised:
        parse_document(content, name="the document")
    assert len(str(raised.value)) < 400


def test_a_folder_in_the_place_of_a_document_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder; name the document in it"):
        read_service(tmp_path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.json cannot be read: No such file"):
        read_service(tmp_path / "gone.json")


def test_real_size_limit_counts_the_file(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    with path.open("wb") as file:
        file.truncate(129 * 1024 * 1024)
    with pytest.raises(UsageError, match="larger than 134,217,728 bytes"):
        read_service(path)


def swagger(paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {"swagger": "2.0", "host": "api.example.com", "basePath": "/v2", "schemes": ["https"]}
    return checked_document({**base, "paths": paths, **more}, name="x")


def test_swagger_is_converted() -> None:
    post = {
        "operationId": "add",
        "consumes": ["application/json"],
        "parameters": [
            {"$ref": "#/parameters/Trace"},
            {"name": "tags", "in": "query", "type": "array", "items": {"type": "string"}},
            {"name": "ids", "in": "query", "type": "array", "collectionFormat": "pipes"},
            {"name": "kinds", "in": "query", "type": "array", "collectionFormat": "multi"},
            {"name": "pet", "in": "body", "schema": {"$ref": "#/definitions/Pet"}},
        ],
        "responses": {"200": {"description": "ok", "schema": {"$ref": "#/definitions/Pet"}}},
        "security": [{"login": []}],
    }
    pet = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    document = swagger(
        {
            "/pets/{id}": {
                "parameters": [{"name": "id", "in": "path", "type": "integer"}],
                "post": post,
            }
        },
        definitions={"Pet": pet},
        parameters={"Trace": {"name": "X-Trace", "in": "header", "type": "string"}},
        securityDefinitions={"login": {"type": "basic"}},
    )
    (add,) = read_operations(document, origin="x")
    assert isinstance(add, Operation)
    assert add.api.signature() == (
        "add(id: integer, X-Trace?: text, tags?: list of text, ids?: list, kinds?: list, "
        "name: text) -> {name: text}\n  POST /pets/{id}"
    )
    lists: dict[str, Any] = {"tags": ["a", "b"], "ids": [1, 2], "kinds": ["x", "y"]}
    prepared = prepare(add, server_of(document), {"id": 7, "name": "Tom", **lists})
    assert prepared.url == ("https://api.example.com/v2/pets/7?tags=a,b&ids=1%7C2&kinds=x&kinds=y")
    assert prepared.content == b'{"name": "Tom"}'
    assert [one.form for each in add.security for one in each] == ["basic"]


def test_forms_of_swagger_are_forms(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"hello")
    fields = [
        {"name": "title", "in": "formData", "type": "string", "required": True},
        {"name": "tags", "in": "formData", "type": "array", "collectionFormat": "multi"},
    ]
    file = {"name": "file", "in": "formData", "type": "file", "required": True}
    document = swagger({
        "/plain": {"post": {"parameters": fields}},
        "/upload": {"post": {"parameters": [*fields, file]}},
    })
    files = {"a.txt": tmp_path / "a.txt"}
    plain, upload = read_operations(document, origin="x", files=files)
    assert isinstance(plain, Operation)
    assert isinstance(upload, Operation)
    given: dict[str, Any] = {"title": "A b", "tags": ["x", "y"]}
    assert prepare(plain, "http://h", given).content == b"title=A%20b&tags=x&tags=y"
    sent = prepare(upload, "http://h", {**given, "file": "a.txt"}, files=files).content
    assert sent is not None
    assert b'name="file"; filename="a.txt"' in sent
    assert b"\r\n\r\nhello\r\n" in sent


@pytest.mark.parametrize(
    ("more", "server"),
    [
        ({"schemes": ["http", "https"]}, "https://api.example.com/v2"),
        ({"schemes": ["ws", "http"]}, "http://api.example.com/v2"),
        ({"schemes": None, "basePath": None}, "https://api.example.com"),
        ({"host": None}, "https://docs.example.org/v2"),
    ],
)
def test_server_of_swagger(more: dict[str, Any], server: str) -> None:
    assert server_of(swagger({}, **more), base="https://docs.example.org/a.json") == server


@pytest.mark.parametrize(
    "bad",
    [
        *(None, 1, {"parameters": 1}, {"parameters": [None]}, {"parameters": [{"$ref": "#/no"}]}),
        {"parameters": [{"in": "formData", "name": 1}]},
    ],
)
def test_a_bad_operation_of_swagger_is_left_out(bad: Any) -> None:
    read = read_operations(swagger({"/a": {"get": bad}, "/b": {"get": {}}}), origin="x")
    assert [type(one) for one in read] == [LeftOut, Operation]


def test_files_that_a_document_refers_to_are_joined(tmp_path: Path) -> None:
    files = {
        "api.yaml": "---\n{openapi: 3.0.0, paths: {/a: {$ref: paths/a.yaml}, /b: {$ref: "
        "'../secret.yaml#/b'}, /c: {$ref: gone.yaml}}, "
        "components: {schemas: {Id: {type: integer}}}}",
        "paths/a.yaml": "get: {operationId: a, parameters: [{$ref: '../parts/all~b.yaml#/P'}]}",
        "parts/all~b.yaml": "P: {name: p, in: query, schema: {$ref: '#/S'}}\n"
        "S: {type: object, properties: {id: {$ref: '../api.yaml#/components/schemas/Id'}}}",
        "../secret.yaml": "b: {get: {}}",
    }
    folder = tmp_path / "in"
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    a, b, c = read_operations(read_service(folder / "api.yaml").content, origin="x")
    assert isinstance(a, Operation)
    assert '"id": {"type": "integer"}' in a.api.parameters[0].json_schema
    assert isinstance(b, LeftOut)
    assert "'../secret.yaml#/b', which is outside the document" in b.reason
    assert isinstance(c, LeftOut)
    assert c.operation == "/c"


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("get: {}", "utf-8")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    document = {"openapi": "3.0.0", "paths": {"/a": {"$ref": "link.yaml"}}}
    (tmp_path / "in" / "api.json").write_text(json.dumps(document), "utf-8")
    (left_out,) = read_operations(read_service(tmp_path / "in" / "api.json").content, origin="x")
    assert isinstance(left_out, LeftOut)


def test_yaml_costs_at_most_three_times_what_json_does() -> None:
    """A document of 1 MB, read three times each; the best times count."""
    properties = {f"p{n}": {"type": "string", "description": "A field. " * 9} for n in range(20)}
    schemas = {f"S{n}": {"type": "object", "properties": properties} for n in range(400)}
    responses = {"200": {"content": {"application/json": {"schema": {"$ref": "#/x/S1"}}}}}
    paths = {
        f"/a{n}": {"post": {
            "responses": responses,
            "requestBody": {"content": {"application/json": {"schema": {"$ref": f"#/x/S{n}"}}}},
        }} for n in range(400)
    }  # fmt: skip
    document = {"openapi": "3.0.0", "paths": paths, "x": schemas}

    def seconds(content: bytes) -> float:
        best = 100.0
        for _ in range(3):
            began = time.process_time()
            assert len(read_operations(parse_document(content, name="x"), origin="x")) == 400
            best = min(best, time.process_time() - began)
        return best

    as_json = json.dumps(document).encode()
    as_yaml = yaml.dump(document, Dumper=NoAliases, sort_keys=False).encode()
    assert seconds(as_yaml) <= 3 * seconds(as_json)

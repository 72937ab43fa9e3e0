"""OpenAPI documents from untrusted files."""

import json
from pathlib import Path

import pytest

from tapgraph.errors import UsageError
from tapgraph.tools.api.openapi_document import parse_document, read_document

YAML = b"""
openapi: 3.0.3
info: {title: T, version: 2024-01-01}
paths:
  /a:
    get:
      responses:
        200: {description: ok}
"""


def test_yaml_is_read_as_json_would_be() -> None:
    found = parse_document(YAML, name="x")
    assert found["info"]["version"] == "2024-01-01"
    assert found["paths"]["/a"]["get"]["responses"] == {"200": {"description": "ok"}}


def test_json_is_read_with_a_byte_order_mark(tmp_path: Path) -> None:
    content = {"openapi": "3.1.0", "paths": {}}
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content), "utf-8-sig")
    assert read_document(path) == content


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"openapi": "3.1.0", "paths": {', "not whole JSON"),
        (b"openapi: [3.1.0", "not whole YAML"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"", "must hold an object, got None"),
        (b"just words", "must hold an object"),
        (b'{"swagger": "2.0", "paths": {}}', "Swagger 2.0"),
        (b'{"openapi": "4.0.0", "paths": {}}', "OpenAPI 3.0 or 3.1 document, got '4.0.0'"),
        (b'{"openapi": 3.1, "paths": {}}', "OpenAPI 3.0 or 3.1 document, got 3.1"),
        (b'{"openapi": "3.1.0"}', "has no paths"),
        (b'{"a":' * 100_000, "nested too deep|not whole JSON"),
        (b"[" * 100_000, "nested deeper than 100"),
        (b"a: &x [1]\nb: [*x, *x]", "YAML aliases"),
        (b"a: &x [*x]", "YAML aliases"),
        (b"!!python/object/apply:os.system ['true']", "not whole YAML"),
        (b"? [1, 2]\n: 3", "not whole YAML"),
        (b" " * (16 * 1024 * 1024 + 1), "larger than"),
    ],
)
def test_bad_documents_are_refused_in_a_sentence(content: bytes, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as raised:
        parse_document(content, name="the document")
    assert len(str(raised.value)) < 400


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.json cannot be read: No such file"):
        read_document(tmp_path / "gone.json")


def test_real_size_limit_counts_the_file(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    with path.open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    with pytest.raises(UsageError, match="larger than 16,777,216 bytes"):
        read_document(path)

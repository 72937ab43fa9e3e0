"""`tapgraph api --check`."""

import json
from pathlib import Path
from typing import Any

import pytest

from tapgraph.cli.main import main

DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.0",
    "servers": [{"url": "https://api.example.com"}],
    "paths": {
        "/a": {"get": {"operationId": "a", "security": [{"key": []}]}},
        "/b": {"get": {"security": [{"odd": []}]}, "x-note": 1},
        "/c": {"get": {"servers": [{"url": "https://up.example.com"}]}},
        "/d": {
            "post": {"requestBody": {"content": {"image/png": {}}}},
            "callbacks": {"done": {"{$url}": {"post": 1}}},
        },
    },
    "components": {
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
            "odd": {"type": "hmac"},
        }
    },
    "webhooks": {"new": None},
}


@pytest.fixture
def document(tmp_path: Path) -> str:
    path = tmp_path / "api.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    return str(path)


def test_what_is_loaded_and_left_out_is_printed_with_the_reason(
    document: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["api", "--check", document]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{document}: 1 operations loaded, 3 left out",
        "server: https://api.example.com",
        "secrets: key",
        "left out: GET /b: its security scheme 'odd' is of an unknown kind",
        "left out: GET /c: its own server https://up.example.com is on another host; "
        "--allow-host up.example.com allows it",
        "left out: POST /d: it uploads a file: name one with --file PATH",
    ]


def test_what_is_given_is_counted_in(
    document: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "cat.png").write_bytes(b"")
    given = ["--allow-host", "up.example.com", "--file", str(tmp_path / "cat.png")]
    assert main(["api", "--check", document, *given, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["loaded"] == ["a", "get_c", "post_d"]
    why = "its security scheme 'odd' is of an unknown kind"
    assert found["left_out"] == [{"operation": "GET /b", "why": why}]


def test_a_document_without_a_server_is_checked_all_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "api.yaml").write_text("openapi: 3.0.0\npaths: {/a: {get: {}}}", encoding="utf-8")
    assert main(["api", "--check", str(tmp_path / "api.yaml")]) == 0
    told = capsys.readouterr().out
    assert "1 operations loaded, 0 left out" in told
    assert "give one with --server" in told


def test_what_is_no_document_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]", encoding="utf-8")
    assert main(["api", "--check", str(tmp_path / "a.json")]) == 2
    assert "must hold an object" in capsys.readouterr().err

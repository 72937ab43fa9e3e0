"""Which servers a document may name."""

from typing import Any

import pytest

from tapgraph.errors import UsageError
from tapgraph.tools.api.openapi_source import ServiceDocument, read_service

PUBLIC = "https://docs.example.com/openapi.json"


def document(server: str, address: str) -> ServiceDocument:
    content: dict[str, Any] = {"openapi": "3.1.0", "servers": [{"url": server}], "paths": {}}
    return ServiceDocument(content, address)


@pytest.mark.parametrize(
    "server",
    [
        *("http://127.0.0.1:8000", "http://localhost", "http://api.localhost/v1", "http://[::1]"),
        *("http://10.0.0.5", "http://169.254.169.254", "http://[::ffff:127.0.0.1]"),
    ],
)
def test_a_public_document_may_not_name_a_server_inside(server: str) -> None:
    with pytest.raises(UsageError, match="if you mean it, add --server"):
        document(server, PUBLIC).server(())


@pytest.mark.parametrize(
    ("server", "address", "allowed"),
    [
        ("http://127.0.0.1:8000", "", []),
        ("http://127.0.0.1:8000", "http://localhost:8000/openapi.json", []),
        ("http://127.0.0.1:8000", PUBLIC, ["127.0.0.1"]),
        ("http://10.0.0.5", "https://intranet.example/openapi.json", ["intranet.example"]),
        ("https://api.example.com", PUBLIC, []),
    ],
)
def test_who_may_name_a_server(server: str, address: str, allowed: list[str]) -> None:
    assert document(server, address).server(allowed) == server


def test_credentials_in_the_address_of_a_document_are_refused_unseen() -> None:
    with pytest.raises(UsageError, match="no credentials") as raised:
        read_service("https://me:pass@docs.example.com/openapi.json")
    assert "pass" not in str(raised.value)


@pytest.mark.parametrize("address", ["http://[", "http://", "http://a.example:99999/x.json"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is no address of a document"):
        read_service(address)

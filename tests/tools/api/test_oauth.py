"""Access tokens from a token endpoint, over real connections."""

import base64
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs

import pytest

from tapgraph.errors import EnvironmentMissing, ExtraMissing, ToolError
from tapgraph.tools.api.oauth import token_names, token_points
from tapgraph.tools.api.openapi import OpenApiService
from tapgraph.tools.api.swagger import openapi_of_swagger

pytest.importorskip("authlib", reason="authlib is not installed")

Start = Callable[[Callable[[Any], Any]], Any]
CLIENT = {"oauth.client": lambda: "my-id:my-client-s3cret"}
REFRESH = {**CLIENT, "oauth.refresh": lambda: "first-refresh-token"}


class Authority:
    """A token endpoint and a service that takes its newest token; what it says is recorded."""

    def __init__(self, said: Any, **tokens: Any) -> None:
        self.said = said
        self.tokens: dict[str, Any] = {"token_type": "Bearer", "expires_in": 3600, **tokens}
        self.count = 0
        self.asked: list[dict[str, str]] = []
        self.authorized: list[str] = []
        self.refuses = ""

    def answer(self, got: Any) -> Any:
        if got.target == "/token":
            return self._token(got)
        self.authorized.append(got.headers.get("authorization", ""))
        if self.authorized[-1] != f"Bearer access-t0ken-{self.count}":
            return self.said(401, {"error": "expired"})
        return self.said(200, {"you sent": got.headers["authorization"]})

    def _token(self, got: Any) -> Any:
        form = {name: one for name, (one, *_) in parse_qs(got.body.decode()).items()}
        self.asked.append(form | {"authorization": got.headers.get("authorization", "")})
        if self.refuses:
            return self.said(400, {"error": self.refuses, "error_description": str(form)})
        self.count += 1
        return self.said(200, {**self.tokens, "access_token": f"access-t0ken-{self.count}"})


def document(flows: dict[str, Any]) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "T"},
        "paths": {
            "/a": {"get": {"operationId": "read", "security": [{"oauth": ["read:a"]}]}},
            "/b": {"post": {"operationId": "write", "security": [{"oauth": ["write:b"]}]}},
        },
        "components": {"securitySchemes": {"oauth": {"type": "oauth2", "flows": flows}}},
    }


BY_CLIENT = document({"clientCredentials": {"tokenUrl": "/token", "scopes": {}}})
BY_PERSON = document({"authorizationCode": {"authorizationUrl": "/x", "tokenUrl": "/token"}})


@pytest.fixture
def service_of() -> Iterator[Callable[..., OpenApiService]]:
    """Services that are closed at the end."""
    with ExitStack() as closing:
        yield lambda described, **more: closing.enter_context(OpenApiService(described, **more))


@pytest.fixture
def authority(
    http_server: Start, said: Any, service_of: Any
) -> Callable[..., tuple[Authority, OpenApiService]]:
    def start(
        secrets: Any = CLIENT, described: Any = BY_CLIENT, **tokens: Any
    ) -> tuple[Authority, OpenApiService]:
        made = Authority(said, **tokens)
        server = http_server(made.answer)
        return made, service_of(described, server=server.url, secrets=secrets)

    return start


def test_a_token_is_got_once_by_client_credentials(authority: Any) -> None:
    made, service = authority()
    assert service.locked == {}
    assert service.call("read", {}).value == {"you sent": "Bearer [secret]"}
    service.call("write", {})
    (asked,) = made.asked
    pair = base64.b64encode(b"my-id:my-client-s3cret").decode()
    assert asked["authorization"] == f"Basic {pair}"
    assert (asked["grant_type"], asked["scope"]) == ("client_credentials", "read:a write:b")


def test_a_token_that_ends_soon_is_got_again(authority: Any) -> None:
    made, service = authority(expires_in=30)
    service.call("read", {})
    service.call("read", {})
    assert made.count == 2


def test_a_token_that_is_refused_is_got_again_once(authority: Any) -> None:
    made, service = authority()
    service.call("write", {})
    made.count += 1
    assert service.call("write", {}).value == {"you sent": "Bearer [secret]"}
    assert made.authorized == ["Bearer access-t0ken-1"] * 2 + ["Bearer access-t0ken-3"]


def test_a_refresh_token_is_used_and_replaced_by_each_new_one(authority: Any) -> None:
    made, service = authority(REFRESH, BY_PERSON, expires_in=1, refresh_token="next-refresh-token")
    service.call("read", {})
    service.call("read", {})
    assert [one["grant_type"] for one in made.asked] == ["refresh_token"] * 2
    sent = [one["refresh_token"] for one in made.asked]
    assert sent == ["first-refresh-token", "next-refresh-token"]


def test_a_client_without_a_secret_says_who_it_is_in_the_body(authority: Any) -> None:
    secrets = {**REFRESH, "oauth.client": lambda: "my-id"}
    made, service = authority(secrets, BY_PERSON)
    service.call("read", {})
    assert (made.asked[0]["client_id"], made.asked[0]["authorization"]) == ("my-id", "")


def test_a_server_that_reads_secrets_in_the_body_only_gets_them_there(
    http_server: Start, said: Any, service_of: Any
) -> None:
    made = Authority(said)

    def answer(got: Any) -> Any:
        if got.target == "/token" and b"client_secret=" not in got.body:
            return said(401, {"error": "invalid_client"})
        return made.answer(got)

    service = service_of(BY_CLIENT, server=http_server(answer).url, secrets=CLIENT)
    service.call("read", {})
    assert made.asked[0]["client_secret"] == "my-client-s3cret"


def test_what_the_endpoint_refuses_is_said_without_a_secret(authority: Any) -> None:
    made, service = authority(REFRESH, BY_PERSON)
    made.refuses = "invalid_grant"
    with pytest.raises(EnvironmentMissing, match="'oauth' gives no token: invalid_grant") as raised:
        service.call("read", {})
    assert "first-refresh-token" not in str(raised.value)
    assert "[secret]" in str(raised.value)


@pytest.mark.parametrize("body", [{"token_type": "Bearer"}, b"<html>", []])
def test_an_answer_without_a_token_is_named(
    body: Any, http_server: Start, said: Any, service_of: Any
) -> None:
    server = http_server(lambda got: said(200, body))
    service = service_of(BY_CLIENT, server=server.url, secrets=CLIENT)
    with pytest.raises(EnvironmentMissing, match="gives no token"):
        service.call("read", {})


def test_no_endpoint_inside_is_reached_that_the_user_did_not_name(
    http_server: Start, service_of: Any
) -> None:
    server = http_server(lambda got: pytest.fail("it was reached"))
    flows = {"clientCredentials": {"tokenUrl": f"{server.url}/token"}}
    public = service_of(
        document(flows), server="https://api.example.com", secrets=CLIENT,
        resolver=lambda host, port: [host if host[0].isdigit() else "93.184.216.34"],
    )  # fmt: skip
    with pytest.raises(ToolError, match="inside a machine or local network"):
        public.call("read", {})


def test_no_secret_is_sent_to_an_endpoint_without_encryption(service_of: Any) -> None:
    flows = {"clientCredentials": {"tokenUrl": "http://api.example.com/token"}}
    service = service_of(document(flows), server="https://api.example.com", secrets=CLIENT)
    with pytest.raises(EnvironmentMissing, match="is not https"):
        service.call("read", {})


def test_a_plain_token_does_as_before(authority: Any) -> None:
    made, service = authority({"oauth": lambda: "access-t0ken-0"})
    assert service.call("read", {}).value == {"you sent": "Bearer [secret]"}
    assert made.asked == []


def test_endpoints_are_found_in_both_forms_of_documents() -> None:
    swagger = {
        "swagger": "2.0",
        "info": {"title": "T", "version": "1"},
        "host": "api.example.com",
        "paths": {},
        "securityDefinitions": {
            "oauth": {"type": "oauth2", "flow": "application", "tokenUrl": "https://a.example/t"}
        },
    }
    assert token_points(openapi_of_swagger(swagger))["oauth"].url == "https://a.example/t"
    assert token_names(BY_CLIENT) == ["oauth.client", "oauth.refresh"]
    assert token_names({"openapi": "3.1.0"}) == []


def test_without_authlib_the_extra_is_named(
    authority: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, service = authority()
    monkeypatch.setitem(sys.modules, "authlib.oauth2.client", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'tapgraph\[oauth\]'"):
        service.call("read", {})


def test_nothing_that_is_secret_is_in_what_calls_give(authority: Any) -> None:
    made, service = authority(REFRESH, BY_PERSON)
    shown = service.call("read", {})
    for secret in ("my-client-s3cret", "first-refresh-token", f"access-t0ken-{made.count}"):
        assert secret not in json.dumps(shown.value) + shown.text

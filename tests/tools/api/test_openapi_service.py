"""Calls over HTTP, to friendly and to hostile services."""

import base64
import json
import logging
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tapgraph.errors import EnvironmentMissing, ToolError, UsageError
from tapgraph.tools.api.openapi import HttpLimits, OpenApiService, open_service
from tapgraph.tools.api.secret import environment_secret, redacted, spellings

Document = Callable[..., dict[str, Any]]
Start = Callable[[Callable[[Any], Any]], Any]
ALL_METHODS: dict[str, Any] = {
    "/thing": {
        "get": {"operationId": "get_thing", "parameters": [{"name": "q", "in": "query"}]},
        "post": {"operationId": "add_thing"},
        "put": {"operationId": "put_thing"},
    }
}
QUICK = HttpLimits(timeout_s=5, backoff_s=0.25)


def service_at(
    server: Any, document: Document, sleeps: list[float] | None = None, **more: Any
) -> OpenApiService:
    sleep = (sleeps if sleeps is not None else []).append
    return OpenApiService(
        document(ALL_METHODS), server=server.url, sleep=sleep, limits=QUICK, **more
    )


def always(answer: Any) -> Callable[[Any], Any]:
    return lambda got: answer


def test_the_example_service_is_worked_with(notes_calendar: ModuleType) -> None:
    with (
        notes_calendar.start() as running,
        open_service(f"{running.url}/openapi.json") as service,
    ):
        assert len(service.catalog) == 6
        assert service.left_out == ()
        added = service.call("add_note", {"title": "Tea", "body": "Assam & milk/sugar"})
        assert added.value == {"id": 3, "title": "Tea", "body": "Assam & milk/sugar"}
        found = service.call("list_notes", {"contains": "& milk/"})
        assert json.loads(found.text) == [added.value]
        assert service.call("delete_note", {"note_id": "3"}).value is None
        with pytest.raises(ToolError, match=r"get_note failed: 404 Not Found: .*no note 3"):
            service.call("get_note", {"note_id": 3})
        assert sorted(running.state.notes) == [1, 2]


def test_the_first_event_fails_and_the_second_try_succeeds(notes_calendar: ModuleType) -> None:
    event = {"title": "Call", "start": "2026-03-02T11:00", "end": "2026-03-02T11:30"}
    with notes_calendar.start() as running, OpenApiService(running.document) as service:
        with pytest.raises(ToolError, match=r"503 Service Unavailable: .*nothing was added"):
            service.call("add_event", event)
        assert len(running.state.events) == 1
        service.call("add_event", event)
        assert running.state.events[2].start == "2026-03-02T11:00"
        with pytest.raises(ToolError, match="409 Conflict"):
            service.call("add_event", event)


def test_document_can_come_from_a_file(notes_calendar: ModuleType, tmp_path: Path) -> None:
    with notes_calendar.start() as running:
        path = tmp_path / "service.json"
        path.write_text(json.dumps(running.document), "utf-8")
        with open_service(path) as service:
            assert service.call("get_note", {"note_id": 1}).text.startswith('{"id": 1')


def test_document_that_is_not_there_is_named(notes_calendar: ModuleType) -> None:
    with notes_calendar.start() as running:
        address = f"{running.url}/nothing.json"
        with pytest.raises(UsageError, match=r"nothing\.json cannot be read: 404"):
            open_service(address)
    with pytest.raises(EnvironmentMissing, match="no server answers at"):
        open_service(address)


def test_no_server_is_an_environment_that_is_missing(
    http_server: Start, document: Document, said: Any
) -> None:
    service = OpenApiService(document(ALL_METHODS), server="http://127.0.0.1:9", limits=QUICK)
    with pytest.raises(EnvironmentMissing, match=r"no server answers at http://127\.0\.0\.1:9"):
        service.call("get_thing", {})


@pytest.mark.parametrize("status", [502, 503, 504])
def test_calls_that_can_be_repeated_survive_short_failures(
    http_server: Start, document: Document, said: Any, status: int
) -> None:
    answers = [said(status), said(status), said(200, {"ok": 1})]
    server = http_server(lambda got: answers[len(server.got) - 1])
    sleeps: list[float] = []
    with service_at(server, document, sleeps) as service:
        assert service.call("put_thing", {}).value == {"ok": 1}
    assert sleeps == [0.25, 0.5]


def test_the_service_may_ask_for_a_longer_wait_but_not_for_ever(
    http_server: Start, document: Document, said: Any
) -> None:
    waits = ["2", "86400", "Wed, 21 Oct 2026 07:28:00 GMT"]
    server = http_server(lambda got: said(503, {}, {"Retry-After": waits[len(server.got) - 1]}))
    sleeps: list[float] = []
    with service_at(server, document, sleeps) as service, pytest.raises(ToolError, match="503"):
        service.call("get_thing", {})
    assert sleeps == [2.0, 5.0]


@pytest.mark.parametrize(
    ("operation", "status"), [("add_thing", 503), ("get_thing", 500), ("get_thing", 429)]
)
def test_other_failures_are_told_at_once(
    http_server: Start, document: Document, said: Any, operation: str, status: int
) -> None:
    server = http_server(lambda got: said(status, {"error": "x" * 5000}))
    with service_at(server, document) as service, pytest.raises(ToolError) as raised:
        service.call(operation, {})
    assert len(server.got) == 1
    assert f"{operation} failed: {status}" in str(raised.value)
    assert len(str(raised.value)) < 800


def test_a_broken_connection_says_what_it_means(
    http_server: Start, document: Document, said: Any
) -> None:
    server = http_server(lambda got: said(0))
    with service_at(server, document) as service:
        with pytest.raises(ToolError, match="whether it was done is not known"):
            service.call("add_thing", {})
        with pytest.raises(ToolError, match="it can be called again"):
            service.call("get_thing", {})


def test_large_answers_are_refused(http_server: Start, document: Document, said: Any) -> None:
    server = http_server(lambda got: said(200, b'"' + b"x" * 50_000 + b'"'))
    limits = HttpLimits(max_answer_bytes=10_000)
    service = OpenApiService(document(ALL_METHODS), server=server.url, limits=limits)
    with service, pytest.raises(ToolError, match="larger than 10,000 bytes"):
        service.call("get_thing", {})


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        (b"plain words", "text/plain; charset=utf-8", "plain words"),
        (b"caf\xe9", "text/plain; charset=latin-1", "café"),
        (b"\xff", "text/plain; charset=no-such", "\ufffd"),
        (b"\x89PNG", "image/png", {"content_type": "image/png", "bytes": 4}),
        (b'{"a": 1}', "application/problem+json", {"a": 1}),
        (b"", "application/json", None),
    ],
)
def test_answers_of_all_kinds_are_read(
    http_server: Start, document: Document, said: Any, body: bytes, kind: str, value: object
) -> None:
    server = http_server(lambda got: said(200, body, {"Content-Type": kind}))
    with service_at(server, document) as service:
        assert service.call("get_thing", {}).value == value


@pytest.mark.parametrize("body", [b'{"a": ', b"[" * 100_000])
def test_broken_json_is_told(
    http_server: Start, document: Document, said: Any, body: bytes
) -> None:
    server = http_server(lambda got: said(200, body))
    with (
        service_at(server, document) as service,
        pytest.raises(ToolError, match="cut off or broken"),
    ):
        service.call("get_thing", {})


def test_redirects_to_another_host_are_refused(
    http_server: Start, document: Document, said: Any
) -> None:
    evil = http_server(lambda got: said(200, {"stolen": True}))
    for location in (
        f"{evil.url}/thing",
        f"http://localhost:{evil.port}/thing",
        f"//127.0.0.1:{evil.port}/thing",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "http://[",
    ):
        leading = said(302, {}, {"Location": location})
        server = http_server(always(leading))
        with service_at(server, document) as service, pytest.raises(ToolError, match="redirects"):
            service.call("get_thing", {})
    assert evil.got == []


def test_redirects_on_the_same_server_are_followed_for_reading_only(
    http_server: Start, document: Document, said: Any
) -> None:
    server = http_server(
        lambda got: (
            said(200, {"moved": 1}) if got.target == "/new" else said(307, {}, {"Location": "/new"})
        )
    )
    with service_at(server, document) as service:
        assert service.call("get_thing", {}).value == {"moved": 1}
        with pytest.raises(ToolError, match="not followed for POST"):
            service.call("add_thing", {})


def test_endless_redirects_end(http_server: Start, document: Document, said: Any) -> None:
    server = http_server(lambda got: said(302, {}, {"Location": "/thing"}))
    with (
        service_at(server, document) as service,
        pytest.raises(ToolError, match="more than 3 times"),
    ):
        service.call("get_thing", {})
    assert len(server.got) == 4


def test_a_public_name_that_leads_to_this_machine_is_refused(
    http_server: Start, document: Document, said: Any
) -> None:
    server = http_server(lambda got: said(200, {"ok": 1}))
    public = f"http://api.example.com:{server.port}"

    def resolver(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    guarded = OpenApiService(document(ALL_METHODS), server=public, resolver=resolver)
    with guarded, pytest.raises(ToolError, match=r"leads to 127\.0\.0\.1"):
        guarded.call("get_thing", {})
    assert server.got == []
    opened = OpenApiService(
        document(ALL_METHODS), server=public, resolver=resolver, allow_hosts=["api.example.com"]
    )
    with opened:
        assert opened.call("get_thing", {}).value == {"ok": 1}
    assert server.got[0].headers["host"] == f"api.example.com:{server.port}"


SCHEMES = {
    "securitySchemes": {
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {"type": "http", "scheme": "basic"},
        "header": {"type": "apiKey", "in": "header", "name": "X-Key"},
        "query": {"type": "apiKey", "in": "query", "name": "api_key"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "sid"},
    }
}
SECRET = "s3cret-Value/+="


def secured(document: Document, scheme: str) -> dict[str, Any]:
    parameters = [{"name": "q", "in": "query"}, {"name": "x-key", "in": "header"}]
    get = {"operationId": "get", "parameters": parameters, "security": [{scheme: []}]}
    return document({"/thing": {"get": get}}, components=SCHEMES)


@pytest.mark.parametrize(
    ("scheme", "value", "where", "expected"),
    [
        ("bearer", SECRET, "authorization", f"Bearer {SECRET}"),
        ("basic", "me:pass", "authorization", "Basic bWU6cGFzcw=="),
        ("header", SECRET, "x-key", SECRET),
        ("query", SECRET, "", "api_key=s3cret-Value%2F%2B%3D"),
        ("cookie", SECRET, "cookie", "sid=s3cret-Value%2F%2B%3D"),
    ],
)
def test_secrets_go_where_the_scheme_says_and_are_shown_nowhere(
    http_server: Start,
    document: Document,
    said: Any,
    caplog: pytest.LogCaptureFixture,
    scheme: str,
    value: str,
    where: str,
    expected: str,
) -> None:
    def echo(got: Any) -> Any:
        encoded = base64.b64encode(value.encode()).decode()
        seen = {"headers": got.headers, "target": got.target, value: [value, f"<{encoded}>"]}
        return said(200 if len(server.got) == 1 else 400, seen)

    server = http_server(echo)
    caplog.set_level(logging.DEBUG)
    service = OpenApiService(
        secured(document, scheme), server=server.url, secrets={scheme: lambda: value}
    )
    with service:
        result = service.call("get", {"q": "a b"})
        with pytest.raises(ToolError) as raised:
            service.call("get", {"q": "a b"})
    arrived = server.got[0].headers[where] if where else server.got[0].target
    assert expected in arrived
    shown = f"{result} {raised.value} {service.catalog['get']} {caplog.text}"
    assert value not in shown
    assert value.partition(":")[2] not in shown or ":" not in value
    assert base64.b64encode(value.encode()).decode() not in shown
    assert "[secret]" in result.text


def test_a_parameter_that_carries_the_secret_is_no_argument(document: Document) -> None:
    service = OpenApiService(secured(document, "header"))
    assert [one.name for one in service.catalog["get"].parameters] == ["q"]


def test_a_missing_secret_is_named_before_anything_is_sent(
    http_server: Start, document: Document, said: Any
) -> None:
    server = http_server(lambda got: said(200))
    service = OpenApiService(secured(document, "bearer"), server=server.url)
    with service, pytest.raises(EnvironmentMissing, match="wants the secret 'bearer'"):
        service.call("get", {})
    secrets = {"bearer": environment_secret("TAPGRAPH_TEST_UNSET")}
    service = OpenApiService(secured(document, "bearer"), server=server.url, secrets=secrets)
    with service, pytest.raises(EnvironmentMissing, match="'TAPGRAPH_TEST_UNSET' is not set"):
        service.call("get", {})
    assert server.got == []


@pytest.mark.parametrize("value", ["", "a\r\nX-Admin: 1", "é"])
def test_secrets_that_no_request_can_carry_are_refused_without_showing_them(
    document: Document, value: str
) -> None:
    service = OpenApiService(secured(document, "bearer"), secrets={"bearer": lambda: value})
    with pytest.raises(EnvironmentMissing, match="characters that no request can carry") as raised:
        service.call("get", {})
    assert "Admin" not in str(raised.value)


@pytest.mark.parametrize("wrong", [{"timeout_s": 0}, {"max_answer_bytes": 0}, {"retries": -1}])
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="must be"):
        HttpLimits(**wrong)


@pytest.mark.parametrize(
    ("value", "said_back"),
    [
        ("4711081542", 4711081542),
        ("a/b c+d", "a%2fb%20c%2bd"),
        ("a/b c+d", "a%2Fb+c%2Bd"),
        ('quo"ted', 'in JSON: "quo\\"ted"'),
        ("Bearer tok-4711", "your token is tok-4711"),
        ("sk_live_4711:", "hello sk_live_4711"),
        ("a<b>c&d", "<p>a&lt;b&gt;c&amp;d</p>"),
    ],
)
def test_a_secret_in_another_spelling_is_taken_out_too(value: str, said_back: Any) -> None:
    assert "[secret]" in json.dumps(redacted(said_back, spellings(value)))


def test_a_given_secret_is_sent_where_it_is_optional(
    http_server: Start, document: Document, said: Any
) -> None:
    server = http_server(lambda got: said(200))
    get = {"operationId": "get", "security": [{}, {"header": []}]}
    described = document({"/thing": {"get": get}}, components=SCHEMES)
    with OpenApiService(described, server=server.url, secrets={"header": lambda: SECRET}) as one:
        one.call("get", {})
    with OpenApiService(described, server=server.url) as other:
        other.call("get", {})
    assert [one.headers.get("x-key") for one in server.got] == [SECRET, None]


def test_an_error_that_repeats_a_secret_hides_it(
    http_server: Start, document: Document, said: Any
) -> None:
    server = http_server(lambda got: said(302, {}, {"Location": "http://s3cret-4711.example/"}))
    secrets = {"header": lambda: "s3cret-4711"}
    service = OpenApiService(secured(document, "header"), server=server.url, secrets=secrets)
    with service, pytest.raises(ToolError, match=r"\[secret\]") as raised:
        service.call("get", {})
    assert "s3cret-4711" not in str(raised.value)


def test_a_document_at_an_address_may_have_several_files(
    http_server: Start, document: Document, said: Any
) -> None:
    files = {
        "/docs/api.json": document(
            {"/a": {"$ref": "paths/a.json"}, "/b": {"$ref": "http://127.0.0.1:9/b.json"}},
            servers=[{"url": "/v1"}],
        ),
        "/docs/paths/a.json": {"get": {"operationId": "a"}},
    }
    server = http_server(lambda got: said(200, files.get(got.target, {})))
    with open_service(f"{server.url}/docs/api.json") as service:
        assert [one.identifier for one in service.catalog] == ["a"]
        assert [one.operation for one in service.left_out] == ["/b"]
        service.call("a", {})
    assert [one.target for one in server.got] == ["/docs/api.json", "/docs/paths/a.json", "/v1/a"]

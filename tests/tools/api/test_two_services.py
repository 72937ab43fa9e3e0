"""`tapgraph api` with several services: what the user gives goes to the one that it is for."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tapgraph.cli.main import main

Start = Callable[[Callable[[Any], Any]], Any]
BEARER = {"securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer"}}}
SECRETS = {"FIRST_TOKEN": "alpha-s3cret-4711", "SECOND_TOKEN": "beta-s3cret-0815"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def write_service(name: str, url: str, *, free: bool = False, components: Any = BEARER) -> None:
    """A document with an operation `NAME_get`, and one without a secret where `free`."""
    get = {"operationId": f"{name}_get", "security": [{"bearerAuth": []}]}
    paths = {"/thing": {"get": get if components else {"operationId": f"{name}_get"}}}
    if free:
        paths["/free"] = {"get": {"operationId": f"{name}_free"}}
    document = {"openapi": "3.1.0", "servers": [{"url": url}], "paths": paths}
    Path(f"{name}.json").write_text(json.dumps(document | {"components": components}), "utf-8")


def calls(*names: str) -> Callable[[dict[str, Any]], str]:
    """A model that calls these operations and finishes."""
    actions = [{"action": "call", "api": one} for one in names]
    actions.append({"action": "finish", "answer": "done"})

    def respond(request: dict[str, Any]) -> str:
        if request["response_format"]["json_schema"]["name"] == "ChooserReply":
            return json.dumps({"thought": "", **actions.pop(0)})
        return json.dumps({"complete": True})

    return respond


def test_two_services_two_secrets_and_neither_sees_the_others(
    http_server: Start, openai_server: Callable[..., Any], said: Any, tmp_path: Path
) -> None:
    def echo(got: Any) -> Any:
        return said(200, {"you sent": got.headers, "as text": json.dumps(got.headers)})

    first, second = http_server(echo), http_server(echo)
    write_service("first", first.url)
    write_service("second", second.url)
    model = openai_server(calls("first_get", "second_get"))
    given = ["--catalog", "first.json", "--catalog", "second.json", "--model", model.spec()]
    given += ["--secret", "first/bearerAuth=FIRST_TOKEN"]
    given += ["--secret", "second/bearerAuth=SECOND_TOKEN", "--out", "run"]
    assert main(["api", "Get both", *given]) == 0
    sent = [[one.headers["authorization"] for one in each.got] for each in (first, second)]
    assert sent == [[f"Bearer {SECRETS['FIRST_TOKEN']}"], [f"Bearer {SECRETS['SECOND_TOKEN']}"]]
    kept = [path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert any(b"[secret]" in content for content in kept)
    for value in SECRETS.values():
        assert not any(value.encode() in content for content in kept)
        assert value not in json.dumps(model.requests)


def test_a_client_gets_its_token_for_its_own_service_only(
    http_server: Start, openai_server: Callable[..., Any], said: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    pytest.importorskip("authlib", reason="authlib is not installed")
    token, pair = "gamma-t0ken-1234", "client-1:delta-s3cret-5678"
    monkeypatch.setenv("CLIENT", pair)

    def echo(got: Any) -> Any:
        if got.target == "/token":
            return said(200, {"access_token": token, "token_type": "bearer", "expires_in": 600})
        return said(200, {"you sent": got.headers, "body": got.body.decode()})

    first, second = http_server(echo), http_server(echo)
    flows = {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}
    oauth = {"securitySchemes": {"bearerAuth": {"type": "oauth2", "flows": flows}}}
    write_service("first", first.url, components=oauth)
    write_service("second", second.url)
    model = openai_server(calls("first_get", "second_get", "first_get"))
    given = ["--catalog", "first.json", "--catalog", "second.json", "--model", model.spec()]
    given += ["--secret", "first/bearerAuth.client=CLIENT"]
    given += ["--secret", "second/bearerAuth=SECOND_TOKEN", "--out", "run"]
    assert main(["api", "Get both", *given]) == 0
    sent = [(one.target, one.headers["authorization"]) for one in first.got]
    assert [target for target, _ in sent] == ["/token", "/thing", "/thing"]
    assert [carried for _, carried in sent[1:]] == [f"Bearer {token}"] * 2
    assert [one.headers["authorization"] for one in second.got] == [
        f"Bearer {SECRETS['SECOND_TOKEN']}"
    ]
    kept = [path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()]
    for value in (token, pair, "delta-s3cret-5678", SECRETS["SECOND_TOKEN"]):
        assert not any(value.encode() in content for content in kept)
        assert value not in json.dumps(model.requests)


def test_a_header_goes_to_the_service_that_it_names(
    http_server: Start, openai_server: Callable[..., Any], said: Any
) -> None:
    first, second = (http_server(lambda got: said(200, {})) for _ in range(2))
    write_service("first", first.url, components={})
    write_service("second", second.url, components={})
    model = openai_server(calls("first_get", "second_get"))
    given = ["--catalog", "first.json", "--catalog", "second.json", "--model", model.spec()]
    given += ["--header", "second/X-Key=SECOND_TOKEN", "--out", "run"]
    assert main(["api", "Get both", *given]) == 0
    assert "x-key" not in first.got[0].headers
    assert second.got[0].headers["x-key"] == SECRETS["SECOND_TOKEN"]


def test_a_header_does_where_a_scheme_is_asked_for(
    http_server: Start, openai_server: Callable[..., Any], said: Any
) -> None:
    service = http_server(lambda got: said(200, {}))
    write_service("first", service.url)
    model = openai_server(calls("first_get"))
    given = ["--catalog", "first.json", "--model", model.spec(), "--out", "run"]
    assert main(["api", "Get it", *given, "--header", "Authorization=FIRST_TOKEN"]) == 0
    assert service.got[0].headers["authorization"] == SECRETS["FIRST_TOKEN"]


def test_operations_without_their_secret_are_left_out_and_named(
    http_server: Start, openai_server: Callable[..., Any], said: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    service = http_server(lambda got: said(200, {}))
    write_service("first", service.url, free=True)
    model = openai_server(calls("first_free"))
    given = ["--catalog", "first.json", "--model", model.spec(), "--out", "run"]
    assert main(["api", "Get it", *given]) == 0
    told = capsys.readouterr().err
    assert "1 operations need a secret" in told
    assert "--secret first/bearerAuth=VARIABLE" in told
    assert "first_get" not in json.dumps(model.requests)


TOKEN = "bearerAuth=FIRST_TOKEN"


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ([], 3, "every operation of first needs a secret: add --secret first/bearerAuth=VARIABLE"),
        (["--secret", TOKEN], 2,
         "fits several catalogues: write --secret first/bearerAuth=FIRST_TOKEN or "
         "--secret second/bearerAuth=FIRST_TOKEN"),
        (["--secret", f"127.0.0.1/{TOKEN}"], 2, "fits several catalogues"),
        (["--secret", f"third/{TOKEN}"], 2, "secrets are taken as first/bearerAuth, second/b"),
        (["--secret", "first/apiKey=FIRST_TOKEN"], 2, "is used by no catalogue"),
        (["--secret", "first/bearerAuth=NO_SUCH_VARIABLE"], 3, "'NO_SUCH_VARIABLE' is not set"),
        (["--secret", f"first/{TOKEN}", "--secret", "127.0.0.1:9/bearerAuth=SECOND_TOKEN"], 2,
         "twice"),
        (["--header", "X-Key=FIRST_TOKEN"], 2, "--header second/X-Key=FIRST_TOKEN"),
        (["--header", "first/Host=FIRST_TOKEN"], 2, "is used by no catalogue"),
        (["--server", "http://127.0.0.1:7"], 2, "write --server CATALOG=http://127.0.0.1:7"),
        (["--server", "third=http://127.0.0.1:7"], 2, "there are first, second"),
        (["--allow-host", "http://a.example"], 2, "the name of a host"),
        (["--file", "none.png"], 2, "'none.png' is no file"),
    ],
)  # fmt: skip
def test_what_fits_no_service_or_several_is_refused_before_the_first_model_call(
    openai_server: Callable[..., Any], capsys: pytest.CaptureFixture[str], tmp_path: Path,
    given: list[str], code: int, words: str,
) -> None:  # fmt: skip
    write_service("first", "http://127.0.0.1:9")
    write_service("second", "http://127.0.0.1:10")
    model = openai_server(calls("first_get"))
    start = ["--catalog", "first.json", "--catalog", "second.json", "--model", model.spec()]
    assert main(["api", "Get it", *start, *given, "--out", "run"]) == code
    assert words in capsys.readouterr().err
    assert model.requests == []
    assert not (tmp_path / "run").exists()


def test_a_secret_that_no_operation_takes_is_refused(
    openai_server: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    document = {
        "openapi": "3.1.0",
        "servers": [{"url": "http://127.0.0.1:9"}],
        "paths": {"/a": {"get": {}}},
        "components": BEARER,
    }
    Path("notes.json").write_text(json.dumps(document), "utf-8")
    model = openai_server(calls("get_a"))
    start = ["--catalog", "notes.json", "--model", model.spec(), "--secret", TOKEN]
    assert main(["api", "Get it", *start]) == 2
    assert "--header notes/Authorization=FIRST_TOKEN" in capsys.readouterr().err
    assert model.requests == []


def test_a_value_in_the_place_of_a_variable_is_not_repeated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    start = ["api", "Do it", "--catalog", "a.json", "--model", "http://127.0.0.1:9/v1#m"]
    for typed in ("sk-4711", "notes/key=sk-4711", "sk-4711=="):
        assert main([*start, "--secret", typed]) == 2
        told = capsys.readouterr().err
        assert "CATALOG/SCHEME=VARIABLE" in told
        assert "sk-4711" not in told


def test_a_server_by_option_takes_the_place_of_the_documents(
    http_server: Start, openai_server: Callable[..., Any], said: Any
) -> None:
    service = http_server(lambda got: said(200, {}))
    write_service("first", "https://api.example.com", components={})
    write_service("second", "https://api.example.org", components={})
    model = openai_server(calls("second_get"))
    start = ["--catalog", "first.json", "--catalog", "second.json", "--model", model.spec()]
    start += ["--server", f"second={service.url}/v2", "--out", "run"]
    assert main(["api", "Get it", *start]) == 0
    assert [one.target for one in service.got] == ["/v2/thing"]


def test_operations_of_equal_names_are_told_apart_and_keep_their_secrets(
    http_server: Start, openai_server: Callable[..., Any], said: Any, tmp_path: Path
) -> None:
    servers = [http_server(lambda got: said(200, {})) for _ in range(2)]
    given: list[str] = []
    for folder, server, token in zip(("one", "two"), servers, SECRETS, strict=True):
        (tmp_path / folder).mkdir()
        write_service(f"{folder}/api", server.url)
        path = tmp_path / folder / "api.json"
        path.write_text(path.read_text("utf-8").replace(f"{folder}/api_get", "list"), "utf-8")
        given += ["--catalog", f"{folder}/api.json"]
        given += ["--secret", f"127.0.0.1:{server.port}/bearerAuth={token}"]
    first, second = (f"127.0.0.1_{one.port}.list" for one in servers)
    model = openai_server(calls(second, first))
    assert main(["api", "List", *given, "--model", model.spec(), "--out", "run"]) == 0
    sent = [[one.headers["authorization"] for one in each.got] for each in servers]
    assert sent == [[f"Bearer {value}"] for value in SECRETS.values()]

"""`tapgraph api` with models that call tools, and with servers that keep to any schema."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tapgraph.agents.run.events import Decided
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.cli.main import main

REFERENCE = "#/components/schemas/A"
MAIL = {
    "type": "object",
    "required": ["personalizations"],
    "properties": {
        "personalizations": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["to"],
                "properties": {
                    "to": {"type": "array", "items": {"$ref": "#/components/schemas/A"}}
                },
            },
        }
    },
}
ADDRESS = {
    "type": "object",
    "required": ["email"],
    "properties": {"email": {"type": "string"}, "name": {"type": "string"}},
}
DOCUMENT = {
    "openapi": "3.1.0",
    "servers": [{"url": "http://127.0.0.1:9"}],
    "paths": {
        "/mail/send": {
            "post": {
                "operationId": "send_mail",
                "requestBody": {"content": {"application/json": {"schema": MAIL}}},
            }
        }
    },
    "components": {"schemas": {"A": ADDRESS}},
}
SIGNATURE = "personalizations: list of {to: list of {email: text, name?: text}}"


@pytest.fixture(autouse=True)
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("mail.json").write_text(json.dumps(DOCUMENT), "utf-8")


def run(spec: str) -> int:
    return main(["api", "Send it", "--catalog", "mail.json", "--model", spec, "--out", "run"])


def gives_up(request: dict[str, Any]) -> Any:
    if "ChooserReply" in json.dumps(request):
        return json.dumps({"thought": "", "action": "give_up", "answer": "no address"})
    return json.dumps({"tips": []})


def test_what_a_body_holds_is_in_the_prompt(openai_server: Callable[..., Any]) -> None:
    model = openai_server(gives_up)
    assert run(model.spec()) == 1
    assert f"send_mail({SIGNATURE})" in model.requests[0]["messages"][1]["content"]
    assert "email" not in json.dumps(model.requests[0]["response_format"])


def test_a_server_that_keeps_schemas_is_sent_what_each_api_takes(
    openai_server: Callable[..., Any],
) -> None:
    model = openai_server(gives_up)
    assert run(model.spec("m", "keeps_schemas=true")) == 1
    form = model.requests[0]["response_format"]["json_schema"]
    (call, *_) = form["schema"]["anyOf"]
    assert call["properties"]["api"] == {"enum": ["send_mail"]}
    assert '"required": ["email"]' in json.dumps(call["properties"]["arguments"])


def test_a_model_calls_apis_as_tools(openai_server: Callable[..., Any], tmp_path: Path) -> None:
    def calls(request: dict[str, Any]) -> Any:
        if "tools" not in request:
            return json.dumps({"tips": []})
        function = {"name": "give_up", "arguments": '{"answer": "no address"}'}
        message = {"content": "Who is it for?", "tool_calls": [{"id": "1", "function": function}]}
        return {"choices": [{"message": message, "finish_reason": "tool_calls"}]}

    model = openai_server(calls)
    assert run(model.spec("m", "calls=native")) == 1
    tools = {one["function"]["name"]: one["function"] for one in model.requests[0]["tools"]}
    assert {"send_mail", "search", "finish"} <= tools.keys()
    inside = tools["send_mail"]["parameters"]["properties"]["personalizations"]["items"]
    assert inside["properties"]["to"]["items"]["required"] == ["email"]
    assert "response_format" not in model.requests[0]
    decided = [one for one in RunFolder.open(tmp_path / "run").events() if isinstance(one, Decided)]
    assert decided[0].thought == "Who is it for?"
    assert decided[0].action == {"name": "give_up", "arguments": {"answer": "no address"}}

"""All dialects are one conversation to the model; what is sent comes back, and leaves no trace.

The clients of these protocols run in `tests/llm_backend/clients`.
"""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from tapgraph.llm_backend.local.checkpoint import load_checkpoint
from tapgraph.llm_backend.server.app import ServerLimits
from tapgraph.llm_backend.server.chat_in import chat_request
from tapgraph.llm_backend.server.gate import GateLimits
from tapgraph.llm_backend.server.pictures_in import PictureLimits
from tapgraph.llm_backend.server.serving import Server, open_server
from tapgraph.llm_backend.server.wire_requests import ChatCompletionRequest

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

Serve = Callable[..., AbstractContextManager[Server]]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "get_weather", "description": "Tells it.", "parameters": PARAMETERS}
CHAT_TOOL = {"type": "function", "function": FUNCTION}
QUESTION = "How warm is it in Paris?"


@contextmanager
def scripted(
    tiny: "Tiny", scripted_engine: ModuleType, script: Callable[[str], str], **limits: Any
) -> Iterator[Server]:
    engine = scripted_engine.ScriptedEngine(tiny.load("qwen3"), script)
    with open_server(engine, host="127.0.0.1", port=0, limits=ServerLimits(**limits)) as server:
        yield server


@pytest.fixture(scope="module")
def weather(tiny: "Tiny", scripted_engine: ModuleType) -> Iterator[Server]:
    with scripted(tiny, scripted_engine, scripted_engine.weather_script) as server:
        yield server


def post(server: Server, path: str, **body: Any) -> Any:
    reply = httpx.post(server.url + path, json={"model": server.model, **body}, timeout=60)
    assert reply.status_code == 200, reply.text
    return reply.json()


def events(server: Server, path: str, **body: Any) -> list[dict[str, Any]]:
    request = {"model": server.model, "stream": True, **body}
    with httpx.stream("POST", server.url + path, json=request, timeout=60) as stream:
        lines = [line.removeprefix("data: ") for line in stream.iter_lines() if "data: " in line]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def test_calls_in_thoughts_are_thoughts_and_thoughts_are_apart(weather: Server) -> None:
    reply = post(weather, "/chat/completions", messages=[user(QUESTION)], tools=[CHAT_TOOL])
    message = reply["choices"][0]["message"]
    assert "<tool_call>" in message["reasoning_content"]
    assert message["content"] == "I look. "
    (call,) = message["tool_calls"]
    assert len(call["id"]) == 9
    assert "index" not in call


def test_a_message_with_everything_that_clients_add_is_taken_back(weather: Server) -> None:
    messages = [user(QUESTION)]
    reply = post(weather, "/chat/completions", messages=messages, tools=[CHAT_TOOL])
    message = reply["choices"][0]["message"]
    (call,) = message["tool_calls"]
    echo = {
        **message, "tool_calls": [{**call, "index": None, "extra": 1}], "annotations": [],
        "audio": None, "refusal": None, "function_call": None, "made_up": {"a": [1]},
    }  # fmt: skip
    told = {"role": "tool", "tool_call_id": call["id"], "content": "21 degrees", "name": "w"}
    again = post(weather, "/chat/completions", messages=[*messages, echo, told], tools=[CHAT_TOOL])
    assert again["choices"][0]["message"]["content"] == "It is 21 degrees."


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def test_all_dialects_give_the_model_the_same_tokens(server: Server) -> None:
    words = {"temperature": 0}
    chat = post(
        server, "/chat/completions", max_tokens=6, **words,
        messages=[{"role": "developer", "content": "Be brief."}, user("Why?")],
    )  # fmt: skip
    response = post(
        server, "/responses", max_output_tokens=6, instructions="Be brief.", input="Why?", **words
    )
    message = post(
        server, "/messages", max_tokens=6, system="Be brief.", messages=[user("Why?")], **words
    )
    said = chat["choices"][0]["message"]["content"]
    assert response["output"][0]["content"][0]["text"] == said
    assert message["content"][0]["text"] == said
    told = post(
        server, "/tokenize",
        messages=[{"role": "system", "content": "Be brief."}, user("Why?")],
    )  # fmt: skip
    counted = post(server, "/messages/count_tokens", system="Be brief.", messages=[user("Why?")])
    prompt_tokens = chat["usage"]["prompt_tokens"]
    assert told["count"] == len(told["tokens"]) == prompt_tokens
    assert counted["input_tokens"] == response["usage"]["input_tokens"] == prompt_tokens


def test_a_developer_speaks_as_the_system_and_not_as_the_user() -> None:
    def turns(role: str) -> Any:
        body = {"model": "m", "messages": [{"role": role, "content": "Be brief."}, user("?")]}
        asked = ChatCompletionRequest.model_validate(body)
        return chat_request(asked, PictureLimits()).turns

    assert turns("developer") == turns("system")
    assert turns("developer")[0].role == "system"
    assert turns("user")[0].role == "user"


def test_tokens_that_were_kept_are_counted_in_every_dialect(serve: Serve) -> None:
    text = "word " * 40
    with serve() as server:

        def ask(path: str, **more: Any) -> Any:
            return post(server, path, **more)["usage"]

        cold = ask("/chat/completions", messages=[user(text)], max_tokens=2)
        warm = ask("/chat/completions", messages=[user(text)], max_tokens=2)
        response = ask("/responses", input=text, max_output_tokens=2)
        message = ask("/messages", messages=[user(text)], max_tokens=2)
    assert cold["prompt_tokens_details"]["cached_tokens"] == 0
    kept = warm["prompt_tokens_details"]["cached_tokens"]
    assert 16 <= kept < warm["prompt_tokens"]
    assert response["input_tokens_details"]["cached_tokens"] == kept
    assert message["cache_read_input_tokens"] == kept
    assert message["input_tokens"] + kept == warm["prompt_tokens"]
    assert warm["attention_read_share"] == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/chat/completions", {"messages": [user("?")], "max_tokens": 3500}),
        ("/responses", {"input": "?", "max_output_tokens": 3500}),
        ("/messages", {"messages": [user("?")], "max_tokens": 3500}),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True])
def test_a_client_that_leaves_ends_its_reply(
    path: str, body: dict[str, Any], is_stream: bool, serve: Serve
) -> None:
    with serve() as server:
        request = {"model": server.model, "stream": is_stream, "temperature": 0, **body}
        text = json.dumps(request).encode()
        address = urlsplit(server.url)
        assert address.hostname is not None
        assert address.port is not None
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.sendall(
                f"POST /v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(text)}\r\n\r\n".encode()
                + text
            )
            wait_for(server, lambda now: now["tapgraph_requests_running"] == 1)
        cancelled = 'tapgraph_requests_finished_total{reason="cancelled"}'
        wait_for(server, lambda now: now["tapgraph_requests_running"] == 0)
        assert metrics(server)[cancelled] == 1


def metrics(server: Server) -> dict[str, float]:
    text = httpx.get(server.url.removesuffix("/v1") + "/metrics").text
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def wait_for(server: Server, holds: Callable[[dict[str, float]], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds(metrics(server)):
        assert time.monotonic() < deadline


def test_a_response_streams_each_item_and_ends_with_the_whole(weather: Server) -> None:
    tools = [{"type": "function", **FUNCTION}]
    sent = events(weather, "/responses", input=QUESTION, tools=tools)
    assert [event["sequence_number"] for event in sent] == list(range(len(sent)))
    final = sent[-1]["response"]
    assert sent[-1]["type"] == "response.completed"
    done = [event["item"] for event in sent if event["type"] == "response.output_item.done"]
    assert done == final["output"]
    assert [item["type"] for item in done] == ["reasoning", "message", "function_call"]
    arguments = [event["delta"] for event in sent if "arguments.delta" in event["type"]]
    assert len(arguments) > 1
    assert "".join(arguments) == done[-1]["arguments"] == '{"city": "Paris"}'


def test_a_message_streams_blocks_one_after_the_other(weather: Server) -> None:
    tools = [{"name": "get_weather", "input_schema": PARAMETERS}]
    sent = events(weather, "/messages", messages=[user(QUESTION)], tools=tools, max_tokens=99)
    kinds = [event["type"] for event in sent if event["type"] != "content_block_delta"]
    assert kinds == [
        "message_start", *["content_block_start", "content_block_stop"] * 3, "message_delta",
        "message_stop",
    ]  # fmt: skip
    pieces = [
        event["delta"]["partial_json"]
        for event in sent
        if event.get("delta", {}).get("type") == "input_json_delta"
    ]
    assert json.loads("".join(pieces)) == {"city": "Paris"}
    assert sent[-2]["delta"]["stop_reason"] == "tool_use"


@pytest.mark.parametrize(
    ("path", "body", "last"),
    [
        ("/responses", {"input": "?"}, "response.failed"),
        ("/messages", {"messages": [user("?")], "max_tokens": 4000}, "error"),
    ],
)
def test_a_stream_that_takes_too_long_ends_in_the_dialects_words(
    path: str, body: dict[str, Any], last: str, serve: Serve
) -> None:
    with serve(limits=ServerLimits(timeout_s=0.2)) as server:
        sent = events(server, path, temperature=0, **body)
    assert sent[-1]["type"] == last
    error = sent[-1].get("error") or sent[-1]["response"]["error"]
    assert error["message"] == "the reply took too long"


@pytest.mark.parametrize("path", ["/messages", "/messages/count_tokens"])
def test_anthropics_clients_get_errors_in_their_words(path: str, server: Server) -> None:
    def refused(**body: Any) -> Any:
        return httpx.post(server.url + path, json=body, timeout=60).json()

    good = {"model": server.model, "messages": [user("?")], "max_tokens": 3}
    if path.endswith("tokens"):
        del good["max_tokens"]
    unknown = refused(**{**good, "model": "x"})
    assert unknown["type"] == "error"
    assert unknown["error"]["type"] == "not_found_error"
    prefilled = [user("?"), {"role": "assistant", "content": "{"}]
    wrongs: tuple[dict[str, Any], ...] = (
        {"colour": 1}, {"messages": []}, {"messages": prefilled},
    )  # fmt: skip
    for wrong in wrongs:
        assert refused(**{**good, **wrong})["error"]["type"] == "invalid_request_error"


def test_the_key_may_come_as_anthropics_clients_send_it(serve: Serve) -> None:
    with serve(limits=ServerLimits(gate=GateLimits(api_key="sesame"))) as server:
        for key, status in (("sesame", 200), ("wrong", 401)):
            reply = httpx.get(server.url + "/models", headers={"x-api-key": key})
            assert reply.status_code == status


@pytest.mark.parametrize(
    "change",
    [
        {"previous_response_id": "resp_1"},
        {"background": True},
        {"tools": [{"type": "web_search"}]},
        {"input": [{"type": "item_reference", "id": "x"}]},
        {"input": []},
        {"conversation": "c"},
    ],
)
def test_what_needs_a_memory_of_the_server_is_refused(
    change: dict[str, Any], server: Server
) -> None:
    body = {"model": server.model, "input": "?", **change}
    refused = httpx.post(server.url + "/responses", json=body)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"].startswith(next(iter(change)))


def test_templates_that_want_ids_of_nine_letters_get_them(
    tiny: "Tiny", tmp_path: Path, scripted_engine: ModuleType
) -> None:
    template = (
        "{% for message in messages %}{{ message.content }}"
        "{% for id in [message.tool_call_id] + (message.tool_calls or []) | map(attribute='id') "
        "| list %}{% if id and id | length != 9 %}{{ raise_exception('nine letters') }}{% endif %}"
        "{% endfor %}{% endfor %}{% if tools %}{% endif %}"
    )
    checkpoint = load_checkpoint(tiny.save(tmp_path, "qwen3", template=template), device="cpu")
    engine = scripted_engine.ScriptedEngine(checkpoint, lambda _: "Yes.")
    call = {"id": "call_of_another_server", "type": "function",
            "function": {"name": "get_weather", "arguments": "{}"}}  # fmt: skip
    messages = [
        user(QUESTION),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_of_another_server", "content": "21"},
    ]
    with open_server(engine, host="127.0.0.1", port=0, limits=ServerLimits()) as server:
        post(server, "/chat/completions", messages=messages, tools=[CHAT_TOOL])


@pytest.mark.parametrize("kind", ["prepended", "metaspace_always", "unigram_with_bytes"])
def test_every_dialect_keeps_to_a_schema_with_other_tokenizers(
    kind: str, tiny: "Tiny", tmp_path: Path, serve_checkpoint: Serve
) -> None:
    folder = tiny.save(tmp_path / kind, tokenizer=tiny.tokenizer(kind))
    schema = {
        "type": "object", "properties": {"done": {"type": "boolean"}}, "required": ["done"],
        "additionalProperties": False,
    }  # fmt: skip
    with serve_checkpoint(folder) as server:
        named = {"type": "json_schema", "json_schema": {"name": "d", "schema": schema}}
        chat = post(server, "/chat/completions", messages=[user("?")], response_format=named)
        flat = {"type": "json_schema", "name": "d", "schema": schema}
        response = post(server, "/responses", input="?", text={"format": flat})
        config = {"format": {"type": "json_schema", "schema": schema}}
        message = post(
            server, "/messages", messages=[user("?")], max_tokens=50, output_config=config
        )
        forced = post(
            server, "/chat/completions", messages=[user("?")], tools=[CHAT_TOOL],
            tool_choice="required", max_tokens=400,
        )  # fmt: skip
    for text in (
        chat["choices"][0]["message"]["content"],
        response["output"][0]["content"][0]["text"],
        message["content"][0]["text"],
    ):
        assert set(json.loads(text)) == {"done"}
    assert forced["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "get_weather"


@pytest.mark.parametrize(
    "schema",
    [
        {"const": "\u732b"},
        {"type": "string", "pattern": "^\u732b$"},
        {"type": "object", "properties": {"\u732b": {}}, "required": ["\u732b"]},
        {
            "type": "object",
            "patternProperties": {"^\u732b$": {}},
            "minProperties": 1,
            "additionalProperties": False,
        },
        {"$ref": "#/$defs/\u732b", "$defs": {"\u732b": {"enum": ["\u732b"]}}},
    ],
)
def test_a_schema_that_the_vocabulary_cannot_spell_is_a_400(
    schema: dict[str, Any], tiny: "Tiny", tmp_path: Path, serve_checkpoint: Serve
) -> None:
    folder = tiny.save(tmp_path / "cat", tokenizer=tiny.tokenizer("unigram"))
    wanted = {"type": "json_schema", "json_schema": {"name": "cat", "schema": schema}}
    with serve_checkpoint(folder) as server:
        body = {"model": server.model, "messages": [user("?")], "response_format": wanted}
        reply = httpx.post(f"{server.url}/chat/completions", json=body, timeout=60)
    assert reply.status_code == 400
    assert "\n" not in reply.json()["error"]["message"]

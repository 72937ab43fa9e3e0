"""A real client against a real server that speaks OpenAI's protocol."""

import base64
import io
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image
from pydantic import BaseModel

from tapgraph.errors import InvalidReply, ModelUnavailable, UsageError
from tapgraph.llm_backend.chat_model import ChatModel, ModelTraits, ToolCall, ToolSpec, Usage
from tapgraph.llm_backend.messages import assistant, system, user
from tapgraph.llm_backend.openai_model import OpenAIModel
from tapgraph.llm_backend.prices import Price
from tapgraph.llm_backend.structured import ask

Start = Callable[[Callable[[dict[str, Any]], object]], Any]
"""The fixture `openai_server`: a responder in, a running server out."""


class Tap(BaseModel):
    x: int
    y: int = 0


class OpenTap(BaseModel):
    x: int
    more: dict[str, str] = {}


def completion(text: object, reason: str | None = "stop", **message: object) -> dict[str, Any]:
    return {
        "choices": [{"message": {"content": text, **message}, "finish_reason": reason}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100},
        "model": "served-name",
    }


def error(message: str, **fields: str) -> dict[str, Any]:
    return {"error": {"message": message, **fields}}


def in_turn(*answers: object) -> Callable[[dict[str, Any]], object]:
    remaining = iter(answers)
    return lambda request: next(remaining)


class TestReply:
    def test_conversation_arrives_and_words_come_back(self, openai_server: Start) -> None:
        server = openai_server(lambda request: "Hello.")
        model: ChatModel = OpenAIModel(server.url, "m", api_key="secret")
        said = [system("be short"), user("Hi!"), assistant("Yes?"), user("Well…")]
        assert model.reply(said, max_tokens=9, temperature=0.5, stop=["\n"]).text == "Hello."
        (request,) = server.requests
        assert request["messages"] == [
            {"role": "system", "content": "be short"},
            {"role": "user", "content": "Hi!"},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": "Well…"},
        ]
        assert (request["model"], request["max_tokens"], request["temperature"]) == ("m", 9, 0.5)
        assert request["stop"] == ["\n"]
        assert server.headers[0]["authorization"] == "Bearer secret"

    def test_tokens_are_counted_and_priced(self, openai_server: Start) -> None:
        server = openai_server(lambda request: completion("x"))
        reply = OpenAIModel(server.url, "m", price=Price(2.0, 10.0)).reply([user("?")])
        assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (1000, 100)
        assert reply.usage.cost_usd == pytest.approx(0.003)
        assert reply.model == "served-name"
        assert 0 < reply.latency_s < 10

    def test_server_that_counts_nothing_is_charged_by_characters(
        self, openai_server: Start
    ) -> None:
        server = openai_server(lambda request: {"choices": [{"message": {"content": "12345"}}]})
        reply = OpenAIModel(server.url, "m").reply([user("12345678")])
        assert (reply.usage, reply.model) == (Usage(2, 2), "m")

    @pytest.mark.parametrize(
        ("reason", "read"),
        [
            ("stop", "stop"),
            ("length", "length"),
            ("tool_calls", "tool_calls"),
            ("content_filter", "content_filter"),
            ("end_turn", "stop"),
            (None, "stop"),
        ],
    )
    def test_finish_reason_is_read(
        self, openai_server: Start, reason: str | None, read: str
    ) -> None:
        server = openai_server(lambda request: completion("x", reason))
        assert OpenAIModel(server.url, "m").reply([user("?")]).finish_reason == read

    def test_refusal_is_no_answer(self, openai_server: Start) -> None:
        server = openai_server(lambda request: completion(None, refusal="I will not."))
        reply = OpenAIModel(server.url, "m").reply([user("?")])
        assert (reply.text, reply.finish_reason) == ("I will not.", "content_filter")

    def test_content_in_parts_is_joined(self, openai_server: Start) -> None:
        parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
        server = openai_server(lambda request: completion(parts))
        assert OpenAIModel(server.url, "m").reply([user("?")]).text == "ab"

    def test_tools_are_offered_and_their_calls_read(self, openai_server: Start) -> None:
        call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
        server = openai_server(lambda request: completion(None, "tool_calls", tool_calls=[call]))
        tool = ToolSpec("f", "does it", {"type": "object", "properties": {}})
        reply = OpenAIModel(server.url, "m").reply([user("?")], tools=[tool])
        assert reply.tool_calls == (ToolCall("c1", "f", '{"a":1}'),)
        assert server.requests[0]["tools"][0]["function"]["name"] == "f"

    def test_lone_surrogates_do_no_harm(self, openai_server: Start) -> None:
        server = openai_server(lambda request: completion("\ud83d!"))
        reply = OpenAIModel(server.url, "m").reply([user("\udc00?")])
        assert reply.text.encode()
        assert server.requests[0]["messages"][0]["content"] == "??"

    def test_one_model_serves_many_threads(self, openai_server: Start) -> None:
        server = openai_server(lambda request: request["messages"][0]["content"])
        model = OpenAIModel(server.url, "m")
        with ThreadPoolExecutor(8) as pool:
            said = list(pool.map(lambda n: model.reply([user(str(n))]).text, range(40)))
        assert said == [str(number) for number in range(40)]


class TestSchema:
    def test_schema_is_sent_and_the_object_parsed(self, openai_server: Start) -> None:
        server = openai_server(lambda request: Tap(x=1, y=2))
        assert OpenAIModel(server.url, "m").reply([user("?")], schema=Tap).parsed == Tap(x=1, y=2)
        asked = server.requests[0]["response_format"]
        assert asked["type"] == "json_schema"
        assert asked["json_schema"]["name"] == "Tap"
        assert asked["json_schema"]["schema"]["required"] == ["x", "y"]

    @pytest.mark.parametrize(("schema", "is_strict"), [(OpenTap, False), (Tap, True)])
    def test_only_closed_schemas_are_strict(
        self, openai_server: Start, schema: type[BaseModel], is_strict: bool
    ) -> None:
        server = openai_server(lambda request: '{"x": 1}')
        OpenAIModel(server.url, "m").reply([user("?")], schema=schema)
        assert server.requests[0]["response_format"]["json_schema"]["strict"] is is_strict

    def test_words_that_do_not_fit_are_not_parsed(self, openai_server: Start) -> None:
        server = openai_server(lambda request: "no")
        reply = OpenAIModel(server.url, "m").reply([user("?")], schema=Tap)
        assert (reply.text, reply.parsed) == ("no", None)

    def test_cut_reply_is_not_parsed(self, openai_server: Start) -> None:
        server = openai_server(lambda request: completion('{"x": 1}', "length"))
        model = OpenAIModel(server.url, "m")
        assert model.reply([user("?")], schema=Tap).parsed is None
        with pytest.raises(InvalidReply, match="cut after 100 tokens"):
            ask(model, [user("?")], Tap, retries=0)

    def test_invalid_reply_is_told_and_asked_again(self, openai_server: Start) -> None:
        server = openai_server(in_turn("Tap it.", '```json\n{"x": 3}\n```'))
        asked = ask(OpenAIModel(server.url, "m"), [user("?")], Tap)
        assert asked.answer == Tap(x=3)
        roles = [message["role"] for message in server.requests[1]["messages"]]
        assert roles == ["user", "assistant", "user"]

    def test_arguments_of_a_forced_call_are_the_object(self, openai_server: Start) -> None:
        function = {"name": "reply", "arguments": '{"x": 1}'}
        call = {"id": "c1", "type": "function", "function": function}
        said = completion("I call it.", "tool_calls", tool_calls=[call])
        server = openai_server(lambda request: said)
        model = OpenAIModel(server.url, "m", traits=ModelTraits("m", json="tools"))
        reply = model.reply([user("?")], schema=Tap)
        assert (reply.parsed, reply.tool_calls, reply.finish_reason) == (Tap(x=1), (), "stop")
        (tool,) = server.requests[0]["tools"]
        assert tool["function"]["parameters"]["required"] == ["x", "y"]
        assert "response_format" not in server.requests[0]

    def test_a_tool_that_is_called_reply_too_is_called(self, openai_server: Start) -> None:
        call = {"id": "c1", "type": "function", "function": {"name": "reply", "arguments": "{}"}}
        server = openai_server(lambda request: completion(None, "tool_calls", tool_calls=[call]))
        model = OpenAIModel(server.url, "m", traits=ModelTraits("m", json="tools"))
        reply = model.reply([user("?")], tools=[ToolSpec("reply", "", {"type": "object"})])
        assert reply.tool_calls == (ToolCall("c1", "reply", "{}"),)


class TestThinking:
    @pytest.mark.parametrize(
        "message",
        [
            {"content": "b", "reasoning_content": "a"},
            {"content": "b", "reasoning": "a"},
            {"content": "<think>a</think>b"},
            {"content": "b", "reasoning_content": "a", "reasoning": "a"},
        ],
    )
    def test_thoughts_are_kept_apart(
        self, openai_server: Start, message: dict[str, object]
    ) -> None:
        server = openai_server(lambda request: {"choices": [{"message": message}]})
        reply = OpenAIModel(server.url, "m").reply([user("?")])
        assert (reply.reasoning, reply.text) == ("a", "b")

    def test_thoughts_in_another_form_are_no_harm(self, openai_server: Start) -> None:
        server = openai_server(lambda request: completion("b", reasoning={"steps": 3}))
        assert OpenAIModel(server.url, "m").reply([user("?")]).reasoning == ""

    @pytest.mark.parametrize(
        ("usage", "cached", "reasoning"),
        [
            ({}, 0, 0),
            ({"prompt_tokens_details": {"cached_tokens": 600}}, 600, 0),
            ({"prompt_cache_hit_tokens": 600}, 600, 0),
            ({"prompt_tokens_details": None, "completion_tokens_details": None}, 0, 0),
            ({"completion_tokens_details": {"reasoning_tokens": 80}}, 0, 80),
            ({"prompt_tokens_details": {"cached_tokens": 5000}}, 1000, 0),
            ({"prompt_cache_hit_tokens": -5}, 0, 0),
        ],
    )
    def test_cached_and_reasoning_tokens_are_counted(
        self, openai_server: Start, usage: dict[str, Any], cached: int, reasoning: int
    ) -> None:
        said = completion("x")
        said["usage"] |= usage
        server = openai_server(lambda request: said)
        counted = OpenAIModel(server.url, "m", price=Price(2.0, 0.0, 1.0)).reply([user("?")]).usage
        assert (counted.cached_tokens, counted.reasoning_tokens) == (cached, reasoning)
        assert counted.cost_usd == pytest.approx((2 * (1000 - cached) + cached) / 1e6)

    def test_thoughts_that_nobody_counts_are_charged_by_characters(
        self, openai_server: Start
    ) -> None:
        message = {"content": "1234", "reasoning_content": "12345678"}
        server = openai_server(lambda request: {"choices": [{"message": message}]})
        assert OpenAIModel(server.url, "m").reply([user("?")]).usage.completion_tokens == 3


class TestPictures:
    def test_picture_is_sent_as_a_small_jpeg(self, openai_server: Start) -> None:
        server = openai_server(lambda request: "seen")
        traits = ModelTraits("m", pictures="all", image_max_px=120)
        picture = Image.new("RGBA", (108, 240), "red")
        OpenAIModel(server.url, "m", traits=traits).reply([user("what?", picture)])
        image_part, text_part = server.requests[0]["messages"][0]["content"]
        head, _, data = image_part["image_url"]["url"].partition(",")
        sent = Image.open(io.BytesIO(base64.b64decode(data)))
        assert head == "data:image/jpeg;base64"
        assert (sent.format, sent.size) == ("JPEG", (54, 120))
        assert text_part == {"type": "text", "text": "what?"}

    def test_small_picture_keeps_its_size(self, openai_server: Start) -> None:
        server = openai_server(lambda request: "seen")
        traits = ModelTraits("m", pictures="all", image_max_px=1280)
        OpenAIModel(server.url, "m", traits=traits).reply([user("?", Image.new("RGB", (30, 40)))])
        url = server.requests[0]["messages"][0]["content"][0]["image_url"]["url"]
        assert Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).size == (30, 40)

    def test_model_without_eyes_refuses_pictures(self, openai_server: Start) -> None:
        server = openai_server(lambda request: "seen")
        with pytest.raises(UsageError, match="takes no pictures"):
            OpenAIModel(server.url, "m").reply([user("?", Image.new("RGB", (3, 4)))])
        assert not server.requests


class TestTrouble:
    def test_no_server_says_so(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
            with pytest.raises(
                ModelUnavailable, match=f"{url} cannot be reached.*start the server"
            ):
                OpenAIModel(url, "m", max_retries=0).reply([user("?")])

    @pytest.mark.parametrize(
        ("status", "told", "requests"),
        [
            (401, "refuses the API key", 1),
            (403, "refuses the API key", 1),
            (404, "knows no model 'm'", 1),
            (413, "refuses the request", 1),
            (408, "refuses the request", 3),
            (409, "refuses the request", 3),
            (429, "no more requests", 3),
            (500, "out of order", 3),
            (503, "out of order", 3),
        ],
    )
    def test_refusal_is_one_sentence_and_only_passing_ones_are_tried_again(
        self, openai_server: Start, status: int, told: str, requests: int
    ) -> None:
        server = openai_server(lambda request: (status, error("the server's words")))
        with pytest.raises(ModelUnavailable, match=f"{told}.*the server's words"):
            OpenAIModel(server.url, "m").reply([user("?")])
        assert len(server.requests) == requests

    def test_busy_server_is_asked_again(self, openai_server: Start) -> None:
        server = openai_server(in_turn((429, error("busy")), (500, error("oh")), "Hello."))
        assert OpenAIModel(server.url, "m").reply([user("?")]).text == "Hello."

    def test_hung_up_call_is_tried_again(self, openai_server: Start) -> None:
        server = openai_server(in_turn((0, None), "Hello."))
        assert OpenAIModel(server.url, "m").reply([user("?")]).text == "Hello."

    def test_silent_server_times_out(self, openai_server: Start) -> None:
        is_over = threading.Event()

        def respond(request: dict[str, Any]) -> str:
            is_over.wait(20)
            return "late"

        server = openai_server(respond)
        model = OpenAIModel(server.url, "m", timeout_s=0.2, max_retries=0)
        with pytest.raises(ModelUnavailable, match=r"did not answer within 0\.2 s"):
            model.reply([user("?")])
        is_over.set()

    @pytest.mark.parametrize(
        "body",
        [
            b"<html>hello</html>",
            b"",
            b"null",
            b"[]",
            b"\xff\xfe",
            b"[" * 100_000,
            {"choices": []},
            {"choices": [{}]},
        ],
    )
    def test_answer_in_another_protocol_is_refused(
        self, openai_server: Start, body: object
    ) -> None:
        server = openai_server(lambda request: (200, body))
        with pytest.raises(ModelUnavailable, match="does not speak OpenAI's chat protocol"):
            OpenAIModel(server.url, "m").reply([user("?")])

    @pytest.mark.parametrize(
        ("body", "tries"),
        [
            (error("the model is on fire"), 1),
            ({"error": "out of memory"}, 1),
            (error("Rate limit reached", code="429"), 3),
            (error("wait", type="rate_limit_error"), 3),
        ],
    )
    def test_an_error_in_a_success_keeps_its_words_and_a_limit_is_waited_for(
        self, openai_server: Start, body: dict[str, Any], tries: int
    ) -> None:
        server = openai_server(lambda request: (200, body))
        told = body["error"]
        words = told if isinstance(told, str) else told["message"]
        with pytest.raises(ModelUnavailable, match=words):
            OpenAIModel(server.url, "m").reply([user("?")])
        assert len(server.requests) == tries

    def test_wrong_path_is_told(self, openai_server: Start) -> None:
        server = openai_server(lambda request: "never")
        with pytest.raises(ModelUnavailable, match=r"no path /chat/completions.*ends in /v1"):
            OpenAIModel(server.url.removesuffix("/v1"), "m").reply([user("?")])

    def test_key_does_not_appear_in_the_error(self, openai_server: Start) -> None:
        server = openai_server(lambda request: (401, error("wrong key sk-very-secret!")))
        with pytest.raises(ModelUnavailable) as raised:
            OpenAIModel(server.url, "m", api_key="sk-very-secret").reply([user("?")])
        assert "sk-very-secret" not in str(raised.value)

    @pytest.mark.parametrize(
        "url",
        ["", "localhost:8000/v1", "ftp://h/v1", "http://", "http://h:x/v1", "http://h/v1?a=b"],
    )
    def test_url_that_cannot_be_is_refused_at_once(self, url: str) -> None:
        with pytest.raises(UsageError, match="http://localhost:8000/v1"):
            OpenAIModel(url, "m")

    def test_other_wrong_arguments_are_refused(self) -> None:
        with pytest.raises(UsageError, match="name is empty"):
            OpenAIModel("http://h/v1", "")
        with pytest.raises(UsageError, match="API key"):
            OpenAIModel("http://h/v1", "m", api_key="schlüssel\n")
        with pytest.raises(UsageError, match="timeout_s"):
            OpenAIModel("http://h/v1", "m", timeout_s=0)
        with pytest.raises(UsageError, match="password"):
            OpenAIModel("http://me:pw@h/v1", "m")

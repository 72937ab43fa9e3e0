"""The same question to servers that differ."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.errors import ModelUnavailable
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.llm_backend.messages import user
from tapgraph.llm_backend.model_spec import open_model
from tapgraph.llm_backend.openai_model import OpenAIModel
from tapgraph.llm_backend.request_options import RequestOptions
from tapgraph.llm_backend.structured import ask
from tapgraph.settings import Settings

Start = Callable[..., Any]
Request = dict[str, Any]


class Tap(BaseModel):
    x: int
    y: int = 0


class Verdict(BaseModel):
    is_done: bool


def refused(message: str, status: int = 400, **fields: str) -> tuple[int, object]:
    return status, {"error": {"message": message, **fields}}


def answer(request: Request) -> str:
    return '{"x": 1}'


def forms(server: Any, stand_in: ModuleType) -> list[str | None]:
    return [stand_in.form_of(request) for request in server.requests]


OPTIONS = {"azure": "api-version=2024-10-21", "tools only": "json=tools"}
SERVERS = (
    "vllm",
    "vllm without a reasoning parser",
    "openai",
    "azure",
    "openrouter",
    "deepseek",
    "object only",
    "tools only",
    "no form",
    "no form and no word",
    "ollama",
)


def test_every_known_server_is_tried(stand_in: ModuleType) -> None:
    assert set(SERVERS) == set(stand_in.SERVERS)


@pytest.mark.parametrize("name", SERVERS)
def test_every_server_gives_the_object_and_is_known_after_three_questions(
    name: str, openai_server: Start, stand_in: ModuleType, openai_strict_rules: ModuleType
) -> None:
    quirks = replace(stand_in.SERVERS[name], checks=openai_strict_rules.problems_of)
    server = openai_server(answer, quirks)
    settings = Settings(home=Path("/nowhere"), model_api_key="sk-mine")
    model = open_model(server.spec("m", OPTIONS.get(name, "")), settings)
    asked = [ask(model, [user("Where?")], Tap) for _ in range(4)]
    assert [each.answer for each in asked] == [Tap(x=1)] * 4
    thoughts = stand_in.THOUGHT if quirks.thinks else ""
    assert {each.replies[0].reasoning for each in asked} == {thoughts}
    before = len(server.requests)
    ask(model, [user("Where?")], Tap)
    assert len(server.requests) == before + 1, "what is refused is asked for again and again"


@pytest.mark.parametrize(
    ("name", "tried"),
    [
        ("vllm", ["schema", "schema"]),
        ("object only", ["schema", "object", "object"]),
        ("tools only", ["schema", "object", None, None]),
        ("no form", ["schema", "object", None, None]),
    ],
)
def test_refused_schema_falls_to_any_object_and_then_to_words(
    name: str, tried: list[str | None], openai_server: Start, stand_in: ModuleType
) -> None:
    server = openai_server(answer, stand_in.SERVERS[name])
    model = OpenAIModel(server.url, "m")
    for _ in range(2):
        assert model.reply([user("Where?")], schema=Tap).parsed == Tap(x=1)
    assert forms(server, stand_in) == tried


def test_prompt_holds_the_schema_where_the_server_is_not_given_it(
    openai_server: Start, stand_in: ModuleType
) -> None:
    server = openai_server(answer, stand_in.SERVERS["no form"])
    OpenAIModel(server.url, "m").reply([user("Where?")], schema=Tap)
    bound, *free = [request["messages"] for request in server.requests]
    assert "JSON schema" not in bound[-1]["content"]
    for messages in free:
        assert len(messages) == 1, "two messages of one role in a row are refused by many"
        assert messages[0]["content"].startswith("Where?")
        assert '"required": ["x"]' in messages[0]["content"]


def test_wanted_form_is_asked_for_at_once(openai_server: Start, stand_in: ModuleType) -> None:
    server = openai_server(answer)
    for form in ("object", "tools", "none"):
        OpenAIModel(server.url, "m", traits=ModelTraits("m", json=form)).reply(
            [user("Where?")], schema=Tap
        )
    assert forms(server, stand_in) == ["object", "tools", None]


def test_only_the_refused_schema_is_given_up(openai_server: Start, stand_in: ModuleType) -> None:
    def respond(request: Request) -> object:
        asked = request.get("response_format", {}).get("json_schema", {})
        if asked.get("name") == "Tap":
            return refused("Invalid schema for response_format 'Tap'")
        return '{"x": 1, "is_done": true}'

    server = openai_server(respond)
    model = OpenAIModel(server.url, "m")
    model.reply([user("Where?")], schema=Tap)
    model.reply([user("Done?")], schema=Verdict)
    assert forms(server, stand_in) == ["schema", "object", "schema"]


@pytest.mark.parametrize("status", [400, 422, 500])
def test_refusal_that_names_the_grammar_counts_by_any_status(
    status: int, openai_server: Start, stand_in: ModuleType
) -> None:
    def respond(request: Request) -> object:
        is_bound = "response_format" in request
        return refused("failed to parse grammar", status) if is_bound else '{"x": 1}'

    server = openai_server(respond)
    model = OpenAIModel(server.url, "m", max_retries=0)
    for _ in range(2):
        assert model.reply([user("Where?")], schema=Tap).parsed == Tap(x=1)
    assert forms(server, stand_in) == ["schema", "object", None, None]


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 8192 tokens; your prompt has 9000",
        "image input is not supported",
        "[{'loc': ('body', 'messages'), 'msg': 'bad', 'input': {'response_format': 1}}]",
        "the schema of your messages is not valid",
    ],
)
def test_request_that_is_refused_for_another_reason_costs_no_schema(
    said: str, openai_server: Start, stand_in: ModuleType
) -> None:
    def respond(request: Request) -> object:
        return refused(said) if "bad" in request["messages"][0]["content"] else '{"x": 1}'

    server = openai_server(respond)
    model = OpenAIModel(server.url, "m")
    for _ in range(3):
        with pytest.raises(ModelUnavailable, match="refuses the request"):
            model.reply([user("bad")], schema=Tap)
    server.requests.clear()
    model.reply([user("good")], schema=Tap)
    assert forms(server, stand_in) == ["schema"]
    assert server.requests[0]["max_tokens"] == 16_384


def test_nameless_refusal_costs_the_schema_only_at_the_second_time_in_a_row(
    openai_server: Start, stand_in: ModuleType
) -> None:
    refuses = iter([True, False, True, True, False])

    def respond(request: Request) -> object:
        if stand_in.form_of(request) == "schema" and next(refuses):
            return refused("Bad request")
        return '{"x": 1}'

    server = openai_server(respond)
    model = OpenAIModel(server.url, "m")
    for _ in range(5):
        assert model.reply([user("Where?")], schema=Tap).parsed == Tap(x=1)
    tried = ["schema", None, "schema", "schema", None, "schema", None, "object"]
    assert forms(server, stand_in) == tried


@pytest.mark.parametrize(
    "said",
    [
        "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
        "max_tokens is too large: 16384. This model supports at most 4096 completion tokens",
        "'max_tokens' or 'max_completion_tokens' is too large: 16384.",
        "you requested 19384 tokens (3000 in the messages, 16384 in the completion)",
    ],
)
def test_limit_that_is_too_large_is_left_out_and_a_smaller_one_sent(
    said: str, openai_server: Start
) -> None:
    def respond(request: Request) -> object:
        return refused(said) if request.get("max_tokens", 0) > 4096 else "Hello."

    server = openai_server(respond)
    model = OpenAIModel(server.url, "m")
    for limit in (None, None, 500):
        assert model.reply([user("?")], max_tokens=limit).text == "Hello."
    limits = [request.get("max_tokens") for request in server.requests]
    assert limits == [16_384, None, None, 500]


def test_refused_parameters_are_avoided(openai_server: Start, stand_in: ModuleType) -> None:
    quirks = stand_in.Quirks(
        tokens_name="max_completion_tokens",
        refuses=frozenset({"temperature", "top_p", "reasoning_effort"}),
    )
    server = openai_server(answer, quirks)
    options = RequestOptions(top_p=0.9, reasoning_effort="low")
    model = OpenAIModel(server.url, "m", options=options)
    for _ in range(2):
        assert model.reply([user("?")], schema=Tap, max_tokens=50).parsed == Tap(x=1)
    assert len(server.requests) == 6
    last = server.requests[-1]
    assert last["max_completion_tokens"] == 50
    assert not {"temperature", "top_p", "reasoning_effort", "max_tokens"} & set(last)
    assert stand_in.form_of(last) == "schema"


def test_refusal_that_repeats_the_request_names_only_what_stands_before(
    openai_server: Start,
) -> None:
    def respond(request: Request) -> object:
        if "top_p" in request:
            return refused(f"[{{'loc': ('body', 'top_p'), 'input': {request}}}]")
        return "Hello."

    server = openai_server(respond)
    OpenAIModel(server.url, "m", options=RequestOptions(top_p=0.9)).reply([user("?")])
    assert "temperature" in server.requests[-1]
    assert len(server.requests) == 2


def test_what_threads_find_is_kept_together(openai_server: Start, stand_in: ModuleType) -> None:
    server = openai_server(answer, stand_in.SERVERS["no form"])
    model = OpenAIModel(server.url, "m")
    schemas: list[type[BaseModel]] = [Tap, Verdict] * 8
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda schema: model.reply([user("?")], schema=schema), schemas))
    server.requests.clear()
    for schema in (Tap, Verdict):
        model.reply([user("?")], schema=schema)
    assert forms(server, stand_in) == [None, None]


def test_options_are_sent_with_every_request(openai_server: Start) -> None:
    server = openai_server(answer)
    options = RequestOptions(0.6, 0.95, "high", {"provider": {"order": ["x"]}})
    OpenAIModel(server.url, "m", options=options).reply([user("?")])
    (request,) = server.requests
    assert (request["temperature"], request["top_p"]) == (0.6, 0.95)
    assert request["reasoning_effort"] == "high"
    assert request["provider"] == {"order": ["x"]}


def test_azure_gets_its_version_and_the_key_in_its_header(openai_server: Start) -> None:
    server = openai_server(answer)
    options = RequestOptions(api_version="2024-10-21")
    OpenAIModel(server.url, "m", api_key="sk-mine", options=options).reply([user("?")])
    assert server.queries == [{"api-version": ["2024-10-21"]}]
    assert server.headers[0]["api-key"] == "sk-mine"


def test_other_servers_get_no_second_header_with_the_key(openai_server: Start) -> None:
    server = openai_server(answer)
    OpenAIModel(server.url, "m", api_key="sk-mine").reply([user("?")])
    assert "api-key" not in server.headers[0]
    assert server.queries == [{}]


LONG = "one line of words " * 2000
"""36,000 characters, about 8,000 tokens."""


def test_prompt_that_was_cut_is_told_with_the_remedy(
    openai_server: Start, stand_in: ModuleType
) -> None:
    server = openai_server(answer, stand_in.SERVERS["ollama"])
    model = OpenAIModel(server.url, "m")
    with pytest.raises(ModelUnavailable, match=r"read only 4,096 tokens.*OLLAMA_CONTEXT_LENGTH"):
        model.reply([user(LONG)])
    assert model.reply([user("short")]).text


@pytest.mark.parametrize(
    ("prompt", "usage"),
    [
        (LONG, {"prompt_tokens": 6000}),
        (LONG, {"prompt_tokens": 11}),
        (LONG, {"prompt_tokens": 2000, "prompt_cache_hit_tokens": 6000}),
        (LONG, {}),
        ("one line " * 800, {"prompt_tokens": 1000}),
    ],
    ids=["whole", "not counted", "counted without the cache", "nothing told", "short"],
)
def test_prompt_that_was_not_cut_is_not_blamed(
    prompt: str, usage: dict[str, int], openai_server: Start
) -> None:
    body = {"choices": [{"message": {"content": "Hello."}}], "usage": usage}
    server = openai_server(lambda request: body)
    assert OpenAIModel(server.url, "m").reply([user(prompt)]).text == "Hello."

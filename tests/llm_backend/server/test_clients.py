"""The unchanged clients `openai` and `langchain-openai` against a server of ours."""

import base64
import io
import json
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Literal

import openai
import pytest
from langchain_openai import ChatOpenAI
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.llm_backend.messages import user
from tapgraph.llm_backend.openai_model import OpenAIModel
from tapgraph.llm_backend.server.serving import Server

HELLO = [{"role": "user", "content": "Open Notes and write milk."}]
SCHEMA = {
    "type": "object",
    "properties": {"action": {"enum": ["Tap", "Back"]}, "element": {"enum": [1, 2, 3]}},
    "required": ["action", "element"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "step", "schema": SCHEMA, "strict": True}}
TOOL = {
    "type": "function",
    "function": {"name": "act", "description": "Do it.", "parameters": SCHEMA, "strict": True},
}


class Step(BaseModel):
    """What to do."""

    action: str
    element: int


def langchain(server: Server, **settings: Any) -> ChatOpenAI:
    return ChatOpenAI(
        base_url=server.url,
        api_key=SecretStr("none"),
        model=server.model,
        max_retries=0,
        **settings,
    )


def png_url(size: tuple[int, int] = (64, 48)) -> str:
    file = io.BytesIO()
    Image.new("RGB", size, "teal").save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def chat(client: openai.OpenAI, server: Server, **more: object) -> openai.types.chat.ChatCompletion:
    settings = {"model": server.model, "messages": HELLO, "max_tokens": 8, "seed": 3, **more}
    reply = ask(client, **settings)
    assert isinstance(reply, openai.types.chat.ChatCompletion)
    return reply


def ask(client: openai.OpenAI, **request: object) -> Any:
    create: Any = client.chat.completions.create
    return create(**request)


def test_the_model_is_listed(client: openai.OpenAI, server: Server) -> None:
    assert [model.id for model in client.models.list()] == [server.model]
    assert client.models.retrieve(server.model).object == "model"


def test_a_plain_reply_counts_its_tokens(client: openai.OpenAI, server: Server) -> None:
    reply = chat(client, server)
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 8
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + 8


def test_a_stream_says_what_the_whole_reply_says(client: openai.OpenAI, server: Server) -> None:
    whole = chat(client, server).choices[0].message.content
    stream = ask(
        client,
        model=server.model,
        messages=HELLO,
        max_tokens=8,
        seed=3,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == whole
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 8
    assert chunks[-2].choices[0].finish_reason == "length"


def test_equal_seeds_give_equal_replies_and_others_do_not(
    client: openai.OpenAI, server: Server
) -> None:
    first, again, other = (
        chat(client, server, seed=seed).choices[0].message.content for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_several_choices_differ_and_share_their_prompt(
    client: openai.OpenAI, server: Server
) -> None:
    reply = chat(client, server, n=3)
    single = chat(client, server, seed=4)
    assert len({choice.message.content for choice in reply.choices}) == 3
    assert reply.choices[1].message.content == single.choices[0].message.content
    assert reply.usage is not None
    assert single.usage is not None
    assert reply.usage.prompt_tokens == single.usage.prompt_tokens
    assert reply.usage.completion_tokens == 24


def test_a_stop_string_ends_the_reply_and_is_not_in_it(
    client: openai.OpenAI, server: Server
) -> None:
    whole = chat(client, server, max_tokens=24).choices[0].message.content
    assert whole is not None
    stop = whole[4:6]
    reply = chat(client, server, max_tokens=24, stop=stop)
    assert reply.choices[0].message.content == whole[: whole.index(stop)]
    assert reply.choices[0].finish_reason == "stop"


def test_log_probabilities_are_those_of_a_distribution(
    client: openai.OpenAI, server: Server
) -> None:
    reply = chat(client, server, logprobs=True, top_logprobs=20)
    logprobs = reply.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert len(logprobs.content) == 8
    for token in logprobs.content:
        chances = [math.exp(top.logprob) for top in token.top_logprobs]
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) <= 1 + 1e-5
        assert token.logprob <= token.top_logprobs[0].logprob


def test_a_schema_is_kept_at_any_temperature(client: openai.OpenAI, server: Server) -> None:
    for temperature in (0.0, 1.0, 2.0):
        reply = chat(
            client, server, response_format=FORMAT, max_tokens=300, temperature=temperature
        )
        said = Step.model_validate_json(reply.choices[0].message.content or "")
        assert reply.choices[0].finish_reason == "stop"
        assert said.action in {"Tap", "Back"}


def test_a_json_reply_that_is_cut_says_so(client: openai.OpenAI, server: Server) -> None:
    reply = chat(client, server, response_format=FORMAT, max_tokens=3)
    assert reply.choices[0].finish_reason == "length"


def test_a_json_object_is_one(client: openai.OpenAI, server: Server) -> None:
    reply = chat(client, server, response_format={"type": "json_object"}, max_tokens=200, seed=1)
    choice = reply.choices[0]
    assert choice.finish_reason == "length" or isinstance(
        json.loads(choice.message.content or ""), dict
    )


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "act"}}])
def test_a_tool_that_must_be_called_is_called(
    client: openai.OpenAI, server: Server, choice: object
) -> None:
    reply = chat(client, server, tools=[TOOL], tool_choice=choice, max_tokens=300)
    [call] = reply.choices[0].message.tool_calls or []
    assert reply.choices[0].finish_reason == "tool_calls"
    assert isinstance(call, openai.types.chat.ChatCompletionMessageFunctionToolCall)
    assert call.function.name == "act"
    Step.model_validate_json(call.function.arguments)


def test_a_streamed_tool_call_is_whole(client: openai.OpenAI, server: Server) -> None:
    stream = ask(
        client,
        model=server.model,
        messages=HELLO,
        tools=[TOOL],
        tool_choice="required",
        max_tokens=300,
        seed=3,
        stream=True,
    )
    chunks = [chunk.choices[0] for chunk in stream]
    calls = [call for chunk in chunks for call in chunk.delta.tool_calls or []]
    assert {call.index for call in calls} == {0}
    assert [call.function.name for call in calls if call.id] == ["act"]
    pieces = [call.function.arguments for call in calls]
    assert len(pieces) > 4
    Step.model_validate_json("".join(pieces))
    assert not any(chunk.delta.content for chunk in chunks)
    assert chunks[-1].finish_reason == "tool_calls"


def test_what_a_tool_gave_can_be_told(client: openai.OpenAI, server: Server) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "act", "arguments": "{}"}}
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "done"},
    ]
    assert chat(client, server, messages=messages, tools=[TOOL]).choices


def test_a_picture_changes_the_prompt(seeing_server: Server) -> None:
    client = openai.OpenAI(base_url=seeing_server.url, api_key="none", max_retries=0)
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": png_url()}},
    ]
    blind = chat(client, seeing_server, messages=[{"role": "user", "content": parts[:1]}])
    seen = chat(client, seeing_server, messages=[{"role": "user", "content": parts}])
    assert blind.usage is not None
    assert seen.usage is not None
    assert seen.usage.prompt_tokens > blind.usage.prompt_tokens + 2


def test_texts_and_token_lists_are_completed(client: openai.OpenAI, server: Server) -> None:
    reply = client.completions.create(
        model=server.model, prompt=["milk", "bread"], max_tokens=4, n=2, logprobs=2, seed=1
    )
    assert [choice.index for choice in reply.choices] == [0, 1, 2, 3]
    logprobs = reply.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.tokens is not None
    assert len(logprobs.tokens) == 4
    by_ids = client.completions.create(model=server.model, prompt=[20, 30, 40], max_tokens=2)
    assert by_ids.usage is not None
    assert by_ids.usage.prompt_tokens == 3
    streamed = client.completions.create(
        model=server.model, prompt="milk", max_tokens=4, seed=1, stream=True
    )
    assert "".join(chunk.choices[0].text for chunk in streamed) == reply.choices[0].text


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"model": "another"}, 404, "no model 'another'"),
        ({"temperature": 3}, 400, "temperature"),
        ({"messages": []}, 400, "messages"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"max_tokens": 10**6}, 400, "context"),
        ({"frequency_penalty": 3}, 400, "frequency_penalty"),
        ({"extra_body": {"colour": "red"}}, 400, "colour"),
        ({"top_logprobs": 2}, 400, "logprobs"),
        ({"tool_choice": "required"}, 400, "tools"),
        ({"messages": [{"role": "user", "content": "x" * 40_000}]}, 400, "context"),
    ],
)
def test_what_cannot_be_done_is_named(
    client: openai.OpenAI, server: Server, change: dict[str, object], status: int, words: str
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        chat(client, server, **change)
    assert caught.value.status_code == status
    assert isinstance(caught.value.body, dict)
    assert words in caught.value.body["message"]
    assert caught.value.body["type"] == "invalid_request_error"


def test_twenty_clients_at_once_get_what_each_gets_alone(
    client: openai.OpenAI, server: Server
) -> None:
    def said(seed: int) -> str | None:
        return chat(client, server, seed=seed, max_tokens=12).choices[0].message.content

    with ThreadPoolExecutor(20) as pool:
        together = list(pool.map(said, range(20)))
    assert together == [said(seed) for seed in range(20)]


def test_langchain_gets_plain_and_streamed_replies(server: Server) -> None:
    model = langchain(server, max_tokens=8, seed=3)
    whole = model.invoke("Open Notes.")
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] == 8
    streamed = "".join(str(chunk.content) for chunk in model.stream("Open Notes."))
    assert streamed == whole.content


def test_langchain_gets_an_object(server: Server) -> None:
    model = langchain(server, max_tokens=300, seed=3).with_structured_output(
        Step, method="json_schema"
    )
    assert isinstance(model.invoke("Go on."), Step)


def test_langchain_gets_a_tool_call(server: Server) -> None:
    model = langchain(server, max_tokens=300, seed=3).bind_tools([Step], tool_choice="required")
    [call] = model.invoke("Go on.").tool_calls
    assert call["name"] == "Step"
    Step.model_validate(call["args"])


def test_langchain_gets_log_probabilities(server: Server) -> None:
    reply = langchain(server, max_tokens=4, logprobs=True, top_logprobs=2).invoke("Go on.")
    assert len(reply.response_metadata["logprobs"]["content"]) == 4


class Finding(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["bug", "wish"] | None = None
    count: Annotated[int, Field(ge=0, le=9)] = 0
    is_done: bool = False


@pytest.mark.parametrize("form", ["schema", "object", "tools"])
def test_our_own_client_gets_objects_with_its_own_settings(form: Any, server: Server) -> None:
    traits = ModelTraits(server.model, json=form)
    model = OpenAIModel(server.url, server.model, traits=traits)
    try:
        reply = model.reply([user("Done?")], schema=Finding, max_tokens=None)
        if form != "object":
            assert isinstance(reply.parsed, Finding)
        assert reply.usage.prompt_tokens > 0
    finally:
        model.close()

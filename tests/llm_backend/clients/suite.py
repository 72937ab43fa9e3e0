"""What people's clients do, unchanged, against the servers that `run_clients.py` opens.

Run in an environment of its own (`requirements.txt`); it knows nothing of tapgraph but addresses.
"""

import asyncio
import base64
import json
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import anthropic
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel, SecretStr
from pydantic_ai import Agent, BinaryContent
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

import agents

REAL, MODEL = os.environ["REAL_SERVER"].split("#")
"""A random model that sees pictures, and a model for vectors."""
SCRIPTED, SCRIPT = os.environ["SCRIPTED_SERVER"].split("#")
"""A model of chat templates that knows when to call a tool."""
VECTORS = os.environ["VECTOR_MODEL"]
QUESTION = "How warm is it in Paris?"
ANSWER = "It is 21 degrees."
AS_JSON = "Say it as JSON, please."

agents.set_tracing_disabled(True)


class Weather(BaseModel):
    """The weather of a town."""

    city: str
    degrees: int


class Flag(BaseModel):
    """What a random model cannot write for ever."""

    is_warm: bool


SCHEMA: Any = {
    "type": "object",
    "properties": {"city": {"enum": ["Paris", "Rome"]}, "degrees": {"enum": [20, 21]}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 8}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL: Any = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Tells it.", "parameters": PARAMETERS},
}


def get_weather(city: str) -> str:
    """How warm it is in a town."""
    return "21 degrees"


def png(width: int = 64, height: int = 48) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + crc

    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    rows = zlib.compress((b"\0" + bytes(3 * width)) * height)
    head = chunk(b"IHDR", size + b"\x08\x02\0\0\0")
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


PICTURE = "data:image/png;base64," + base64.b64encode(png()).decode()


def openai_client(url: str = SCRIPTED) -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key="none", max_retries=0)


def anthropic_client(url: str = SCRIPTED) -> anthropic.Anthropic:
    base = url.removesuffix("/v1")
    return anthropic.Anthropic(base_url=base, api_key="none", max_retries=0)


class TestOpenAIChat:
    def test_streams_thoughts_words_and_arguments(self) -> None:
        said = {"reasoning_content": "", "content": "", "arguments": ""}
        pieces = 0
        for chunk in openai_client().chat.completions.create(
            model=SCRIPT,
            messages=[{"role": "user", "content": QUESTION}],
            tools=[TOOL],
            stream=True,
        ):
            delta: Any = chunk.choices[0].delta
            said["content"] += delta.content or ""
            said["reasoning_content"] += getattr(delta, "reasoning_content", None) or ""
            for call in delta.tool_calls or []:
                said["arguments"] += call.function.arguments
                pieces += 1
        assert "<tool_call>" in said["reasoning_content"]
        assert said["content"] == "I look. "
        assert json.loads(said["arguments"]) == {"city": "Paris"}
        assert pieces > 2

    def test_what_it_sends_can_be_sent_back_unchanged(self) -> None:
        client = openai_client()
        messages: list[Any] = [{"role": "user", "content": QUESTION}]
        for turn in range(3):
            reply = client.chat.completions.create(model=SCRIPT, messages=messages, tools=[TOOL])
            message: Any = reply.choices[0].message
            if not message.tool_calls:
                break
            echo = message.model_dump()
            for call in echo["tool_calls"]:
                call["index"] = None
            messages.append({**echo, "annotations": [], "audio": None, "extra": {"a": turn}})
            messages += [
                {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}
                for call in message.tool_calls
            ]
        assert message.content == ANSWER
        assert len(messages) == 3

    def test_several_calls_at_once_or_only_one(self) -> None:
        for parallel, expected in ((True, 2), (False, 1)):
            reply = openai_client().chat.completions.create(
                model=SCRIPT,
                messages=[{"role": "user", "content": "How warm is it in both towns?"}],
                tools=[TOOL],
                parallel_tool_calls=parallel,
            )
            assert len(reply.choices[0].message.tool_calls or []) == expected

    def test_gets_an_object_and_with_tools_an_object_or_a_call(self) -> None:
        client = openai_client(REAL)
        shape: Any = {"type": "json_schema", "json_schema": {"name": "w", "schema": SCHEMA}}
        for tools in (openai.omit, [TOOL]):
            reply = client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": QUESTION}], temperature=0,
                response_format=shape, tools=tools, max_tokens=300,
            )  # fmt: skip
            choice = reply.choices[0]
            if choice.message.tool_calls:
                assert choice.message.content is None
            else:
                Weather.model_validate_json(choice.message.content or "")

    def test_a_picture_is_part_of_the_prompt(self) -> None:
        parts: Any = [
            {"type": "text", "text": "?"},
            {"type": "image_url", "image_url": {"url": PICTURE}},
        ]
        replies: list[Any] = [
            openai_client(REAL).chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": content}], max_tokens=2
            )
            for content in (parts[:1], parts)
        ]  # fmt: skip
        blind, seeing = (reply.usage.prompt_tokens for reply in replies)
        assert seeing > blind + 2

    def test_vectors_come_in_both_formats(self) -> None:
        client = openai_client(REAL)
        plain = client.embeddings.create(
            model=VECTORS, input=["milk", "bread"], encoding_format="float"
        )
        packed = client.embeddings.create(model=VECTORS, input=["milk", "bread"])
        for one, other in zip(plain.data, packed.data, strict=True):
            assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
            assert sum(x * x for x in one.embedding) == pytest.approx(1, abs=1e-4)

    def test_errors_are_its_own(self) -> None:
        with pytest.raises(openai.NotFoundError, match="no model 'other'"):
            openai_client().chat.completions.create(
                model="other", messages=[{"role": "user", "content": "?"}]
            )
        with pytest.raises(openai.BadRequestError, match="temperature"):
            openai_client().chat.completions.create(
                model=SCRIPT, messages=[{"role": "user", "content": "?"}], temperature=3
            )


class TestOpenAIResponses:
    def test_a_whole_loop_of_items(self) -> None:
        client = openai_client()
        tool: Any = {
            "type": "function",
            "name": "get_weather",
            "parameters": PARAMETERS,
            "strict": True,
        }
        items: list[Any] = [{"role": "user", "content": QUESTION}]
        first = client.responses.create(model=SCRIPT, input=items, tools=[tool])
        assert [item.type for item in first.output] == ["reasoning", "message", "function_call"]
        items += [item.model_dump() for item in first.output]
        call: Any = first.output[-1]
        items.append({
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": "21 degrees",
        })
        second = client.responses.create(model=SCRIPT, input=items, tools=[tool])
        assert second.output_text == ANSWER
        assert second.status == "completed"

    def test_a_stream_adds_up_to_the_response(self) -> None:
        tool: Any = {
            "type": "function",
            "name": "get_weather",
            "parameters": PARAMETERS,
            "strict": True,
        }
        with openai_client().responses.stream(model=SCRIPT, input=QUESTION, tools=[tool]) as stream:
            kinds = [event.type for event in stream]
            final = stream.get_final_response()
        assert kinds[0] == "response.created"
        assert kinds[-1] == "response.completed"
        assert "response.reasoning_text.delta" in kinds
        assert "response.output_text.delta" in kinds
        assert kinds.count("response.function_call_arguments.delta") > 1
        call: Any = final.output[-1]
        assert json.loads(call.arguments) == {"city": "Paris"}

    def test_gets_an_object(self) -> None:
        shape: Any = {"format": {"type": "json_schema", "name": "w", "schema": SCHEMA}}
        reply = openai_client(REAL).responses.create(
            model=MODEL, input=QUESTION, text=shape, max_output_tokens=300, temperature=0
        )
        Weather.model_validate_json(reply.output_text)

    def test_a_picture_and_an_error(self) -> None:
        content: Any = [
            {"type": "input_text", "text": "?"},
            {"type": "input_image", "image_url": PICTURE, "detail": "auto"},
        ]
        reply: Any = openai_client(REAL).responses.create(
            model=MODEL, input=[{"role": "user", "content": content}], max_output_tokens=2
        )
        assert reply.status == "incomplete"
        assert reply.usage.input_tokens > 8
        with pytest.raises(openai.BadRequestError, match="previous_response_id"):
            openai_client().responses.create(model=SCRIPT, input="?", previous_response_id="resp_1")


class TestAnthropic:
    tool: ClassVar[Any] = {
        "name": "get_weather",
        "description": "Tells it.",
        "input_schema": PARAMETERS,
    }

    def test_a_whole_loop_of_blocks(self) -> None:
        client = anthropic_client()
        messages: list[Any] = [{"role": "user", "content": QUESTION}]
        first = client.messages.create(
            model=SCRIPT, max_tokens=100, messages=messages, tools=[self.tool], system="Be brief."
        )
        assert [block.type for block in first.content] == ["thinking", "text", "tool_use"]
        assert first.stop_reason == "tool_use"
        call: Any = first.content[-1]
        messages += [
            {"role": "assistant", "content": [block.model_dump() for block in first.content]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees"}
            ]},
        ]  # fmt: skip
        second: Any = client.messages.create(
            model=SCRIPT, max_tokens=100, messages=messages, tools=[self.tool]
        )
        assert second.content[-1].text == ANSWER
        assert second.stop_reason == "end_turn"

    def test_a_stream_adds_up_to_the_message(self) -> None:
        with anthropic_client().messages.stream(
            model=SCRIPT, max_tokens=100, tools=[self.tool],
            messages=[{"role": "user", "content": QUESTION}],
        ) as stream:  # fmt: skip
            assert "".join(stream.text_stream) == "I look. "
            final: Any = stream.get_final_message()
        assert final.content[-1].input == {"city": "Paris"}
        assert final.usage.output_tokens > 0

    def test_counts_tokens_as_a_reply_does(self) -> None:
        messages: Any = [{"role": "user", "content": QUESTION}]
        counted = anthropic_client(REAL).messages.count_tokens(model=MODEL, messages=messages)
        reply = anthropic_client(REAL).messages.create(
            model=MODEL, messages=messages, max_tokens=2, extra_body={"temperature": 0}
        )
        usage = reply.usage
        assert counted.input_tokens == usage.input_tokens + (usage.cache_read_input_tokens or 0)
        assert reply.stop_reason == "max_tokens"

    def test_a_picture_a_schema_and_errors(self) -> None:
        source: Any = {"type": "base64", "media_type": "image/png",
                       "data": base64.b64encode(png()).decode()}  # fmt: skip
        messages: Any = [{"role": "user", "content": [{"type": "image", "source": source}]}]
        client = anthropic_client(REAL)
        assert client.messages.count_tokens(model=MODEL, messages=messages).input_tokens > 5
        reply: Any = client.messages.create(
            model=MODEL, messages=messages, max_tokens=300, extra_body={"temperature": 0},
            output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
        )  # fmt: skip
        Weather.model_validate_json(reply.content[0].text)
        with pytest.raises(anthropic.NotFoundError, match="no model"):
            client.messages.create(model="other", messages=messages, max_tokens=2)
        with pytest.raises(anthropic.BadRequestError, match="temperature"):
            client.messages.create(
                model=MODEL, messages=messages, max_tokens=2, extra_body={"temperature": 2}
            )


class TestOpenAIAgents:
    @pytest.mark.parametrize("kind", ["chat", "responses"])
    def test_the_loop_of_an_agent(self, kind: str) -> None:
        async def run() -> tuple[str, list[str]]:
            model = agents_model(kind, SCRIPTED, SCRIPT)
            agent = agents.Agent("A", model=model, tools=[agents.function_tool(get_weather)])
            whole = await agents.Runner.run(agent, QUESTION)
            streamed = agents.Runner.run_streamed(agent, QUESTION)
            events = [event.type async for event in streamed.stream_events()]
            assert streamed.final_output == ANSWER
            return whole.final_output, events

        answer, events = asyncio.run(run())
        assert answer == ANSWER
        assert "raw_response_event" in events

    @pytest.mark.parametrize("kind", ["chat", "responses"])
    def test_an_object_beside_tools_a_picture_and_an_error(self, kind: str) -> None:
        async def run() -> None:
            agent = agents.Agent(
                "A",
                model=agents_model(kind, SCRIPTED, SCRIPT),
                tools=[agents.function_tool(get_weather)],
                output_type=Weather,
            )
            told = await agents.Runner.run(agent, f"{QUESTION} {AS_JSON}")
            assert told.final_output == Weather(city="Paris", degrees=21)
            seeing = agents.Agent(
                "B",
                model=agents_model(kind, REAL, MODEL),
                output_type=Flag,
            )
            content: Any = [{"type": "input_image", "image_url": PICTURE, "detail": "auto"}]
            seen = await agents.Runner.run(seeing, [{"role": "user", "content": content}])
            assert isinstance(seen.final_output, Flag)
            assert seen.raw_responses[0].usage.input_tokens > 5
            lost = agents.Agent("C", model=agents_model(kind, SCRIPTED, "other"))
            with pytest.raises(openai.NotFoundError, match="no model 'other'"):
                await agents.Runner.run(lost, "?")

        asyncio.run(run())


def agents_model(kind: str, url: str, name: str) -> Any:
    client = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
    if kind == "chat":
        return agents.OpenAIChatCompletionsModel(name, client)
    return agents.OpenAIResponsesModel(name, client)


class TestPydanticAI:
    @pytest.mark.parametrize("kind", ["chat", "responses", "anthropic"])
    def test_the_loop_of_an_agent(self, kind: str) -> None:
        agent = Agent(pydantic_model(kind, SCRIPTED, SCRIPT), tools=[get_weather])
        assert agent.run_sync(QUESTION).output == ANSWER

    @pytest.mark.parametrize("kind", ["chat", "responses", "anthropic"])
    def test_an_object_beside_tools(self, kind: str) -> None:
        model = pydantic_model(kind, SCRIPTED, SCRIPT)
        agent = Agent(model, tools=[get_weather], output_type=Weather)
        assert agent.run_sync(QUESTION).output == Weather(city="Paris", degrees=21)

    @pytest.mark.parametrize("kind", ["chat", "responses", "anthropic"])
    def test_a_stream_and_a_picture(self, kind: str) -> None:
        async def run() -> str:
            agent = Agent(pydantic_model(kind, SCRIPTED, SCRIPT))
            async with agent.run_stream("Is it warm?") as stream:
                return str(await stream.get_output())

        assert asyncio.run(run()) == "It is warm."
        seeing = Agent(pydantic_model(kind, REAL, MODEL), model_settings={"max_tokens": 30})
        picture = BinaryContent(png(), media_type="image/png")
        assert seeing.run_sync(["?", picture]).usage.input_tokens > 5

    @pytest.mark.parametrize("kind", ["chat", "responses", "anthropic"])
    def test_an_error_is_its_own(self, kind: str) -> None:
        with pytest.raises(ModelHTTPError) as caught:
            Agent(pydantic_model(kind, SCRIPTED, "other")).run_sync("?")
        assert caught.value.status_code == 404


def pydantic_model(kind: str, url: str, name: str) -> Any:
    if kind == "anthropic":
        client = anthropic.AsyncAnthropic(base_url=url.removesuffix("/v1"), api_key="none")
        return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client))
    provider = OpenAIProvider(base_url=url, api_key="none")
    made = OpenAIChatModel if kind == "chat" else OpenAIResponsesModel
    return made(name, provider=provider)


class TestLangChain:
    @pytest.mark.parametrize("uses_responses", [False, True])
    def test_the_loop_of_an_agent(self, uses_responses: bool) -> None:
        model: Any = langchain(SCRIPTED, SCRIPT, use_responses_api=uses_responses)
        with_tools = model.bind_tools([get_weather])
        messages: list[Any] = [HumanMessage(QUESTION)]
        said: AIMessage = with_tools.invoke(messages)
        (call,) = said.tool_calls
        messages += [said, ToolMessage(get_weather(**call["args"]), tool_call_id=call["id"])]
        assert with_tools.invoke(messages).text == ANSWER
        chunks = [chunk.text for chunk in with_tools.stream(messages)]
        assert "".join(chunks) == ANSWER
        assert len(chunks) > 2

    def test_an_object_with_a_schema(self) -> None:
        model = langchain(SCRIPTED, SCRIPT).with_structured_output(Weather, method="json_schema")
        assert model.invoke(AS_JSON) == Weather(city="Paris", degrees=21)

    def test_an_object_beside_tools(self) -> None:
        model = langchain(SCRIPTED, SCRIPT).bind_tools(
            [get_weather], strict=True, response_format=Weather
        )
        messages: list[Any] = [HumanMessage(f"{QUESTION} {AS_JSON}")]
        said = model.invoke(messages)
        (call,) = said.tool_calls
        messages += [said, ToolMessage("21 degrees", tool_call_id=call["id"])]
        assert Weather.model_validate_json(model.invoke(messages).text).degrees == 21

    def test_a_picture_and_an_error(self) -> None:
        content: Any = [
            {"type": "text", "text": "?"},
            {"type": "image_url", "image_url": {"url": PICTURE}},
        ]
        said = langchain(REAL, MODEL, max_tokens=4).invoke([HumanMessage(content)])
        assert said.usage_metadata is not None
        assert said.usage_metadata["input_tokens"] > 8
        with pytest.raises(openai.NotFoundError, match="no model 'other'"):
            langchain(SCRIPTED, "other").invoke("?")

    def test_vectors(self) -> None:
        embeddings = OpenAIEmbeddings(
            base_url=REAL,
            api_key=SecretStr("none"),
            model=VECTORS,
            check_embedding_ctx_length=False,
        )
        vectors = embeddings.embed_documents(["milk", "bread", "milk"])
        assert vectors[0] == pytest.approx(vectors[2], abs=1e-5)
        assert vectors[0] != pytest.approx(vectors[1], abs=1e-3)


def langchain(url: str, name: str, **more: Any) -> ChatOpenAI:
    return ChatOpenAI(base_url=url, api_key=SecretStr("none"), model=name, max_retries=0, **more)


def test_twenty_at_once_in_all_dialects() -> None:
    def ask(seed: int) -> str:
        kind = seed % 3
        if kind == 0:
            reply = openai_client(REAL).chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": str(seed // 6)}], max_tokens=8,
                temperature=0,
            )  # fmt: skip
            return reply.choices[0].message.content or ""
        if kind == 1:
            return openai_client(REAL).responses.create(
                model=MODEL, input=str(seed // 6), max_output_tokens=8, temperature=0
            ).output_text  # fmt: skip
        message: Any = anthropic_client(REAL).messages.create(
            model=MODEL, messages=[{"role": "user", "content": str(seed // 6)}], max_tokens=8,
            extra_body={"temperature": 0},
        )  # fmt: skip
        return "".join(block.text for block in message.content)

    with ThreadPoolExecutor(20) as pool:
        together = list(pool.map(ask, range(20)))
    assert together == [ask(seed) for seed in range(20)]
    # Every dialect is the same conversation to the model.
    assert together[0] == together[1] == together[2]

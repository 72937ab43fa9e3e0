"""Requests and replies in the words of OpenAI's chat protocol."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from tapgraph.llm_backend.chat_model import Reply, ToolCall, ToolSpec, Usage
from tapgraph.llm_backend.messages import ImagePart, Message
from tapgraph.llm_backend.pictures import jpeg_data_url
from tapgraph.llm_backend.prices import Price

__all__ = ["read_reply", "response_format", "wire_messages", "wire_tools"]

_CHARACTERS_PER_TOKEN = 4

_FINISH_REASONS: Mapping[str, Literal["stop", "length", "tool_calls", "content_filter"]] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
"""Servers spell what is not here (`eos`, `end_turn`, nothing) in many ways; it means `stop`."""


class _Function(BaseModel):
    name: str
    arguments: str | dict[str, Any] = ""


class _ToolCall(BaseModel):
    id: str = ""
    function: _Function


class _TextPart(BaseModel):
    text: str = ""


class _Message(BaseModel):
    content: str | list[_TextPart] | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(BaseModel):
    choices: list[_Choice]
    usage: _Usage | None = None
    model: str | None = None


def wire_messages(messages: Sequence[Message], longest_px: int | None) -> list[dict[str, Any]]:
    """The conversation; a message without pictures is a plain string, which all servers take."""
    return [
        {"role": message.role, "content": _wire_content(message, longest_px)}
        for message in messages
    ]


def _wire_content(message: Message, longest_px: int | None) -> str | list[dict[str, Any]]:
    if not message.images:
        return _sendable(message.text)
    return [
        {"type": "image_url", "image_url": {"url": jpeg_data_url(part.image, longest_px)}}
        if isinstance(part, ImagePart)
        else {"type": "text", "text": _sendable(part.text)}
        for part in message.parts
    ]


def _sendable(text: str) -> str:
    """The text without lone surrogates, which UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def wire_tools(tools: Sequence[ToolSpec]) -> list[dict[str, Any]]:
    """The tools that the model may call."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
            },
        }
        for tool in tools
    ]


def response_format(schema: type[BaseModel]) -> dict[str, Any]:
    """The wish for JSON of this shape, strict where the schema allows it."""
    json_schema = schema.model_json_schema()
    return {
        "type": "json_schema",
        "json_schema": {
            "name": schema.__name__,
            "schema": json_schema,
            "strict": _is_closed(json_schema),
        },
    }


def _is_closed(json_schema: object) -> bool:
    """Whether all objects name all their keys as required, which OpenAI's strict mode asks for."""
    if isinstance(json_schema, list):
        return all(_is_closed(item) for item in json_schema)
    if not isinstance(json_schema, dict):
        return True
    if json_schema.get("type") == "object":
        keys = set(json_schema.get("properties", {}))
        if json_schema.get("additionalProperties") is not False:
            return False
        if keys != set(json_schema.get("required", [])):
            return False
    return all(_is_closed(value) for value in json_schema.values())


def read_reply(
    body: bytes, *, price: Price, latency_s: float, model: str, prompt_characters: int
) -> Reply:
    """The reply in a server's answer.

    Where the server counts no tokens, they are estimated at four characters each, so that a budget
    holds there too.

    Raises:
        ValueError: the body is not an answer of this protocol.
    """
    try:
        # Half of a surrogate pair, which some servers send for a cut emoji, must not end a task.
        repaired = _sendable(json.dumps(json.loads(body), ensure_ascii=False))
        completion = _Completion.model_validate_json(repaired)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from error
    if not completion.choices:
        raise ValueError("choices: it is empty")
    choice = completion.choices[0]
    counted = completion.usage or _Usage()
    words = _text(choice.message)
    prompt_tokens = _tokens(counted.prompt_tokens, prompt_characters)
    completion_tokens = _tokens(counted.completion_tokens, len(words))
    cost_usd = price.cost_usd(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
    refusal = choice.message.refusal
    finish_reason = _FINISH_REASONS.get(choice.finish_reason or "", "stop")
    return Reply(
        text=refusal or words,
        tool_calls=tuple(_tool_call(call) for call in choice.message.tool_calls or ()),
        usage=Usage(prompt_tokens, completion_tokens, cost_usd),
        latency_s=latency_s,
        finish_reason="content_filter" if refusal else finish_reason,
        model=completion.model or model,
    )


def _tokens(counted: int | None, characters: int) -> int:
    return max(0, counted) if counted is not None else -(-characters // _CHARACTERS_PER_TOKEN)


def _text(message: _Message) -> str:
    if isinstance(message.content, list):
        return "".join(part.text for part in message.content)
    return message.content or ""


def _tool_call(call: _ToolCall) -> ToolCall:
    arguments = call.function.arguments
    return ToolCall(
        call.id,
        call.function.name,
        arguments if isinstance(arguments, str) else json.dumps(arguments),
    )

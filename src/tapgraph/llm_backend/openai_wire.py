"""Requests and replies in the words of OpenAI's chat protocol."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from tapgraph.llm_backend.chat_model import Reply, ToolCall, ToolSpec, Usage
from tapgraph.llm_backend.messages import ImagePart, Message
from tapgraph.llm_backend.pictures import jpeg_data_url
from tapgraph.llm_backend.prices import Price
from tapgraph.llm_backend.strict_schema import is_strict, strict_schema
from tapgraph.llm_backend.thinking import Thought, part_thinking

__all__ = [
    "WireError",
    "error_in",
    "forced_call",
    "read_reply",
    "response_format",
    "wire_messages",
    "wire_tools",
    "without_forced_call",
]

_REPLY = "reply"
"""The function that a model is made to call where only calls keep to a schema."""

_CHARACTERS_PER_TOKEN = 4
_LONGEST_ERROR = 10_000

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
    reasoning_content: object = None
    reasoning: object = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _PromptDetails(BaseModel):
    cached_tokens: int | None = None


class _CompletionDetails(BaseModel):
    reasoning_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    prompt_cache_hit_tokens: int | None = None

    @property
    def cached_tokens(self) -> int:
        details = self.prompt_tokens_details or _PromptDetails()
        return max(0, details.cached_tokens or self.prompt_cache_hit_tokens or 0)

    @property
    def reasoning_tokens(self) -> int:
        details = self.completion_tokens_details or _CompletionDetails()
        return max(0, details.reasoning_tokens or 0)


class _Completion(BaseModel):
    choices: list[_Choice]
    usage: _Usage | None = None
    model: str | None = None


class WireError(BaseModel):
    """An error in the body of an answer, whatever the status of the answer says."""

    message: str = ""
    code: object = None
    type: object = None

    @property
    def is_limit(self) -> bool:
        """Whether it is a limit of requests, after which the same request may come again."""
        words = f"{self.code} {self.type} {self.message}".casefold()
        return any(word in words for word in ("429", "rate limit", "rate_limit", "overloaded"))


def error_in(body: bytes) -> WireError | None:
    """The error that the body is; None for an answer or anything else."""
    if b'"error"' not in body[:_LONGEST_ERROR]:
        return None
    try:
        told = json.loads(body)
        error = told.get("error") if isinstance(told, dict) and not told.get("choices") else None
        if isinstance(error, str):
            return WireError(message=error)
        return WireError.model_validate(error) if isinstance(error, dict) else None
    except (ValueError, RecursionError):
        return None


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
    """The wish for JSON of this shape, in strict mode where the schema leaves nothing open."""
    return {"type": "json_schema", "json_schema": _named(schema, _wire_name(schema), "schema")}


def forced_call(schema: type[BaseModel]) -> dict[str, Any]:
    """The wish for one call whose arguments are JSON of this shape: arguments of a request."""
    function = _named(schema, _REPLY, "parameters")
    return {
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": _REPLY}},
    }


def without_forced_call(reply: Reply) -> Reply:
    """The reply with the arguments of the call that `forced_call` asked for as its words."""
    for call in reply.tool_calls:
        if call.name == _REPLY:
            reason = "stop" if reply.finish_reason == "tool_calls" else reply.finish_reason
            return replace(reply, text=call.arguments, tool_calls=(), finish_reason=reason)
    return reply


def _named(schema: type[BaseModel], name: str, key: str) -> dict[str, Any]:
    json_schema = schema.model_json_schema()
    strict = strict_schema(json_schema)
    if is_strict(strict):
        return {"name": name, key: strict, "strict": True}
    return {"name": name, key: json_schema, "strict": False}


def _wire_name(schema: type[BaseModel]) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", schema.__name__)[:64]


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
    usage = _usage(completion.usage or _Usage(), choice.message, price, prompt_characters)
    said = _thought(choice.message)
    finish_reason = _FINISH_REASONS.get(choice.finish_reason or "", "stop")
    refusal = choice.message.refusal
    return Reply(
        text=refusal or said.text,
        tool_calls=tuple(_tool_call(call) for call in choice.message.tool_calls or ()),
        usage=usage,
        latency_s=latency_s,
        finish_reason="content_filter" if refusal else finish_reason,
        model=completion.model or model,
        reasoning=said.reasoning,
    )


def _usage(counted: _Usage, message: _Message, price: Price, prompt_characters: int) -> Usage:
    characters = len(_content(message)) + len(_told_apart(message))
    prompt_tokens = _tokens(counted.prompt_tokens, prompt_characters)
    completion_tokens = _tokens(counted.completion_tokens, characters)
    cached_tokens = min(counted.cached_tokens, prompt_tokens)
    cost_usd = price.cost_usd(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cached_tokens=cached_tokens,
    )
    reasoning_tokens = min(counted.reasoning_tokens, completion_tokens)
    return Usage(prompt_tokens, completion_tokens, cost_usd, cached_tokens, reasoning_tokens)


def _tokens(counted: int | None, characters: int) -> int:
    return max(0, counted) if counted is not None else -(-characters // _CHARACTERS_PER_TOKEN)


def _thought(message: _Message) -> Thought:
    parted = part_thinking(_content(message))
    thoughts = [thought for thought in (_told_apart(message), parted.reasoning) if thought]
    return Thought("\n".join(thoughts), parted.text)


def _content(message: _Message) -> str:
    if isinstance(message.content, list):
        return "".join(part.text for part in message.content)
    return message.content or ""


def _told_apart(message: _Message) -> str:
    """What servers that know a model's thoughts tell beside its words."""
    for told in (message.reasoning_content, message.reasoning):
        if isinstance(told, str) and told:
            return told
    return ""


def _tool_call(call: _ToolCall) -> ToolCall:
    arguments = call.function.arguments
    return ToolCall(
        call.id,
        call.function.name,
        arguments if isinstance(arguments, str) else json.dumps(arguments),
    )

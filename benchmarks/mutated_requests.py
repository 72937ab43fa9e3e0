"""Requests of every kind that clients send, and what becomes of them when a part is changed."""

import copy
import random
from collections.abc import Iterator
from typing import Any, TypeAlias

__all__ = ["PIXEL", "mutated", "plain_requests"]

Body: TypeAlias = dict[str, Any]
Request: TypeAlias = tuple[str, Body]
"""A path and what is posted there."""

_SCHEMA: Body = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 5},
        "days": {"type": "array", "items": {"type": "integer"}, "maxItems": 2},
        "kind": {"enum": ["a", "b", None]},
        "next": {"anyOf": [{"$ref": "#/$defs/leaf"}, {"type": "null"}]},
    },
    "required": ["city"],
    "$defs": {"leaf": {"const": 1}},
}
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**40, -0.0, 0.5, 1e308, -1e308, "", " ", "a",
    "\x00", "\u732b", "\ud800", "{}", "null", "<|im_end|>", "<tool_call>", "x" * 5000, "\n" * 99,
    [], [[]], [None], {}, {"": None}, {"a": {"a": {}}}, {"$ref": "#"}, {"$ref": "#/no"}, "auto",
    "none", "required", {"type": "json_object"}, {"type": "string", "pattern": "(a|b"},
    {"type": "string", "pattern": "^(a+)+$"}, {"enum": []}, {"type": ["string", "null"]}, "user",
    {"type": "integer", "minimum": 5, "maximum": 4}, {"allOf": [{"type": "string"}, {"const": 1}]},
)  # fmt: skip


def plain_requests(model: str, embedder: str) -> Iterator[Request]:
    """Valid requests to every endpoint."""
    words = [{"role": "user", "content": "Go on."}]
    function = {"name": "weather", "description": "Tells it.", "parameters": _SCHEMA}
    call = {"id": "call_abc1", "type": "function",
            "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}  # fmt: skip
    chat: Body = {"model": model, "messages": words, "max_tokens": 6, "temperature": 0}
    tools = [{"type": "function", "function": function}]
    wanted = {"type": "json_schema", "json_schema": {"name": "w", "schema": _SCHEMA}}
    used = [
        {"role": "system", "content": "Be short."},
        *words,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_abc1", "content": "21"},
    ]
    parts = [{"type": "text", "text": "What is it?"},
             {"type": "image_url", "image_url": {"url": PIXEL}}]  # fmt: skip
    at = "/v1/chat/completions"
    yield at, chat | {"seed": 1, "temperature": 1, "top_p": 0.9, "stop": ["a", "b"], "n": 2}
    yield at, chat | {"stream": True, "stream_options": {"include_usage": True}}
    yield at, chat | {"tools": tools, "tool_choice": "required", "messages": used}
    yield at, chat | {"response_format": wanted, "logprobs": True, "top_logprobs": 2}
    yield at, chat | {"messages": [{"role": "user", "content": parts}]}
    yield at, chat | {"logit_bias": {"5": -100}, "presence_penalty": 1, "repetition_penalty": 1.1}
    yield "/v1/completions", {"model": model, "prompt": "Go on", "max_tokens": 4, "logprobs": 1}
    yield "/v1/completions", {"model": model, "prompt": [[1, 2], [3]], "max_tokens": 3, "n": 2}
    flat = {"type": "function", **function}
    response: Body = {"model": model, "input": "Go on.", "max_output_tokens": 6}
    yield "/v1/responses", response | {"tools": [flat], "tool_choice": "auto", "stream": True}
    yield "/v1/responses", response | {
        "input": [{"type": "message", "role": "user",
                   "content": [{"type": "input_text", "text": "Go on."}]},
                  {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
                  {"type": "function_call_output", "call_id": "c1", "output": "21"}],
        "text": {"format": {"type": "json_schema", "name": "w", "schema": _SCHEMA}},
    }  # fmt: skip
    told = {"name": "weather", "description": "Tells it.", "input_schema": _SCHEMA}
    message: Body = {"model": model, "max_tokens": 6, "messages": words}
    yield "/v1/messages", message | {"tools": [told], "tool_choice": {"type": "any"}}
    yield "/v1/messages", message | {
        "system": [{"type": "text", "text": "Be short."}], "stream": True,
        "messages": [*words,
                     {"role": "assistant", "content": [
                         {"type": "tool_use", "id": "t1", "name": "weather", "input": {}}]},
                     {"role": "user", "content": [
                         {"type": "tool_result", "tool_use_id": "t1", "content": "21"}]}],
        "tools": [told], "stop_sequences": ["a"], "thinking": {"type": "disabled"},
    }  # fmt: skip
    counted = {"model": model, "messages": words, "tools": [told]}
    yield "/v1/messages/count_tokens", counted
    yield "/v1/embeddings", {"model": embedder, "input": ["a", "b"], "encoding_format": "base64"}
    yield "/v1/embeddings", {"model": embedder, "input": [[1, 2, 3]]}
    yield "/v1/tokenize", {"model": model, "messages": words, "tools": tools}


def mutated(request: Request, draw: random.Random) -> Request:
    """The request with one to three of its parts taken away, doubled, nested or replaced."""
    path, body = request[0], copy.deepcopy(request[1])
    for _ in range(draw.randint(1, 3)):
        holder, key = draw.choice(list(_places(body)))
        match draw.choice(("replace", "replace", "remove", "double", "nest", "rename", "swap")):
            case "replace":
                holder[key] = copy.deepcopy(draw.choice(_JUNK))
            case "remove":
                del holder[key]
            case "double" if isinstance(holder, list):
                holder.insert(0, copy.deepcopy(holder[key]))
            case "nest":
                for _ in range(draw.choice((1, 2, 90))):
                    holder[key] = [holder[key]] if draw.random() < 0.5 else {"a": holder[key]}
            case "rename" if isinstance(holder, dict):
                holder[draw.choice(("", "type", "\u732b", "$ref", "enum"))] = holder.pop(key)
            case _:
                _, other = draw.choice(list(_places(body))) if list(_places(body)) else ("", "")
                holder[key] = other
        if not body:
            break
    return path, body


def _places(part: Any) -> Iterator[tuple[Any, Any]]:
    """Each container in a JSON value with each of its keys, or places."""
    items = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in list(items):
        yield part, key
        if isinstance(value, dict | list):
            yield from _places(value)

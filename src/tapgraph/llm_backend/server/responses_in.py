"""What clients send to `/v1/responses`, and the chat request that it is.

Nothing is kept between requests, so a conversation comes whole; what would need a memory, or a tool
of the server's own, is refused by name.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from tapgraph.llm_backend.chat_model import ToolCall, ToolSpec
from tapgraph.llm_backend.local.chat import ChatRequest, NamedTool
from tapgraph.llm_backend.local.chat_prompt import ChatTurn, merged_turns
from tapgraph.llm_backend.local.constraints import JsonSchema
from tapgraph.llm_backend.messages import ImagePart, Part, TextPart
from tapgraph.llm_backend.server.pictures_in import PictureLimits, read_picture
from tapgraph.llm_backend.server.wire_requests import (
    Echo,
    JsonObject,
    Name,
    Tokens,
    Wire,
    sampling_of,
)

__all__ = ["ResponsesRequest", "responses_chat"]


class _InputText(Echo):
    type: Literal["input_text", "output_text"]
    text: str


class _Refusal(Echo):
    type: Literal["refusal"]
    refusal: str


class _InputImage(Wire):
    type: Literal["input_image"]
    image_url: str
    detail: Literal["auto", "low", "high", "original"] | None = None


_Content: TypeAlias = Annotated[_InputText | _Refusal | _InputImage, Field(discriminator="type")]


class _Message(Echo):
    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[_Content]


class _Call(Echo):
    type: Literal["function_call"]
    call_id: str
    name: Name
    arguments: str


class _CallOutput(Echo):
    type: Literal["function_call_output"]
    call_id: str
    output: str | list[_Content]


class _Reasoning(Echo):
    type: Literal["reasoning"]


def _kind(item: Any) -> str:
    kind = item.get("type") if isinstance(item, dict) else getattr(item, "type", None)
    return str(kind or "message")


_Item: TypeAlias = Annotated[
    Annotated[_Message, Tag("message")]
    | Annotated[_Call, Tag("function_call")]
    | Annotated[_CallOutput, Tag("function_call_output")]
    | Annotated[_Reasoning, Tag("reasoning")],
    Discriminator(_kind),
]


class _Function(Wire):
    type: Literal["function"]
    name: Name
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


class _NamedFunction(Wire):
    type: Literal["function"]
    name: Name


class _PlainFormat(Wire):
    type: Literal["text", "json_object"]


class _SchemaFormat(Wire):
    type: Literal["json_schema"]
    name: Name
    schema_: JsonObject = Field(alias="schema")
    description: str | None = None
    strict: bool | None = None


class _Text(Wire):
    format: Annotated[_PlainFormat | _SchemaFormat, Field(discriminator="type")] | None = None
    verbosity: str | None = None


class _Effort(Wire):
    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class ResponsesRequest(Wire):
    """The body of `/v1/responses`."""

    model: str
    input: str | Annotated[list[_Item], Field(min_length=1)]
    instructions: str | None = None
    tools: list[_Function] | None = Field(default=None, max_length=128)
    tool_choice: Literal["none", "auto", "required"] | _NamedFunction | None = None
    parallel_tool_calls: bool | None = None
    text: _Text | None = None
    max_output_tokens: Tokens | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    stream: bool | None = None
    stream_options: JsonObject | None = None
    reasoning: _Effort | None = None
    include: list[str] | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    truncation: Literal["auto", "disabled"] | None = None
    user: str | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: JsonObject | None = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None
    client_metadata: JsonObject | None = None
    background: Literal[False] | None = Field(default=None, description="not supported")
    previous_response_id: Literal[""] | None = Field(default=None, description="not supported")
    top_logprobs: Literal[0] | None = Field(default=None, description="not supported")


def responses_chat(asked: ResponsesRequest, pictures: PictureLimits) -> ChatRequest:
    """What the engine is asked.

    Raises:
        Refusal: a picture cannot be taken.
        UsageError: from the engine's own checks.
    """
    choice = asked.tool_choice or "auto"
    return ChatRequest(
        turns=_turns(asked, pictures),
        tools=tuple(
            ToolSpec(tool.name, tool.description or "", tool.parameters or {})
            for tool in asked.tools or ()
        ),
        tool_choice=NamedTool(choice.name) if isinstance(choice, _NamedFunction) else choice,
        parallel_calls=asked.parallel_tool_calls is not False,
        thinks=asked.reasoning is None or asked.reasoning.effort != "none",
        constraint=_constraint(asked.text),
        max_tokens=asked.max_output_tokens,
        sampling=sampling_of(asked),
    )


def _constraint(text: _Text | None) -> JsonSchema | None:
    shape = text.format if text else None
    if shape is None or shape.type == "text":
        return None
    return JsonSchema(shape.schema_ if isinstance(shape, _SchemaFormat) else {"type": "object"})


def _turns(asked: ResponsesRequest, pictures: PictureLimits) -> tuple[ChatTurn, ...]:
    turns: list[ChatTurn] = []
    if asked.instructions:
        turns.append(ChatTurn("system", (TextPart(asked.instructions),)))
    if isinstance(asked.input, str):
        return (*turns, ChatTurn("user", (TextPart(asked.input),)))
    turns += _item_turns(asked.input, pictures)
    return merged_turns(turns)


def _item_turns(items: Iterable[_Item], pictures: PictureLimits) -> Iterable[ChatTurn]:
    for item in items:
        match item:
            case _Message():
                role = "system" if item.role == "developer" else item.role
                yield ChatTurn(role, _parts(item.content, pictures))
            case _Call():
                call = ToolCall(item.call_id, item.name, item.arguments)
                yield ChatTurn("assistant", (), (call,))
            case _CallOutput():
                told = _parts(item.output, pictures)
                yield ChatTurn("tool", told, tool_call_id=item.call_id)
            case _Reasoning():
                pass


def _parts(content: str | list[_Content], pictures: PictureLimits) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (TextPart(content),) if content else ()
    parts: list[Part] = []
    for part in content:
        match part:
            case _InputText():
                parts.append(TextPart(part.text))
            case _Refusal():
                parts.append(TextPart(part.refusal))
            case _InputImage():
                parts.append(ImagePart(read_picture(part.image_url, pictures)))
    return tuple(parts)

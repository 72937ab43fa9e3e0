"""What clients send to `/v1/messages`, as Anthropic documents it, and the chat request it is."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from tapgraph.llm_backend.chat_model import ToolCall, ToolSpec
from tapgraph.llm_backend.local.chat import ChatRequest, NamedTool, ToolChoice
from tapgraph.llm_backend.local.chat_prompt import ChatTurn, merged_turns
from tapgraph.llm_backend.local.constraints import JsonSchema
from tapgraph.llm_backend.messages import ImagePart, Part, TextPart
from tapgraph.llm_backend.server.pictures_in import PictureLimits, read_picture
from tapgraph.llm_backend.server.refusals import Refusal
from tapgraph.llm_backend.server.wire_requests import (
    Echo,
    JsonObject,
    Name,
    Tokens,
    Wire,
    sampling_of,
)

__all__ = ["CountRequest", "MessagesRequest", "messages_chat"]


class _Text(Echo):
    type: Literal["text"]
    text: str


class _Base64Source(Wire):
    type: Literal["base64"]
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: str

    @property
    def address(self) -> str:
        return f"data:{self.media_type};base64,{self.data}"


class _UrlSource(Wire):
    type: Literal["url"]
    url: str

    @property
    def address(self) -> str:
        return self.url


class _Image(Echo):
    type: Literal["image"]
    source: Annotated[_Base64Source | _UrlSource, Field(discriminator="type")]


class _ToolUse(Echo):
    type: Literal["tool_use"]
    id: str
    name: Name
    input: JsonObject


class _ToolResult(Echo):
    type: Literal["tool_result"]
    tool_use_id: str
    content: str | list[Annotated[_Text | _Image, Field(discriminator="type")]] = ""
    is_error: bool | None = None


class _Thinking(Echo):
    type: Literal["thinking", "redacted_thinking"]


_Block: TypeAlias = Annotated[
    _Text | _Image | _ToolUse | _ToolResult | _Thinking, Field(discriminator="type")
]


class _Message(Wire):
    role: Literal["user", "assistant", "system"]
    content: str | list[_Block]


class _Tool(Echo):
    type: Literal["custom"] | None = None
    name: Name
    description: str = ""
    input_schema: JsonObject


class _Choice(Wire):
    type: Literal["auto", "any", "none", "tool"]
    name: Name | None = None
    disable_parallel_tool_use: bool | None = None


class _ThinkingMode(Echo):
    type: Literal["enabled", "disabled", "adaptive"]


class _Format(Wire):
    type: Literal["json_schema"]
    schema_: JsonObject = Field(alias="schema")


class _OutputConfig(Wire):
    effort: str | None = None
    format: _Format | None = None


class CountRequest(Wire):
    """The body of `/v1/messages/count_tokens`."""

    model: str
    messages: list[_Message] = Field(min_length=1)
    system: str | list[_Text] | None = None
    tools: list[_Tool] | None = Field(default=None, max_length=128)
    tool_choice: _Choice | None = None
    thinking: _ThinkingMode | None = None
    output_config: _OutputConfig | None = None
    output_format: _Format | None = None
    cache_control: JsonObject | None = None


class MessagesRequest(CountRequest):
    """The body of `/v1/messages`."""

    max_tokens: Tokens
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    temperature: float | None = Field(default=None, ge=0, le=1)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=0)
    metadata: JsonObject | None = None
    service_tier: str | None = None
    context_management: JsonObject | None = None


def messages_chat(asked: CountRequest, pictures: PictureLimits) -> ChatRequest:
    """What the engine is asked; for a request to count tokens, without what only the reply needs.

    Raises:
        Refusal: a picture cannot be taken, or the last message is the assistant's.
        UsageError: from the engine's own checks.
    """
    if asked.messages[-1].role == "assistant":
        raise Refusal(
            400, "a reply cannot be begun for the model: the last message must be the user's",
            param="messages",
        )  # fmt: skip
    choice = asked.tool_choice
    shape = asked.output_format or (asked.output_config and asked.output_config.format)
    request = ChatRequest(
        turns=_turns(asked, pictures),
        tools=tuple(
            ToolSpec(tool.name, tool.description, tool.input_schema) for tool in asked.tools or ()
        ),
        tool_choice=_tool_choice(choice),
        parallel_calls=not (choice and choice.disable_parallel_tool_use),
        thinks=asked.thinking is None or asked.thinking.type != "disabled",
        constraint=JsonSchema(shape.schema_) if shape else None,
    )
    return _with_reply_options(request, asked) if isinstance(asked, MessagesRequest) else request


def _with_reply_options(request: ChatRequest, asked: MessagesRequest) -> ChatRequest:
    return replace(
        request,
        max_tokens=asked.max_tokens,
        sampling=sampling_of(asked),
        stop=tuple(asked.stop_sequences or ()),
    )


def _tool_choice(choice: _Choice | None) -> ToolChoice:
    if choice is None or choice.type == "auto":
        return "auto"
    if choice.type == "tool":
        if not choice.name:
            raise Refusal(400, "tool_choice of type tool needs a name", param="tool_choice")
        return NamedTool(choice.name)
    return "required" if choice.type == "any" else "none"


def _turns(asked: CountRequest, pictures: PictureLimits) -> tuple[ChatTurn, ...]:
    turns: list[ChatTurn] = []
    if asked.system:
        turns.append(ChatTurn("system", _parts(asked.system, pictures)))
    for message in asked.messages:
        turns += _message_turns(message, pictures)
    return merged_turns(turns)


def _message_turns(message: _Message, pictures: PictureLimits) -> Iterable[ChatTurn]:
    """A turn for each answer of a tool, and one for the rest."""
    if isinstance(message.content, str):
        yield ChatTurn(message.role, (TextPart(message.content),))
        return
    calls = []
    said: list[_Text | _Image] = []
    for block in message.content:
        match block:
            case _ToolResult():
                told = _parts(block.content, pictures)
                yield ChatTurn("tool", told, tool_call_id=block.tool_use_id)
            case _ToolUse():
                arguments = json.dumps(block.input, ensure_ascii=False)
                calls.append(ToolCall(block.id, block.name, arguments))
            case _Text() | _Image():
                said.append(block)
            case _Thinking():
                pass
    if said or calls:
        yield ChatTurn(message.role, _parts(said, pictures), tuple(calls))


def _parts(content: str | Sequence[_Text | _Image], pictures: PictureLimits) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (TextPart(content),)
    return tuple(
        TextPart(part.text)
        if isinstance(part, _Text)
        else ImagePart(read_picture(part.source.address, pictures))
        for part in content
    )

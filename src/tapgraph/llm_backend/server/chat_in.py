"""A chat request of a client, as the engine takes it."""

from collections.abc import Sequence
from dataclasses import replace

from tapgraph.errors import UsageError
from tapgraph.llm_backend.chat_model import ToolCall, ToolSpec
from tapgraph.llm_backend.local.chat import ChatRequest, NamedTool
from tapgraph.llm_backend.local.chat_prompt import ChatTurn
from tapgraph.llm_backend.local.constraints import JsonSchema
from tapgraph.llm_backend.messages import ImagePart, Part, TextPart
from tapgraph.llm_backend.server.pictures_in import PictureLimits, read_picture
from tapgraph.llm_backend.server.wire_requests import (
    AssistantMessage,
    ChatCompletionRequest,
    ContentPart,
    HighlightableText,
    JsonSchemaFormat,
    MessageIn,
    NamedToolChoice,
    TextContent,
    ToolDefinition,
    ToolMessage,
    sampling_of,
)
from tapgraph.llm_backend.steering.spans import Spans, joined_spans, places_of

__all__ = ["chat_request", "tools_of", "turns_of"]


def chat_request(asked: ChatCompletionRequest, pictures: PictureLimits) -> ChatRequest:
    """What the engine is asked; the seed is that of the first choice.

    Raises:
        Refusal: a picture cannot be taken.
        UsageError: from the engine's own checks.
    """
    shape = asked.response_format
    constraint = None
    if shape is not None and shape.type != "text":
        schema = shape.json_schema.schema_ if isinstance(shape, JsonSchemaFormat) else None
        constraint = JsonSchema(schema or {"type": "object"})
    choice = asked.tool_choice or "auto"
    return ChatRequest(
        turns=_highlighted(turns_of(asked.messages, pictures), asked.highlight or ()),
        tools=tools_of(asked.tools),
        tool_choice=(
            NamedTool(choice.function.name) if isinstance(choice, NamedToolChoice) else choice
        ),
        parallel_calls=asked.parallel_tool_calls is not False,
        thinks=asked.reasoning_effort != "none",
        constraint=constraint,
        max_tokens=asked.max_completion_tokens or asked.max_tokens,
        sampling=sampling_of(asked),
        stop=asked.stops,
        top_logprobs=(asked.top_logprobs or 0) if asked.logprobs else None,
        task=asked.task,
    )


def turns_of(messages: Sequence[MessageIn], pictures: PictureLimits) -> tuple[ChatTurn, ...]:
    """The conversation; raises `Refusal` for a picture that cannot be taken."""
    return tuple(_turn(message, pictures) for message in messages)


def tools_of(tools: Sequence[ToolDefinition] | None) -> tuple[ToolSpec, ...]:
    """What may be called."""
    return tuple(
        ToolSpec(tool.function.name, tool.function.description, tool.function.parameters or {})
        for tool in tools or ()
    )


def _turn(message: MessageIn, pictures: PictureLimits) -> ChatTurn:
    if isinstance(message, AssistantMessage):
        calls = tuple(
            ToolCall(call.id, call.function.name, call.function.arguments)
            for call in message.tool_calls or ()
        )
        words = (TextPart(message.text),) if message.text else ()
        return ChatTurn("assistant", words, tool_calls=calls)
    parts = _parts(message.content, pictures)
    if isinstance(message, ToolMessage):
        return ChatTurn("tool", parts, tool_call_id=message.tool_call_id)
    return ChatTurn("system" if message.role == "developer" else message.role, parts)


def _parts(
    content: str | Sequence[TextContent] | Sequence[ContentPart], pictures: PictureLimits
) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (TextPart(content),)
    return tuple(
        _words(part)
        if isinstance(part, TextContent)
        else ImagePart(read_picture(part.image_url.url, pictures))
        for part in content
    )


def _words(part: TextContent) -> TextPart:
    wanted = part.highlight if isinstance(part, HighlightableText) else None
    if not wanted:
        return TextPart(part.text)
    return TextPart(part.text, places_of(part.text, [part.text] if wanted is True else wanted))


def _highlighted(turns: tuple[ChatTurn, ...], phrases: Sequence[str]) -> tuple[ChatTurn, ...]:
    """The conversation with phrases highlighted in its last user turn, and nowhere else.

    Raises:
        UsageError: a phrase is not in it.
    """
    if not phrases:
        return turns
    last = max((at for at, turn in enumerate(turns) if turn.role == "user"), default=-1)
    parts = turns[last].parts if last >= 0 else ()
    words = [part.text for part in parts if isinstance(part, TextPart)]
    for phrase in phrases:
        if not any(phrase in text for text in words):
            raise UsageError(
                f"highlight must name words of the last user message, which has no {phrase!r}"
            )
    lit = tuple(
        replace(part, highlights=_with_places(part, phrases))
        if isinstance(part, TextPart)
        else part
        for part in parts
    )
    return (*turns[:last], replace(turns[last], parts=lit), *turns[last + 1 :])


def _with_places(part: TextPart, phrases: Sequence[str]) -> Spans:
    found = places_of(part.text, [phrase for phrase in phrases if phrase in part.text])
    return joined_spans([*part.highlights, *found])

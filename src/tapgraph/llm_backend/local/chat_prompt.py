"""Conversations as tokens."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any, Literal

import jinja2

from tapgraph.errors import UsageError
from tapgraph.llm_backend.chat_model import ToolCall, ToolSpec
from tapgraph.llm_backend.local.checkpoint import Checkpoint
from tapgraph.llm_backend.local.generation import Prompt
from tapgraph.llm_backend.local.harmless_text import Encoded, places_among_marks
from tapgraph.llm_backend.local.highlighted_prompt import places_in_prompt
from tapgraph.llm_backend.local.picture_processor import SeenPictures
from tapgraph.llm_backend.local.pictures_as_tokens import in_prompt
from tapgraph.llm_backend.local.prompt_length import check_text_length
from tapgraph.llm_backend.local.reply_reader import (
    CALL_BEGIN,
    CALL_END,
    THOUGHT_BEGIN,
    THOUGHT_END,
)
from tapgraph.llm_backend.messages import ImagePart, Part, TextPart
from tapgraph.llm_backend.openai_wire import wire_tools
from tapgraph.llm_backend.prompt import fill, load_prompt
from tapgraph.llm_backend.steering.spans import Spans, token_spans

__all__ = [
    "NEXT_SPEAKERS",
    "ChatTurn",
    "chat_prompt",
    "merged_turns",
    "opens_thought",
    "text_prompt",
    "uses_call_tags",
]

NEXT_SPEAKERS = tuple(
    f"{line}{role}:" for line in ("\n\n", "\n") for role in ("system", "user", "assistant", "tool")
)
"""How the next turn begins in `default_chat.j2`, where no token ends a turn."""
_LAST_TOKENS = 16
_SHORT_ID = re.compile(r"[A-Za-z0-9]{9}")


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """One turn of a conversation with tools.

    Attributes:
        role: who speaks; `tool` for what a tool answered.
        parts: words and pictures.
        tool_calls: what an assistant wanted called.
        tool_call_id: which call a tool answers.
    """

    role: Literal["system", "user", "assistant", "tool"]
    parts: tuple[Part, ...]
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""

    @property
    def text(self) -> str:
        """All words of the turn."""
        return "\n".join(part.text for part in self.parts if isinstance(part, TextPart))


def merged_turns(turns: Iterable[ChatTurn]) -> tuple[ChatTurn, ...]:
    """Neighbouring turns of one speaker as one: protocols part them, and templates refuse that."""
    merged: list[ChatTurn] = []
    for turn in turns:
        last = merged[-1] if merged else None
        if last is not None and last.role == turn.role != "tool":
            calls = (*last.tool_calls, *turn.tool_calls)
            merged[-1] = replace(last, parts=(*last.parts, *turn.parts), tool_calls=calls)
        else:
            merged.append(turn)
    return tuple(merged)


def text_prompt(checkpoint: Checkpoint, text: str) -> Prompt:
    """Plain text, with the token that begins texts where the tokenizer has one."""
    check_text_length(checkpoint, [text])
    return Prompt(_encode(checkpoint, text, add_special_tokens=True).tokens)


def uses_call_tags(checkpoint: Checkpoint) -> bool:
    """Whether the model is to write `<tool_call>` around calls: its template does, or has none."""
    template = checkpoint.chat_template or ""
    return CALL_BEGIN in template or not _knows_tools(checkpoint)


def opens_thought(checkpoint: Checkpoint, prompt: Prompt) -> bool:
    """Whether the prompt ends with the beginning of the model's thoughts."""
    spelled = checkpoint.tokenizer.decode(list(prompt.tokens[-_LAST_TOKENS:]))
    return str(spelled).rstrip().endswith(THOUGHT_BEGIN)


def chat_prompt(
    checkpoint: Checkpoint,
    turns: Sequence[ChatTurn],
    tools: Sequence[ToolSpec] = (),
    *,
    thinks: bool = True,
) -> Prompt:
    """The conversation, ready for the assistant's next turn.

    The checkpoint's chat template writes it. Where it has none, each turn is a paragraph that
    begins with the role and a colon (`default_chat.j2`). Where the template takes no system turn,
    its words begin the first user turn. Where it takes no tools, they are told in words
    (`prompts/tools.md`), and calls and answers stand in tags.

    What words, calls and tools spell like a token (`<|im_end|>`, `<tool_call>`) is read as letters
    (`HarmlessText`), so that a screen or a web page can neither end a turn nor call a tool.

    Args:
        checkpoint: whose template and tokenizer.
        turns: the conversation.
        tools: what the model may call.
        thinks: whether the model may think first; thoughts that the template opens are closed
            else.

    Raises:
        UsageError: there is no turn, the template refuses the conversation, or there are pictures
            and the model takes none.
        ContextExceeded: the words alone are longer than the context.
    """
    if not turns:
        raise UsageError("a conversation has at least one message")
    check_text_length(checkpoint, [*_all_words(turns), *map(str, tools)])
    images = [part.image for turn in turns for part in turn.parts if isinstance(part, ImagePart)]
    image_token = checkpoint.pictures.image_token if images else ""
    harmless = [_without_control(checkpoint, turn) for turn in turns]
    tools = [_without_control_in_tool(checkpoint, tool) for tool in tools]
    if not _knows_tools(checkpoint):
        harmless = [_in_words(turn) for turn in harmless]
        if tools:
            told = fill(load_prompt("tapgraph.llm_backend", "tools"), tools=_tool_lines(tools))
            harmless = _with_system(harmless, told)
            tools = []

    def encode(text: str, places: Spans = ()) -> Encoded:
        has_no_template = checkpoint.chat_template is None
        return _encode(checkpoint, text, add_special_tokens=has_no_template, places=places)

    def render(parts: Sequence[tuple[Part, ...]]) -> SeenPictures:
        told = [replace(turn, parts=own) for turn, own in zip(harmless, parts, strict=True)]
        text = _rendered(checkpoint, told, tools, thinks=thinks, image_token=image_token)
        if not thinks and text.rstrip().endswith(THOUGHT_BEGIN):
            text += f"\n{THOUGHT_END}\n\n"
        return checkpoint.pictures.see(images, text, encode) if images else SeenPictures(text)

    parts = [turn.parts for turn in harmless]
    seen = render(parts)
    places = places_in_prompt(seen.text, parts, lambda signed: render(signed).text)
    encoded = encode(seen.text, places)
    return Prompt(
        encoded.tokens,
        _turn_ends(seen.text, harmless, encoded.offsets),
        in_prompt(checkpoint, seen, encoded.tokens) if images else None,
        token_spans(encoded.offsets, encoded.places),
    )


def _all_words(turns: Sequence[ChatTurn]) -> Iterator[str]:
    for turn in turns:
        yield turn.text
        yield from (call.arguments for call in turn.tool_calls)


def _encode(
    checkpoint: Checkpoint, text: str, *, add_special_tokens: bool, places: Spans = ()
) -> Encoded:
    # Not the tokenizer's own call: that one writes settings, which other threads may be reading.
    sendable = text.encode("utf-8", "replace").decode("utf-8")
    return checkpoint.harmless.encode(
        sendable, add_special_tokens=add_special_tokens, places=places
    )


def _knows_tools(checkpoint: Checkpoint) -> bool:
    return "tools" in (checkpoint.chat_template or "")


def _rendered(
    checkpoint: Checkpoint, turns: Sequence[ChatTurn], tools: Sequence[ToolSpec], **named: Any
) -> str:
    refusals: list[jinja2.TemplateError] = []
    for told in (turns, _without_system(turns)):
        try:
            return _apply_template(checkpoint, told, tools, **named)
        except jinja2.TemplateError as error:
            refusals.append(error)
    raise UsageError(f"the chat template refuses the conversation: {refusals[-1]}")


def _apply_template(
    checkpoint: Checkpoint,
    turns: Sequence[ChatTurn],
    tools: Sequence[ToolSpec],
    *,
    thinks: bool,
    image_token: str,
) -> str:
    template = checkpoint.chat_template
    if template is None:
        folder = resources.files("tapgraph.llm_backend.local")
        template = (folder / "default_chat.j2").read_text(encoding="utf-8")
    rendered = checkpoint.tokenizer.apply_chat_template(
        [_message(turn, as_parts=checkpoint.wants_parts) for turn in turns],
        tools=wire_tools(tools) or None,  # type: ignore[arg-type]
        chat_template=template,
        tokenize=False,
        add_generation_prompt=True,
        enable_thinking=thinks,
        image_token=image_token,
    )
    return str(rendered)


def _message(turn: ChatTurn, *, as_parts: bool) -> dict[str, Any]:
    content: Any = turn.text
    if as_parts or any(isinstance(part, ImagePart) for part in turn.parts):
        content = [
            {"type": "text", "text": part.text} if isinstance(part, TextPart) else {"type": "image"}
            for part in turn.parts
        ]
    message: dict[str, Any] = {"role": turn.role, "content": content}
    if turn.tool_calls:
        message["tool_calls"] = [
            {
                "type": "function",
                "id": call.id,
                "function": {"name": call.name, "arguments": _arguments(call)},
            }
            for call in turn.tool_calls
        ]
    if turn.tool_call_id:
        message["tool_call_id"] = turn.tool_call_id
    return message


def _arguments(call: ToolCall) -> Any:
    try:
        return json.loads(call.arguments)
    except ValueError:
        return call.arguments


def _without_control(checkpoint: Checkpoint, turn: ChatTurn) -> ChatTurn:
    marked = checkpoint.harmless.marked
    parts = tuple(
        _marked_words(part, marked(part.text)) if isinstance(part, TextPart) else part
        for part in turn.parts
    )
    calls = tuple(
        ToolCall(
            _short_id(call.id), marked(call.name), _marked_arguments(checkpoint, call.arguments)
        )
        for call in turn.tool_calls
    )
    told_id = _short_id(turn.tool_call_id) if turn.tool_call_id else ""
    return replace(turn, parts=parts, tool_calls=calls, tool_call_id=told_id)


def _marked_words(part: TextPart, marked: str) -> TextPart:
    return TextPart(marked, places_among_marks(marked, part.highlights))


def _short_id(call_id: str) -> str:
    """Nine letters for any id, equal for equal ones: some templates take no others."""
    if _SHORT_ID.fullmatch(call_id):
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:9]


def _marked_arguments(checkpoint: Checkpoint, arguments: str) -> str:
    """Marks in what the JSON says: written as escapes, letters spell a token just as well."""
    try:
        said = json.loads(arguments)
    except (ValueError, RecursionError):
        return str(checkpoint.harmless.marked(arguments))
    return json.dumps(checkpoint.harmless.marked(said), ensure_ascii=False)


def _without_control_in_tool(checkpoint: Checkpoint, tool: ToolSpec) -> ToolSpec:
    marked = checkpoint.harmless.marked
    return ToolSpec(marked(tool.name), marked(tool.description), marked(dict(tool.parameters)))


def _in_words(turn: ChatTurn) -> ChatTurn:
    """A turn for a template that knows no tools."""
    if turn.role == "tool":
        answer = f"<tool_response>\n{turn.text}\n</tool_response>"
        return ChatTurn("user", (TextPart(answer),))
    if not turn.tool_calls:
        return turn
    calls = (
        json.dumps({"name": call.name, "arguments": _arguments(call)}, ensure_ascii=False)
        for call in turn.tool_calls
    )
    written = tuple(TextPart(f"{CALL_BEGIN}\n{call}\n{CALL_END}") for call in calls)
    return replace(turn, parts=turn.parts + written, tool_calls=())


def _tool_lines(tools: Sequence[ToolSpec]) -> str:
    return "\n".join(
        json.dumps(
            {"name": tool.name, "description": tool.description, "schema": dict(tool.parameters)},
            ensure_ascii=False,
        )
        for tool in tools
    )


def _with_system(turns: Sequence[ChatTurn], text: str) -> list[ChatTurn]:
    if turns[0].role == "system":
        return [replace(turns[0], parts=(*turns[0].parts, TextPart(text))), *turns[1:]]
    return [ChatTurn("system", (TextPart(text),)), *turns]


def _without_system(turns: Sequence[ChatTurn]) -> list[ChatTurn]:
    """The words of system turns as the beginning of the first user turn."""
    words = tuple(part for turn in turns if turn.role == "system" for part in turn.parts)
    rest = [turn for turn in turns if turn.role != "system"]
    if words and (not rest or rest[0].role != "user"):
        return [ChatTurn("user", words), *rest]
    return [replace(rest[0], parts=(*words, *rest[0].parts)), *rest[1:]] if rest else rest


def _turn_ends(
    text: str, turns: Sequence[ChatTurn], offsets: Sequence[tuple[int, int]]
) -> tuple[int, ...]:
    """How many tokens the words of each turn and all before them take.

    A turn whose words the template has changed is left out.
    """
    ends: list[int] = []
    place = token = 0
    for turn in turns:
        words = [part.text.strip() for part in turn.parts if isinstance(part, TextPart)]
        last = words[-1] if words else ""
        found = text.find(last, place) if last else -1
        if found < 0:
            continue
        place = found + len(last)
        while token < len(offsets) and offsets[token][1] <= place:
            token += 1
        ends.append(token)
    return tuple(ends)

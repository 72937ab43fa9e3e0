"""`/v1/messages` and `/v1/messages/count_tokens`: Anthropic's protocol."""

import json
import uuid
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

from fastapi import Request

from tapgraph.llm_backend.local.generation import Finished, TokenCount
from tapgraph.llm_backend.local.reply_reader import (
    CallArguments,
    CallBegun,
    ReadReply,
    ReplyPart,
    Thought,
    Words,
)
from tapgraph.llm_backend.server.event_stream import EventStream, StreamEvent
from tapgraph.llm_backend.server.messages_in import CountRequest, MessagesRequest, messages_chat
from tapgraph.llm_backend.server.refusals import Refusal
from tapgraph.llm_backend.server.replies import ChatRunner, RunningChat

__all__ = ["MessagesEndpoint"]


class MessagesEndpoint:
    """Answers requests of Anthropic's protocol."""

    def __init__(self, runner: ChatRunner) -> None:
        self._runner = runner

    async def answer(
        self, asked: MessagesRequest, request: Request
    ) -> dict[str, Any] | EventStream:
        """The whole message, or a stream of it; raises as `ChatEndpoint.answer`."""
        running = await self._runner.begin(lambda pictures: messages_chat(asked, pictures), request)
        frame: dict[str, Any] = {
            "id": f"msg_{uuid.uuid4().hex}",
            "type": "message",
            "role": "assistant",
            "model": asked.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": _usage(TokenCount(running.prompt_tokens, 0, 0)),
        }
        if asked.stream:
            return EventStream(_Events(frame).of(running), _failed)
        (reply,) = await running.whole()
        ending = _ending(reply.finished, has_calls=bool(reply.said.tool_calls))
        return {**frame, "content": _blocks(reply.said), **ending,
                "usage": _usage(reply.finished.count)}  # fmt: skip

    async def count(self, asked: CountRequest) -> dict[str, int]:
        """How many tokens the prompt has."""
        chat = await self._runner.prepare(lambda pictures: messages_chat(asked, pictures))
        return {"input_tokens": len(chat.request.prompt.tokens)}


def _blocks(said: ReadReply) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if said.reasoning:
        blocks.append({"type": "thinking", "thinking": said.reasoning, "signature": ""})
    if said.text:
        blocks.append({"type": "text", "text": said.text})
    blocks += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": _object(call.arguments)}
        for call in said.tool_calls
    ]
    return blocks


def _object(arguments: str) -> Any:
    """The arguments of a call; a reply that was cut in the middle of them has none."""
    try:
        return json.loads(arguments)
    except ValueError:
        return {}


def _ending(finished: Finished, *, has_calls: bool) -> dict[str, Any]:
    if finished.reason == "length":
        reason = "max_tokens"
    elif finished.stop:
        reason = "stop_sequence"
    else:
        reason = "tool_use" if has_calls else "end_turn"
    return {"stop_reason": reason, "stop_sequence": finished.stop or None}


def _usage(count: TokenCount) -> dict[str, int]:
    """Here the tokens of the prompt are told without the cached ones."""
    return {
        "input_tokens": count.prompt - count.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": count.cached,
        "output_tokens": count.completion,
    }


def _failed(refusal: Refusal) -> StreamEvent:
    return StreamEvent.named(refusal.body.in_anthropics_words())


class _Events:
    """The events of one message."""

    def __init__(self, frame: dict[str, Any]) -> None:
        self._frame = frame
        self._blocks = 0
        self._open = ""
        self._has_calls = False

    async def of(self, running: RunningChat) -> AsyncGenerator[StreamEvent]:
        """What is sent while the reply comes."""
        yield StreamEvent.named({"type": "message_start", "message": self._frame})
        async with aclosing(running.steps()) as steps:
            async for step in steps:
                for part in step.parts:
                    for event in self._part(part):
                        yield event
                if step.finished is not None:
                    for event in self._end(step.finished):
                        yield event

    def _part(self, part: ReplyPart) -> Iterator[StreamEvent]:
        match part:
            case CallBegun(id, name):
                self._has_calls = True
                yield from self._close()
                yield self._begin({"type": "tool_use", "id": id, "name": name, "input": {}})
            case CallArguments(text):
                yield self._delta({"type": "input_json_delta", "partial_json": text})
            case Thought(text):
                if self._open != "thinking":
                    yield from self._close()
                    yield self._begin({"type": "thinking", "thinking": "", "signature": ""})
                yield self._delta({"type": "thinking_delta", "thinking": text})
            case Words(text):
                if self._open != "text":
                    yield from self._close()
                    yield self._begin({"type": "text", "text": ""})
                yield self._delta({"type": "text_delta", "text": text})

    def _begin(self, block: dict[str, Any]) -> StreamEvent:
        self._open = block["type"]
        event = {"type": "content_block_start", "index": self._blocks, "content_block": block}
        return StreamEvent.named(event)

    def _delta(self, delta: dict[str, Any]) -> StreamEvent:
        event = {"type": "content_block_delta", "index": self._blocks, "delta": delta}
        return StreamEvent.named(event)

    def _close(self) -> Iterator[StreamEvent]:
        if self._open:
            yield StreamEvent.named({"type": "content_block_stop", "index": self._blocks})
            self._blocks += 1
            self._open = ""

    def _end(self, finished: Finished) -> Iterator[StreamEvent]:
        yield from self._close()
        ending = _ending(finished, has_calls=self._has_calls)
        usage = _usage(finished.count)
        yield StreamEvent.named({"type": "message_delta", "delta": ending, "usage": usage})
        yield StreamEvent.named({"type": "message_stop"})

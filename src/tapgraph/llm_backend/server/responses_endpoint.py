"""`/v1/responses`: OpenAI's newer protocol, without its memory."""

import time
import uuid
from collections.abc import AsyncGenerator, Iterator, Mapping
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
from tapgraph.llm_backend.server.refusals import Refusal
from tapgraph.llm_backend.server.replies import ChatRunner, RunningChat
from tapgraph.llm_backend.server.responses_in import ResponsesRequest, responses_chat

__all__ = ["ResponsesEndpoint"]

_LOGPROBS: Mapping[str, Any] = {"logprobs": []}
_CONTENT_EVENT = {"message": "response.output_text", "reasoning": "response.reasoning_text"}


class ResponsesEndpoint:
    """Answers requests of the Responses protocol."""

    def __init__(self, runner: ChatRunner) -> None:
        self._runner = runner

    async def answer(
        self, asked: ResponsesRequest, request: Request
    ) -> dict[str, Any] | EventStream:
        """The whole response, or a stream of its events; raises as `ChatEndpoint.answer`."""
        running = await self._runner.begin(
            lambda pictures: responses_chat(asked, pictures), request
        )
        frame = _frame(asked)
        if asked.stream:
            events = _Events(frame)
            return EventStream(events.of(running), events.failed)
        (reply,) = await running.whole()
        return _ended(frame, _items(reply.said, _status(reply.finished)), reply.finished)


def _frame(asked: ResponsesRequest) -> dict[str, Any]:
    """The response before anything is said; it repeats what was asked."""
    told = asked.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {
        "id": f"resp_{uuid.uuid4().hex}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": asked.instructions,
        "model": asked.model,
        "output": [],
        "parallel_tool_calls": asked.parallel_tool_calls is not False,
        "tool_choice": told.get("tool_choice", "auto"),
        "tools": told.get("tools", []),
        "text": told.get("text", {"format": {"type": "text"}}),
        "temperature": 1.0 if asked.temperature is None else asked.temperature,
        "top_p": 1.0 if asked.top_p is None else asked.top_p,
        "max_output_tokens": asked.max_output_tokens,
        "previous_response_id": None,
        "reasoning": told.get("reasoning"),
        "store": False,
        "truncation": "disabled",
        "metadata": asked.metadata or {},
        "usage": None,
    }


def _items(said: ReadReply, status: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if said.reasoning:
        items.append(_item("reasoning", said.reasoning, status))
    if said.text or not said.tool_calls:
        items.append(_item("message", said.text, status))
    items += [_call_item(call.id, call.name, call.arguments, status) for call in said.tool_calls]
    return items


def _item(kind: str, text: str, status: str) -> dict[str, Any]:
    content = [_content(kind, text)]
    if kind == "reasoning":
        return {"id": _new_id("rs"), "type": kind, "summary": [], "content": content,
                "status": status}  # fmt: skip
    return {"id": _new_id("msg"), "type": kind, "role": "assistant", "status": status,
            "content": content}  # fmt: skip


def _content(kind: str, text: str) -> dict[str, Any]:
    if kind == "reasoning":
        return {"type": "reasoning_text", "text": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _call_item(call_id: str, name: str, arguments: str, status: str) -> dict[str, Any]:
    return {"id": _new_id("fc"), "type": "function_call", "call_id": call_id, "name": name,
            "arguments": arguments, "status": status}  # fmt: skip


def _ended(
    frame: Mapping[str, Any], items: list[dict[str, Any]], finished: Finished
) -> dict[str, Any]:
    is_cut = finished.reason == "length"
    return {
        **frame,
        "status": _status(finished),
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "output": items,
        "usage": _usage(finished.count),
    }


def _status(finished: Finished) -> str:
    return "incomplete" if finished.reason == "length" else "completed"


def _usage(count: TokenCount) -> dict[str, Any]:
    return {
        "input_tokens": count.prompt,
        "input_tokens_details": {"cached_tokens": count.cached, "cache_write_tokens": 0},
        "output_tokens": count.completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": count.prompt + count.completion,
    }


def _new_id(kind: str) -> str:
    return f"{kind}_{uuid.uuid4().hex}"


class _Events:
    """The events of one response."""

    def __init__(self, frame: dict[str, Any]) -> None:
        self._frame = frame
        self._items: list[dict[str, Any]] = []
        self._is_open = False
        self._sent = 0

    async def of(self, running: RunningChat) -> AsyncGenerator[StreamEvent]:
        """What is sent while the reply comes."""
        for kind in ("response.created", "response.in_progress"):
            yield self._event(kind, response=self._frame)
        async with aclosing(running.steps()) as steps:
            async for step in steps:
                for part in step.parts:
                    for event in self._part(part):
                        yield event
                if step.finished is not None:
                    for event in self._end(step.finished):
                        yield event

    def failed(self, refusal: Refusal) -> StreamEvent:
        """The response as one that failed."""
        error = {"code": refusal.body.error.code or "server_error", "message": str(refusal)}
        response = {**self._frame, "status": "failed", "error": error, "output": self._items}
        return self._event("response.failed", response=response)

    def _event(self, kind: str, **fields: Any) -> StreamEvent:
        self._sent += 1
        return StreamEvent.named({"type": kind, "sequence_number": self._sent - 1, **fields})

    def _of_item(self, kind: str, **fields: Any) -> StreamEvent:
        place = {"item_id": self._items[-1]["id"], "output_index": len(self._items) - 1}
        return self._event(kind, **place, **fields)

    def _part(self, part: ReplyPart) -> Iterator[StreamEvent]:
        match part:
            case CallBegun(id, name):
                yield from self._close("completed")
                yield from self._open(_call_item(id, name, "", "in_progress"))
            case CallArguments(text):
                self._items[-1]["arguments"] += text
                yield self._of_item("response.function_call_arguments.delta", delta=text)
            case Thought(text):
                yield from self._said("reasoning", text)
            case Words(text):
                yield from self._said("message", text)

    def _said(self, kind: str, text: str) -> Iterator[StreamEvent]:
        if not (self._is_open and self._items[-1]["type"] == kind):
            yield from self._close("completed")
            yield from self._open({**_item(kind, "", "in_progress"), "content": []})
            content = _content(kind, "")
            self._items[-1]["content"] = [content]
            yield self._of_item("response.content_part.added", content_index=0, part=content)
        self._items[-1]["content"][0]["text"] += text
        logprobs = _LOGPROBS if kind == "message" else {}
        yield self._of_item(
            f"{_CONTENT_EVENT[kind]}.delta", content_index=0, delta=text, **logprobs
        )

    def _open(self, item: dict[str, Any]) -> Iterator[StreamEvent]:
        self._items.append(item)
        self._is_open = True
        yield self._event(
            "response.output_item.added", output_index=len(self._items) - 1, item=item
        )

    def _close(self, status: str) -> Iterator[StreamEvent]:
        if not self._is_open:
            return
        self._is_open = False
        item = self._items[-1]
        item["status"] = status
        if item["type"] == "function_call":
            yield self._of_item(
                "response.function_call_arguments.done",
                name=item["name"],
                arguments=item["arguments"],
            )
        else:
            (content,) = item["content"]
            logprobs = _LOGPROBS if item["type"] == "message" else {}
            yield self._of_item(
                f"{_CONTENT_EVENT[item['type']]}.done", content_index=0, text=content["text"],
                **logprobs,
            )  # fmt: skip
            yield self._of_item("response.content_part.done", content_index=0, part=content)
        yield self._event("response.output_item.done", output_index=len(self._items) - 1, item=item)

    def _end(self, finished: Finished) -> Iterator[StreamEvent]:
        if not self._items or self._items[-1]["type"] == "reasoning":
            yield from self._said("message", "")
        yield from self._close(_status(finished))
        response = _ended(self._frame, self._items, finished)
        yield self._event(f"response.{_status(finished)}", response=response)

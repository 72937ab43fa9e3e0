"""`/v1/chat/completions`."""

import time
import uuid
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field

from fastapi import Request

from tapgraph.llm_backend.local.generation import Finished
from tapgraph.llm_backend.local.reply_reader import (
    CallArguments,
    CallBegun,
    ReplyPart,
    Thought,
    Words,
)
from tapgraph.llm_backend.server.chat_in import chat_request
from tapgraph.llm_backend.server.event_stream import EventStream, StreamEvent
from tapgraph.llm_backend.server.fingerprint import system_fingerprint
from tapgraph.llm_backend.server.refusals import Refusal
from tapgraph.llm_backend.server.replies import ChatRunner, RunningChat, Step
from tapgraph.llm_backend.server.wire_replies import (
    ChatChoice,
    ChatChunk,
    ChatCompletion,
    ChatDelta,
    ChatMessage,
    ChunkChoice,
    FunctionDelta,
    ToolCallDelta,
    ToolCallOut,
    WireFinish,
    chat_logprobs,
    usage_of,
)
from tapgraph.llm_backend.server.wire_requests import ChatCompletionRequest

__all__ = ["ChatEndpoint", "failed_event"]


class ChatEndpoint:
    """Answers OpenAI's chat requests."""

    def __init__(self, runner: ChatRunner) -> None:
        self._runner = runner
        self._fingerprint = system_fingerprint(runner.engine)

    async def answer(
        self, asked: ChatCompletionRequest, request: Request
    ) -> ChatCompletion | EventStream:
        """The whole reply, or a stream of it.

        Raises:
            Refusal, TapgraphError: nothing was sent yet.
            ClientLeft: while the reply was being made.
        """
        running = await self._runner.begin(
            lambda pictures: chat_request(asked, pictures),
            request,
            choices=asked.n or 1,
        )
        reply = _Reply(
            id=f"chatcmpl-{uuid.uuid4().hex}",
            model=asked.model,
            created=int(time.time()),
            fingerprint=self._fingerprint,
            has_logprobs=bool(asked.logprobs),
        )
        if not asked.stream:
            return await _whole(reply, running)
        with_usage = asked.stream_options is not None and asked.stream_options.include_usage
        return EventStream(
            _events(reply, running, with_usage=with_usage), failed_event, last="[DONE]"
        )


@dataclass(frozen=True, slots=True)
class _Reply:
    id: str
    model: str
    created: int
    fingerprint: str
    has_logprobs: bool
    calls: dict[int, int] = field(default_factory=dict)
    """How many calls each choice holds."""

    def chunk(self, *choices: ChunkChoice) -> ChatChunk:
        return ChatChunk(
            id=self.id,
            model=self.model,
            created=self.created,
            system_fingerprint=self.fingerprint,
            choices=list(choices),
        )

    def more(self, step: Step) -> Iterator[ChunkChoice]:
        deltas = [self._delta(step.index, part) for part in step.parts]
        logprobs = chat_logprobs(step.scores) if self.has_logprobs and step.scores else None
        if logprobs and not deltas:
            deltas = [ChatDelta(content="")]
        for delta in deltas:
            yield ChunkChoice(index=step.index, delta=delta, logprobs=logprobs)
            logprobs = None
        if step.finished is not None:
            reason = _finish_reason(step.finished, has_calls=bool(self.calls.get(step.index)))
            yield ChunkChoice(index=step.index, delta=ChatDelta(), finish_reason=reason)

    def _delta(self, index: int, part: ReplyPart) -> ChatDelta:
        match part:
            case Thought(text):
                return ChatDelta(reasoning_content=text)
            case Words(text):
                return ChatDelta(content=text)
            case CallBegun(id, name):
                place = self.calls.get(index, 0)
                self.calls[index] = place + 1
                function = FunctionDelta(name=name, arguments="")
                call = ToolCallDelta(index=place, id=id, type="function", function=function)
                return ChatDelta(tool_calls=[call])
            case CallArguments(text):
                function = FunctionDelta(arguments=text)
                call = ToolCallDelta(index=self.calls[index] - 1, function=function)
                return ChatDelta(tool_calls=[call])


async def _whole(reply: _Reply, running: RunningChat) -> ChatCompletion:
    replies = await running.whole()
    choices = [
        ChatChoice(
            index=index,
            message=ChatMessage(
                content=one.said.text if one.said.text or not one.said.tool_calls else None,
                reasoning_content=one.said.reasoning or None,
                tool_calls=[ToolCallOut.of(call) for call in one.said.tool_calls] or None,
            ),
            logprobs=chat_logprobs(one.scores) if reply.has_logprobs else None,
            finish_reason=_finish_reason(one.finished, has_calls=bool(one.said.tool_calls)),
        )
        for index, one in enumerate(replies)
    ]
    return ChatCompletion(
        id=reply.id,
        model=reply.model,
        created=reply.created,
        system_fingerprint=reply.fingerprint,
        choices=choices,
        usage=usage_of([one.finished for one in replies], 1),
    )


async def _events(
    reply: _Reply, running: RunningChat, *, with_usage: bool
) -> AsyncGenerator[StreamEvent]:
    ends: dict[int, Finished] = {}
    for index in range(running.count):
        first = ChunkChoice(index=index, delta=ChatDelta(role="assistant", content=""))
        yield StreamEvent.of(reply.chunk(first))
    async with aclosing(running.steps()) as steps:
        async for step in steps:
            if step.finished is not None:
                ends[step.index] = step.finished
            for choice in reply.more(step):
                yield StreamEvent.of(reply.chunk(choice))
    if with_usage:
        usage = usage_of([ends[index] for index in sorted(ends)], 1)
        yield StreamEvent.of(reply.chunk().model_copy(update={"usage": usage}))


def failed_event(refusal: Refusal) -> StreamEvent:
    """A refusal in the middle of a stream, as OpenAI's clients expect it."""
    return StreamEvent(refusal.body.model_dump_json())


def _finish_reason(finished: Finished, *, has_calls: bool) -> WireFinish:
    if finished.reason == "length":
        return "length"
    return "tool_calls" if has_calls else "stop"

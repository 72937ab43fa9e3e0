"""`/v1/chat/completions`."""

import time
import uuid
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import anyio.to_thread
from fastapi import Request
from pydantic import BaseModel
from starlette.types import Receive

from tapgraph.llm_backend.local.chat import Chat, prepare_chat
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.local.generation import (
    Delta,
    Finished,
    GenerationRequest,
    GenerationStream,
    TokenScore,
)
from tapgraph.llm_backend.local.tool_calls import ReadReply, ToolCallReader
from tapgraph.llm_backend.server.arrivals import Arrivals
from tapgraph.llm_backend.server.chat_in import chat_request
from tapgraph.llm_backend.server.event_stream import EventStream
from tapgraph.llm_backend.server.pictures_in import PictureLimits
from tapgraph.llm_backend.server.wire_replies import (
    ChatChoice,
    ChatChunk,
    ChatCompletion,
    ChatDelta,
    ChatMessage,
    ChunkChoice,
    ToolCallOut,
    WireFinish,
    chat_logprobs,
    usage_of,
)
from tapgraph.llm_backend.server.wire_requests import ChatCompletionRequest

__all__ = ["ChatEndpoint", "submit_all"]


class ChatEndpoint:
    """Answers chat requests with one engine."""

    def __init__(self, engine: Engine, pictures: PictureLimits, timeout_s: float) -> None:
        self._engine = engine
        self._pictures = pictures
        self._timeout_s = timeout_s

    async def answer(
        self, asked: ChatCompletionRequest, request: Request
    ) -> ChatCompletion | EventStream:
        """The whole reply, or a stream of it.

        Raises:
            Refusal, TapgraphError: nothing was sent yet.
            ClientLeft: while the reply was being made.
        """
        arrivals = Arrivals()
        chat = await anyio.to_thread.run_sync(self._prepared, asked)
        requests = choices_of(chat.request, asked.n or 1)
        streams = await anyio.to_thread.run_sync(submit_all, self._engine, requests, arrivals)
        reply = _Reply(
            id=f"chatcmpl-{uuid.uuid4().hex}",
            model=asked.model,
            created=int(time.time()),
            has_logprobs=bool(asked.logprobs),
            readers=tuple(chat.open_reader() for _ in streams),
        )
        if not asked.stream:
            return await _whole(reply, streams, arrivals, request.receive)
        with_usage = asked.stream_options is not None and asked.stream_options.include_usage
        return EventStream(
            _chunks(reply, streams, arrivals, request.receive, with_usage=with_usage)
        )

    def _prepared(self, asked: ChatCompletionRequest) -> Chat:
        wanted = chat_request(asked, self._pictures, timeout_s=self._timeout_s)
        return prepare_chat(self._engine.checkpoint, wanted)


def choices_of(request: GenerationRequest, count: int) -> Sequence[GenerationRequest]:
    """The request `count` times; a seed is counted up from choice to choice."""
    seed = request.sampling.seed
    if seed is None:
        return [request] * count
    return [
        replace(request, sampling=replace(request.sampling, seed=_as_int64(seed + index)))
        for index in range(count)
    ]


def _as_int64(number: int) -> int:
    return (number + 2**63) % 2**64 - 2**63


def submit_all(
    engine: Engine, requests: Sequence[GenerationRequest], arrivals: Arrivals
) -> list[GenerationStream]:
    """All of them, or none: when one is refused, those before it are cancelled."""
    streams: list[GenerationStream] = []
    try:
        streams.extend(engine.submit(request, notify=arrivals.notify) for request in requests)
    except BaseException:
        for stream in streams:
            stream.cancel()
        raise
    return streams


@dataclass(frozen=True, slots=True)
class _Reply:
    id: str
    model: str
    created: int
    has_logprobs: bool
    readers: tuple[ToolCallReader, ...]

    def chunk(self, *choices: ChunkChoice) -> ChatChunk:
        return ChatChunk(id=self.id, model=self.model, created=self.created, choices=list(choices))

    def more(self, index: int, event: Delta) -> Iterator[ChunkChoice]:
        text = self.readers[index].push(event.text)
        logprobs = chat_logprobs(event.scores) if self.has_logprobs else None
        if text or (logprobs and logprobs.content):
            yield ChunkChoice(index=index, delta=ChatDelta(content=text), logprobs=logprobs)

    def end(self, index: int, event: Finished) -> Iterator[ChunkChoice]:
        end = self.readers[index].finish()
        if end.text:
            yield ChunkChoice(index=index, delta=ChatDelta(content=end.text))
        if end.tool_calls:
            calls = [ToolCallOut.of(call, index=n) for n, call in enumerate(end.tool_calls)]
            yield ChunkChoice(index=index, delta=ChatDelta(tool_calls=calls))
        reason = _finish_reason(event, end)
        yield ChunkChoice(index=index, delta=ChatDelta(), finish_reason=reason)


async def _whole(
    reply: _Reply, streams: Sequence[GenerationStream], arrivals: Arrivals, receive: Receive
) -> ChatCompletion:
    texts: list[list[str]] = [[] for _ in streams]
    scores: list[list[TokenScore]] = [[] for _ in streams]
    ends: dict[int, Finished] = {}
    async with aclosing(arrivals.of(streams, receive)) as events:
        async for index, event in events:
            if isinstance(event, Delta):
                texts[index].append(reply.readers[index].push(event.text))
                scores[index] += event.scores
            else:
                ends[index] = event
    choices = []
    for index, reader in enumerate(reply.readers):
        end = reader.finish()
        content = "".join(texts[index]) + end.text
        calls = [ToolCallOut.of(call) for call in end.tool_calls]
        choices.append(
            ChatChoice(
                index=index,
                message=ChatMessage(
                    content=content if content or not calls else None, tool_calls=calls or None
                ),
                logprobs=chat_logprobs(scores[index]) if reply.has_logprobs else None,
                finish_reason=_finish_reason(ends[index], end),
            )
        )
    return ChatCompletion(
        id=reply.id,
        model=reply.model,
        created=reply.created,
        choices=choices,
        usage=usage_of([ends[index] for index in sorted(ends)], 1),
    )


async def _chunks(
    reply: _Reply,
    streams: Sequence[GenerationStream],
    arrivals: Arrivals,
    receive: Receive,
    *,
    with_usage: bool,
) -> AsyncGenerator[BaseModel]:
    ends: dict[int, Finished] = {}
    for index in range(len(streams)):
        yield reply.chunk(ChunkChoice(index=index, delta=ChatDelta(role="assistant", content="")))
    async with aclosing(arrivals.of(streams, receive)) as events:
        async for index, event in events:
            if isinstance(event, Delta):
                for choice in reply.more(index, event):
                    yield reply.chunk(choice)
            else:
                ends[index] = event
                for choice in reply.end(index, event):
                    yield reply.chunk(choice)
    if with_usage:
        usage = usage_of([ends[index] for index in sorted(ends)], 1)
        yield reply.chunk().model_copy(update={"usage": usage})


def _finish_reason(finished: Finished, end: ReadReply) -> WireFinish:
    if finished.reason == "length":
        return "length"
    return "tool_calls" if end.tool_calls else "stop"

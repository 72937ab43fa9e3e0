"""`/v1/completions`."""

import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import anyio.to_thread
from fastapi import Request

from tapgraph.llm_backend.local.chat_prompt import text_prompt
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.local.generation import (
    Delta,
    Finished,
    GenerationEvent,
    GenerationRequest,
    Prompt,
    Sampling,
    TokenScore,
)
from tapgraph.llm_backend.server.arrivals import Arrivals
from tapgraph.llm_backend.server.chat_endpoint import failed_event
from tapgraph.llm_backend.server.event_stream import EventStream, StreamEvent
from tapgraph.llm_backend.server.fingerprint import system_fingerprint
from tapgraph.llm_backend.server.refusals import Refusal
from tapgraph.llm_backend.server.replies import choices_of, submit_all
from tapgraph.llm_backend.server.wire_replies import (
    Completion,
    CompletionChoice,
    CompletionLogprobs,
    UsageOut,
    WireFinish,
    usage_of,
)
from tapgraph.llm_backend.server.wire_requests import CompletionRequest, sampling_of

__all__ = ["CompletionEndpoint"]

_MOST_REPLIES = 64


class CompletionEndpoint:
    """Answers requests to go on with a text, with one engine."""

    def __init__(self, engine: Engine, timeout_s: float) -> None:
        self._engine = engine
        self._timeout_s = timeout_s
        self._fingerprint = system_fingerprint(engine)

    async def answer(self, asked: CompletionRequest, request: Request) -> Completion | EventStream:
        """The whole reply, or a stream of it; choices of one prompt stand together.

        Raises:
            Refusal, TapgraphError: nothing was sent yet.
            ClientLeft: while the reply was being made.
        """
        arrivals = Arrivals()
        prompts = _prompts(asked)
        if len(prompts) * (asked.n or 1) > _MOST_REPLIES:
            raise Refusal(400, f"prompts times n may be {_MOST_REPLIES} at most", param="prompt")
        requests = await anyio.to_thread.run_sync(self._requests, asked, prompts)
        streams = await anyio.to_thread.run_sync(submit_all, self._engine, requests, arrivals)
        frame = Completion(
            id=f"cmpl-{uuid.uuid4().hex}",
            model=asked.model,
            created=int(time.time()),
            system_fingerprint=self._fingerprint,
            choices=[],
        )
        reply = _Reply(frame, len(prompts), len(streams), has_logprobs=asked.logprobs is not None)
        events = arrivals.of(streams, request.receive)
        if not asked.stream:
            return await _whole(reply, events)
        with_usage = asked.stream_options is not None and asked.stream_options.include_usage
        chunks = _chunks(reply, events, with_usage=with_usage)
        return EventStream(chunks, failed_event, last="[DONE]")

    def _requests(
        self, asked: CompletionRequest, prompts: Sequence[str | list[int]]
    ) -> list[GenerationRequest]:
        sampling = Sampling.of(sampling_of(asked), self._engine.checkpoint.sampling)
        return [
            choice
            for prompt in prompts
            for choice in choices_of(
                GenerationRequest(
                    prompt=self._prompt(prompt),
                    max_tokens=asked.max_tokens,
                    sampling=sampling,
                    stop=asked.stops,
                    top_logprobs=asked.logprobs,
                    timeout_s=self._timeout_s,
                    task=asked.task,
                ),
                asked.n or 1,
            )
        ]

    def _prompt(self, prompt: str | list[int]) -> Prompt:
        if isinstance(prompt, str):
            return text_prompt(self._engine.checkpoint, prompt)
        return Prompt(tuple(prompt))


def _prompts(asked: CompletionRequest) -> list[str | list[int]]:
    given = asked.prompt
    if isinstance(given, str):
        return [given]
    if not given:
        raise Refusal(400, "there is no prompt", param="prompt")
    texts = [one for one in given if isinstance(one, str)]
    lists = [one for one in given if isinstance(one, list)]
    return [*texts, *lists] or [[one for one in given if isinstance(one, int)]]


@dataclass(frozen=True, slots=True)
class _Reply:
    frame: Completion
    prompts: int
    streams: int
    has_logprobs: bool

    def logprobs(self, scores: Sequence[TokenScore]) -> CompletionLogprobs | None:
        return CompletionLogprobs().add(scores) if self.has_logprobs else None

    def with_choices(self, *choices: CompletionChoice) -> Completion:
        return self.frame.model_copy(update={"choices": list(choices)})

    def with_usage(self, ends: dict[int, Finished]) -> dict[str, UsageOut]:
        return {"usage": usage_of([ends[index] for index in range(self.streams)], self.prompts)}


async def _whole(
    reply: _Reply, arriving: AsyncGenerator[tuple[int, GenerationEvent]]
) -> Completion:
    texts: list[list[str]] = [[] for _ in range(reply.streams)]
    scores: list[list[TokenScore]] = [[] for _ in range(reply.streams)]
    ends: dict[int, Finished] = {}
    async with aclosing(arriving) as events:
        async for index, event in events:
            if isinstance(event, Delta):
                texts[index].append(event.text)
                scores[index] += event.scores
            else:
                ends[index] = event
    choices = [
        CompletionChoice(
            index=index,
            text="".join(texts[index]),
            logprobs=reply.logprobs(scores[index]),
            finish_reason=_finish_reason(ends[index]),
        )
        for index in range(reply.streams)
    ]
    return reply.with_choices(*choices).model_copy(update=reply.with_usage(ends))


async def _chunks(
    reply: _Reply, arriving: AsyncGenerator[tuple[int, GenerationEvent]], *, with_usage: bool
) -> AsyncGenerator[StreamEvent]:
    ends: dict[int, Finished] = {}
    async with aclosing(arriving) as events:
        async for index, event in events:
            if isinstance(event, Delta):
                choice = CompletionChoice(
                    index=index,
                    text=event.text,
                    logprobs=reply.logprobs(event.scores),
                    finish_reason=None,
                )
            else:
                ends[index] = event
                choice = CompletionChoice(index=index, text="", finish_reason=_finish_reason(event))
            yield StreamEvent.of(reply.with_choices(choice))
    if with_usage:
        yield StreamEvent.of(reply.frame.model_copy(update=reply.with_usage(ends)))


def _finish_reason(end: Finished) -> WireFinish:
    return "length" if end.reason == "length" else "stop"

"""Chat requests of any dialect, worked on by one engine."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TypeAlias

import anyio.to_thread
from fastapi import Request

from tapgraph.llm_backend.local.chat import Chat, ChatRequest, prepare_chat
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.local.generation import (
    Delta,
    Finished,
    GenerationRequest,
    GenerationStream,
    TokenScore,
)
from tapgraph.llm_backend.local.reply_reader import ReadReply, ReplyPart, gather
from tapgraph.llm_backend.server.arrivals import Arrivals
from tapgraph.llm_backend.server.pictures_in import PictureLimits

__all__ = ["ChatRunner", "RunningChat", "Step", "WholeReply", "choices_of", "submit_all"]

ReadRequest: TypeAlias = Callable[[PictureLimits], ChatRequest]
"""Reads what a client has sent; raises `Refusal` for a picture that may not be."""


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one reply.

    Attributes:
        index: which of the replies it is.
        parts: more of it.
        scores: of the tokens that came, if they were asked for.
        finished: not None at its end.
    """

    index: int
    parts: Sequence[ReplyPart]
    scores: Sequence[TokenScore] = ()
    finished: Finished | None = None


@dataclass(frozen=True, slots=True)
class WholeReply:
    """A reply that has ended."""

    said: ReadReply
    scores: Sequence[TokenScore]
    finished: Finished


class RunningChat:
    """The replies to one chat request, whole or as they come; read once."""

    def __init__(
        self, chat: Chat, streams: Sequence[GenerationStream], arrivals: Arrivals, request: Request
    ) -> None:
        self._readers = [chat.open_reader() for _ in streams]
        self._events = arrivals.of(streams, request.receive)
        self.prompt_tokens = len(chat.request.prompt.tokens)

    @property
    def count(self) -> int:
        """How many replies there are."""
        return len(self._readers)

    async def steps(self) -> AsyncGenerator[Step]:
        """What comes, in its order; raises as `Arrivals.of`."""
        async with aclosing(self._events) as events:
            async for index, event in events:
                reader = self._readers[index]
                if isinstance(event, Delta):
                    yield Step(index, reader.push(event.text), event.scores)
                else:
                    yield Step(index, reader.finish(), finished=event)

    async def whole(self) -> list[WholeReply]:
        """All replies in the order of their indices; raises as `Arrivals.of`."""
        steps: list[list[Step]] = [[] for _ in self._readers]
        async with aclosing(self.steps()) as coming:
            async for step in coming:
                steps[step.index].append(step)
        return [_put_together(one) for one in steps]


def _put_together(steps: Sequence[Step]) -> WholeReply:
    (end,) = (step.finished for step in steps if step.finished is not None)
    return WholeReply(
        gather(part for step in steps for part in step.parts),
        [score for step in steps for score in step.scores],
        end,
    )


class ChatRunner:
    """Begins chat requests with one engine.

    Attributes:
        engine: which; others may use it too.
    """

    def __init__(self, engine: Engine, pictures: PictureLimits, timeout_s: float) -> None:
        self.engine = engine
        self._pictures = pictures
        self._timeout_s = timeout_s

    async def begin(self, read: ReadRequest, request: Request, *, choices: int = 1) -> RunningChat:
        """Submit a request; its time runs from here.

        Args:
            read: what is wanted, in the words of a dialect.
            request: the HTTP request, which says when its client leaves.
            choices: how many replies.

        Raises:
            Refusal, TapgraphError: nothing runs.
        """
        arrivals = Arrivals()
        chat = await self.prepare(read)
        requests = choices_of(chat.request, choices)
        streams = await anyio.to_thread.run_sync(submit_all, self.engine, requests, arrivals)
        return RunningChat(chat, streams, arrivals, request)

    async def prepare(self, read: ReadRequest) -> Chat:
        """What would be submitted; in another thread, for pictures are opened."""

        def prepared() -> Chat:
            wanted = replace(read(self._pictures), timeout_s=self._timeout_s)
            return prepare_chat(self.engine.checkpoint, wanted)

        return await anyio.to_thread.run_sync(prepared)


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

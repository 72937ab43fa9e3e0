"""Ask a model for an object, validate it, tell the model what is wrong, give up with an error."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from tapgraph.errors import InvalidReply, ModelUnavailable, ToolError, UsageError
from tapgraph.llm_backend.chat_model import ChatModel, Reply, Usage
from tapgraph.llm_backend.json_object import parse_object, schema_text
from tapgraph.llm_backend.messages import Message, assistant, user
from tapgraph.llm_backend.prompt import fill, load_prompt

__all__ = ["Asked", "CallRecord", "ask"]

Schema = TypeVar("Schema", bound=BaseModel)

_LONGEST_ECHO = 4000
"""Characters of an invalid reply that the model is shown again."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call of a model, as it is recorded and counted.

    Attributes:
        model: the name of the model that answered, or that was asked when none did.
        attempt: 1 for the first try.
        valid: whether the reply fits the schema.
        error: what is wrong with the reply, or why none came; empty when it is valid.
        usage: tokens and cost of this call.
        latency_s: seconds until the reply was complete.
        images: pictures that were sent.
    """

    model: str
    attempt: int
    valid: bool
    error: str
    usage: Usage
    latency_s: float
    images: int


@dataclass(frozen=True, slots=True)
class Asked(Generic[Schema]):
    """A valid answer, all replies that led to it (the last one is valid), and their usage."""

    answer: Schema
    replies: tuple[Reply, ...]
    usage: Usage


def ask(
    model: ChatModel,
    messages: Sequence[Message],
    schema: type[Schema],
    *,
    max_tokens: int = 2048,
    temperature: float = 0.0,
    retries: int = 2,
    check: Callable[[Schema], object] | None = None,
    before_call: Callable[[], None] | None = None,
    on_call: Callable[[CallRecord], None] | None = None,
) -> Asked[Schema]:
    """An object of type `schema` from the model.

    A reply that is cut, is not exactly one JSON object or does not fit the schema is shown to the
    model with the reason, at most `retries` times.

    Args:
        model: who is asked.
        messages: the conversation.
        schema: what the answer must fit.
        max_tokens: the length of each reply at most.
        temperature: 0 for the likeliest reply.
        retries: how often to ask again after an invalid reply.
        check: called with an answer that fits the schema; its `ToolError` makes it invalid.
        before_call: called before each call; what it raises (a used-up budget) ends the asking.
        on_call: told of each call, whether it succeeded or not.

    Raises:
        InvalidReply: the last try was invalid too; holds all replies and their usage.
        ModelUnavailable: from the model.
    """
    if retries < 0:
        raise UsageError(f"retries must be at least 0, got {retries}")
    replies: list[Reply] = []
    conversation = list(messages)
    problem = ""
    for attempt in range(1, retries + 2):
        if before_call is not None:
            before_call()
        call = _Call(model, conversation, attempt, on_call or _ignore)
        reply = call.make(schema, max_tokens, temperature)
        replies.append(reply)
        try:
            answer = _validated(reply, schema)
            if check is not None:
                check(answer)
        except (InvalidReply, ToolError) as error:
            problem = str(error)
            call.record(reply, problem)
            conversation = [*messages, *_correction(reply, problem, schema)]
        else:
            call.record(reply, "")
            return Asked(answer, tuple(replies), _total(replies))
    usage = _total(replies)
    raise InvalidReply(
        f"{model.traits.name} gave no valid reply in {len(replies)} tries; "
        f"the last one cannot be used: {problem}",
        replies=tuple(reply.text for reply in replies),
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cost_usd=usage.cost_usd,
    )


@dataclass(frozen=True, slots=True)
class _Call:
    model: ChatModel
    conversation: Sequence[Message]
    attempt: int
    on_call: Callable[[CallRecord], None]

    def make(self, schema: type[BaseModel], max_tokens: int, temperature: float) -> Reply:
        started = time.monotonic()
        try:
            return self.model.reply(
                self.conversation, schema=schema, max_tokens=max_tokens, temperature=temperature
            )
        except ModelUnavailable as error:
            self.record(Reply("", latency_s=time.monotonic() - started), str(error))
            raise

    def record(self, reply: Reply, problem: str) -> None:
        self.on_call(
            CallRecord(
                model=reply.model or self.model.traits.name,
                attempt=self.attempt,
                valid=not problem,
                error=problem,
                usage=reply.usage,
                latency_s=reply.latency_s,
                images=sum(len(message.images) for message in self.conversation),
            )
        )


def _ignore(record: CallRecord) -> None:
    pass


def _validated(reply: Reply, schema: type[Schema]) -> Schema:
    if reply.finish_reason == "length":
        raise InvalidReply(f"it was cut after {reply.usage.completion_tokens} tokens; be shorter")
    if reply.finish_reason == "content_filter":
        raise InvalidReply("it was withheld by a content filter")
    if isinstance(reply.parsed, schema):
        return reply.parsed
    return parse_object(reply.text, schema)


def _correction(reply: Reply, problem: str, schema: type[BaseModel]) -> tuple[Message, Message]:
    said = reply.text.strip() or "(nothing)"
    if len(said) > _LONGEST_ECHO:
        said = f"{said[:_LONGEST_ECHO]}…"
    template = load_prompt("tapgraph.llm_backend", "invalid_reply")
    return assistant(said), user(fill(template, problem=problem, schema=schema_text(schema)))


def _total(replies: Sequence[Reply]) -> Usage:
    return sum((reply.usage for reply in replies), Usage())

"""Ask a model for an object, validate it, tell the model what is wrong, give up with an error."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Literal, TypeVar, get_origin

from pydantic import BaseModel

from tapgraph.errors import InvalidReply, ModelUnavailable, ToolError, UsageError
from tapgraph.llm_backend.chat_model import ChatModel, Reply, ToolSpec, Usage
from tapgraph.llm_backend.json_object import Parsed, read_object, schema_text
from tapgraph.llm_backend.messages import Message, assistant, user
from tapgraph.llm_backend.prompt import fill, load_prompt
from tapgraph.llm_backend.thinking import part_thinking

__all__ = ["Asked", "CallRecord", "ask"]

Schema = TypeVar("Schema", bound=BaseModel)

_LONGEST_ECHO = 4000
"""Characters of an invalid reply that the model is shown again."""

_PLACEHOLDERS = frozenset({"...", "…"})
"""What stands in examples for words."""

_MOST_CUT_REPLIES = 2
"""A model that is cut twice at the same length is cut a third time; each costs a whole reply."""


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
        reasoning: what the model thought before it answered.
        repairs: what was put right in the reply to read it.
    """

    model: str
    attempt: int
    valid: bool
    error: str
    usage: Usage
    latency_s: float
    images: int
    reasoning: str
    repairs: tuple[str, ...]


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
    tools: Sequence[ToolSpec] = (),
    max_tokens: int | None = None,
    temperature: float | None = None,
    retries: int = 2,
    read: Callable[[Reply], Schema] | None = None,
    check: Callable[[Schema], object] | None = None,
    before_call: Callable[[], None] | None = None,
    on_call: Callable[[CallRecord], None] | None = None,
) -> Asked[Schema]:
    """An object of type `schema` from the model.

    A reply that is cut, is not exactly one JSON object or does not fit the schema is shown to the
    model with the reason, at most `retries` times; of cut replies only the first.

    Args:
        model: who is asked.
        messages: the conversation.
        schema: what the answer must fit.
        tools: what it may call; `read` finds the calls in the reply.
        max_tokens: of each reply, thinking included; None for the model's own limit.
        temperature: 0 for the likeliest reply; None for the model's own.
        retries: how often to ask again after an invalid reply.
        read: turns a reply that is no JSON into the answer, or raises `InvalidReply`; no schema is
            sent then. The answer's `repairs`, if any, are recorded.
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
    conversation = tuple(messages)
    asks_for = None if read else schema
    problem = ""
    while len(replies) <= retries and sum(map(_is_cut, replies)) < _MOST_CUT_REPLIES:
        if before_call is not None:
            before_call()
        call = _Call(model, conversation, tools, len(replies) + 1, on_call or _ignore)
        replies.append(reply := call.make(asks_for, max_tokens, temperature))
        repairs: tuple[str, ...] = ()
        try:
            parsed = _parsed(reply, schema, read)
            repairs = parsed.repairs
            _check_words(parsed.answer)
            if check is not None:
                check(parsed.answer)
        except (InvalidReply, ToolError) as error:
            problem = str(error)
            call.record(reply, problem, repairs)
            conversation = (*messages, *_correction(reply, problem, asks_for))
        else:
            call.record(reply, "", repairs)
            return Asked(parsed.answer, tuple(replies), _total(replies))
    raise _given_up(model, replies, problem)


def _given_up(model: ChatModel, replies: Sequence[Reply], problem: str) -> InvalidReply:
    usage = _total(replies)
    advice = "; give it more with max_tokens" if _is_cut(replies[-1]) else ""
    return InvalidReply(
        f"{model.traits.name} gave no valid reply in {len(replies)} tries; "
        f"the last one cannot be used: {problem}{advice}",
        replies=tuple(reply.text for reply in replies),
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cost_usd=usage.cost_usd,
    )


@dataclass(frozen=True, slots=True)
class _Call:
    model: ChatModel
    conversation: Sequence[Message]
    tools: Sequence[ToolSpec]
    attempt: int
    on_call: Callable[[CallRecord], None]

    def make(
        self, schema: type[BaseModel] | None, max_tokens: int | None, temperature: float | None
    ) -> Reply:
        started = time.monotonic()
        try:
            return self.model.reply(
                self.conversation,
                schema=schema,
                tools=self.tools,
                max_tokens=max_tokens,
                temperature=temperature,
            )
        except ModelUnavailable as error:
            self.record(Reply("", latency_s=time.monotonic() - started), str(error), ())
            raise

    def record(self, reply: Reply, problem: str, repairs: tuple[str, ...]) -> None:
        self.on_call(
            CallRecord(
                model=reply.model or self.model.traits.name,
                attempt=self.attempt,
                valid=not problem,
                error=problem,
                usage=reply.usage,
                latency_s=reply.latency_s,
                images=sum(len(message.images) for message in self.conversation),
                reasoning=reply.reasoning,
                repairs=repairs,
            )
        )


def _ignore(record: CallRecord) -> None:
    pass


def _is_cut(reply: Reply) -> bool:
    return reply.finish_reason == "length"


def _parsed(
    reply: Reply, schema: type[Schema], read: Callable[[Reply], Schema] | None
) -> Parsed[Schema]:
    if _is_cut(reply):
        raise InvalidReply(_cut_problem(reply))
    if reply.finish_reason == "content_filter":
        raise InvalidReply("it was withheld by a content filter")
    if read is not None:
        answer = read(reply)
        return Parsed(answer, _repairs_of(answer))
    if isinstance(reply.parsed, schema):
        parsed = Parsed(reply.parsed, reply.repairs)
    else:
        parsed = read_object(reply.text, schema)
    return Parsed(parsed.answer, parsed.repairs + _repairs_of(parsed.answer))


def _check_words(answer: BaseModel) -> None:
    """See that the answer is more than a form that nobody filled in.

    Raises:
        InvalidReply: all of its words are dots.
    """
    words = {text.strip() for text in _free_texts(answer) if text.strip()}
    if words and words <= _PLACEHOLDERS:
        raise InvalidReply(f"{words.pop()!r} stands for words; write them")


def _free_texts(value: object) -> Iterator[str]:
    """The texts in an answer that its schema does not list."""
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            if get_origin(field.annotation) is not Literal:
                yield from _free_texts(getattr(value, name))
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _free_texts(one)
    elif isinstance(value, str) and not isinstance(value, Enum):
        yield value


def _repairs_of(answer: BaseModel) -> tuple[str, ...]:
    """What the answer itself says that was put right in it."""
    repairs = getattr(answer, "repairs", ())
    return repairs if isinstance(repairs, tuple) else ()


def _cut_problem(reply: Reply) -> str:
    tokens = reply.usage.completion_tokens
    if not part_thinking(reply.text).text.strip():
        return f"all of its {tokens} tokens went into thinking; think briefly, then answer"
    return f"it was cut after {tokens} tokens; be shorter"


def _correction(
    reply: Reply, problem: str, schema: type[BaseModel] | None
) -> tuple[Message, Message]:
    said = reply.text.strip() or "(nothing)"
    if len(said) > _LONGEST_ECHO:
        said = f"{said[:_LONGEST_ECHO]}…"
    if schema is None:
        template = load_prompt("tapgraph.llm_backend", "invalid_words")
        return assistant(said), user(fill(template, problem=problem))
    template = load_prompt("tapgraph.llm_backend", "invalid_reply")
    return assistant(said), user(fill(template, problem=problem, schema=schema_text(schema)))


def _total(replies: Sequence[Reply]) -> Usage:
    return sum((reply.usage for reply in replies), Usage())

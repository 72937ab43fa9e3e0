"""A model whose answers are given beforehand: for tests, examples and offline trials."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from pydantic import BaseModel

from tapgraph.errors import UsageError
from tapgraph.llm_backend.chat_model import ModelTraits, Reply, ToolSpec
from tapgraph.llm_backend.json_object import with_object
from tapgraph.llm_backend.messages import Message

__all__ = ["Answer", "AnswerFunction", "ScriptedModel", "ScriptedRequest"]

Answer: TypeAlias = str | BaseModel | Reply
"""Words, an object that is said as JSON, or a whole reply with usage and finish reason."""

AnswerFunction: TypeAlias = Callable[[Sequence[Message], type[BaseModel] | None], Answer]


@dataclass(frozen=True, slots=True)
class ScriptedRequest:
    """What the model was asked."""

    messages: tuple[Message, ...]
    schema: type[BaseModel] | None
    tools: tuple[ToolSpec, ...]
    max_tokens: int | None
    temperature: float | None
    stop: tuple[str, ...]


class ScriptedModel:
    """A `ChatModel` that gives the answers of a list in order, or those of a function.

    >>> from tapgraph.llm_backend.messages import user
    >>> model = ScriptedModel(["Hello."])
    >>> model.reply([user("Hi!")]).text
    'Hello.'
    """

    def __init__(
        self, answers: Iterable[Answer] | AnswerFunction, *, traits: ModelTraits | None = None
    ) -> None:
        self._traits = traits or ModelTraits("scripted")
        self._answers = answers if callable(answers) else tuple(answers)
        self._requests: list[ScriptedRequest] = []
        self._lock = threading.Lock()

    @property
    def traits(self) -> ModelTraits:
        """What must be known about it before it is asked."""
        return self._traits

    @property
    def requests(self) -> tuple[ScriptedRequest, ...]:
        """All requests so far, in the order in which they came."""
        with self._lock:
            return tuple(self._requests)

    def reply(
        self,
        messages: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        tools: Sequence[ToolSpec] = (),
        max_tokens: int | None = None,
        temperature: float | None = None,
        stop: Sequence[str] = (),
    ) -> Reply:
        """The next answer.

        Raises:
            UsageError: the list of answers is used up.
        """
        request = ScriptedRequest(
            tuple(messages), schema, tuple(tools), max_tokens, temperature, tuple(stop)
        )
        with self._lock:
            self._requests.append(request)
            ordinal = len(self._requests)
        return self._as_reply(self._answer(request, ordinal), schema)

    def _answer(self, request: ScriptedRequest, ordinal: int) -> Answer:
        if callable(self._answers):
            return self._answers(request.messages, request.schema)
        if ordinal > len(self._answers):
            raise UsageError(
                f"the script of model {self.traits.name!r} has {len(self._answers)} answers, "
                f"and request {ordinal} came: {_clipped(request.messages)!r}"
            )
        return self._answers[ordinal - 1]

    def _as_reply(self, answer: Answer, schema: type[BaseModel] | None) -> Reply:
        if isinstance(answer, BaseModel):
            reply = Reply(answer.model_dump_json())
        elif isinstance(answer, str):
            reply = Reply(answer)
        else:
            reply = answer
        if schema is not None and reply.parsed is None:
            reply = with_object(reply, schema)
        return replace(reply, model=reply.model or self.traits.name)


def _clipped(messages: Sequence[Message]) -> str:
    text = messages[-1].text if messages else ""
    return text if len(text) <= 120 else f"{text[:119]}…"

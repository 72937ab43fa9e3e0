"""A request in the words of OpenAI's chat protocol."""

from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from tapgraph.llm_backend.chat_model import JsonForm, ToolSpec
from tapgraph.llm_backend.json_object import schema_text
from tapgraph.llm_backend.messages import Message, TextPart, user
from tapgraph.llm_backend.openai_refusals import Refusals
from tapgraph.llm_backend.openai_wire import (
    forced_call,
    response_format,
    wire_messages,
    wire_tools,
)
from tapgraph.llm_backend.prompt import fill, load_prompt
from tapgraph.llm_backend.request_options import RequestOptions

__all__ = ["Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request, before it is known what the server takes."""

    messages: tuple[Message, ...]
    schema: type[BaseModel] | None
    tools: tuple[ToolSpec, ...]
    max_tokens: int
    options: RequestOptions
    stop: tuple[str, ...]

    @property
    def schema_name(self) -> str:
        """Empty without a schema."""
        return "" if self.schema is None else self.schema.__name__

    def arguments(
        self, refusals: Refusals, form: JsonForm, longest_px: int | None
    ) -> dict[str, Any]:
        """What the client is called with."""
        options = self.options
        given = {
            "temperature": options.temperature,
            "top_p": options.top_p,
            "reasoning_effort": options.reasoning_effort,
        }
        arguments: dict[str, Any] = {
            name: value
            for name, value in given.items()
            if value is not None and name not in refusals.options
        }
        if refusals.takes_tokens(self.max_tokens):
            name = "max_completion_tokens" if refusals.old_tokens_name else "max_tokens"
            arguments[name] = self.max_tokens
        if self.stop:
            arguments["stop"] = list(self.stop)
        if self.tools:
            arguments["tools"] = wire_tools(self.tools)
        if options.extra_body:
            arguments["extra_body"] = dict(options.extra_body)
        messages = self.messages
        if self.schema is not None:
            arguments |= _bound_to(self.schema, form)
            if form in {"object", "none"}:
                messages = _with_schema_text(messages, self.schema)
        arguments["messages"] = wire_messages(messages, longest_px)
        return arguments


def _bound_to(schema: type[BaseModel], form: JsonForm) -> dict[str, Any]:
    if form == "schema":
        return {"response_format": response_format(schema)}
    if form == "tools":
        return forced_call(schema)
    return {"response_format": {"type": "json_object"}} if form == "object" else {}


def _with_schema_text(
    messages: tuple[Message, ...], schema: type[BaseModel]
) -> tuple[Message, ...]:
    """The schema at the end of the last user message: many servers refuse two in a row."""
    text = fill(load_prompt("tapgraph.llm_backend", "schema"), schema=schema_text(schema))
    if not messages or messages[-1].role != "user":
        return (*messages, user(text))
    last = messages[-1]
    return (*messages[:-1], replace(last, parts=(*last.parts, TextPart(text))))

"""Any server that speaks OpenAI's chat protocol."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import openai
from pydantic import BaseModel

from tapgraph.errors import InvalidReply, ModelUnavailable, UsageError
from tapgraph.llm_backend.chat_model import ModelTraits, Reply, ToolSpec
from tapgraph.llm_backend.json_object import parse_object, schema_text
from tapgraph.llm_backend.messages import Message, TextPart, user
from tapgraph.llm_backend.openai_wire import (
    read_reply,
    response_format,
    wire_messages,
    wire_tools,
)
from tapgraph.llm_backend.prices import Price
from tapgraph.llm_backend.prompt import fill, load_prompt

__all__ = ["OpenAIModel"]

_NO_KEY = "no-key"
"""The client insists on a key; servers without keys ignore it."""

_CONNECT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What this server was found to refuse, so that it is not asked for it again."""

    tokens_field: str = "max_tokens"
    takes_temperature: bool = True
    refused_schemas: frozenset[str] = frozenset()


class OpenAIModel:
    """A `ChatModel` behind a URL.

    Requests that time out, meet a busy server (408, 409, 429) or a broken one (5xx) are sent again
    with growing pauses; all other refusals are final. A server that refuses `response_format` gets
    the schema as text, one that refuses `max_tokens` gets `max_completion_tokens`, and one that
    refuses `temperature` gets none; this is remembered.
    """

    def __init__(
        self,
        base_url: str,
        name: str,
        *,
        api_key: str | None = None,
        traits: ModelTraits | None = None,
        price: Price | None = None,
        timeout_s: float = 120.0,
        max_retries: int = 2,
    ) -> None:
        """Prepare requests; none is sent yet.

        Args:
            base_url: the server, with its version: `http://localhost:8000/v1`.
            name: the model, as the server calls it.
            api_key: what the server asks for; None where it asks for nothing.
            traits: what is known about the model; by default its name only.
            price: what its tokens cost; by default nothing.
            timeout_s: how long the server may be silent.
            max_retries: how often a request is sent again.

        Raises:
            UsageError: the URL, the name, the key, the timeout or the number of retries cannot be.
        """
        self._url = _checked_url(base_url)
        if not name:
            raise UsageError("the model's name is empty")
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise UsageError("the API key holds characters that no key has: copy it again")
        if not timeout_s > 0 or max_retries < 0:
            raise UsageError(
                f"timeout_s must be above 0 and max_retries at least 0, "
                f"got {timeout_s!r} and {max_retries!r}"
            )
        self._name = name
        self._traits = traits or ModelTraits(name)
        self._price = price or Price()
        self._timeout_s = timeout_s
        self._dialect = _Dialect()
        self._client = openai.OpenAI(
            base_url=self._url,
            api_key=api_key or _NO_KEY,
            timeout=openai.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S)),
            max_retries=max_retries,
        )

    @property
    def traits(self) -> ModelTraits:
        """What must be known about it before it is asked."""
        return self._traits

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def reply(
        self,
        messages: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        tools: Sequence[ToolSpec] = (),
        max_tokens: int = 2048,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
    ) -> Reply:
        """Answer the conversation; see `ChatModel.reply`.

        `latency_s` includes retries and their pauses.

        Raises:
            ModelUnavailable: no server, no such model, a refused key or request, or an answer in
                another protocol; the text says what to do.
            UsageError: there are pictures, and the model takes none.
        """
        if not self._traits.sees_images and any(message.images for message in messages):
            raise UsageError(f"model {self._name!r} takes no pictures; with vision=1 it gets them")
        request = _Request(
            tuple(messages), schema, tuple(tools), max_tokens, temperature, tuple(stop)
        )
        started = time.monotonic()
        body = self._send(request)
        latency_s = time.monotonic() - started
        try:
            reply = read_reply(
                body,
                price=self._price,
                latency_s=latency_s,
                model=self._traits.name,
                prompt_characters=sum(len(message.text) for message in messages),
            )
        except ValueError as error:
            raise ModelUnavailable(
                f"{self._url} does not speak OpenAI's chat protocol ({_clipped(str(error))}): "
                "check the URL, which usually ends in /v1"
            ) from error
        if schema is not None and reply.finish_reason != "length":
            with contextlib.suppress(InvalidReply):
                reply = replace(reply, parsed=parse_object(reply.text, schema))
        return reply

    def _send(self, request: "_Request") -> bytes:
        dialect = self._dialect
        while True:
            arguments = request.arguments(dialect, self._traits.image_max_px)
            try:
                raw = self._client.chat.completions.with_raw_response.create(
                    model=self._name, **arguments
                )
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                adapted = _adapted(dialect, error, request)
                if adapted is None:
                    raise self._unavailable(error) from error
                dialect = adapted
            except openai.OpenAIError as error:
                raise self._unavailable(error) from error
            else:
                self._dialect = dialect
                return raw.http_response.content

    def _unavailable(self, error: openai.OpenAIError) -> ModelUnavailable:
        said = _clipped(getattr(error, "message", str(error)))
        said = said.replace(self._client.api_key, "***")
        if isinstance(error, openai.APITimeoutError):
            advice = f"did not answer within {self._timeout_s:g} s: try again or raise timeout_s"
        elif isinstance(error, openai.APIConnectionError):
            cause = _clipped(str(error.__cause__ or said))
            advice = f"cannot be reached ({cause}): start the server or correct the URL"
        elif isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            advice = f"refuses the API key ({said}): set the right one in the environment"
        elif isinstance(error, openai.NotFoundError):
            advice = (
                f"knows no model {self._name!r} ({said}): take a name that {self._url}/models "
                "lists, and check that the URL ends in /v1 where the server's does"
            )
        elif isinstance(error, openai.RateLimitError):
            advice = f"takes no more requests now ({said}): wait, or check your quota"
        elif isinstance(error, openai.InternalServerError):
            advice = f"is out of order ({said}): try again later or look into its log"
        else:
            advice = f"refuses the request to model {self._name!r} ({said})"
        return ModelUnavailable(f"{self._url} {advice}")


@dataclass(frozen=True, slots=True)
class _Request:
    messages: tuple[Message, ...]
    schema: type[BaseModel] | None
    tools: tuple[ToolSpec, ...]
    max_tokens: int
    temperature: float
    stop: tuple[str, ...]

    def arguments(self, dialect: _Dialect, longest_px: int | None) -> dict[str, Any]:
        arguments: dict[str, Any] = {dialect.tokens_field: self.max_tokens}
        messages = self.messages
        if dialect.takes_temperature:
            arguments["temperature"] = self.temperature
        if self.schema is not None and self.schema.__name__ in dialect.refused_schemas:
            messages = _with_schema_text(messages, self.schema)
        elif self.schema is not None:
            arguments["response_format"] = response_format(self.schema)
        if self.stop:
            arguments["stop"] = list(self.stop)
        if self.tools:
            arguments["tools"] = wire_tools(self.tools)
        arguments["messages"] = wire_messages(messages, longest_px)
        return arguments


def _adapted(dialect: _Dialect, error: openai.APIStatusError, request: _Request) -> _Dialect | None:
    """A dialect that avoids what the server refuses; None when there is nothing left to avoid."""
    said = f"{error.param} {error.message}".lower()
    if dialect.tokens_field == "max_tokens" and "max_completion_tokens" in said:
        return replace(dialect, tokens_field="max_completion_tokens")
    if dialect.takes_temperature and "temperature" in said:
        return replace(dialect, takes_temperature=False)
    if request.schema is not None and request.schema.__name__ not in dialect.refused_schemas:
        # Servers word this refusal in too many ways to tell it from others: it is tried.
        refused = dialect.refused_schemas | {request.schema.__name__}
        return replace(dialect, refused_schemas=refused)
    return None


def _with_schema_text(
    messages: tuple[Message, ...], schema: type[BaseModel]
) -> tuple[Message, ...]:
    """The schema at the end of the last user message: many servers refuse two in a row."""
    text = fill(load_prompt("tapgraph.llm_backend", "schema"), schema=schema_text(schema))
    if not messages or messages[-1].role != "user":
        return (*messages, user(text))
    last = messages[-1]
    return (*messages[:-1], replace(last, parts=(*last.parts, TextPart(text))))


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_complete = parts.scheme in {"http", "https"} and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        is_complete = False
    else:
        is_complete = is_complete and not parts.query and not parts.fragment
        if is_complete and "@" in parts.netloc:
            raise UsageError("a model's URL must not hold a password; set a key in the environment")
    if not is_complete:
        raise UsageError(f"a model's URL looks like http://localhost:8000/v1, got {url!r}")
    return url.rstrip("/")


def _clipped(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:299]}…"

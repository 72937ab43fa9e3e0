"""Any server that speaks OpenAI's chat protocol."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

import openai
from pydantic import BaseModel

from tapgraph.errors import ModelBusy, ModelUnavailable, UsageError
from tapgraph.llm_backend.bounded_transport import AnswerTooLarge, BoundedTransport
from tapgraph.llm_backend.chat_model import ModelTraits, Reply, ToolSpec, Usage
from tapgraph.llm_backend.json_object import with_object
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.openai_refusals import Refusals, with_refusal
from tapgraph.llm_backend.openai_request import Request
from tapgraph.llm_backend.openai_wire import error_in, read_reply, without_forced_call
from tapgraph.llm_backend.prices import Price
from tapgraph.llm_backend.request_options import RequestOptions

__all__ = ["OpenAIModel"]

_NO_KEY = "no-key"
"""The client insists on a key; servers without keys ignore it."""

_CONNECT_TIMEOUT_S = 10.0

_SUSPICIONS_TO_GIVE_UP = 2

_FIRST_PAUSE_S = 0.5


_CHARACTERS_PER_TOKEN = 6
"""Texts have three to five characters a token; no whole prompt counts fewer tokens than this."""

_SHORTEST_CUT_CHARACTERS = 8_000
_SMALLEST_CONTEXT_TOKENS = 1_000
"""A server that counts fewer tokens for a long prompt does not count, rather than cut; one with a
cache may count only what was not in it."""


class OpenAIModel:
    """A `ChatModel` behind a URL.

    Requests that time out, meet a busy server (408, 409, 429) or a broken one (5xx) are sent again
    with growing pauses. What a server names as the reason of a refusal (`response_format`,
    `max_tokens`, `temperature` …) it is not sent again; see `openai_refusals`. All other refusals
    are final.
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
        options: RequestOptions | None = None,
    ) -> None:
        """Prepare requests; none is sent yet.

        Args:
            base_url: the server, with its version: `http://localhost:8000/v1`.
            name: the model, as the server calls it.
            api_key: what the server asks for; None where it asks for nothing.
            traits: what is known about the model; by default its name only.
            price: what its tokens cost; by default nothing.
            timeout_s: how long the server may be silent, and take for a whole answer.
            max_retries: how often a request is sent again.
            options: what every request holds; by default temperature 0.

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
        self._max_retries = max_retries
        options = options or RequestOptions()
        self._options = options
        self._lock = threading.Lock()
        self._refusals = Refusals()
        self._suspected: Counter[str] = Counter()
        version = options.api_version
        self._client = openai.OpenAI(
            base_url=self._url,
            api_key=api_key or _NO_KEY,
            timeout=openai.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S)),
            max_retries=max_retries,
            default_query={"api-version": version} if version else None,
            http_client=openai.DefaultHttpxClient(transport=BoundedTransport()),
            default_headers={"api-key": api_key} if version and api_key else None,
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
        max_tokens: int | None = None,
        temperature: float | None = None,
        stop: Sequence[str] = (),
    ) -> Reply:
        """Answer the conversation; see `ChatModel.reply`.

        `latency_s` includes retries and their pauses.

        Raises:
            ModelUnavailable: no server, no such model, a refused key or request, an answer in
                another protocol, or a prompt that was cut; the text says what to do.
            UsageError: there are pictures, and the model takes none.
        """
        if not self._traits.sees_images and any(message.images for message in messages):
            raise UsageError(
                f"model {self._name!r} takes no pictures; with pictures=all it gets them"
            )
        options = self._options
        request = Request(
            tuple(messages),
            schema,
            tuple(tools),
            self._traits.max_tokens if max_tokens is None else max_tokens,
            options if temperature is None else replace(options, temperature=temperature),
            tuple(stop),
        )
        started = time.monotonic()
        body = self._sent_while_busy(request)
        reply = self._read(body, request, time.monotonic() - started)
        if schema is None:
            return reply
        return with_object(without_forced_call(reply), schema)

    def _sent_while_busy(self, request: Request) -> bytes:
        """The answer, asked for again after a pause while the server has too much to do."""
        for again in range(self._max_retries):
            try:
                return self._send(request)
            except ModelBusy:
                time.sleep(_FIRST_PAUSE_S * 2**again)
        return self._send(request)

    def _send(self, request: Request) -> bytes:
        with self._lock:
            known = self._refusals
        name = request.schema_name
        suspicion: openai.APIStatusError | None = None
        while True:
            form = known.form(self._traits.json, name) if name and not suspicion else "none"
            sent = request.arguments(known, form, self._traits.image_max_px)
            try:
                raw = self._client.chat.completions.with_raw_response.create(
                    model=self._name, **sent
                )
            except openai.APIStatusError as error:
                named = with_refusal(known, error, sent, form=form, schema_name=name)
                if named is not None:
                    known = named
                elif form != "none" and error.status_code in {400, 422}:
                    suspicion = error
                else:
                    raise self._unavailable(suspicion or error) from error
            except openai.OpenAIError as error:
                raise self._unavailable(error) from error
            else:
                self._remember(known, name, is_suspected=suspicion is not None)
                return self._without_error(raw.http_response.content)

    def _without_error(self, body: bytes) -> bytes:
        """The answer, where it is none of an error that a gateway calls a success.

        Raises:
            ModelBusy: it names a limit of requests.
            ModelUnavailable: it names another error.
        """
        error = error_in(body)
        if error is None:
            return body
        said = _clipped(error.message).replace(self._client.api_key, "***")
        if error.is_limit:
            raise ModelBusy(f"{self._url} takes no more requests now ({said}): check your quota")
        raise ModelUnavailable(f"{self._url} answered with an error ({said})")

    def _remember(self, known: Refusals, name: str, *, is_suspected: bool) -> None:
        """Keep what made a request succeed, beside what other threads have found."""
        with self._lock:
            self._refusals |= known
            if not is_suspected:
                del self._suspected[name]
                return
            self._suspected[name] += 1
            if self._suspected[name] >= _SUSPICIONS_TO_GIVE_UP:
                form = self._refusals.form(self._traits.json, name)
                self._refusals = self._refusals.without_form(form, name)
                del self._suspected[name]

    def _read(self, body: bytes, request: Request, latency_s: float) -> Reply:
        characters = sum(len(message.text) for message in request.messages)
        try:
            reply = read_reply(
                body,
                price=self._price,
                latency_s=latency_s,
                model=self._traits.name,
                prompt_characters=characters,
            )
        except ValueError as error:
            raise ModelUnavailable(
                f"{self._url} does not speak OpenAI's chat protocol ({_clipped(str(error))}): "
                "check the URL, which usually ends in /v1"
            ) from error
        self._check_whole(reply.usage, characters)
        return reply

    def _check_whole(self, usage: Usage, prompt_characters: int) -> None:
        """Raise where so few tokens are counted that the server must have cut the prompt."""
        is_counted = usage.prompt_tokens >= _SMALLEST_CONTEXT_TOKENS and not usage.cached_tokens
        is_short = usage.prompt_tokens < prompt_characters // _CHARACTERS_PER_TOKEN
        if prompt_characters >= _SHORTEST_CUT_CHARACTERS and is_counted and is_short:
            raise ModelUnavailable(
                f"{self._url} read only {usage.prompt_tokens:,} tokens of a prompt of "
                f"{prompt_characters:,} characters and dropped the rest without a word: give the "
                "model a longer context (for Ollama set OLLAMA_CONTEXT_LENGTH, or num_ctx in the "
                "Modelfile)"
            )

    def _unavailable(self, error: openai.OpenAIError) -> ModelUnavailable:
        said = _clipped(getattr(error, "message", str(error)))
        said = said.replace(self._client.api_key, "***")
        if isinstance(error, openai.APITimeoutError):
            advice = f"did not answer within {self._timeout_s:g} s: try again or raise timeout_s"
        elif isinstance(error.__cause__, AnswerTooLarge):
            advice = f"sent {error.__cause__}: check the URL"
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

"""The application: the routes of OpenAI and Anthropic over one engine."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from tapgraph import __version__
from tapgraph.errors import TapgraphError
from tapgraph.llm_backend.local.embedder import Embedder
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.server.arrivals import ClientLeft
from tapgraph.llm_backend.server.chat_endpoint import ChatEndpoint
from tapgraph.llm_backend.server.completion_endpoint import CompletionEndpoint
from tapgraph.llm_backend.server.embeddings_endpoint import (
    EmbeddingsEndpoint,
    EmbeddingsRequest,
)
from tapgraph.llm_backend.server.event_stream import EventStream
from tapgraph.llm_backend.server.gate import Gate, GateLimits, check_limit
from tapgraph.llm_backend.server.messages_endpoint import MessagesEndpoint
from tapgraph.llm_backend.server.messages_in import CountRequest, MessagesRequest
from tapgraph.llm_backend.server.metrics import metrics_of
from tapgraph.llm_backend.server.pictures_in import PictureLimits
from tapgraph.llm_backend.server.refusals import (
    ErrorReply,
    Refusal,
    as_refusal,
    refusal_of_validation,
)
from tapgraph.llm_backend.server.replies import ChatRunner
from tapgraph.llm_backend.server.responses_endpoint import ResponsesEndpoint
from tapgraph.llm_backend.server.responses_in import ResponsesRequest
from tapgraph.llm_backend.server.tokenize_endpoint import (
    TokenizeEndpoint,
    TokenizeRequest,
    Tokens,
)
from tapgraph.llm_backend.server.wire_replies import (
    ChatCompletion,
    Completion,
    ModelCard,
    ModelList,
)
from tapgraph.llm_backend.server.wire_requests import ChatCompletionRequest, CompletionRequest

__all__ = ["ServerLimits", "build_app"]

_CLIENT_LEFT = 499
"""What web servers log for a request whose client has gone; nobody reads it."""

_STATUS_TEXTS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorReply, "description": text}
    for status, text in (
        (400, "The request cannot be done as it is."),
        (401, "The API key is missing or wrong."),
        (404, "There is no such model."),
        (408, "The body came too slowly."),
        (413, "The body is too long."),
        (415, "The body is not sent as JSON."),
        (429, "The queue is full."),
        (503, "The server is stopping."),
        (504, "The reply took too long."),
    )
}


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What one client may ask.

    Attributes:
        gate: the key, and the size of requests.
        pictures: the size and the source of pictures.
        timeout_s: of one reply, waiting for a slot included.
        aliases: other names of the model.
    """

    gate: GateLimits = field(default_factory=GateLimits)
    pictures: PictureLimits = field(default_factory=PictureLimits)
    timeout_s: float = 600.0
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_limit("timeout_s", self.timeout_s)
        check_limit("max_pixels", self.pictures.max_pixels)


def build_app(
    engine: Engine, limits: ServerLimits = ServerLimits(), embedder: Embedder | None = None
) -> FastAPI:
    """The application for one engine, which stays the caller's to close, and one embedder."""
    app = FastAPI(title="tapgraph", version=__version__, docs_url=None, redoc_url=None)
    app.add_middleware(Gate, limits=limits.gate)
    _answer_errors(app)
    _add_state(app, engine, limits, embedder)
    _add_openais(app, engine, limits)
    _add_anthropics(app, engine, limits)
    _add_embeddings(app, embedder)
    return app


def _add_state(
    app: FastAPI, engine: Engine, limits: ServerLimits, embedder: Embedder | None
) -> None:
    talking = [engine.checkpoint.name, *limits.aliases]
    names = [*talking, *([embedder.name] if embedder else [])]
    tasks = list(engine.tasks.by_name) or None
    cards = {
        name: ModelCard(id=name, created=int(time.time()), tasks=tasks if name in talking else None)
        for name in names
    }

    @app.get("/health")
    def health() -> dict[str, str]:
        """Whether requests are taken."""
        return {"status": "ok"}

    @app.get("/metrics", response_class=PlainTextResponse)
    def metrics() -> Response:
        """Counters and gauges in Prometheus' text format."""
        return Response(metrics_of(engine), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/v1/models", response_model_exclude_none=True)
    def models() -> ModelList:
        """The models that are served: one that talks, and one for vectors if there is one."""
        return ModelList(data=list(cards.values()))

    @app.get(
        "/v1/models/{model_id:path}",
        responses={404: _STATUS_TEXTS[404]},
        response_model_exclude_none=True,
    )
    def model(model_id: str) -> ModelCard:
        """The model, if it is served."""
        _check_model(model_id, names)
        return cards[model_id]


def _add_openais(app: FastAPI, engine: Engine, limits: ServerLimits) -> None:
    names = [engine.checkpoint.name, *limits.aliases]
    runner = ChatRunner(engine, limits.pictures, limits.timeout_s)
    chat = ChatEndpoint(runner)
    response = ResponsesEndpoint(runner)
    completion = CompletionEndpoint(engine, limits.timeout_s)
    tokenize = TokenizeEndpoint(runner)

    @app.post("/v1/chat/completions", response_model=ChatCompletion, responses=_STATUS_TEXTS)
    async def chat_completions(asked: ChatCompletionRequest, request: Request) -> Any:
        """The model's next message, whole or as a stream of server-sent events."""
        _check_model(asked.model, names)
        return await chat.answer(asked, request)

    @app.post("/v1/responses", response_model=None, responses=_STATUS_TEXTS)
    async def responses(asked: ResponsesRequest, request: Request) -> dict[str, Any] | EventStream:
        """The same in the words of the Responses protocol; nothing is kept of it."""
        _check_model(asked.model, names)
        return await response.answer(asked, request)

    @app.post("/v1/completions", response_model=Completion, responses=_STATUS_TEXTS)
    async def completions(asked: CompletionRequest, request: Request) -> Any:
        """How texts go on, whole or as a stream of server-sent events."""
        _check_model(asked.model, names)
        return await completion.answer(asked, request)

    @app.post("/v1/tokenize", responses=_STATUS_TEXTS)
    async def tokens(asked: TokenizeRequest) -> Tokens:
        """The tokens that the model would read."""
        _check_model(asked.model, names)
        return await tokenize.answer(asked)


def _add_anthropics(app: FastAPI, engine: Engine, limits: ServerLimits) -> None:
    names = [engine.checkpoint.name, *limits.aliases]
    message = MessagesEndpoint(ChatRunner(engine, limits.pictures, limits.timeout_s))

    @app.post("/v1/messages", response_model=None, responses=_STATUS_TEXTS)
    async def messages(asked: MessagesRequest, request: Request) -> dict[str, Any] | EventStream:
        """The model's next message in the words of Anthropic's protocol, whole or streamed."""
        _check_model(asked.model, names)
        return await message.answer(asked, request)

    @app.post("/v1/messages/count_tokens", responses=_STATUS_TEXTS)
    async def count_tokens(asked: CountRequest) -> dict[str, int]:
        """How many tokens a conversation has."""
        _check_model(asked.model, names)
        return await message.count(asked)


def _add_embeddings(app: FastAPI, embedder: Embedder | None) -> None:
    endpoint = EmbeddingsEndpoint(embedder)

    @app.post("/v1/embeddings", responses=_STATUS_TEXTS)
    async def embeddings(asked: EmbeddingsRequest) -> dict[str, Any]:
        """Vectors of texts."""
        if embedder is not None:
            _check_model(asked.model, [embedder.name])
        return await endpoint.answer(asked)


def _check_model(name: str, served: Sequence[str]) -> None:
    if name not in served:
        asked = name[:80].encode(errors="replace").decode()
        there = " and ".join(map(repr, served))
        raise Refusal(
            404, f"there is no model {asked!r} here, only {there}", param="model",
            code="model_not_found",
        )  # fmt: skip


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    async def refuse(request: Request, refusal: Refusal) -> Response:
        return refusal.response(request.url.path)

    @app.exception_handler(TapgraphError)
    async def refuse_ours(request: Request, error: TapgraphError) -> Response:
        return as_refusal(error).response(request.url.path)

    @app.exception_handler(RequestValidationError)
    async def refuse_invalid(request: Request, error: RequestValidationError) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method == "POST" and not kind.endswith(("/json", "+json")):
            refusal = Refusal(415, "a body needs the header 'Content-Type: application/json'")
        else:
            refusal = refusal_of_validation(error)
        return refusal.response(request.url.path)

    @app.exception_handler(HTTPException)
    async def refuse_http(request: Request, error: HTTPException) -> Response:
        response = Refusal(error.status_code, str(error.detail)).response(request.url.path)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(ClientLeft)
    async def nobody_there(_: Request, __: ClientLeft) -> Response:
        return Response(status_code=_CLIENT_LEFT)

    @app.exception_handler(Exception)
    async def admit(request: Request, _: Exception) -> Response:
        return Refusal(500, "the server failed; its log says why", kind="server_error").response(
            request.url.path
        )

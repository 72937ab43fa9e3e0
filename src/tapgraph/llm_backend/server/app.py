"""The application: OpenAI's routes over one engine."""

import time
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from tapgraph import __version__
from tapgraph.errors import TapgraphError
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.server.arrivals import ClientLeft
from tapgraph.llm_backend.server.chat_endpoint import ChatEndpoint
from tapgraph.llm_backend.server.completion_endpoint import CompletionEndpoint
from tapgraph.llm_backend.server.gate import Gate, GateLimits, check_limit
from tapgraph.llm_backend.server.metrics import metrics_of
from tapgraph.llm_backend.server.pictures_in import PictureLimits
from tapgraph.llm_backend.server.refusals import (
    ErrorReply,
    Refusal,
    as_refusal,
    refusal_of_validation,
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
    """

    gate: GateLimits = field(default_factory=GateLimits)
    pictures: PictureLimits = field(default_factory=PictureLimits)
    timeout_s: float = 600.0

    def __post_init__(self) -> None:
        check_limit("timeout_s", self.timeout_s)
        check_limit("max_pixels", self.pictures.max_pixels)


def build_app(engine: Engine, limits: ServerLimits = ServerLimits()) -> FastAPI:
    """The application for one engine, which stays the caller's to close."""
    app = FastAPI(title="tapgraph", version=__version__, docs_url=None, redoc_url=None)
    app.add_middleware(Gate, limits=limits.gate)
    _answer_errors(app)
    _add_state(app, engine)
    _add_completions(app, engine, limits)
    return app


def _add_state(app: FastAPI, engine: Engine) -> None:
    card = ModelCard(id=engine.checkpoint.name, created=int(time.time()))

    @app.get("/health")
    def health() -> dict[str, str]:
        """Whether requests are taken."""
        return {"status": "ok"}

    @app.get("/metrics", response_class=PlainTextResponse)
    def metrics() -> Response:
        """Counters and gauges in Prometheus' text format."""
        return Response(metrics_of(engine), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/v1/models")
    def models() -> ModelList:
        """The one model that is served."""
        return ModelList(data=[card])

    @app.get("/v1/models/{model_id:path}", responses={404: _STATUS_TEXTS[404]})
    def model(model_id: str) -> ModelCard:
        """The model, if it is the one that is served."""
        _check_model(model_id, engine)
        return card


def _add_completions(app: FastAPI, engine: Engine, limits: ServerLimits) -> None:
    chat = ChatEndpoint(engine, limits.pictures, limits.timeout_s)
    completion = CompletionEndpoint(engine, limits.timeout_s)

    def for_this_model(asked: ChatCompletionRequest | CompletionRequest) -> None:
        _check_model(asked.model, engine)

    def chat_for_this_model(asked: ChatCompletionRequest) -> ChatCompletionRequest:
        for_this_model(asked)
        return asked

    def completion_for_this_model(asked: CompletionRequest) -> CompletionRequest:
        for_this_model(asked)
        return asked

    @app.post("/v1/chat/completions", response_model=ChatCompletion, responses=_STATUS_TEXTS)
    async def chat_completions(
        asked: Annotated[ChatCompletionRequest, Depends(chat_for_this_model)], request: Request
    ) -> Any:
        """The model's next message, whole or as a stream of server-sent events."""
        return await chat.answer(asked, request)

    @app.post("/v1/completions", response_model=Completion, responses=_STATUS_TEXTS)
    async def completions(
        asked: Annotated[CompletionRequest, Depends(completion_for_this_model)], request: Request
    ) -> Any:
        """How texts go on, whole or as a stream of server-sent events."""
        return await completion.answer(asked, request)


def _check_model(name: str, engine: Engine) -> None:
    served = engine.checkpoint.name
    if name != served:
        asked = name[:80].encode(errors="replace").decode()
        raise Refusal(
            404, f"there is no model {asked!r} here, only {served!r}", param="model",
            code="model_not_found",
        )  # fmt: skip


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    async def refuse(_: Request, refusal: Refusal) -> Response:
        return refusal.response()

    @app.exception_handler(TapgraphError)
    async def refuse_ours(_: Request, error: TapgraphError) -> Response:
        return as_refusal(error).response()

    @app.exception_handler(RequestValidationError)
    async def refuse_invalid(_: Request, error: RequestValidationError) -> Response:
        return refusal_of_validation(error).response()

    @app.exception_handler(HTTPException)
    async def refuse_http(_: Request, error: HTTPException) -> Response:
        response = Refusal(error.status_code, str(error.detail)).response()
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(ClientLeft)
    async def nobody_there(_: Request, __: ClientLeft) -> Response:
        return Response(status_code=_CLIENT_LEFT)

    @app.exception_handler(Exception)
    async def admit(_: Request, __: Exception) -> Response:
        return Refusal(500, "the server failed; its log says why", kind="server_error").response()

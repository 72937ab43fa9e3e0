"""`tapgraph serve`: a checkpoint on this machine behind OpenAI's and Anthropic's protocols."""

import importlib.util
from typing import Annotated

import typer

from tapgraph.cli.options import JsonOption, PortOption
from tapgraph.cli.stop_request import stop_requests
from tapgraph.cli.terminal import print_json, print_line, print_note
from tapgraph.errors import ExtraMissing, UsageError
from tapgraph.settings import Settings, secret_from_environment

__all__ = ["serve"]

_LOCAL = "local:"
_FROM_ENVIRONMENT = "env:"


def serve(
    *,
    model: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="The checkpoint's folder, GGUF file or name, with options as in a model spec: "
            "models/small?attention=duo&dtype=bfloat16.",
        ),
    ],
    embeddings: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="A checkpoint for /v1/embeddings, as in models/vectors?pooling=mean "
            "(mean, last, first).",
        ),
    ] = None,
    port: PortOption = 8000,
    host: Annotated[str, typer.Option(help="On which address; others need --api-key.")] = (
        "127.0.0.1"
    ),
    api_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="What clients must send; env:NAME takes it from a variable."
        ),
    ] = None,
    alias: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Another name by which clients may call the model."),
    ] = None,
    running: Annotated[int, typer.Option(min=1, help="Replies that are worked on at once.")] = 16,
    waiting: Annotated[int, typer.Option(min=0, help="Requests that may wait; more get 429.")] = 64,
    timeout_s: Annotated[float, typer.Option(help="Seconds for one reply, with waiting.")] = 600.0,
    max_body_mib: Annotated[int, typer.Option(min=1, max=4096, help="Size of one request.")] = 32,
    max_image_pixels: Annotated[
        int, typer.Option(min=1, help="Width times height of a picture.")
    ] = (16_000_000),
    image_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST", help="A public host from which pictures may be loaded by https."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Serve a checkpoint to OpenAI and Anthropic clients until Ctrl-C; then finish what runs.

    Prints the URL on one line as soon as clients can connect.
    """
    # Pictures, the web client, torch and the web server are loaded by no other command.
    from tapgraph.llm_backend.model_spec import served_settings  # noqa: PLC0415

    spec = model if model.startswith(_LOCAL) else _LOCAL + model
    settings = served_settings(spec, Settings.from_environment())
    if any(importlib.util.find_spec(name) is None for name in ("fastapi", "uvicorn")):
        raise ExtraMissing("local", "serving a model")
    from tapgraph.cli.image_source import ImageSource  # noqa: PLC0415
    from tapgraph.llm_backend.local.attention_line import attention_line  # noqa: PLC0415
    from tapgraph.llm_backend.local.embedder import open_embedder_spec  # noqa: PLC0415
    from tapgraph.llm_backend.local.engine import EngineLimits  # noqa: PLC0415
    from tapgraph.llm_backend.local.opening import open_engine  # noqa: PLC0415
    from tapgraph.llm_backend.server.app import ServerLimits  # noqa: PLC0415
    from tapgraph.llm_backend.server.gate import GateLimits  # noqa: PLC0415
    from tapgraph.llm_backend.server.pictures_in import PictureLimits  # noqa: PLC0415
    from tapgraph.llm_backend.server.serving import open_server  # noqa: PLC0415

    limits = ServerLimits(
        gate=GateLimits(api_key=_key(api_key), max_body_bytes=max_body_mib * 2**20),
        pictures=PictureLimits(max_image_pixels, ImageSource(image_host) if image_host else None),
        timeout_s=timeout_s,
        aliases=tuple(alias or ()),
    )
    embedder = None if embeddings is None else open_embedder_spec(embeddings)
    engine = open_engine(
        settings,
        EngineLimits(
            context_tokens=settings.context_tokens,
            running=running,
            waiting=waiting,
            prefix_bytes=settings.prefix_bytes,
            cache_bytes=settings.cache_bytes,
        ),
    )
    with (
        engine,
        open_server(engine, host=host, port=port, limits=limits, embedder=embedder) as server,
        stop_requests() as wait_for_stop,
    ):
        if json:
            print_json({"url": server.url, "model": server.model})
        else:
            print_line(f"{server.url}#{server.model}")
        print_note(attention_line(engine))
        now = engine.statistics
        print_note(
            f"keys and values may take {now.budget_bytes // 2**20} MiB, which is "
            f"{now.budget_tokens} tokens of this model"
        )
        wait_for_stop()


def _key(given: str | None) -> str | None:
    if given is not None and given.startswith(_FROM_ENVIRONMENT):
        return secret_from_environment(given.removeprefix(_FROM_ENVIRONMENT))
    if given == "":
        raise UsageError("--api-key is empty; leave it out, or give a key")
    return given

"""Servers over tiny random checkpoints, in threads of the test process."""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import openai
import pytest

from tapgraph.llm_backend.local.checkpoint import load_checkpoint
from tapgraph.llm_backend.local.embedder import Embedder
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.server.app import ServerLimits
from tapgraph.llm_backend.server.serving import Server, open_server

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

Serve = Callable[..., AbstractContextManager[Server]]


@pytest.fixture(scope="session")
def serve(tiny: "Tiny") -> Serve:
    """A server over a family's checkpoint, with limits of the test's own."""

    @contextmanager
    def run(
        family: str = "llama",
        limits: ServerLimits | None = None,
        engine_limits: EngineLimits | None = None,
    ) -> Iterator[Server]:
        with (
            Engine(tiny.load(family), None, engine_limits or EngineLimits()) as engine,
            open_server(
                engine, host="127.0.0.1", port=0, limits=limits or ServerLimits()
            ) as running,
        ):
            yield running

    return run


@pytest.fixture(scope="session")
def serve_checkpoint() -> Serve:
    """A server over the checkpoint in a folder, with a model for vectors if there is one."""

    @contextmanager
    def run(folder: Path, embedder: Embedder | None = None) -> Iterator[Server]:
        with (
            Engine(load_checkpoint(folder, device="cpu", dtype="float32")) as engine,
            open_server(
                engine, host="127.0.0.1", port=0, limits=ServerLimits(), embedder=embedder
            ) as running,
        ):
            yield running

    return run


@pytest.fixture(scope="session")
def scripted_engine() -> ModuleType:
    """An engine without a model."""
    path = Path(__file__).parents[1] / "clients" / "scripted_engine.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def server(serve: Serve) -> Iterator[Server]:
    """A server over a model of words."""
    with serve() as running:
        yield running


@pytest.fixture(scope="session")
def seeing_server(serve: Serve) -> Iterator[Server]:
    """A server over a model that sees pictures."""
    with serve("qwen2_5_vl") as running:
        yield running


@pytest.fixture
def client(server: Server) -> openai.OpenAI:
    """The official client, which tries nothing twice."""
    return openai.OpenAI(base_url=server.url, api_key="none", max_retries=0)

"""Fixtures for all tests: real data where it is present, and a server of OpenAI's chat protocol."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_BESIDE_THE_REPOSITORY = Path(__file__).parents[2] / "shared" / "data"


def _loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def notes_calendar() -> ModuleType:
    """The module of the example's HTTP service."""
    return _loaded(Path(__file__).parents[1] / "examples" / "notes_calendar_service.py")


@pytest.fixture(scope="session")
def meeting() -> ModuleType:
    """A task for that service, a model that does it, and a check."""
    return _loaded(Path(__file__).parent / "agents" / "api" / "meeting.py")


@pytest.fixture(scope="session")
def attention_cases() -> ModuleType:
    """Every attention system with a budget that covers a short context, and with a small one."""
    return _loaded(Path(__file__).parent / "kernels" / "systems" / "attention_cases.py")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Tiny checkpoints of each family, made when they are first asked for."""
    pytest.importorskip("transformers")
    module = _loaded(Path(__file__).parent / "llm_backend" / "tiny_checkpoints.py")
    return module.Tiny(tmp_path_factory.mktemp)


@pytest.fixture(scope="session")
def stand_in() -> ModuleType:
    """A server of OpenAI's protocol, and the quirks of known servers."""
    return _loaded(Path(__file__).parent / "llm_backend" / "stand_in.py")


@pytest.fixture(scope="session")
def grammar_walk() -> ModuleType:
    """Whether a schema lets a text through, and random texts that it lets through."""
    pytest.importorskip("llguidance", reason="the extra 'local' is not installed")
    return _loaded(Path(__file__).parent / "agents" / "mobile" / "grammar_walk.py")


@pytest.fixture(scope="session")
def known_routes() -> ModuleType:
    """Three tasks with their routes, and a model that knows them."""
    return _loaded(Path(__file__).parent / "agents" / "mobile" / "known_routes.py")


@pytest.fixture(scope="session")
def phone_brain() -> ModuleType:
    """What such a server answers when it plays the phone agent's model."""
    return _loaded(Path(__file__).parent / "agents" / "mobile" / "phone_brain.py")


@pytest.fixture
def clerk(phone_brain: ModuleType) -> Callable[..., Any]:
    """Makes a model that does one deed after the other: `clerk([("Tap", "Go")])`."""
    module = _loaded(Path(__file__).parent / "cli" / "clerk.py")
    return partial(module.Clerk, phone_brain)


@pytest.fixture(scope="session")
def openai_strict_rules() -> ModuleType:
    """What OpenAI publishes on strict schemas, as a checker."""
    return _loaded(Path(__file__).parent / "llm_backend" / "openai_strict_rules.py")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data, which the repository does not hold."""
    folder = Path(os.environ.get("TAPGRAPH_SHARED_DATA", _BESIDE_THE_REPOSITORY))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set TAPGRAPH_SHARED_DATA")
    return folder


@pytest.fixture
def openai_server(stand_in: ModuleType) -> Iterator[Callable[..., Any]]:
    """Starts servers: `server = openai_server(lambda request: "words")`, `server.url`.

    A second argument names the quirks, as in `stand_in.SERVERS["ollama"]`.
    """
    running: list[Any] = []

    def start(answer: Callable[[dict[str, Any]], object], quirks: Any = stand_in.PLAIN) -> Any:
        running.append(stand_in.StandIn(answer, quirks))
        return running[-1]

    yield start
    for server in running:
        server.close()

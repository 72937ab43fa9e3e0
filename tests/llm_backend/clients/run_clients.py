"""Other people's clients run their suite against servers over tiny checkpoints.

    python tests/llm_backend/clients/run_clients.py PYTHON

PYTHON is that of an environment with `requirements.txt`; the servers run in this one.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

from tapgraph.llm_backend.local.embedder import open_embedder
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.server.app import ServerLimits
from tapgraph.llm_backend.server.serving import open_server

_HERE = Path(__file__).parent


def _loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main(python: str) -> int:
    """Open the servers, and give the exit code of the suite."""
    scripted = _loaded(_HERE / "scripted_engine.py")
    tiny = _loaded(_HERE.parent / "tiny_checkpoints.py").Tiny(
        lambda name: Path(tempfile.mkdtemp(prefix=name))
    )
    talks, limits = tiny.load("qwen2_5_vl"), ServerLimits()
    words = scripted.ScriptedEngine(tiny.load("qwen3"), scripted.weather_script)
    embedder = open_embedder(tiny.folder("llama"))
    with ExitStack() as opened:
        engine = opened.enter_context(Engine(talks))
        real = opened.enter_context(
            open_server(engine, host="127.0.0.1", port=0, limits=limits, embedder=embedder)
        )
        script = opened.enter_context(open_server(words, host="127.0.0.1", port=0, limits=limits))
        environment = {
            **os.environ,
            "REAL_SERVER": f"{real.url}#{real.model}",
            "SCRIPTED_SERVER": f"{script.url}#{script.model}",
            "VECTOR_MODEL": embedder.name,
        }
        options = ["--noconftest", "-c", os.devnull, "-p", "no:cacheprovider", "-q", "-rA"]
        suite = [python, "-m", "pytest", *options, str(_HERE / "suite.py")]
        return subprocess.run(suite, check=False, timeout=500, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

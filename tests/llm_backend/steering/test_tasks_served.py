"""Task embeddings by name: in a server, in a model spec, on the command line."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("fastapi")

from typer.testing import CliRunner  # noqa: E402

from tapgraph.cli.main import app  # noqa: E402
from tapgraph.errors import UsageError  # noqa: E402
from tapgraph.llm_backend.local.engine import EngineLimits  # noqa: E402
from tapgraph.llm_backend.local.opening import LocalSettings, open_engine  # noqa: E402
from tapgraph.llm_backend.messages import user  # noqa: E402
from tapgraph.llm_backend.model_spec import open_model  # noqa: E402
from tapgraph.llm_backend.server.app import ServerLimits  # noqa: E402
from tapgraph.llm_backend.server.serving import open_server  # noqa: E402
from tapgraph.llm_backend.steering.task_embedding import save_task_embedding  # noqa: E402
from tapgraph.settings import Settings  # noqa: E402

TASKS = ("opposites", "capitals")


@pytest.fixture(scope="module")
def tasks(tiny: Any, made_task: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two embeddings of the tiny checkpoint."""
    folder = tmp_path_factory.mktemp("tasks")
    for seed, name in enumerate(TASKS):
        save_task_embedding(made_task(tiny.load(), name, seed), folder / f"{name}.safetensors")
    return folder


@pytest.fixture(scope="module")
def server(tiny: Any, tasks: Path) -> Any:
    settings = LocalSettings(tiny.folder(), dtype="float32", device="cpu", tasks=tasks)
    with (
        open_engine(settings, EngineLimits(cache_bytes=2**28)) as engine,
        open_server(engine, host="127.0.0.1", port=0, limits=ServerLimits()) as running,
    ):
        yield running


def ask(server: Any, path: str, **more: Any) -> httpx.Response:
    body = {"model": server.model, "max_tokens": 8, "temperature": 0, **more}
    if path == "/completions":
        body["prompt"] = "Go on."
    else:
        body["messages"] = [{"role": "user", "content": "Go on."}]
    return httpx.post(server.url + path, json=body, timeout=60)


def words(answer: httpx.Response) -> str:
    (choice,) = answer.json()["choices"]
    return str(choice["text"] if "text" in choice else choice["message"]["content"])


@pytest.mark.parametrize("path", ["/chat/completions", "/completions"])
def test_each_request_chooses_its_task(server: Any, path: str) -> None:
    said = [words(ask(server, path, **more)) for more in ({}, *({"task": one} for one in TASKS))]
    assert len(set(said)) == 3
    assert words(ask(server, path, task="")) == said[0]


def test_an_unknown_task_is_a_bad_request_that_names_the_known_ones(server: Any) -> None:
    answer = ask(server, "/chat/completions", task="rhymes")
    assert answer.status_code == 400
    assert "'rhymes'; there are capitals, opposites" in answer.json()["error"]["message"]


def test_the_list_of_models_names_the_tasks(server: Any) -> None:
    (card,) = httpx.get(f"{server.url}/models", timeout=60).json()["data"]
    assert card["tasks"] == ["capitals", "opposites"]


def test_a_spec_names_the_task_of_a_role(tiny: Any, tasks: Path, server: Any) -> None:
    spec = f"local:{tiny.folder()}?dtype=float32&cache_mib=256&temperature=0&max_tokens=8"
    model: Any = open_model(f"{spec}&tasks={tasks}&task=capitals", Settings.from_environment())
    try:
        said = model.reply([user("Go on.")]).text
    finally:
        model.close()
    assert said == words(ask(server, "/chat/completions", task="capitals"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("task=capitals", "needs tasks=FOLDER"),
        ("tasks={tasks}&task=rhymes", "'rhymes'; there are capitals, opposites"),
        ("tasks={tasks}/none", "cannot read the calibration file"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(tiny: Any, tasks: Path, options: str, told: str) -> None:
    spec = f"local:{tiny.folder()}?dtype=float32&cache_mib=256&{options.format(tasks=tasks)}"
    with pytest.raises(UsageError, match=told):
        open_model(spec, Settings.from_environment())


def test_one_command_makes_an_embedding_from_lines_and_from_a_run(
    tiny: Any, tmp_path: Path
) -> None:
    pairs = [(word, word.upper()) for word in ("milk", "eggs", "bread", "home", "back", "go")]
    lines = tmp_path / "shout.jsonl"
    lines.write_text("\n".join(json.dumps({"input": one, "output": other}) for one, other in pairs))
    run = tmp_path / "run"
    run.mkdir()
    (run / "exchanges.jsonl").write_text(
        "".join(
            json.dumps({"role": role, "system": "Shout.", "input": one, "output": other}) + "\n"
            for one, other in pairs
            for role in ("reflector", "manager")
        )
    )
    quick = [
        part
        for setting in ("steps=2", "prompts=1", "shots=1", "answer_tokens=2")
        for part in ("--set", setting)
    ]
    made = {}
    for name, source in (
        ("lines", ["--examples", str(lines)]),
        ("run", ["--examples", str(run), "--role", "Reflector"]),
    ):
        out = tmp_path / f"{name}.safetensors"
        told = CliRunner().invoke(
            app,
            ["model", "task", "shout", "--model", str(tiny.folder()), *source, "--out", str(out),
             "--json", *quick],
        )  # fmt: skip
        assert told.exit_code == 0, told.output
        made[name] = json.loads(told.stdout)
        assert out.is_file()
    assert made["lines"]["settings"]["demonstrations"] == 6
    assert made["run"]["settings"]["demonstrations"] == 6
    assert made["lines"]["data_sha256"] != made["run"]["data_sha256"]

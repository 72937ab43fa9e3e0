"""Real weights: a model of 135 million parameters, where `tapgraph model get smollm2` has put it.

It is far too small to do tasks. What is seen here is that its replies have the form that was asked
for, and that it says what a model of its kind says.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import BaseModel

from tapgraph.agents.run.events import ModelCalled
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.cli.main import main
from tapgraph.llm_backend.local.local_model import LocalModel
from tapgraph.llm_backend.messages import user
from tapgraph.llm_backend.model_spec import open_model
from tapgraph.llm_backend.model_store import ModelStore, place_calibrations
from tapgraph.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def smollm2() -> Path:
    kept = ModelStore(Settings.from_environment().models_folder).find("smollm2")
    if kept is None:
        pytest.skip("no smollm2: tapgraph model get smollm2")
    return kept.path


@pytest.fixture(scope="module")
def model(smollm2: Path) -> Iterator[LocalModel]:
    opened = open_model(f"local:{smollm2}?max_tokens=40", Settings(home=smollm2))
    assert isinstance(opened, LocalModel)
    yield opened
    opened.close()


class City(BaseModel):
    name: str
    is_a_capital: bool


def test_it_knows_a_capital_and_ends_its_turn(model: LocalModel) -> None:
    reply = model.reply([user("What is the capital of France?")])
    assert reply.text == "The capital of France is Paris."
    assert reply.finish_reason == "stop"


def test_its_reply_to_a_schema_is_an_object(model: LocalModel) -> None:
    reply = model.reply([user("Describe Paris as JSON with name and is_a_capital.")], schema=City)
    assert isinstance(reply.parsed, City)


def test_each_reply_of_a_task_is_valid(
    smollm2: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))
    run = tmp_path / "run"
    main([
        "run", "Turn on Do Not Disturb", "--model", f"local:{smollm2}", "--max-steps", "2",
        "--out", str(run), "--json",
    ])  # fmt: skip
    assert "outcome" in json.loads(capsys.readouterr().out)
    calls = [event for event in RunFolder.open(run).events() if isinstance(event, ModelCalled)]
    assert {call.role for call in calls} >= {"manager", "operator", "reflector"}
    assert [(call.role, call.error) for call in calls if not call.valid] == []


@pytest.mark.parametrize("system", ["duo", "razor"])
def test_it_is_calibrated_out_of_the_box(smollm2: Path, tmp_path: Path, system: str) -> None:
    for file in smollm2.iterdir():
        if not file.name.startswith("tapgraph-"):
            (tmp_path / file.name).symlink_to(file)
    place_calibrations("smollm2", tmp_path)
    spec = f"local:{tmp_path}?max_tokens=8&attention={system}"
    opened = open_model(spec, Settings(home=tmp_path))
    assert isinstance(opened, LocalModel)
    with closing(opened):
        assert opened.reply([user("What is the capital of France?")]).text.startswith("The capital")

"""`tapgraph run` with a checkpoint on this machine as the brain."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tapgraph.agents.run.events import ModelCalled
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.cli.main import main

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

IN_ORDER = {"success": 0, "gave_up": 1, "failed": 1, "loop": 1, "budget": 4}
"""How a task may end that a model without a clue was given, with the exit codes.

By chance it may say as Manager and as Verifier that all is done.
"""

EXPERIENCE = {"shortcut_reflector", "tips_reflector"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "attention"),
    [*((seed, "dense") for seed in range(1, 5)), (1, "sink_window&recent_tokens=512")],
)
def test_a_random_model_ends_a_whole_task_in_order(
    seed: int,
    attention: str,
    tiny: "Tiny",
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TAPGRAPH_HOME", str(tmp_path / "home"))
    folder = tiny.save(tmp_path / "tiny", "qwen3", seed=seed, max_position_embeddings=32768)
    spec = f"local:{folder}?device=cpu&longest_text=16&attention={attention}"
    run = tmp_path / "run"
    code = main([
        "run", "Turn on Do Not Disturb", "--model", spec, "--max-steps", "3",
        "--out", str(run), "--json",
    ])  # fmt: skip
    printed = capsys.readouterr()
    assert printed.out, printed.err
    result = json.loads(printed.out)
    assert code == IN_ORDER[result["outcome"]], result
    calls = [event for event in RunFolder.open(run).events() if isinstance(event, ModelCalled)]
    assert calls
    invalid = [(call.role, call.error) for call in calls if not call.valid]
    # What is learnt must be of the run's own actions and known tips, which no schema can say.
    assert [one for one in invalid if one[0] not in EXPERIENCE] == []
    roles = {call.role for call in calls}
    assert result["outcome"] in {"gave_up", "failed"} or roles & {"operator", "verifier"}
    assert (run / "report.html").is_file()

"""Replies that nobody waits for any more end, and so do engines with their process."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tapgraph.agents.run.patience import Patience, PatientModel
from tapgraph.errors import BudgetExhausted
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.local.generation import GenerationStream
from tapgraph.llm_backend.local.local_model import LocalModel
from tapgraph.llm_backend.messages import user

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

PROGRAM = """
import sys, threading, warnings
warnings.simplefilter("error")
from tapgraph.llm_backend.messages import user
from tapgraph.llm_backend.model_spec import open_model
from tapgraph.settings import Settings

model = open_model(f"local:{sys.argv[1]}?device=cpu&temperature=2", Settings.from_environment())
if sys.argv[2] == "beside":
    # The program ends while this one is answered.
    threading.Thread(target=lambda: model.reply([user("Go on.")]), daemon=True).start()
    while not model.engine.statistics.completion_tokens:
        pass
else:
    print("asking", flush=True)
    model.reply([user("Go on.")])
"""


def endless(tiny: "Tiny", tmp_path: Path) -> Path:
    """A checkpoint that does not end its replies for long."""
    return tiny.save(tmp_path / "tiny", max_position_embeddings=1_000_000)


def test_a_program_may_end_during_a_reply(tiny: "Tiny", tmp_path: Path) -> None:
    folder = str(endless(tiny, tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, folder, "beside"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN, reason="Ctrl-C is ignored here"
)
def test_an_interrupted_program_ends_as_any_other(tiny: "Tiny", tmp_path: Path) -> None:
    folder = str(endless(tiny, tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, folder, "in front"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "asking\n"
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGINT
    assert told.strip().endswith("KeyboardInterrupt")


class Interrupts:
    """Waits as Ctrl-C lets it wait."""

    def __call__(self) -> bool:
        raise KeyboardInterrupt


def test_interrupted_waiting_cancels_the_reply() -> None:
    stream = GenerationStream()
    with pytest.raises(KeyboardInterrupt):
        stream.result(Interrupts())
    assert stream.is_cancelled


def test_a_run_whose_seconds_are_up_ends_the_local_reply(tiny: "Tiny", tmp_path: Path) -> None:
    from tapgraph.llm_backend.local.checkpoint import load_checkpoint  # noqa: PLC0415

    checkpoint = load_checkpoint(endless(tiny, tmp_path), device="cpu")
    # A token whose logit is always 0 is never the likeliest one.
    outputs: Any = checkpoint.model.get_output_embeddings()
    outputs.weight[list(checkpoint.end_tokens)] = 0
    with Engine(checkpoint) as engine:
        has_begun = threading.Event()

        def seconds_left() -> float:
            if engine.statistics.completion_tokens:
                has_begun.set()
            return 0.0 if has_begun.is_set() else 0.05

        model = PatientModel(LocalModel(engine), Patience(seconds_left))
        with pytest.raises(BudgetExhausted, match="the seconds are used up"):
            model.reply([user("Go on.")], max_tokens=500_000)
        while engine.statistics.running:
            time.sleep(0)
        assert engine.statistics.finished == {"cancelled": 1}
        # Though they come faster than anybody looks for them.
        assert engine.statistics.completion_tokens < 5_000

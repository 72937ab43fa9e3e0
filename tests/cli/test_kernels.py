import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from tapgraph.cli.main import main
from tapgraph.errors import UsageError
from tapgraph.kernels.in_models.attention import layer_shapes
from tapgraph.kernels.rotary import PlainRotary
from tapgraph.kernels.systems import SYSTEMS
from tapgraph.llm_backend.calibration.calibration_file import (
    Calibration,
    fingerprint,
    load_calibration,
    save_calibration,
)
from tapgraph.llm_backend.local.checkpoint import load_checkpoint
from tapgraph.llm_backend.local.systems import calibration_path, open_system
from tapgraph.llm_backend.messages import Message, TextPart
from tapgraph.llm_backend.model_spec import open_model
from tapgraph.settings import Settings


def test_list_tells_of_every_system_what_to_choose_it_by(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    assert main(["kernels", "list"]) == 0
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if not line.startswith(" ")] == list(SYSTEMS)
    for system in SYSTEMS.values():
        for text in (system.about.paper, system.about.saves, system.about.needs):
            assert text in shown
    assert shown.count("fails when") == len(SYSTEMS)
    assert shown.count("dense below") == len(SYSTEMS)
    assert "3,072 tokens" in shown


def test_list_fits_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["kernels", "list"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


def test_list_as_json_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert list(listed) == list(SYSTEMS)
    assert listed["dense"] == {
        "paper": SYSTEMS["dense"].about.paper,
        "saves": SYSTEMS["dense"].about.saves,
        "needs": "Nothing.",
        "fails_when": SYSTEMS["dense"].about.fails_when,
        "dense_below": 0,
    }
    assert listed["duo"]["dense_below"] == 3072


@pytest.mark.parametrize("arguments", [["list"], ["calibrate", "duo", "--model", "nowhere"]])
def test_without_torch_one_sentence_says_what_to_install(arguments: list[str]) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from tapgraph.cli.main import main\n"
        f"sys.exit(main(['kernels', *{arguments!r}]))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 3
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert "needs the extra 'local': pip install 'tapgraph[local]'" in ended.stderr


SMALL: Mapping[str, tuple[str, ...]] = {
    "razor": ("block_tokens=20", "repetitions=3", "induction_share=0.5"),
    "duo": ("steps=2", "passkeys=1", "words=3", "shortest=60", "longest=80", "sink=2", "recent=8"),
    "sale": ("tokens=400", "samples=1"),
    "dhsa": ("tokens=60", "texts=3", "epochs=1", "hidden=8"),
}


def calibrated(name: str, checkpoint: Path, *more: str) -> int:
    settings = [part for setting in SMALL[name] for part in ("--set", setting)]
    return main(["kernels", "calibrate", name, "--model", str(checkpoint), *settings, *more])


@pytest.mark.parametrize("name", SMALL)
def test_a_calibration_is_found_by_its_system(
    name: str, tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = tiny.save(tmp_path / "model")
    assert calibrated(name, checkpoint, "--seed", "3", "--json") == 0
    shown = capsys.readouterr()
    assert " of " in shown.err.splitlines()[-1]
    written = json.loads(shown.out)
    assert written["file"] == str(checkpoint / f"tapgraph-{name}.safetensors")
    assert (written["system"], written["seed"]) == (name, 3)
    loaded = load_checkpoint(checkpoint)
    system = open_system(name, {}, model_path=checkpoint, model=loaded.model)
    shape = layer_shapes(loaded.model)[0]
    assert system.open_layer(shape, PlainRotary()).tokens_seen == 0


@pytest.mark.parametrize("name", SMALL)
def test_a_calibration_in_bfloat16_is_of_the_same_model(
    name: str, tiny: Any, tmp_path: Path
) -> None:
    checkpoint = tiny.save(tmp_path / "model")
    assert calibrated(name, checkpoint, "--dtype", "bfloat16") == 0
    model = load_checkpoint(checkpoint).model
    path = calibration_path(name, checkpoint)
    load_calibration(path, system=name, model_fingerprint=fingerprint(model))


def test_calibrated_heads_follow_highlights_in_a_model_of_that_spec(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint, file = tiny.save(tmp_path / "model"), tmp_path / "heads.safetensors"
    small = ["--set", "questions=1", "--set", "layers=1", "--out", str(file)]
    assert main(["kernels", "calibrate", "steering", "--model", str(checkpoint), *small]) == 0
    assert f"written to {file}" in capsys.readouterr().out
    asked = Message("user", (TextPart("Buy milk, and only milk.", ((14, 23),)),))
    for query in ("", f"?steer={file}"):
        model: Any = open_model(f"local:{checkpoint}{query}", Settings.from_environment())
        with contextlib.closing(model):
            assert model.traits.follows_highlights == bool(query)
            # Without heads to steer the words are read as they are.
            assert model.reply([asked], max_tokens=4).usage.completion_tokens
    wrong = tmp_path / "none.safetensors"
    with pytest.raises(UsageError, match="cannot read the calibration file"):
        open_model(f"local:{checkpoint}?steer={wrong}", Settings.from_environment())


def test_a_calibration_of_another_model_is_refused(tiny: Any, tmp_path: Path) -> None:
    first, second = tiny.save(tmp_path / "first"), tiny.save(tmp_path / "second", seed=1)
    out = second / "tapgraph-razor.safetensors"
    assert calibrated("razor", first, "--out", str(out)) == 0
    other = load_checkpoint(second).model
    with pytest.raises(UsageError, match="is a calibration of another model"):
        open_system("razor", {}, model_path=second, model=other)


def test_a_calibration_without_what_the_system_needs_is_refused(tmp_path: Path) -> None:
    empty = Calibration("duo", "0", "none", "0", 0, {}, {"gates": torch.zeros(2, 2)})
    save_calibration(empty, calibration_path("duo", tmp_path))
    with pytest.raises(UsageError, match="holds no 'full_heads'; make it anew"):
        open_system("duo", {}, model_path=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["dense"], "no calibration is called 'dense'; there are razor, duo, sale, dhsa, steering"),
        (["landmark"], "landmark attention needs a fine-tuned model, not calibration"),
        (["duo", "--set", "steps"], "--set must be NAME=VALUE, got 'steps'"),
        (["duo", "--set", "stride=3"], "the calibration of 'duo' has no option 'stride'; it has"),
        (["duo", "--set", "steps=0"], "steps must be at least 1, got 0"),
        (["duo"], "there is no checkpoint at 'nowhere'"),
    ],
)
def test_what_cannot_be_calibrated_is_said_before_any_work(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["kernels", "calibrate", *arguments, "--model", "nowhere"]) == 2
    assert complaint in capsys.readouterr().err

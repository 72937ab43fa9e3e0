import json
from pathlib import Path
from typing import Any

import pytest

from tapgraph.cli.main import main
from tapgraph.errors import UsageError
from tapgraph.llm_backend.calibration.landmark_texts import LandmarkTexts, draw_batches, read_texts
from tapgraph.llm_backend.calibration.landmark_training import LANDMARK
from tapgraph.llm_backend.local.checkpoint import load_checkpoint
from tapgraph.llm_backend.local.local_model import LocalModel
from tapgraph.llm_backend.messages import user
from tapgraph.llm_backend.model_spec import open_model
from tapgraph.settings import Settings

SETTINGS = ("steps=2", "block=5", "tokens=20", "batch=2", "learning_rate=1e-3")


def trained(model: Path, texts: Path, out: Path, *settings: str) -> int:
    chosen = [part for setting in (*SETTINGS, *settings) for part in ("--set", setting)]
    arguments = ["--model", str(model), "--texts", str(texts), "--out", str(out), *chosen]
    return main(["kernels", "train", "landmark", "--json", *arguments])


def test_a_trained_checkpoint_answers_with_landmark_attention(
    tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, out = tmp_path / "texts.txt", tmp_path / "trained"
    texts.write_text("Turn on the lamp, then read the note about milk and bread. " * 9)
    before = load_checkpoint(tiny.folder()).tokenizer
    assert trained(tiny.folder(), texts, out) == 0
    told = json.loads(capsys.readouterr().out)
    after = load_checkpoint(out)
    assert told == {
        "model": str(out),
        "block": 5,
        "landmark_id": after.tokenizer.get_vocab()[LANDMARK],
        "trained_slots": 24,
    }
    assert LANDMARK not in before.get_vocab()
    said = LANDMARK + " and again"
    spec = f"local:{out}?device=cpu&max_tokens=9&attention=landmark&retrieved=2"
    model = open_model(spec, Settings(home=tmp_path))
    assert isinstance(model, LocalModel)
    try:
        reply = model.reply([user(said)])
    finally:
        model.close()
    assert reply.text
    assert LANDMARK not in reply.text


def test_texts_come_from_lines_or_from_one_file(tiny: Any, tmp_path: Path) -> None:
    lines = tmp_path / "texts.jsonl"
    lines.write_text('"one"\n\n{"text": "two", "more": 1}\n')
    assert read_texts(lines) == ["one", "two"]
    tokenizer = tiny.load().tokenizer
    shape = LandmarkTexts(tokens=4, batch=3)
    batches = draw_batches(tokenizer, ["milk and bread and eggs"] * 4, shape, seed=0)
    first, second = next(batches).token_ids, next(batches).token_ids
    assert first.shape == second.shape == (3, 4)
    assert len({tuple(row) for row in (*first.tolist(), *second.tolist())}) > 3


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("  \n", "there is no text in"),
        ('"one"\n{"words": 1}', "line 2 of"),
    ],
)
def test_what_is_no_text_is_named(content: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(content)
    with pytest.raises(UsageError, match=complaint):
        read_texts(path)


def test_a_bad_order_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere, out = tmp_path / "nowhere", tmp_path / "trained"
    (tmp_path / "mine").write_text("kept")
    assert trained(nowhere, nowhere, out, "speed=3") == 2
    assert "has no option 'speed'" in capsys.readouterr().err
    assert trained(nowhere, nowhere, tmp_path) == 2
    assert "--out must be a new folder" in capsys.readouterr().err
    assert main(["kernels", "train", "duo", "--model", "m", "--texts", "t", "--out", "o"]) == 2
    assert "only landmark attention needs a trained model" in capsys.readouterr().err

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from tapgraph.errors import ContextExceeded, UsageError
from tapgraph.kernels.highlight import Steering
from tapgraph.kernels.in_models.attention import layer_shapes, use_attention
from tapgraph.kernels.systems.landmark import Landmark, LandmarkConfig
from tapgraph.kernels.systems.landmark_softmax import insert_landmarks
from tapgraph.llm_backend.local.checkpoint import load_checkpoint
from tapgraph.llm_backend.local.engine import Engine, EngineLimits
from tapgraph.llm_backend.local.landmark_generation import LandmarkTurns
from tapgraph.llm_backend.local.systems import open_system
from tapgraph.llm_backend.local.trained_landmarks import TrainedLandmarks

if TYPE_CHECKING:
    from tests.llm_backend.tiny_checkpoints import Tiny

LANDMARK_ID = 90
BLOCK = 3
LENGTHS = (17, 12, 6)


def prompts() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    return [
        insert_landmarks(
            torch.randint(3, 90, (length,), generator=generator),
            block=BLOCK,
            landmark_id=LANDMARK_ID,
        ).token_ids
        for length in LENGTHS
    ]


def generated(model: Any, rows: list[torch.Tensor], **arguments: Any) -> torch.Tensor:
    width = max(map(len, rows))
    token_ids = torch.stack([torch.nn.functional.pad(row, (width - len(row), 0)) for row in rows])
    starts = torch.tensor([width - len(row) for row in rows])
    turns = LandmarkTurns(block=BLOCK, landmark_id=LANDMARK_ID, starts=starts)
    with use_attention(
        model, Landmark(LandmarkConfig(block=BLOCK, retrieved=2, chunk=8, dense_below=0))
    ):
        made: torch.Tensor = model.generate(
            token_ids,
            attention_mask=(torch.arange(width) >= starts[:, None]).long(),
            logits_processor=[turns],
            max_new_tokens=14,
            min_new_tokens=14,
            do_sample=False,
            **arguments,
        )
    return made


@pytest.mark.parametrize("beams", [1, 2])
def test_landmarks_stand_where_they_are_due_and_nowhere_else(tiny_model: Any, beams: int) -> None:
    rows = prompts()
    made = generated(tiny_model("llama"), rows, num_beams=beams)
    for row, prompt in zip(made, rows, strict=True):
        real = row[made.shape[1] - 14 - len(prompt) :]
        assert torch.equal(real[: len(prompt)], prompt)
        is_due = torch.arange(len(real)) % (BLOCK + 1) == BLOCK
        assert torch.equal(real == LANDMARK_ID, is_due)


def test_a_padded_row_generates_what_it_does_alone(tiny_model: Any) -> None:
    model = tiny_model("llama")
    rows = prompts()
    together = generated(model, rows)
    for row, prompt in zip(together, rows, strict=True):
        assert torch.equal(generated(model, [prompt])[0, -14:], row[-14:])


def test_one_object_is_for_many_prompts() -> None:
    turns = LandmarkTurns(block=BLOCK, landmark_id=9, starts=torch.tensor([0]))
    told = torch.arange(20.0)[None]
    for length in (BLOCK, BLOCK + 4 * (BLOCK + 1)):
        text = torch.zeros(1, length)
        assert turns(text, told).argmax() == 9
        after = turns(torch.nn.functional.pad(text, (0, 1), value=9), -told)
        assert after.argmax() == 19
    assert turns(torch.zeros(1, 2), -told).argmax() == 0


def test_what_does_not_fit_is_named() -> None:
    turns = LandmarkTurns(block=BLOCK, landmark_id=9, starts=torch.tensor([0, 1]))
    with pytest.raises(UsageError, match=r"^3 rows are not a multiple of 2 prompts$"):
        turns(torch.zeros(3, 4), torch.zeros(3, 20))
    with pytest.raises(UsageError, match=r"^landmark_id must be in 0..7, got 9$"):
        turns(torch.zeros(2, 4), torch.zeros(2, 8))
    with pytest.raises(UsageError, match=r"^a prompt ends with a landmark; "):
        LandmarkTurns(block=BLOCK, landmark_id=9, starts=torch.tensor([0]))(
            torch.zeros(1, 4), torch.zeros(1, 20)
        )
    with pytest.raises(UsageError, match=r"^block must be at least 1, got 0$"):
        LandmarkTurns(block=0, landmark_id=9, starts=torch.tensor([0]))


@pytest.mark.parametrize("length", [11, 40, 300])
def test_an_engine_answers_as_generate_does_with_landmarks(
    tiny: "Tiny", tmp_path: Path, length: int
) -> None:
    folder = tiny.save(tmp_path / "trained")
    TrainedLandmarks(block=BLOCK, landmark_id=8, trained_slots=30).write(folder)
    checkpoint = load_checkpoint(folder, device="cpu", dtype="float32")
    options = {"retrieved": "2", "chunk": "8"}
    system = open_system("landmark", options, model_path=folder, model=checkpoint.model)
    prompt = [token for token in tiny.prompt(length) if token != 8]
    landmarked = insert_landmarks(torch.tensor([prompt]), block=BLOCK, landmark_id=8).token_ids
    model: Any = checkpoint.model
    turns = LandmarkTurns(block=BLOCK, landmark_id=8, starts=torch.zeros(1))
    with use_attention(model, system):
        made = model.generate(
            landmarked,
            attention_mask=torch.ones_like(landmarked),
            logits_processor=[turns],
            suppress_tokens=[*tiny.nameless, *checkpoint.end_tokens],
            max_new_tokens=27,
            do_sample=False,
        )[0, landmarked.shape[1] :]
    with Engine(checkpoint, system, EngineLimits(prefill_chunk=16)) as engine:
        request = tiny.greedy(prompt, 20, min_tokens=20)
        replies = [engine.submit(request).result() for _ in range(2)]
        cached = engine.statistics.cached_tokens
    for reply in replies:
        assert list(reply.tokens) == [token for token in made.tolist() if token != 8][:20]
        assert reply.finished.count.prompt == landmarked.shape[1]
    assert (cached > 0) == (length > 20)


def test_what_does_not_fit_the_training_is_refused(tmp_path: Path) -> None:
    TrainedLandmarks(block=20, landmark_id=4, trained_slots=512).write(tmp_path)
    landmark = open_system("landmark", {"retrieved": "8"}, model_path=tmp_path)
    assert isinstance(landmark, Landmark)
    assert landmark.config == LandmarkConfig(block=20, retrieved=8, dense_below=512)
    for options, complaint in (
        ({"block": "50"}, "a landmark after every 20 tokens, got block=50"),
        ({"dense_below": "513"}, "so dense_below can be no more, got 513"),
    ):
        with pytest.raises(UsageError, match=complaint):
            open_system("landmark", options, model_path=tmp_path)
    (tmp_path / "tapgraph-landmarks.json").write_text('{"block": 0, "landmark_id": 4}')
    with pytest.raises(UsageError, match="does not describe landmarks"):
        open_system("landmark", {}, model_path=tmp_path)


def test_landmarks_take_their_room_in_the_context(tiny: "Tiny", tmp_path: Path) -> None:
    folder = tiny.save(tmp_path / "trained")
    TrainedLandmarks(block=3, landmark_id=8, trained_slots=30).write(folder)
    checkpoint = load_checkpoint(folder, device="cpu", dtype="float32")
    system = open_system("landmark", {}, model_path=folder, model=checkpoint.model)
    prompt = [token for token in tiny.prompt(50) if token != 8][:40]
    with Engine(checkpoint, system, EngineLimits(context_tokens=80)) as engine:
        assert engine.room_after(40) == 20
        reply = engine.submit(tiny.greedy(prompt, None, min_tokens=60)).result()
        assert len(reply.tokens) == 20
        with pytest.raises(ContextExceeded, match="21 are asked for"):
            engine.submit(tiny.greedy(prompt, 21))


def test_landmarks_and_highlights_do_not_go_together(tiny: "Tiny", tmp_path: Path) -> None:
    folder = tiny.save(tmp_path / "trained")
    TrainedLandmarks(block=3, landmark_id=8, trained_slots=30).write(folder)
    checkpoint = load_checkpoint(folder, device="cpu", dtype="float32")
    system = open_system("landmark", {}, model_path=folder, model=checkpoint.model)
    shape = layer_shapes(checkpoint.model)[0]
    steering = Steering(torch.ones((shape.layers, shape.heads), dtype=torch.bool), 0.1)
    with pytest.raises(UsageError, match="no token inside one can be highlighted"):
        Engine(checkpoint, system, steering=steering)

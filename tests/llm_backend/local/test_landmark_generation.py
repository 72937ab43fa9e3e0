from typing import Any

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.kernels.in_models.attention import use_attention
from tapgraph.kernels.systems.landmark import Landmark, LandmarkConfig
from tapgraph.kernels.systems.landmark_softmax import insert_landmarks
from tapgraph.llm_backend.local.landmark_generation import LandmarkTurns

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


def test_what_does_not_fit_is_named() -> None:
    turns = LandmarkTurns(block=BLOCK, landmark_id=9, starts=torch.tensor([0, 1]))
    with pytest.raises(UsageError, match=r"^3 rows are not a multiple of 2 prompts$"):
        turns(torch.zeros(3, 4), torch.zeros(3, 20))
    with pytest.raises(UsageError, match=r"^landmark_id must be in 0..7, got 9$"):
        turns(torch.zeros(2, 4), torch.zeros(2, 8))
    with pytest.raises(UsageError, match=r"^block must be at least 1, got 0$"):
        LandmarkTurns(block=0, landmark_id=9, starts=torch.tensor([0]))

"""The shipped recall model with landmarks answers under Landmark Attention, and in no other way."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest
import torch

from tapgraph.errors import UsageError
from tapgraph.evals.long_context.landmark_recall import Recipe
from tapgraph.evals.long_context.recall_checkpoint import LANDMARK_MODEL_PATH, RECALL_MODEL_PATH
from tapgraph.evals.long_context.recall_tasks import RecallTask, recall_prompts
from tapgraph.evals.long_context.recall_vocabulary import decode
from tapgraph.llm_backend.local.checkpoint import load_checkpoint
from tapgraph.llm_backend.local.engine import Engine
from tapgraph.llm_backend.local.generation import GenerationRequest, Prompt, Sampling
from tapgraph.llm_backend.local.systems import open_system


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    checkpoint = load_checkpoint(LANDMARK_MODEL_PATH, device="cpu", dtype="float32")
    with Engine(checkpoint, open_system("landmark", {}, model_path=LANDMARK_MODEL_PATH)) as opened:
        yield opened


def found(engine: Engine, task: RecallTask, length: int, count: int) -> int:
    """How many prompts are answered exactly."""
    prompts = recall_prompts(task, length=length, count=count, seed=5)
    streams = [
        engine.submit(
            GenerationRequest(Prompt(one.token_ids), len(one.answer_ids), Sampling(temperature=0))
        )
        for one in prompts
    ]
    said = [stream.result().text.strip() for stream in streams]
    return sum(text == decode(one.answer_ids) for text, one in zip(said, prompts, strict=True))


@pytest.mark.parametrize("task", ["needle", "multikey"])
def test_needles_are_found_beyond_the_trained_length(engine: Engine, task: RecallTask) -> None:
    assert found(engine, task, 1024, 8) >= 6


def test_the_model_without_landmarks_is_refused() -> None:
    with pytest.raises(UsageError, match="landmark"):
        open_system("landmark", {}, model_path=RECALL_MODEL_PATH)


def test_the_recipe_draws_the_same_batches_again_and_longer_ones_late() -> None:
    recipe = replace(Recipe(), training=replace(Recipe().training, steps=10))
    first, again = (list(recipe.batches()) for _ in range(2))
    for one, other in islice(zip(first, again, strict=True), 10):
        assert torch.equal(one.token_ids, other.token_ids)
        assert one.weights is not None
        assert one.weights.max() == 1
    assert max(one.token_ids.shape[1] for one in first[:6]) <= 256
    assert min(one.token_ids.shape[1] for one in first[6:]) >= 256

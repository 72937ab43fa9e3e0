"""Make the recall model with landmarks (`python -m tapgraph.evals.long_context.landmark_recall`).

The landmark's embedding begins near zero, so that its first queries look at all tokens of a block
alike, and gates fade from the true log-sum-exps to landmarks (`FadingGates`): where landmarks weigh
blocks from the first step on, recall is lost at once and does not come back in a short run.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import LlamaForCausalLM

from tapgraph.evals.long_context.recall_checkpoint import RECALL_MODEL_PATH, export
from tapgraph.evals.long_context.recall_tasks import RecallTask, training_sequence
from tapgraph.evals.long_context.recall_vocabulary import TOKENS
from tapgraph.llm_backend.calibration.landmark_training import (
    LANDMARK,
    LandmarkTraining,
    TrainingBatch,
    TrainingStep,
    fine_tune_landmarks,
)
from tapgraph.llm_backend.local.trained_landmarks import TrainedLandmarks

__all__ = ["Recipe", "train"]


_TRAINING = LandmarkTraining(
    block=16, steps=1_500, learning_rate=1e-3, weight_decay=0.01, fade=0.35, gate_weight=1.0
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All numbers of a run.

    Attributes:
        training: of the landmarks.
        seed: of the landmark's embedding and of the sequences.
        tasks: what is practised, and how often each is drawn.
        tokens: of a step, at least one sequence.
        short: lengths of sequences, without landmarks, that a step draws from.
        long: those of the last `long_share` of the steps.
        filler_weight: of tokens that their neighbours make likely, beside 1 for answers.
    """

    training: LandmarkTraining = _TRAINING
    seed: int = 0
    tasks: tuple[tuple[RecallTask, int], ...] = (("needle", 4), ("multikey", 3))
    tokens: int = 1_024
    short: tuple[int, ...] = (128, 192, 256)
    long: tuple[int, ...] = (256, 384, 512)
    long_share: float = 0.4
    filler_weight: float = 0.1

    def batches(self) -> Iterator[TrainingBatch]:
        """One for each step."""
        tasks, shares = zip(*self.tasks, strict=True)
        for step in range(self.training.steps):
            rng = random.Random(f"landmarks {self.seed} {step}")
            is_late = step >= (1 - self.long_share) * self.training.steps
            length = rng.choice(self.long if is_late else self.short)
            sequences = [
                training_sequence(task, length=length, seed=rng.getrandbits(48))
                for task in rng.choices(tasks, shares, k=max(1, self.tokens // length))
            ]
            weights = torch.zeros(len(sequences), length)
            for row, sequence in zip(weights, sequences, strict=True):
                row[list(sequence.predictable)] = self.filler_weight
                row[list(sequence.answers)] = 1.0
            yield TrainingBatch(torch.tensor([one.token_ids for one in sequences]), weights)


def train(folder: Path, recipe: Recipe) -> None:
    """Fine-tune the shipped recall model, and write it with its landmarks to `folder`."""
    model = LlamaForCausalLM.from_pretrained(RECALL_MODEL_PATH)
    landmark_id = TOKENS.index(LANDMARK)
    generator = torch.Generator().manual_seed(recipe.seed)
    row = model.get_input_embeddings().get_parameter("weight").data[landmark_id]
    row.copy_(0.01 * torch.randn(row.shape, generator=generator))
    model.train()
    folder.mkdir(parents=True, exist_ok=True)

    def on_step(done: TrainingStep) -> None:
        with (folder / "training_log.jsonl").open("a", encoding="utf-8") as log:
            told = asdict(done) | {"cpu_s": round(time.process_time())}
            log.write(json.dumps(told) + "\n")

    fine_tune_landmarks(
        model,
        recipe.batches(),
        landmark_id=landmark_id,
        training=recipe.training,
        on_step=on_step,
    )
    block = recipe.training.block
    longest = max(recipe.long)
    export(model, folder)
    TrainedLandmarks(block, landmark_id, longest + longest // block).write(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Fine-tune the recall model with landmarks.")
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    train(options.out, Recipe(seed=options.seed))


if __name__ == "__main__":
    main()

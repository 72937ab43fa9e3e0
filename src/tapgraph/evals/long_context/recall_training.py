"""Make the recall model: `python -m tapgraph.evals.long_context.recall_training --out DIR`.

Lengths grow when recall at the present ones is learnt. Half of the sequences have jumps in their
positions, at the seams between pieces of text, so that distances up to `LONGEST_SPAN` are
practised on short sequences while neighbours stay neighbours. Run again with the same folder, it
goes on where it stopped.

With `--landmarks 16` it makes a model for Landmark Attention: a landmark after every 16 tokens from
the first step, three layers whose heads have keys of their own, one-word and two-word needles only.
"""

import argparse
import json
import math
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import LlamaForCausalLM

from tapgraph.evals.long_context.recall_checkpoint import HEADS, export, new_model
from tapgraph.evals.long_context.recall_scoring import score_recall
from tapgraph.evals.long_context.recall_start import wire_induction, wire_landmarks
from tapgraph.evals.long_context.recall_tasks import (
    RECALL_TASKS,
    TrainingSequence,
    training_sequence,
)
from tapgraph.evals.long_context.recall_vocabulary import TOKENS
from tapgraph.kernels.systems.landmark_softmax import insert_landmarks
from tapgraph.llm_backend.calibration.landmark_training import LANDMARK, full_landmark_attention
from tapgraph.llm_backend.local.trained_landmarks import TrainedLandmarks

__all__ = [
    "LANDMARK_STAGES",
    "LONGEST_SPAN",
    "STAGES",
    "Recipe",
    "Stage",
    "spread_positions",
    "train",
]

LONGEST_SPAN = 40_960
"""The largest position that training shows, a little more than 32K."""
_LANDMARK_ID = TOKENS.index(LANDMARK)


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the curriculum.

    Attributes:
        lengths: tokens of a sequence; every training step draws one.
        mastered: answer accuracy, 0..1, at which the next stage begins.
        shares: how often each task is drawn, in the order of `RECALL_TASKS`.
    """

    lengths: tuple[int, ...]
    mastered: float
    shares: tuple[float, ...]


STAGES = (
    Stage((64, 96, 128), 0.9, (3, 3, 2, 1, 0)),
    Stage((128, 192, 256), 0.9, (3, 3, 2, 2, 0)),
    Stage((256, 384, 512), 0.9, (3, 3, 2, 2, 1)),
    Stage((512, 768, 1024), 0.9, (3, 4, 1, 2, 1)),
    Stage((512, 1024, 2048), 0.9, (3, 4, 1, 2, 1)),
    Stage((1024, 2048, 4096), 1.1, (3, 5, 1, 2, 1)),
)
LANDMARK_STAGES = (
    Stage((64, 96, 128), 0.88, (1, 1, 0, 0, 0)),
    Stage((128, 192, 256), 0.88, (1, 1, 0, 0, 0)),
    Stage((256, 384, 512), 0.88, (1, 1, 0, 0, 0)),
    Stage((512, 768, 1024), 0.88, (1, 1, 0, 0, 0)),
    Stage((512, 1024, 2048), 1.1, (1, 1, 0, 0, 0)),
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All numbers of a training run.

    The learning rate falls to nothing over the last `decay_share` of the run, which ends after
    `tokens` tokens or `minutes` minutes, whichever comes first. With `block` there is a landmark
    after so many tokens; positions then have no jumps.
    """

    seed: int = 0
    block: int = 0
    tokens: int = 8_000_000
    minutes: float = 100.0
    tokens_per_step: int = 2048
    learning_rate: float = 1.5e-3
    warmup_steps: int = 50
    decay_share: float = 0.25
    filler_weight: float = 0.1
    evaluate_every_s: float = 600.0

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The curriculum."""
        return LANDMARK_STAGES if self.block else STAGES


@dataclass(slots=True)
class _Progress:
    """Where a run stands; saved with the weights."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    stage: int = 0
    accuracy: float = 0.0
    evaluated_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Batch:
    """Sequences of one length: tokens and positions [batch, tokens], and what to predict.

    `answers` and `predictable` are [count, 2]: row and position of the tokens to be predicted.
    """

    tokens: Tensor
    positions: Tensor
    answers: Tensor
    predictable: Tensor


def spread_positions(sequence: TrainingSequence, rng: random.Random) -> list[int]:
    """Positions that count up by one inside a piece of text and may jump where one begins.

    In half of all draws there is no jump; else there are up to eight, and the last position is
    log-uniform up to `LONGEST_SPAN`.
    """
    length = len(sequence.token_ids)
    if rng.random() < 0.5 or not sequence.breaks or length >= LONGEST_SPAN:
        return list(range(length))
    span = math.exp(rng.uniform(math.log(length), math.log(LONGEST_SPAN)))
    chosen = rng.sample(sequence.breaks, min(len(sequence.breaks), rng.randint(1, 8)))
    shares = [rng.random() for _ in chosen]
    jumps = {
        place: int((span - length) * share / sum(shares))
        for place, share in zip(chosen, shares, strict=True)
    }
    positions, offset = [], 0
    for place in range(length):
        offset += jumps.get(place, 0)
        positions.append(place + offset)
    return positions


def train(folder: Path, recipe: Recipe) -> LlamaForCausalLM:
    """Train to the end of the recipe, from the state in `folder` if there is one.

    Leaves in `folder` the checkpoint, `training_log.jsonl` and the state to go on from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = _start(recipe)
    optimizer = _optimizer(model, recipe)
    progress = _load_state(folder, model, optimizer)
    started = time.monotonic() - progress.seconds
    saved_s = progress.seconds
    model.train()
    while (done := _share_done(progress, recipe)) < 1:
        _step(model, optimizer, progress, recipe, done)
        progress.seconds = time.monotonic() - started
        if progress.step % 50 == 0:
            _log(folder, kind="train", **asdict(progress))
        if progress.seconds - progress.evaluated_s >= recipe.evaluate_every_s:
            progress.evaluated_s = progress.seconds
            _evaluate(folder, model, progress, recipe)
        if progress.seconds - saved_s >= 120:
            saved_s = progress.seconds
            _save_state(folder, model, optimizer, progress)
            _export(folder, model, progress, recipe)
    _save_state(folder, model, optimizer, progress)
    _evaluate(folder, model, progress, recipe)
    _export(folder, model, progress, recipe)
    return model


def _start(recipe: Recipe) -> LlamaForCausalLM:
    if not recipe.block:
        model = new_model(recipe.seed)
        wire_induction(model, seed=recipe.seed)
        return model
    model = new_model(recipe.seed, layers=3, kv_heads=HEADS)
    wire_landmarks(model, landmark_id=_LANDMARK_ID, seed=recipe.seed)
    return model


def _export(folder: Path, model: LlamaForCausalLM, progress: _Progress, recipe: Recipe) -> None:
    export(model, folder)
    if recipe.block:
        longest = max(recipe.stages[progress.stage].lengths)
        slots = longest + (longest - 1) // recipe.block
        TrainedLandmarks(recipe.block, _LANDMARK_ID, slots).write(folder)


def _optimizer(model: LlamaForCausalLM, recipe: Recipe) -> torch.optim.AdamW:
    matrices = [weight for weight in model.parameters() if weight.dim() > 1]
    vectors = [weight for weight in model.parameters() if weight.dim() == 1]
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}],
        lr=recipe.learning_rate,
        betas=(0.9, 0.95),
    )


def _share_done(progress: _Progress, recipe: Recipe) -> float:
    """How much of the run is over, by tokens or by the clock, whichever is further."""
    return max(progress.tokens / recipe.tokens, progress.seconds / (60 * recipe.minutes))


def _step(
    model: LlamaForCausalLM,
    optimizer: torch.optim.Optimizer,
    progress: _Progress,
    recipe: Recipe,
    done: float,
) -> None:
    warm = min(1.0, (progress.step + 1) / recipe.warmup_steps)
    rate = recipe.learning_rate * warm * min(1.0, (1 - done) / recipe.decay_share + 0.01)
    for group in optimizer.param_groups:
        group["lr"] = rate
    batch = _draw_batch(progress, recipe)
    hidden = _hidden(model, batch, recipe.block)
    loss, accuracy = _loss_and_accuracy(model, hidden, batch.tokens, batch.answers)
    if len(batch.predictable):
        filler_loss, _ = _loss_and_accuracy(model, hidden, batch.tokens, batch.predictable)
        loss = loss + recipe.filler_weight * filler_loss
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    progress.step += 1
    progress.tokens += batch.tokens.numel()
    progress.accuracy += 0.05 * (accuracy - progress.accuracy)
    if progress.accuracy >= recipe.stages[progress.stage].mastered:
        progress.stage += 1
        progress.accuracy = 0.8


def _hidden(model: LlamaForCausalLM, batch: _Batch, block: int) -> Tensor:
    """After the last layer, `[batch, tokens, width]`; landmarks are left out."""
    if not block:
        whole: Tensor = model.model(
            input_ids=batch.tokens,
            position_ids=batch.positions,
            # Without a mask, transformers takes a jump in the positions for a new document.
            attention_mask=torch.ones_like(batch.tokens),
            use_cache=False,
        ).last_hidden_state
        return whole
    marked = insert_landmarks(batch.tokens, block=block, landmark_id=_LANDMARK_ID)
    with full_landmark_attention(model, block=block):
        slots: Tensor = model.model(input_ids=marked.token_ids, use_cache=False).last_hidden_state
    return slots[:, marked.positions]


def _loss_and_accuracy(
    model: LlamaForCausalLM, hidden: Tensor, tokens: Tensor, places: Tensor
) -> tuple[Tensor, float]:
    rows, columns = places.unbind(1)
    logits = model.lm_head(hidden[rows, columns - 1])
    wanted = tokens[rows, columns]
    accuracy = (logits.argmax(-1) == wanted).float().mean().item()
    return cross_entropy(logits, wanted), accuracy


def _draw_batch(progress: _Progress, recipe: Recipe) -> _Batch:
    rng = random.Random(f"batch {recipe.seed} {progress.step}")
    stage = recipe.stages[progress.stage]
    length = rng.choice(stage.lengths)
    sequences = [
        training_sequence(task, length=length, seed=rng.getrandbits(48))
        for task in rng.choices(
            RECALL_TASKS, stage.shares, k=max(1, recipe.tokens_per_step // length)
        )
    ]
    return _Batch(
        tokens=torch.tensor([sequence.token_ids for sequence in sequences]),
        positions=torch.tensor([spread_positions(sequence, rng) for sequence in sequences]),
        answers=_places([sequence.answers for sequence in sequences]),
        predictable=_places([sequence.predictable for sequence in sequences]),
    )


def _places(positions: Sequence[Sequence[int]]) -> Tensor:
    return torch.tensor([(row, place) for row, places in enumerate(positions) for place in places])


def _evaluate(folder: Path, model: LlamaForCausalLM, progress: _Progress, recipe: Recipe) -> None:
    if recipe.block:
        return
    model.eval()
    longest = 2 * max(recipe.stages[progress.stage].lengths)
    for task in RECALL_TASKS:
        for length in (512, 2048, 4096):
            if length <= longest:
                score = score_recall(model, task, length=length, contexts=3, questions=8, seed=1)
                _log(
                    folder,
                    kind="recall",
                    step=progress.step,
                    tokens=progress.tokens,
                    **asdict(score),
                )
    model.train()


def _log(folder: Path, **record: object) -> None:
    with (folder / "training_log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(record) + "\n")


def _save_state(
    folder: Path, model: LlamaForCausalLM, optimizer: torch.optim.Optimizer, progress: _Progress
) -> None:
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": asdict(progress),
    }
    torch.save(state, folder / "state.pt.part")
    (folder / "state.pt.part").replace(folder / "state.pt")


def _load_state(
    folder: Path, model: LlamaForCausalLM, optimizer: torch.optim.Optimizer
) -> _Progress:
    path = folder / "state.pt"
    if not path.exists():
        return _Progress()
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return _Progress(**state["progress"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train the recall model.")
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--landmarks", type=int, default=0, metavar="N", help="one after every N tokens; 0: none"
    )
    parser.add_argument("--tokens", type=int, default=8_000_000)
    parser.add_argument("--minutes", type=float, default=100.0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    train(
        options.out,
        Recipe(
            seed=options.seed,
            block=options.landmarks,
            tokens=options.tokens,
            minutes=options.minutes,
        ),
    )


if __name__ == "__main__":
    main()

"""Fine-tuning a model for Landmark Attention: next-token loss through the grouped softmax."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tapgraph.errors import UsageError
from tapgraph.kernels.in_models.attention import AttentionCall, replace_attention
from tapgraph.kernels.systems.landmark_softmax import (
    check_block,
    grouped_softmax_attention,
    insert_landmarks,
)

__all__ = [
    "LANDMARK",
    "LandmarkTraining",
    "TrainingBatch",
    "TrainingStep",
    "add_landmark_token",
    "fine_tune_landmarks",
    "full_landmark_attention",
    "landmark_loss",
]

LANDMARK = "<landmark>"
"""The landmark token's text."""
_COSINE_CYCLES = 0.4
_BETAS = (0.9, 0.95)


@dataclass(frozen=True, slots=True)
class LandmarkTraining:
    """How a model is fine-tuned; the authors' numbers for LLaMA 7B.

    They had batches of 128 sequences of 512 tokens.

    Attributes:
        block: ordinary tokens before a landmark; attention will need the same number later.
        steps: of one batch each.
        learning_rate: the highest; it rises from zero and falls to a tenth.
        warm_share: share of the steps for the rise.
        weight_decay: of AdamW.
        longest_gradient: longer gradients are cut to this norm.
    """

    block: int = 50
    steps: int = 15_000
    learning_rate: float = 2e-5
    warm_share: float = 0.03
    weight_decay: float = 0.1
    longest_gradient: float = 1.0

    def __post_init__(self) -> None:
        check_block(self.block)
        if self.steps < 1:
            raise UsageError(f"steps must be at least 1, got {self.steps!r}")
        for name in ("learning_rate", "longest_gradient"):
            if getattr(self, name) <= 0:
                raise UsageError(f"{name} must be positive, got {getattr(self, name)!r}")
        if not 0 <= self.warm_share < 1:
            raise UsageError(f"warm_share must be at least 0 and below 1, got {self.warm_share!r}")
        if self.weight_decay < 0:
            raise UsageError(f"weight_decay must be at least 0, got {self.weight_decay!r}")

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0: a cosine that stops at 0.4 cycles."""
        warm = round(self.warm_share * self.steps)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        done = (step - warm) / max(1, self.steps - 1 - warm)
        return self.learning_rate * (1 + math.cos(2 * math.pi * _COSINE_CYCLES * done)) / 2


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """Where a training run stands after a step.

    Attributes:
        step: counted from 0.
        loss: of the step's batch, before its weights changed; less is better.
    """

    step: int
    loss: float


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """Texts of one length, without landmarks and without padding.

    Attributes:
        token_ids: int64 `[batch, tokens]`.
        weights: how much each token counts as a target, `[batch, tokens]`; None for all alike.
    """

    token_ids: Tensor
    weights: Tensor | None = None


def add_landmark_token(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """The id of the landmark token, which tokenizer and model get if they do not have it.

    Its row of the embeddings, and of the output layer, begins at the mean of the rows before it.
    """
    is_new = LANDMARK not in tokenizer.get_vocab()
    if is_new:
        tokenizer.add_special_tokens(
            {"additional_special_tokens": [LANDMARK]}, replace_extra_special_tokens=False
        )
    landmark_id = tokenizer.get_vocab()[LANDMARK]
    if landmark_id >= _embedding_rows(model):
        model.resize_token_embeddings(landmark_id + 1, mean_resizing=False)
        is_new = True
    if is_new:
        for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
            if layer is not None:
                weights = layer.get_parameter("weight").data
                weights[landmark_id] = weights[:landmark_id].mean(dim=0)
    return landmark_id


@contextmanager
def full_landmark_attention(model: PreTrainedModel, *, block: int) -> Iterator[None]:
    """The full grouped softmax in every layer: no cache, nothing retrieved, all blocks compete.

    Layers with a window stay as they are. Passes have gradients; the scores of all tokens are in
    memory at once, and activation checkpointing does not work.

    Args:
        model: one that attention systems can work in, without dropout.
        block: ordinary tokens before a landmark.
    """

    def attend(call: AttentionCall) -> Tensor:
        if call.window is not None:
            return call.dense()
        return grouped_softmax_attention(
            call.queries, call.keys, call.values, block=block, scale=call.layer.scale
        )

    with replace_attention(model, attend):
        yield


def landmark_loss(
    model: PreTrainedModel,
    token_ids: Tensor,
    *,
    block: int,
    landmark_id: int,
    weights: Tensor | None = None,
) -> Tensor:
    """The mean next-token loss of a model that attends through the full grouped softmax.

    2305.16300, section 3.1, with landmarks as in the authors' fused path: they are no targets and
    predict nothing, so the token after one is predicted from the token before it.

    Args:
        model: as `full_landmark_attention` has it.
        token_ids: int64 `[batch, tokens]`, without landmarks and without padding.
        block: ordinary tokens before a landmark.
        landmark_id: the landmark token.
        weights: how much each token counts as a target, `[batch, tokens]`; None for all alike.

    Returns:
        A scalar, float32 (float64 for float64 models).
    """
    marked = insert_landmarks(token_ids, block=block, landmark_id=landmark_id)
    with full_landmark_attention(model, block=block):
        logits: Tensor = model(input_ids=marked.token_ids, use_cache=False).logits
    exact = torch.promote_types(logits.dtype, torch.float32)
    losses = functional.cross_entropy(
        logits[:, marked.positions[:-1]].flatten(0, 1).to(exact),
        token_ids[:, 1:].flatten(),
        reduction="none",
    )
    if weights is None:
        return losses.mean()
    counted = weights[:, 1:].flatten().to(losses)
    return (losses * counted).sum() / counted.sum()


def fine_tune_landmarks(
    model: PreTrainedModel,
    batches: Iterable[TrainingBatch],
    *,
    landmark_id: int,
    training: LandmarkTraining | None = None,
    on_step: Callable[[TrainingStep], None] | None = None,
) -> None:
    """Train all weights of a model that want a gradient, so that `Landmark` can work in it.

    Args:
        model: changed in place; its embeddings have the landmark (`add_landmark_token`).
        batches: one for each step.
        landmark_id: the landmark token.
        training: None means the authors' numbers.
        on_step: told of every step.

    Raises:
        UsageError: there are fewer batches than steps, the model has no such token, or it is one
            that attention systems cannot work in.
    """
    training = LandmarkTraining() if training is None else training
    rows = _embedding_rows(model)
    if not 0 <= landmark_id < rows:
        raise UsageError(f"landmark_id must be in 0..{rows - 1}, got {landmark_id!r}")
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(
        weights,
        lr=training.learning_rate,
        betas=_BETAS,
        weight_decay=training.weight_decay,
    )
    step = -1
    for step, batch in enumerate(islice(batches, training.steps)):
        optimizer.param_groups[0]["lr"] = training.rate(step)
        loss = landmark_loss(
            model,
            batch.token_ids.to(model.device),
            block=training.block,
            landmark_id=landmark_id,
            weights=batch.weights,
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, training.longest_gradient)
        optimizer.step()
        if on_step is not None:
            on_step(TrainingStep(step, loss.item()))
    optimizer.zero_grad()
    if step + 1 < training.steps:
        raise UsageError(f"{training.steps} steps need as many batches, got {step + 1}")


def _embedding_rows(model: PreTrainedModel) -> int:
    return model.get_input_embeddings().get_parameter("weight").shape[0]

"""Fine-tuning a model for Landmark Attention: next-token loss through the grouped softmax."""

import math
from collections.abc import Callable, Iterable
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
    "FadingGates",
    "LandmarkTraining",
    "TrainingBatch",
    "TrainingStep",
    "add_landmark_token",
    "fine_tune_landmarks",
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
        fade: share of the steps over which gates go from the true log-sum-exps to the landmarks
            (see `FadingGates`); 0 for landmarks from the first step, as the authors have it.
        gate_weight: how much the loss of landmarks as gates counts beside that of tokens.
    """

    block: int = 50
    steps: int = 15_000
    learning_rate: float = 2e-5
    warm_share: float = 0.03
    weight_decay: float = 0.1
    longest_gradient: float = 1.0
    fade: float = 0.0
    gate_weight: float = 0.0

    def __post_init__(self) -> None:
        check_block(self.block)
        if self.steps < 1:
            raise UsageError(f"steps must be at least 1, got {self.steps!r}")
        for name in ("learning_rate", "longest_gradient"):
            if getattr(self, name) <= 0:
                raise UsageError(f"{name} must be positive, got {getattr(self, name)!r}")
        if not 0 <= self.warm_share < 1:
            raise UsageError(f"warm_share must be at least 0 and below 1, got {self.warm_share!r}")
        for name in ("weight_decay", "gate_weight"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} must be at least 0, got {getattr(self, name)!r}")
        if not 0 <= self.fade <= 1:
            raise UsageError(f"fade must be from 0 to 1, got {self.fade!r}")

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0: a cosine that stops at 0.4 cycles."""
        warm = round(self.warm_share * self.steps)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        done = (step - warm) / max(1, self.steps - 1 - warm)
        return self.learning_rate * (1 + math.cos(2 * math.pi * _COSINE_CYCLES * done)) / 2

    def share(self, step: int) -> float:
        """How much of a block's gate is its landmark's in a step, counted from 0."""
        fading = self.fade * self.steps
        return min(1.0, step / fading) if fading else 1.0


class FadingGates:
    """Gates for a training to begin with: from what landmarks have to learn to what they say.

    With the log-sum-exp of a block's logits as its gate, the grouped softmax is the softmax over
    ordinary tokens, so a model that was trained without landmarks goes on as it was. Gates are
    `share` times the landmark's logit and the rest of that log-sum-exp; how far landmarks are from
    it makes a loss of its own. Neither is in the paper.

    Args:
        share: of the landmark in its gate, 0..1.
        weights: how much the gates of each slot's query count in the loss, `[batch, slots]`; None
            for all alike. Few queries look for something that one block alone has, and the mean
            over all hides them.
    """

    def __init__(self, share: float, weights: Tensor | None = None) -> None:
        self._share = share
        self._weights = weights
        self._misfits: list[Tensor] = []
        self._counted: list[Tensor] = []

    def __call__(self, near: Tensor, blocks: Tensor) -> Tensor:
        """The gates `[..., blocks]`; blocks of queries come in their order, layer by layer."""
        own = near.logsumexp(dim=-1, keepdim=True)
        true, said = blocks[..., :-1].logsumexp(dim=-1), blocks[..., -1]
        wanted = torch.cat((own, true), dim=-1).detach().log_softmax(dim=-1)
        given = torch.cat((own.detach(), said), dim=-1).log_softmax(dim=-1)
        misfit = (wanted.exp() * (wanted - given)).sum(dim=-1)
        counted = self._weights_like(misfit, blocks)
        misfit, count = (misfit * counted).sum(dim=(0, 2)), counted.sum(dim=(0, 2))
        if blocks.shape[-2]:
            self._misfits[-1] = self._misfits[-1] + misfit
            self._counted[-1] = self._counted[-1] + count
        else:
            self._misfits.append(misfit)
            self._counted.append(count)
        return torch.lerp(true, said, self._share)

    def loss(self) -> Tensor:
        """How far landmarks are from the true gates, a scalar.

        The mean of log(1 + d) over layers and KV heads, where d is the mean KL divergence of the
        shares of blocks.
        """
        return (torch.stack(self._misfits) / torch.stack(self._counted)).log1p().mean()

    def _weights_like(self, misfit: Tensor, blocks: Tensor) -> Tensor:
        """`[batch, kv_heads, group * queries]`, the queries of a head behind each other."""
        if self._weights is None:
            return torch.ones_like(misfit)
        first = blocks.shape[-2] * blocks.shape[-1]
        own = self._weights[:, first : first + blocks.shape[-1]].to(misfit)
        return own.repeat(1, misfit.shape[2] // own.shape[1])[:, None].expand_as(misfit)


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
        weights: how much each token counts as a target, `[batch, tokens]`; landmarks then do not.
            None: every token counts alike, landmarks too.
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


def landmark_loss(
    model: PreTrainedModel,
    token_ids: Tensor,
    *,
    block: int,
    weights: Tensor | None = None,
    gates: FadingGates | None = None,
) -> Tensor:
    """The mean next-token loss of a model that attends through the full grouped softmax.

    2305.16300, section 3.1: no cache, nothing retrieved, all blocks compete. Landmarks are targets
    like other tokens, and predict the next token like others.

    The model's attention is replaced for the forward pass only; the result has gradients. The
    scores of all tokens are in memory at once, and activation checkpointing does not work.

    Args:
        model: one that attention systems can work in, without dropout.
        token_ids: int64 `[batch, slots]`, landmarks among them, without padding.
        block: ordinary tokens before a landmark.
        weights: how much each slot counts as a target, `[batch, slots]`; None for all alike.
        gates: None for those of the paper.

    Returns:
        A scalar, float32 (float64 for float64 models).
    """

    def attend(call: AttentionCall) -> Tensor:
        if call.window is not None:
            return call.dense()
        return grouped_softmax_attention(
            call.queries,
            call.keys,
            call.values,
            block=block,
            scale=call.layer.scale,
            gates=gates,
        )

    with replace_attention(model, attend):
        logits: Tensor = model(input_ids=token_ids, use_cache=False).logits
    exact = torch.promote_types(logits.dtype, torch.float32)
    losses = functional.cross_entropy(
        logits[:, :-1].flatten(0, 1).to(exact), token_ids[:, 1:].flatten(), reduction="none"
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

    Deviation from the authors' code: the landmark's place in the loss is that of their path
    without the fused kernel (see `landmark_loss`).

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
        loss, whole = _losses(model, batch, landmark_id, training, step)
        optimizer.zero_grad()
        whole.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, training.longest_gradient)
        optimizer.step()
        if on_step is not None:
            on_step(TrainingStep(step, loss.item()))
    optimizer.zero_grad()
    if step + 1 < training.steps:
        raise UsageError(f"{training.steps} steps need as many batches, got {step + 1}")


def _losses(
    model: PreTrainedModel,
    batch: TrainingBatch,
    landmark_id: int,
    training: LandmarkTraining,
    step: int,
) -> tuple[Tensor, Tensor]:
    """The loss of tokens, and with it that of gates."""
    landmarked = insert_landmarks(batch.token_ids, block=training.block, landmark_id=landmark_id)
    weights = predicting = None
    if batch.weights is not None:
        weights = batch.weights.new_zeros(landmarked.token_ids.shape)
        weights[:, landmarked.positions] = batch.weights
        predicting = functional.pad(weights[:, 1:], (0, 1)).to(model.device)
    share, gates = training.share(step), None
    if share < 1 or training.gate_weight:
        gates = FadingGates(share, predicting)
    loss = landmark_loss(
        model,
        landmarked.token_ids.to(model.device),
        block=training.block,
        weights=weights,
        gates=gates,
    )
    return loss, loss if gates is None else loss + training.gate_weight * gates.loss()


def _embedding_rows(model: PreTrainedModel) -> int:
    return model.get_input_embeddings().get_parameter("weight").shape[0]

"""Training DHSA's boundary predictor on a model's own attention."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tapgraph.errors import UsageError
from tapgraph.kernels.in_models.attention import AttentionCall, layer_shapes, observe_attention
from tapgraph.kernels.systems.dhsa_boundaries import BoundaryPredictor
from tapgraph.llm_backend.calibration.boundary_labels import future_mass_ratios, usable_entries
from tapgraph.llm_backend.calibration.calibration_file import Calibration, fingerprint
from tapgraph.llm_backend.calibration.synthetic_text import hash_of_texts, mixed_texts

__all__ = [
    "BoundaryTraining",
    "LayerBoundaries",
    "focal_loss",
    "observe_boundaries",
    "predictor_of",
    "train_dhsa_boundaries",
]

LEAST_LOGIT = 1.1
"""The logit that `DhsaConfig` cuts at; training shifts all logits so that it is a good one."""


@dataclass(frozen=True, slots=True)
class BoundaryTraining:
    """How the predictor is trained; what is not said to be ours is as in the paper.

    Attributes:
        texts: to make, of which every eighth is held out to place the cut. (Paper: up to 10,000
            from each of three corpora.)
        tokens: length of a text.
        epochs: passes over the texts. (Paper: as many, over far more texts.)
        learning_rate: of Adam. (Paper: 1e-4, over far more steps.)
        window: tokens on each side of a boundary.
        heads: of the encoder's attention.
        hidden: width of the hidden layer.
        least_ratio: a boundary is where one side gets this many times the attention of the other.
        focus: exponent of the focal loss.
        positive_weight: of boundaries in the loss.
    """

    texts: int = 32
    tokens: int = 1024
    epochs: int = 2
    learning_rate: float = 1e-3
    window: int = 4
    heads: int = 4
    hidden: int = 256
    least_ratio: float = 2.0
    focus: float = 2.0
    positive_weight: float = 1.3

    def __post_init__(self) -> None:
        for name in ("epochs", "window", "heads", "hidden"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        if self.texts < 2:
            raise UsageError(f"texts must be at least 2, one is held out, got {self.texts!r}")
        if self.learning_rate <= 0 or self.positive_weight <= 0:
            raise UsageError(
                "learning_rate and positive_weight must be positive, "
                f"got {self.learning_rate!r} and {self.positive_weight!r}"
            )
        if self.least_ratio <= 1:
            raise UsageError(f"least_ratio must be above 1, got {self.least_ratio!r}")


@dataclass(frozen=True, slots=True)
class LayerBoundaries:
    """What one layer shows of one text.

    Attributes:
        layer: which one.
        keys: of all KV heads behind each other, `[1, tokens, channels]`.
        is_boundary: bool `[entries]`, for the entries to learn from.
        usable: which entries of the predictor's logits these are.
    """

    layer: int
    keys: Tensor
    is_boundary: Tensor
    usable: slice


def train_dhsa_boundaries(
    model: PreTrainedModel,
    texts: PreTrainedTokenizerBase | Sequence[Sequence[int]],
    *,
    seed: int,
    settings: BoundaryTraining = BoundaryTraining(),
    tell: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """A boundary predictor for `Dhsa`; `predictor_of` makes it from the result.

    2510.24606 version 1, section 3.2: one predictor for all layers learns, by a focal binary cross
    entropy, where later tokens give one side of a place at least `least_ratio` times the attention
    of the other.

    Deviations:
        - Without texts it learns from made ones (`mixed_texts`), not from three corpora.
        - After training all logits are shifted by one number, so that the paper's cut at 1.1 is the
          one with the best F1 on the held-out texts.
        - Layers with a sliding window are left out.

    Args:
        model: on any device.
        texts: token ids; or the model's tokenizer, to make texts with.
        seed: of the texts, the first weights and the order.
        settings: how to train.
        tell: gets a line now and then about how far it is.

    Raises:
        UsageError: fewer than two texts, or texts too short to learn from.
    """
    samples = _samples(texts, seed, settings)
    held_out, learnt = samples[::8], [text for index, text in enumerate(samples) if index % 8]
    shape = layer_shapes(model)[0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        predictor = BoundaryPredictor(
            shape.kv_heads * shape.head_dim,
            window=settings.window,
            heads=settings.heads,
            hidden=settings.hidden,
        ).to(model.device)
    optimizer = torch.optim.Adam(predictor.parameters(), lr=settings.learning_rate)
    rng = random.Random(f"order {seed}")
    loss = 0.0
    for epoch in range(settings.epochs):
        total = 0.0
        for done, text in enumerate(rng.sample(learnt, len(learnt)), start=1):
            total += _learn(model, text, predictor, settings)
            optimizer.step()
            optimizer.zero_grad()
            if done % 7 == 0 or done == len(learnt):
                at = f"epoch {epoch + 1} of {settings.epochs}, text {done} of {len(learnt)}"
                tell(f"{at}: loss {total / done:.4f}")
        loss = total / len(learnt)
    shift, best = _best_cut(model, held_out, predictor, settings)
    weights = predictor.state_dict()
    weights["judge.2.bias"] = weights["judge.2.bias"] + (LEAST_LOGIT - shift)
    return Calibration(
        system="dhsa",
        model_fingerprint=fingerprint(model),
        model_name=str(model.name_or_path),
        data_sha256=hash_of_texts(samples),
        seed=seed,
        settings={
            "texts": len(samples),
            "tokens": max(map(len, samples)),
            "epochs": settings.epochs,
            "learning_rate": settings.learning_rate,
            "window": settings.window,
            "heads": settings.heads,
            "least_ratio": settings.least_ratio,
            "last_loss": loss,
            "held_out_f1": best,
        },
        tensors=weights,
    )


def predictor_of(calibration: Calibration) -> BoundaryPredictor:
    """The predictor that `train_dhsa_boundaries` made.

    Raises:
        UsageError: the calibration holds something else.
    """
    return BoundaryPredictor.from_weights(
        calibration.tensors,
        window=int(calibration.settings.get("window", 0)),
        heads=int(calibration.settings.get("heads", 0)),
    )


def observe_boundaries(
    model: PreTrainedModel,
    text: Sequence[int],
    see: Callable[[LayerBoundaries], None],
    settings: BoundaryTraining,
) -> None:
    """Run the model densely over a text and show where each of its layers has boundaries."""
    window = settings.window

    def observe(seen: AttentionCall) -> None:
        if seen.window is not None:
            return
        ratios = future_mass_ratios(
            seen.queries[0], seen.keys[0], scale=seen.layer.scale, window=window
        )
        usable = usable_entries(len(ratios), window)
        keys = seen.keys.movedim(1, 2).flatten(2)
        see(LayerBoundaries(seen.layer.index, keys, ratios[usable] >= settings.least_ratio, usable))

    with torch.no_grad(), observe_attention(model, observe):
        model(torch.tensor([text], device=model.device), use_cache=False, logits_to_keep=1)


def focal_loss(logits: Tensor, targets: Tensor, *, focus: float, positive_weight: float) -> Tensor:
    """Binary cross entropy in which what is already right counts little; the mean.

    Each term is multiplied with (1 - p) ** focus, p the probability given to the truth (Lin et al.,
    1708.02002, equation 4), and those of true targets with `positive_weight`.

    Args:
        logits: `[entries]`.
        targets: bool `[entries]`.
        focus: 0 is plain cross entropy.
        positive_weight: of the terms whose target is true.
    """
    truth = targets.to(logits.dtype)
    losses = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    weights = torch.where(targets, positive_weight, 1.0)
    return (weights * (1 - torch.exp(-losses)) ** focus * losses).mean()


def _learn(
    model: PreTrainedModel,
    text: Sequence[int],
    predictor: BoundaryPredictor,
    settings: BoundaryTraining,
) -> float:
    """Add the gradient of one text, averaged over layers; the loss."""
    losses: list[float] = []
    layers = model.config.get_text_config().num_hidden_layers

    def see(seen: LayerBoundaries) -> None:
        with torch.enable_grad():
            logits = predictor(seen.keys.detach())[0, seen.usable]
            loss = focal_loss(
                logits,
                seen.is_boundary,
                focus=settings.focus,
                positive_weight=settings.positive_weight,
            )
            (loss / layers).backward()
        losses.append(float(loss.detach()))

    observe_boundaries(model, text, see, settings)
    return sum(losses) / max(1, len(losses))


def _best_cut(
    model: PreTrainedModel,
    texts: Sequence[Sequence[int]],
    predictor: BoundaryPredictor,
    settings: BoundaryTraining,
) -> tuple[float, float]:
    """The logit above which calling it a boundary has the best F1, and this F1."""
    logits: list[Tensor] = []
    truths: list[Tensor] = []

    def see(seen: LayerBoundaries) -> None:
        logits.append(predictor(seen.keys)[0, seen.usable].cpu())
        truths.append(seen.is_boundary.cpu())

    for text in texts:
        observe_boundaries(model, text, see, settings)
    order = torch.cat(logits).sort(descending=True)
    hits = torch.cat(truths)[order.indices].cumsum(dim=0)
    called = torch.arange(1, len(hits) + 1)
    f1 = 2 * hits / (called + hits[-1])
    best = int(f1.argmax())
    # Halfway to the next logit, so that rounding moves no entry over the cut.
    after = order.values[min(best + 1, len(hits) - 1)]
    return float((order.values[best] + after) / 2), float(f1[best])


def _samples(
    texts: PreTrainedTokenizerBase | Sequence[Sequence[int]], seed: int, settings: BoundaryTraining
) -> Sequence[Sequence[int]]:
    if isinstance(texts, PreTrainedTokenizerBase):
        texts = mixed_texts(texts, count=settings.texts, tokens=settings.tokens, seed=seed)
    if len(texts) < 2:
        raise UsageError(f"texts must be at least 2, one is held out, got {len(texts)}")
    least = 4 * settings.window + 1
    shortest = min(map(len, texts))
    if shortest < least:
        raise UsageError(f"a text must have at least {least} tokens, got {shortest}")
    return texts

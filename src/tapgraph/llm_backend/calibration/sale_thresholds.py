"""SALE's thresholds: the largest for each head whose output stays near that of dense attention."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tapgraph.errors import UsageError
from tapgraph.kernels.in_models.attention import AttentionCall, layer_shapes, observe_attention
from tapgraph.kernels.systems.sale_map import SaleConfig, sale_attention
from tapgraph.llm_backend.calibration.calibration_file import Calibration, fingerprint
from tapgraph.llm_backend.calibration.synthetic_text import hash_of_texts, key_value_texts

__all__ = ["SaleCalibration", "calibrate_sale", "sale_errors"]

_DEFAULTS = SaleConfig()


@dataclass(frozen=True, slots=True)
class SaleCalibration:
    """How thresholds are found.

    Attributes:
        samples: texts to look at.
        tokens: their length, chosen for a CPU.
        first_threshold: tried first.
        least_threshold: a head that fails at all thresholds above this one is made dense.
        error_bound: what a head's mean L1 error must stay below on every sample. The paper took 0.4
            for Llama-3.1-8B and 2.0 for Qwen2.5-32B.
        relative_bound: where `error_bound` is None, the bound is so much of the mean L1 norm of
            the dense outputs, over all heads of the model. (Deviation: a bound in absolute numbers
            means nothing for another model.)
    """

    samples: int = 5
    tokens: int = 1024
    first_threshold: float = 0.008
    least_threshold: float = 1e-4
    error_bound: float | None = None
    relative_bound: float = 0.02

    def __post_init__(self) -> None:
        for name in ("samples", "tokens"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        if not 0 < self.least_threshold < self.first_threshold < 1:
            raise UsageError(
                "thresholds must be 0 < least_threshold < first_threshold < 1, "
                f"got {self.least_threshold!r} and {self.first_threshold!r}"
            )
        if self.error_bound is not None and self.error_bound <= 0:
            raise UsageError(f"error_bound must be positive, got {self.error_bound!r}")
        if self.relative_bound <= 0:
            raise UsageError(f"relative_bound must be positive, got {self.relative_bound!r}")

    def candidates(self) -> tuple[float, ...]:
        """The thresholds tried, each half of the one before; then the head is dense.

        >>> SaleCalibration(least_threshold=0.001).candidates()
        (0.008, 0.004, 0.002)
        """
        thresholds = []
        threshold = self.first_threshold
        while threshold > self.least_threshold:
            thresholds.append(threshold)
            threshold /= 2
        return tuple(thresholds)


def calibrate_sale(
    model: PreTrainedModel,
    texts: PreTrainedTokenizerBase | Sequence[Sequence[int]],
    *,
    seed: int,
    settings: SaleCalibration = SaleCalibration(),
    config: SaleConfig = _DEFAULTS,
    tell: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Thresholds `[layers, heads]` for `Sale`.

    2505.24179, section 3.4: a head's threshold is halved while the mean over the tokens of the L1
    distance between sparse and dense output reaches the bound on any sample. All candidates are
    tried while a sample is read once.

    Args:
        model: on any device.
        texts: token ids to calibrate on; or the model's tokenizer, to make key-value texts with.
        seed: of these texts.
        settings: how to calibrate.
        config: block sizes and quantisation to calibrate for; `dense_below` is not looked at.
        tell: gets a line for each sample.

    Raises:
        UsageError: a text is too short for any head to leave out a block.
    """
    samples = _samples(texts, seed, settings, config)
    shapes = layer_shapes(model)
    thresholds = torch.zeros(len(shapes), shapes[0].heads)
    tried = [torch.full_like(thresholds, candidate) for candidate in settings.candidates()]
    measured = _measure(model, tried, samples, config, tell)
    bound = _bound(settings, measured)
    # The last one that passes is the largest.
    for candidate, errors in zip(reversed(tried), measured.errors.flip(0), strict=True):
        passed = (errors < bound).all(dim=0)
        thresholds[passed] = candidate[passed]
    return Calibration(
        system="sale",
        model_fingerprint=fingerprint(model),
        model_name=str(model.name_or_path),
        data_sha256=hash_of_texts(samples),
        seed=seed,
        settings={
            "samples": len(samples),
            "tokens": max(map(len, samples)),
            "error_bound": bound,
            "first_threshold": settings.first_threshold,
            "least_threshold": settings.least_threshold,
            "query_block": config.query_block,
            "key_block": config.key_block,
            "local_keys": config.local_keys,
            "bits": config.bits,
            "groups": config.groups,
        },
        tensors={"thresholds": thresholds},
    )


def sale_errors(
    model: PreTrainedModel,
    thresholds: Tensor,
    texts: Sequence[Sequence[int]],
    *,
    config: SaleConfig = _DEFAULTS,
) -> Tensor:
    """How far each head is from dense attention on texts it was not calibrated on.

    Args:
        model: the model that the thresholds are for.
        thresholds: `[layers, heads]`.
        texts: token ids.
        config: as in the calibration.

    Returns:
        Mean over the tokens of the L1 distance between sparse and dense output,
        `[texts, layers, heads]`; to be compared with the calibration's `error_bound`.
    """
    return _measure(model, [thresholds], texts, config).errors[0]


@dataclass(frozen=True, slots=True)
class _Measured:
    """What was seen.

    Attributes:
        errors: mean L1 distances, `[tried, samples, layers, heads]`; 0 in layers whose heads are
            all dense.
        norms: mean L1 norms of dense outputs, `[samples, layers, heads]`; 0 in layers with a window
            of their own.
    """

    errors: Tensor
    norms: Tensor


def _measure(
    model: PreTrainedModel,
    tried: Sequence[Tensor],
    samples: Sequence[Sequence[int]],
    config: SaleConfig,
    tell: Callable[[str], None] = lambda _: None,
) -> _Measured:
    """What each of several sets of thresholds `[layers, heads]` does to the samples."""
    of_samples = len(samples), *tried[0].shape
    measured = _Measured(
        torch.zeros(len(tried), *of_samples, dtype=torch.float64),
        torch.zeros(of_samples, dtype=torch.float64),
    )
    for index, sample in enumerate(samples):
        observer = _observer(tried, measured.errors[:, index], measured.norms[index], config)
        with torch.no_grad(), observe_attention(model, observer):
            model(torch.tensor([sample], device=model.device), use_cache=False, logits_to_keep=1)
        tell(f"text {index + 1} of {len(samples)}")
    return measured


def _observer(
    tried: Sequence[Tensor], errors: Tensor, norms: Tensor, config: SaleConfig
) -> Callable[[AttentionCall], None]:
    """Fills in errors `[tried, layers, heads]` and norms of the sample that the model runs over."""

    def observe(seen: AttentionCall) -> None:
        if seen.window is not None:
            return
        tensors = seen.queries, seen.keys, seen.values
        scale, layer = seen.layer.scale, seen.layer.index
        dense = seen.dense()
        norms[layer] = _mean_l1(dense)
        for place, thresholds in enumerate(tried):
            own = thresholds[layer].to(dense.device)
            if bool(own.any()):
                sparse = sale_attention(*tensors, own, scale=scale, config=config).output
                errors[place, layer] = _mean_l1(sparse - dense)

    return observe


def _bound(settings: SaleCalibration, measured: _Measured) -> float:
    if settings.error_bound is not None:
        return settings.error_bound
    return settings.relative_bound * float(measured.norms[measured.norms > 0].mean())


def _mean_l1(outputs: Tensor) -> Tensor:
    """Of `[1, heads, tokens, head_dim]`, for each head."""
    return outputs[0].to(torch.float64).abs().sum(dim=-1).mean(dim=-1).cpu()


def _samples(
    texts: PreTrainedTokenizerBase | Sequence[Sequence[int]],
    seed: int,
    settings: SaleCalibration,
    config: SaleConfig,
) -> Sequence[Sequence[int]]:
    if isinstance(texts, PreTrainedTokenizerBase):
        texts = key_value_texts(texts, count=settings.samples, tokens=settings.tokens, seed=seed)
    least = config.key_block + 2 * config.local_keys
    shortest = min(map(len, texts), default=0)
    if shortest < least:
        raise UsageError(
            f"a text must have at least {least} tokens to leave out a block, got {shortest}"
        )
    return texts

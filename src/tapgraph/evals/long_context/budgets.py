"""Every attention system at a stated budget, so that systems can be compared at equal cost.

A budget is a share of the context, 0..1. What a share means differs by nature:

    sink_window, recycled, token_select, hip, dhsa, triangle_mix, quest
        that share of the tokens is read; sinks and windows count
    snapkv, h2o, tova, expected_attention, keydiff
        that share of the tokens is kept of the whole prompt
    duo, razor
        that share of the KV heads keeps everything, at least one; the others keep `STREAMED` tokens
    landmark
        that share of the tokens is read in retrieved blocks
    xattention
        the share is the mass of estimated attention that is kept
    sale
        with a share of 1 the calibrated thresholds; else every head has the threshold 1 - share
    dense
        there is none

Nothing is dense because a context is short: the systems' dense fallbacks are off, and HiP has no
dense layers (the paper has 3, of 32 and more).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor
from transformers import PreTrainedModel

from tapgraph.errors import UsageError
from tapgraph.kernels.attention_system import AttentionSystem
from tapgraph.kernels.head_choice import best_heads
from tapgraph.kernels.in_models.attention import layer_shapes
from tapgraph.kernels.systems.dense import Dense
from tapgraph.kernels.systems.dhsa import Dhsa, DhsaConfig
from tapgraph.kernels.systems.dhsa_boundaries import BoundaryPredictor
from tapgraph.kernels.systems.duo import Duo, DuoConfig
from tapgraph.kernels.systems.expected_attention import (
    ExpectedAttention,
    ExpectedAttentionConfig,
)
from tapgraph.kernels.systems.h2o import H2O, H2OConfig
from tapgraph.kernels.systems.hip import Hip, HipConfig
from tapgraph.kernels.systems.keydiff import KeyDiff
from tapgraph.kernels.systems.landmark import Landmark, LandmarkConfig
from tapgraph.kernels.systems.quest import Quest, QuestConfig
from tapgraph.kernels.systems.razor import Razor, RazorConfig
from tapgraph.kernels.systems.recycled import Recycled, RecycledConfig
from tapgraph.kernels.systems.sale import Sale, SaleConfig
from tapgraph.kernels.systems.scored_cache import ScoredConfig
from tapgraph.kernels.systems.sink_window import SinkWindow, SinkWindowConfig
from tapgraph.kernels.systems.snapkv import SnapKV, SnapKVConfig
from tapgraph.kernels.systems.token_select import TokenSelect, TokenSelectConfig
from tapgraph.kernels.systems.tova import Tova
from tapgraph.kernels.systems.triangle_mix import TriangleMix, TriangleMixConfig
from tapgraph.kernels.systems.xattention import XAttention, XAttentionConfig
from tapgraph.llm_backend.calibration.calibration_file import fingerprint, load_calibration
from tapgraph.llm_backend.calibration.dhsa_boundaries import predictor_of
from tapgraph.llm_backend.local.systems import calibration_path

__all__ = ["DEFAULT_SHARES", "STREAMED", "Learnt", "learnt_of", "random_heads", "with_budget"]

STREAMED = 64
"""Last tokens that a streaming head of Duo and a compressed head of Razor keep, beside 4 sinks."""

_SINK = 4
_TOKEN_SHARES = (1 / 32, 1 / 8, 1 / 2)
_HEAD_SHARES = (1 / 8, 1 / 4, 1 / 2)

DEFAULT_SHARES: Mapping[str, Sequence[float]] = MappingProxyType({
    "dense": (1.0,),
    "sink_window": _TOKEN_SHARES,
    "duo": _HEAD_SHARES,
    "razor": _HEAD_SHARES,
    "recycled": _TOKEN_SHARES,
    "token_select": _TOKEN_SHARES,
    "hip": _TOKEN_SHARES,
    "dhsa": _TOKEN_SHARES,
    "snapkv": _TOKEN_SHARES,
    "h2o": _TOKEN_SHARES,
    "tova": _TOKEN_SHARES,
    "expected_attention": _TOKEN_SHARES,
    "keydiff": _TOKEN_SHARES,
    "quest": _TOKEN_SHARES,
    "landmark": (1 / 8,),
    "triangle_mix": _TOKEN_SHARES,
    "xattention": (0.5, 0.8, 0.95),
    "sale": (0.3, 0.7, 1.0),
})
"""For each system the budgets that a comparison shows unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What systems know of one model; a field is None where it has not been learnt.

    Attributes:
        kv_heads: layers and KV heads of a layer.
        duo_gates: `[layers, kv_heads]`, larger for heads that must keep everything.
        razor_scores: `[layers, kv_heads]`, the same in Razor's view: the largest induction score
            of a group's query heads.
        sale_thresholds: `[layers, heads]`.
        dhsa_predictor: of boundaries; without one, DHSA's chunks are of equal length.
    """

    kv_heads: tuple[int, int]
    duo_gates: Tensor | None = None
    razor_scores: Tensor | None = None
    sale_thresholds: Tensor | None = None
    dhsa_predictor: BoundaryPredictor | None = None


def learnt_of(model: PreTrainedModel, model_path: Path) -> Learnt:
    """What the calibration files beside a checkpoint hold.

    Raises:
        UsageError: a file is of another model.
    """
    shapes = layer_shapes(model)
    layers, kv_heads = len(shapes), shapes[0].kv_heads
    found = {
        name: load_calibration(path, system=name, model_fingerprint=fingerprint(model))
        for name in ("duo", "razor", "sale", "dhsa")
        if (path := calibration_path(name, model_path)).is_file()
    }
    induction = found["razor"].tensors["induction"] if "razor" in found else None
    return Learnt(
        kv_heads=(layers, kv_heads),
        duo_gates=found["duo"].tensors["gates"] if "duo" in found else None,
        razor_scores=(None if induction is None else induction.view(layers, kv_heads, -1).amax(-1)),
        sale_thresholds=found["sale"].tensors["thresholds"] if "sale" in found else None,
        dhsa_predictor=predictor_of(found["dhsa"]) if "dhsa" in found else None,
    )


def random_heads(learnt: Learnt, seed: int) -> Learnt:
    """The same with random scores for heads: the control for Duo and Razor."""
    scores = torch.rand(learnt.kv_heads, generator=torch.Generator().manual_seed(seed))
    return Learnt(learnt.kv_heads, duo_gates=scores, razor_scores=scores)


def with_budget(name: str, share: float, *, context: int, learnt: Learnt) -> AttentionSystem:
    """A system that may spend `share` of a context of `context` tokens.

    Raises:
        UsageError: there is no such system, the share is not in 0..1, or the system needs a
            calibration that is missing.
    """
    if name not in _MAKE:
        raise UsageError(f"no system is called {name!r}; there are {', '.join(_MAKE)}")
    if not 0 < share <= 1:
        raise UsageError(f"a budget must be above 0 and at most 1, got {share!r}")
    return _MAKE[name](share, max(32, round(share * context)), learnt)


def _sink_window(share: float, tokens: int, learnt: Learnt) -> AttentionSystem:  # noqa: ARG001
    return SinkWindow(SinkWindowConfig(sink_tokens=_SINK, recent_tokens=tokens - _SINK))


def _duo(share: float, tokens: int, learnt: Learnt) -> AttentionSystem:  # noqa: ARG001
    heads = _best("duo", learnt.duo_gates, share)
    return Duo(DuoConfig(sink=_SINK, recent=STREAMED, dense_below=0), heads)


def _razor(share: float, tokens: int, learnt: Learnt) -> AttentionSystem:  # noqa: ARG001
    heads = _best("razor", learnt.razor_scores, share)
    # So strong a compression leaves the window at its floor.
    config = RazorConfig(sink=_SINK, window_floor=STREAMED, compression=1e9, dense_budgets=1)
    return Razor(config, heads)


def _best(name: str, scores: Tensor | None, share: float) -> Tensor:
    if scores is None:
        raise UsageError(
            f"{name} needs calibration: tapgraph kernels calibrate {name} --model PATH"
        )
    return best_heads(scores, max(1, round(share * int(scores.isfinite().sum()))))


def _recycled(share: float, tokens: int, learnt: Learnt) -> AttentionSystem:  # noqa: ARG001
    return Recycled(RecycledConfig(kept=tokens, dense_budgets=1))


def _token_select(share: float, tokens: int, learnt: Learnt) -> AttentionSystem:  # noqa: ARG001
    local = tokens // 4
    first = tokens // 16
    return TokenSelect(
        TokenSelectConfig(
            n_init=first,
            n_local=local,
            k=tokens - local - first,
            chunk=min(local, 128),
            dense_budgets=1,
        )
    )


def _hip(share: float, tokens: int, learnt: Learnt) -> AttentionSystem:  # noqa: ARG001
    window = tokens // 4
    kept = (tokens - window - _SINK) // 2 * 2
    return Hip(HipConfig(kept=kept, sink=_SINK, window=window, dense_layers=0, dense_below=0))


def _dhsa(share: float, tokens: int, learnt: Learnt) -> AttentionSystem:  # noqa: ARG001
    config = DhsaConfig(
        budget_tokens=tokens,
        first_tokens=tokens // 16,
        local_tokens=tokens // 4,
        instruction_tokens=0,
        dense_below=0,
    )
    return Dhsa(config, learnt.dhsa_predictor)


def _snapkv(share: float, tokens: int, learnt: Learnt) -> AttentionSystem:  # noqa: ARG001
    return SnapKV(SnapKVConfig(kept=tokens, window=min(32, tokens // 2)))


def _quest(share: float, tokens: int, learnt: Learnt) -> AttentionSystem:  # noqa: ARG001
    return Quest(QuestConfig(kept=tokens, dense_layers=0, dense_below=0))


def _landmark(share: float, tokens: int, learnt: Learnt) -> AttentionSystem:  # noqa: ARG001
    retrieved = max(1, round(tokens / LandmarkConfig().block))
    # A list for each head and token would copy keys for each of them.
    config = LandmarkConfig(retrieved=retrieved, retrieval="per_head", dense_below=0)
    return Landmark(config)


def _triangle_mix(share: float, tokens: int, learnt: Learnt) -> AttentionSystem:  # noqa: ARG001
    config = TriangleMixConfig(
        sink_tokens=_SINK, local_tokens=tokens - _SINK, last_queries=64, dense_below=0
    )
    return TriangleMix(config)


def _xattention(share: float, tokens: int, learnt: Learnt) -> AttentionSystem:  # noqa: ARG001
    return XAttention(XAttentionConfig(mass=share, dense_below=0))


def _sale(share: float, tokens: int, learnt: Learnt) -> AttentionSystem:  # noqa: ARG001
    if share < 1:
        return Sale(SaleConfig(threshold=1 - share, dense_below=0))
    if learnt.sale_thresholds is None:
        raise UsageError("sale needs calibration: tapgraph kernels calibrate sale --model PATH")
    return Sale(SaleConfig(dense_below=0), learnt.sale_thresholds)


_MAKE: dict[str, Callable[[float, int, Learnt], AttentionSystem]] = {
    "dense": lambda *_: Dense(),
    "sink_window": _sink_window,
    "duo": _duo,
    "razor": _razor,
    "recycled": _recycled,
    "token_select": _token_select,
    "hip": _hip,
    "dhsa": _dhsa,
    "snapkv": _snapkv,
    "h2o": lambda _share, tokens, _learnt: H2O(H2OConfig(kept=tokens)),
    "tova": lambda _share, tokens, _learnt: Tova(ScoredConfig(kept=tokens)),
    "expected_attention": lambda _share, tokens, _learnt: ExpectedAttention(
        ExpectedAttentionConfig(kept=tokens)
    ),
    "keydiff": lambda _share, tokens, _learnt: KeyDiff(ScoredConfig(kept=tokens)),
    "quest": _quest,
    "landmark": _landmark,
    "triangle_mix": _triangle_mix,
    "xattention": _xattention,
    "sale": _sale,
}

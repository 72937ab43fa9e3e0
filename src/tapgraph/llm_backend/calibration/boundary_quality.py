"""Whether a trained boundary predictor finds more than chance, a grid, or punctuation would."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tapgraph.kernels.selection import top_k
from tapgraph.kernels.systems.dhsa_boundaries import BoundaryPredictor
from tapgraph.llm_backend.calibration.dhsa_boundaries import (
    LEAST_LOGIT,
    BoundaryTraining,
    LayerBoundaries,
    observe_boundaries,
)

__all__ = ["BoundaryQuality", "boundary_quality", "clause_ends"]

_DEFAULTS = BoundaryTraining()
_MARKS = frozenset(".,;:!?\n")


@dataclass(frozen=True, slots=True)
class BoundaryQuality:
    """How well proposed boundaries meet those of the model's attention; 0..1, more is better.

    Attributes:
        f1: of all places that are proposed.
        overlap: with as many proposals as there are boundaries, the share of these that is met.
    """

    f1: float
    overlap: float


def clause_ends(tokenizer: PreTrainedTokenizerBase) -> Callable[[int], bool]:
    """Whether a token holds a punctuation mark or the end of a line."""
    return lambda token: not _MARKS.isdisjoint(str(tokenizer.decode([token])))


def boundary_quality(
    model: PreTrainedModel,
    predictor: BoundaryPredictor,
    texts: Sequence[Sequence[int]],
    *,
    is_clause_end: Callable[[int], bool],
    seed: int,
    settings: BoundaryTraining = _DEFAULTS,
) -> Mapping[str, BoundaryQuality]:
    """The predictor beside three controls, over all layers of all texts.

    The controls are `random` places, a `grid` (both with as many places as there are boundaries),
    and `punctuation`: behind every mark, which the paper did not compare with.

    Args:
        model: the model that the predictor is for.
        predictor: proposes where its logit is above the cut of `DhsaConfig`.
        texts: token ids that it has not learnt from.
        is_clause_end: of a token id.
        seed: of the random places, and of which marks are taken where there are too many.
        settings: what a boundary is.

    Returns:
        By name: `predictor`, `punctuation`, `grid`, `random`.
    """
    generator = torch.Generator().manual_seed(seed)
    counts = {name: _Counts() for name in ("predictor", "punctuation", "grid", "random")}
    for text in texts:
        ends = torch.tensor([is_clause_end(token) for token in text])

        def see(seen: LayerBoundaries, ends: Tensor = ends) -> None:
            truth = seen.is_boundary.cpu()
            logits = predictor(seen.keys)[0, seen.usable].cpu()
            marks = ends[seen.usable.start + settings.window - 1 :][: len(truth)]
            chance = torch.rand(len(truth), generator=generator)
            number = int(truth.sum())
            spread = torch.linspace(0, len(truth) - 1, number).round().to(torch.int64)
            counts["predictor"].add(truth, logits > LEAST_LOGIT, top_k(logits, number))
            counts["random"].add_best(truth, top_k(chance, number))
            counts["grid"].add_best(truth, spread)
            best_marks = top_k(chance.masked_fill(~marks, -torch.inf), number)
            counts["punctuation"].add(truth, marks, best_marks[marks[best_marks]])

        observe_boundaries(model, text, see, settings)
    return {name: count.quality() for name, count in counts.items()}


@dataclass(slots=True)
class _Counts:
    """Places proposed and met so far: of all proposals, and of the best ones."""

    boundaries: int = 0
    proposed: int = 0
    met: int = 0
    best_met: int = 0

    def add(self, truth: Tensor, proposed: Tensor, best: Tensor) -> None:
        self.boundaries += int(truth.sum())
        self.proposed += int(proposed.sum())
        self.met += int((truth & proposed).sum())
        self.best_met += int(truth[best].sum())

    def add_best(self, truth: Tensor, best: Tensor) -> None:
        proposed = torch.zeros_like(truth)
        proposed[best] = True
        self.add(truth, proposed, best)

    def quality(self) -> BoundaryQuality:
        return BoundaryQuality(
            f1=2 * self.met / max(1, self.proposed + self.boundaries),
            overlap=self.best_met / max(1, self.boundaries),
        )

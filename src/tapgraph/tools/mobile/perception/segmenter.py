"""From a recording to what was done in it: segments with a kind of action, and their bounds.

Two nets. The recogniser gives each frame scores of the kinds of action, from a window of frames;
these are the class semantics. The locator looks at the same features for beginnings and ends, with
its features weighed by the semantics (`SemanticGate`). Bounds are peaks of the locator; a segment's
kind and score are those of the recogniser inside of it. The proposal map of BMN is left out: a clip
has tens of actions, each some frames long.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from tapgraph.tools.mobile.perception.class_semantics import SemanticGate
from tapgraph.tools.mobile.perception.recording import FEATURES

__all__ = [
    "KINDS",
    "ActionKind",
    "GateKind",
    "Locator",
    "Recogniser",
    "Segment",
    "segments_from",
]

ActionKind: TypeAlias = Literal["tap", "scroll", "type", "open", "back"]
KINDS: tuple[ActionKind, ...] = ("tap", "scroll", "type", "open", "back")
GateKind: TypeAlias = Literal["none", "squeeze", "concat", "channel", "time", "csa"]
"""How the locator is told of the semantics: not at all, a gate from its own features, joined to
them, or by one part or both of the semantic gate."""
_HIDDEN = 32
_LONGEST = 20
"""Frames of one action; longer ones are cut there."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames from `start` to before `end`, what was done in them, and how sure that is, 0 to 1."""

    start: int
    end: int
    kind: ActionKind
    score: float


class Recogniser(nn.Module):
    """What is being done in each frame."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(FEATURES, _HIDDEN, 5, padding=2),
            nn.ReLU(),
            nn.Conv1d(_HIDDEN, len(KINDS) + 1, 5, padding=2),
        )

    def forward(self, features: Tensor) -> Tensor:
        """From `[batch, frames, FEATURES]` to logits `[batch, kinds + 1, frames]`.

        The last kind is that nobody acts.
        """
        logits: Tensor = self.layers(features.transpose(1, 2))
        return logits


class Locator(nn.Module):
    """Where actions begin and end."""

    def __init__(self, gate: GateKind = "csa") -> None:
        super().__init__()
        classes = len(KINDS) + 1
        self.kind: GateKind = gate
        self.encoder = nn.Conv1d(FEATURES, _HIDDEN, 3, padding=1)
        if gate in {"channel", "time", "csa"}:
            parts: Sequence[Literal["channel", "time"]] = ("channel", "time")
            if gate == "channel":
                parts = ("channel",)
            elif gate == "time":
                parts = ("time",)
            self.gate = SemanticGate(_HIDDEN, classes, parts)
        elif gate == "squeeze":
            self.gate = SemanticGate(_HIDDEN, _HIDDEN)
        width = _HIDDEN + (classes if gate == "concat" else 0)
        self.head = nn.Sequential(
            nn.Conv1d(width, _HIDDEN, 3, padding=1), nn.ReLU(), nn.Conv1d(_HIDDEN, 2, 3, padding=1)
        )

    def forward(self, features: Tensor, semantics: Tensor) -> Tensor:
        """From `[batch, frames, FEATURES]` and semantics `[batch, kinds + 1, frames]` to logits.

        They are `[batch, 2, frames]`: of first frames, and of frames after the last.
        """
        encoded = torch.relu(self.encoder(features.transpose(1, 2)))
        if self.kind == "concat":
            encoded = torch.cat([encoded, semantics], dim=1)
        elif self.kind == "squeeze":
            encoded = self.gate(encoded, encoded)
        elif self.kind != "none":
            encoded = self.gate(encoded, semantics)
        logits: Tensor = self.head(encoded)
        return logits


def segments_from(bounds: Tensor, semantics: Tensor, *, threshold: float = 0.3) -> list[Segment]:
    """The segments of a clip, in order, none over another.

    Args:
        bounds: `[2, frames]`, how likely each frame is a first frame and one after the last.
        semantics: `[kinds + 1, frames]`, shares of the kinds.
        threshold: how likely a beginning must be.
    """
    starts, ends = _peaks(bounds[0], threshold), _peaks(bounds[1], threshold / 2)
    found: list[Segment] = []
    for place, start in enumerate(starts):
        limit = starts[place + 1] if place + 1 < len(starts) else bounds.shape[1]
        limit = min(limit, start + _LONGEST)
        inside = [end for end in ends if start < end <= limit]
        end = max(inside, key=lambda one: float(bounds[1, one])) if inside else limit
        shares = semantics[:-1, start:end].mean(dim=1)
        best = int(shares.argmax())
        score = float(bounds[0, start] * shares[best])
        found.append(Segment(start, end, KINDS[best], score))
    return found


def _peaks(values: Tensor, threshold: float) -> list[int]:
    """Places that are higher than both neighbours and than the threshold."""
    padded = torch.nn.functional.pad(values, (1, 1), value=-1.0)
    is_peak = (values > padded[:-2]) & (values >= padded[2:]) & (values >= threshold)
    return [int(one) for one in is_peak.nonzero().flatten()]

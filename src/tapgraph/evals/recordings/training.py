"""Training of the recogniser and the locator on rendered clips."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from tapgraph.evals.recordings.scores import Span
from tapgraph.tools.mobile.perception.segmenter import KINDS, GateKind, Locator, Recogniser

__all__ = ["Clip", "train_locator", "train_recogniser"]

_WINDOW = 128
_BATCH = 8
_WIDE = 1
"""A bound is right up to so many frames away."""


@dataclass(frozen=True)
class Clip:
    """Features `[frames, FEATURES]` of a recording, and what was done in it."""

    features: Tensor
    segments: Sequence[Span]

    def kinds(self) -> Tensor:
        """`[frames]`: the kind of action, or the number of kinds where nobody acts."""
        found = torch.full((len(self.features),), len(KINDS))
        for one in self.segments:
            found[one.start : one.end] = [*KINDS].index(one.kind)  # type: ignore[arg-type]
        return found

    def bounds(self) -> Tensor:
        """`[2, frames]`: 1 at and beside beginnings and ends."""
        found = torch.zeros(2, len(self.features))
        for one in self.segments:
            for row, place in enumerate((one.start, one.end)):
                found[row, max(0, place - _WIDE) : place + _WIDE + 1] = 1
        return found


def train_recogniser(clips: Sequence[Clip], *, steps: int, seed: int) -> Recogniser:
    """A net for the kinds of action, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Recogniser()
        optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
        targets = [clip.kinds() for clip in clips]
        for _ in range(steps):
            rows, cuts = _drawn(clips)
            features = torch.stack([_cut(clips[row].features, at) for row, at in rows])
            wanted = torch.stack([_cut(targets[row], at) for row, at in rows])
            loss = cross_entropy(net(features), wanted, reduction="none")
            loss = (loss * cuts).sum() / cuts.sum()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
    return net.eval()


def train_locator(
    clips: Sequence[Clip], semantics: Sequence[Tensor], gate: GateKind, *, steps: int, seed: int
) -> Locator:
    """A net for beginnings and ends, in evaluation mode.

    Args:
        clips: what it learns from.
        semantics: of each clip, `[kinds + 1, frames]`.
        gate: how it is told of them.
        steps: of training.
        seed: of first weights and of what is drawn.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Locator(gate)
        optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
        targets = [clip.bounds() for clip in clips]
        for _ in range(steps):
            rows, cuts = _drawn(clips)
            features = torch.stack([_cut(clips[row].features, at) for row, at in rows])
            told = torch.stack([_cut(semantics[row].T, at).T for row, at in rows])
            wanted = torch.stack([_cut(targets[row].T, at).T for row, at in rows])
            loss = binary_cross_entropy_with_logits(net(features, told), wanted, reduction="none")
            loss = (loss * cuts[:, None]).sum() / cuts.sum()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
    return net.eval()


def _drawn(clips: Sequence[Clip]) -> tuple[list[tuple[int, int]], Tensor]:
    """Clips with a first frame each, and which frames of the cuts are there, `[batch, frames]`."""
    rows = []
    for row in torch.randint(len(clips), (_BATCH,)).tolist():
        room = max(1, len(clips[row].features) - _WINDOW + 1)
        rows.append((row, int(torch.randint(room, (1,)))))
    lengths = torch.tensor([min(_WINDOW, len(clips[row].features)) for row, _ in rows])
    return rows, (torch.arange(_WINDOW)[None, :] < lengths[:, None]).float()


def _cut(values: Tensor, at: int) -> Tensor:
    """`_WINDOW` rows from there on, with zeros behind the end."""
    part = values[at : at + _WINDOW]
    missing = _WINDOW - len(part)
    return torch.cat([part, part.new_zeros(missing, *part.shape[1:])]) if missing else part

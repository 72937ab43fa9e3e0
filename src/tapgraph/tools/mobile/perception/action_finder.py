"""Finds what was done in a recording, by two small nets; loads torch."""

import torch
from torch import Tensor

from tapgraph.tools.mobile.perception.recording import frame_features
from tapgraph.tools.mobile.perception.segmenter import (
    Locator,
    Recogniser,
    Segment,
    segments_from,
)
from tapgraph.tools.mobile.perception.weights import NetWeights, open_weights, save_weights

__all__ = ["NET_NAME", "ActionFinder", "save_finder"]

NET_NAME = "recordings"
_PURPOSE = "finding actions in a recording"


class ActionFinder:
    """A recogniser of kinds and a locator of beginnings and ends, which has no gate.

    `threshold` is how likely a beginning must be; it was chosen on the clips for training.
    """

    def __init__(self, recogniser: Recogniser, locator: Locator, *, threshold: float) -> None:
        self._recogniser = recogniser.eval()
        self._locator = locator.eval()
        self.threshold = threshold

    @classmethod
    def open(cls) -> "ActionFinder":
        """The shipped one.

        Raises:
            ExtraMissing: torch is not installed.
            EnvironmentMissing: its weights are not here.
        """
        return cls.from_weights(open_weights(NET_NAME, purpose=_PURPOSE))

    @classmethod
    def from_weights(cls, weights: NetWeights) -> "ActionFinder":
        """The finder of these weights, as `save_finder` wrote them."""
        recogniser, locator = Recogniser(), Locator("none")
        for name, net in (("recogniser", recogniser), ("locator", locator)):
            net.load_state_dict({
                key.partition(".")[2]: tensor
                for key, tensor in weights.tensors.items()
                if key.startswith(f"{name}.")
            })
        return cls(recogniser, locator, threshold=weights.settings["threshold"])

    def segments(self, frames: Tensor) -> list[Segment]:
        """What was done in frames `[frames, 96, 48]`, in order."""
        return self.segments_in(frame_features(frames))

    def segments_in(self, features: Tensor) -> list[Segment]:
        """The same from what `frame_features` gave of the frames."""
        with torch.inference_mode():
            logits = self._recogniser(features[None])
            semantics = torch.softmax(logits[0], dim=0)
            bounds = torch.sigmoid(self._locator(features[None], semantics[None])[0])
        return segments_from(bounds, semantics, threshold=self.threshold)


def save_finder(recogniser: Recogniser, locator: Locator, *, threshold: float) -> None:
    """Write the shipped weights anew."""
    tensors = {
        f"{name}.{key}": tensor
        for name, net in (("recogniser", recogniser), ("locator", locator))
        for key, tensor in net.state_dict().items()
    }
    save_weights(NET_NAME, tensors, {"threshold": threshold})

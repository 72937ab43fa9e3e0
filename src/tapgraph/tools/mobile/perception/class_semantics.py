"""Class-semantics attention: features are weighed by what the clip seems to be about.

Sridhar et al., "Class Semantics-based Attention for Action Detection" (arXiv 2109.02613). The usual
gates weigh features by the features; these weigh them by the class scores of a recogniser, along
channels and along time, each with a window of time in view. The layer's equations could not be
read: this is a reconstruction from the abstract and from figures retold elsewhere,

    g_channel = sigmoid(P mean_t relu(conv3(R)))      [batch, channels, 1]
    g_time    = sigmoid(conv3(relu(conv3(R))))        [batch, 1, time]
    F'        = g_channel F + g_time F

with R the class scores and F the features.
"""

from collections.abc import Collection
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

__all__ = ["GatePart", "SemanticGate"]

GatePart: TypeAlias = Literal["channel", "time"]


class SemanticGate(nn.Module):
    """Weighs features `[batch, channels, time]` by class scores `[batch, classes, time]`.

    With one part only, the other's term is left out; a gate starts near one half everywhere.
    """

    def __init__(
        self, channels: int, classes: int, parts: Collection[GatePart] = ("channel", "time")
    ) -> None:
        super().__init__()
        middle = max(1, channels // 4)
        self._parts = frozenset(parts)
        self.channel_near = nn.Conv1d(classes, middle, 3, padding=1)
        self.channel_out = nn.Linear(middle, channels)
        self.time_near = nn.Conv1d(classes, middle, 3, padding=1)
        self.time_out = nn.Conv1d(middle, 1, 3, padding=1)

    def channel_gate(self, semantics: Tensor) -> Tensor:
        """`[batch, channels, 1]`, from 0 to 1."""
        seen = torch.relu(self.channel_near(semantics)).mean(dim=-1)
        return torch.sigmoid(self.channel_out(seen))[..., None]

    def time_gate(self, semantics: Tensor) -> Tensor:
        """`[batch, 1, time]`, from 0 to 1."""
        return torch.sigmoid(self.time_out(torch.relu(self.time_near(semantics))))

    def forward(self, features: Tensor, semantics: Tensor) -> Tensor:
        """The features, weighed."""
        weighed = torch.zeros_like(features)
        if "channel" in self._parts:
            weighed = weighed + self.channel_gate(semantics) * features
        if "time" in self._parts:
            weighed = weighed + self.time_gate(semantics) * features
        return weighed

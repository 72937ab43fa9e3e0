"""What a whole screen looks like where its hierarchy tells nothing: `loading (0.97)`.

The layers of the icon net before its head see the screen as they see an icon: shrunken, and in
grey by how far each pixel is from the background. What they give is pooled over parts of the
screen, and one linear layer says how likely each state is. Several states may hold at once.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from tapgraph.errors import EnvironmentMissing
from tapgraph.tools.mobile.perception.icon_picture import background_distance
from tapgraph.tools.mobile.perception.icons import IconNamer, open_icon_namer
from tapgraph.tools.mobile.perception.weights import (
    WEIGHTS_FOLDER,
    NetWeights,
    digest_of_weights,
    open_weights,
)
from tapgraph.tools.mobile.screen import SeenState

if TYPE_CHECKING:
    from torch import Tensor

    from tapgraph.tools.mobile.perception.vanilla_net import FusedVanillaNet

__all__ = ["NET_NAME", "StateSeer", "open_state_seer", "pooled", "screen_picture", "seen_by"]

NET_NAME = "screen_states"
_PURPOSE = "telling what a screen looks like"
_LEAST_PX = 100
"""A smaller picture is no screen."""
_MOST_STRETCHED = 3

# PLC0415 in this file: torch takes a second to load and is not there without the extra.


@functools.cache
def open_state_seer(folder: Path = WEIGHTS_FOLDER) -> StateSeer:
    """The head of this package on the trunk of its icon net, loaded once.

    Raises:
        ExtraMissing: the extra `vision` is not installed.
        EnvironmentMissing: this installation has no weights, or other layers below the head than
            those that it was trained on.
    """
    weights = open_weights(NET_NAME, purpose=_PURPOSE, folder=folder)
    namer = open_icon_namer(folder)
    if weights.settings["trunk"] != digest_of_weights("icons", folder=folder):
        raise EnvironmentMissing(
            f"{_PURPOSE} needs the icon net that it was trained on, and the one in {folder} is "
            "another: train both (benchmarks/icon_net.py, then screen_states.py --ship)"
        )
    return StateSeer(namer, weights)


class StateSeer:
    """Says which states a picture of a screen shows, where it is sure enough.

    Attributes:
        states: all that it knows.
        thresholds: for each, the least confidence with which it is told; more than 1 for a state
            that is never told. They were chosen on apps for training.
    """

    def __init__(self, namer: IconNamer, weights: NetWeights) -> None:
        settings = weights.settings
        self.states: tuple[str, ...] = tuple(settings["states"])
        self.thresholds: tuple[float, ...] = tuple(settings["thresholds"])
        self._side_px = int(settings["side_px"])
        self._grid: tuple[int, int] = tuple(settings["grid"])
        self._trunk = namer.net
        self._weight, self._bias = weights.tensors["weight"], weights.tensors["bias"]

    def shares(self, picture: Image.Image) -> tuple[float, ...]:
        """How likely each of `states` is, from 0 to 1; all 0 for what is no screen."""
        import torch  # noqa: PLC0415

        grey = screen_picture(picture, self._side_px)
        if grey is None:
            return (0.0,) * len(self.states)
        with torch.inference_mode():
            features = pooled(seen_by(self._trunk, grey), self._grid)
            logits = torch.mv(self._weight, features) + self._bias
        return tuple(torch.sigmoid(logits).tolist())

    def seen(self, picture: Image.Image) -> tuple[SeenState, ...]:
        """The states that the picture surely shows."""
        found = zip(self.states, self.shares(picture), self.thresholds, strict=True)
        return tuple(SeenState(name, share) for name, share, least in found if share >= least)


def screen_picture(picture: Image.Image, side_px: int) -> Image.Image | None:
    """The screen in grey, its shorter side `side_px`; None for what is no screen.

    Every pixel is its largest difference from the median colour in red, green or blue, and the
    strongest difference is white, as in `icon_picture`.

    >>> screen_picture(Image.new("RGB", (1080, 2400), "black"), 128) is None
    True
    """
    short, long = sorted(picture.size)
    if short < _LEAST_PX:
        return None
    long_px = min(round(side_px * long / short), _MOST_STRETCHED * side_px)
    size = (side_px, long_px) if picture.height >= picture.width else (long_px, side_px)
    return background_distance(picture.convert("RGB").resize(size, Image.Resampling.BOX))


def seen_by(trunk: FusedVanillaNet, grey: Image.Image) -> Tensor:
    """What the trunk gives of a grey picture, `[1, channels, height, width]`."""
    import torch  # noqa: PLC0415

    pixels = torch.frombuffer(bytearray(grey.tobytes()), dtype=torch.uint8)
    return trunk.features(pixels.view(1, 1, grey.height, grey.width).float() / 255)


def pooled(seen: Tensor, grid: tuple[int, int]) -> Tensor:
    """Mean and greatest of each channel in each cell, `[2 * channels * cells]`.

    `seen` is `[1, channels, height, width]`; `grid` says how many cells there are down and across.
    """
    from torch import cat  # noqa: PLC0415
    from torch.nn.functional import adaptive_avg_pool2d, adaptive_max_pool2d  # noqa: PLC0415

    parts = adaptive_avg_pool2d(seen, grid), adaptive_max_pool2d(seen, grid)
    return cat([part.flatten() for part in parts])

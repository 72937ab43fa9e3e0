"""What a net says of a picture that it looks at several times, a little aside, nearer and farther.

The first layer of a VanillaNet sees patches that do not overlap, so a picture that is moved by one
pixel is another one to it. The mean over some such pictures is right more often than one look.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["shares_of"]

_ASIDE = ((-1, -1), (-1, 1), (1, -1), (1, 1))
_SIZES = (0.875, 1.0, 1.0625)


def shares_of(net: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    """How likely each class is, `[batch, classes]`: the geometric mean over seven glances.

    `pictures` are `[batch, channels, side, side]`, black around what they show.
    """
    views = list(_glances(pictures))
    logarithms = net(torch.cat(views)).log_softmax(1)
    return logarithms.view(len(views), len(pictures), -1).mean(0).softmax(1)


def _glances(pictures: Tensor) -> Iterator[Tensor]:
    for across, down in _ASIDE:
        room = functional.pad(pictures, (1 + across, 1 - across, 1 + down, 1 - down))
        yield room[:, :, 1:-1, 1:-1]
    side = pictures.shape[-1]
    for size in _SIZES:
        scaled = functional.interpolate(
            pictures, size=round(side * size), mode="bilinear", antialias=True
        )
        before = (side - scaled.shape[-1]) // 2
        after = side - scaled.shape[-1] - before
        yield functional.pad(scaled, (before, after, before, after))

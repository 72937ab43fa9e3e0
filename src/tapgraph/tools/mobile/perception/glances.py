"""What a net says of a picture that it looks at several times, straight on and a little aside.

The first layer of a VanillaNet sees patches that do not overlap, so a picture that is moved by one
pixel is another one to it. The mean over some such pictures is right more often than one look.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["shares_of"]

_ASIDE = ((0, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))


def shares_of(net: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    """How likely each class is, `[batch, classes]`: the geometric mean over five glances.

    `pictures` are `[batch, channels, side, side]`, black around what they show.
    """
    room = functional.pad(pictures, (1, 1, 1, 1))
    side = pictures.shape[-1]
    views = [
        room[:, :, 1 + down : 1 + down + side, 1 + across : 1 + across + side]
        for across, down in _ASIDE
    ]
    logarithms = net(torch.cat(views)).log_softmax(1)
    return logarithms.view(len(views), len(pictures), -1).mean(0).softmax(1)

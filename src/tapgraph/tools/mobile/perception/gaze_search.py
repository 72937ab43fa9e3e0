"""NevaClip (arXiv 2305.12380): the path of gaze that makes a picture most like its caption.

For an encoder in torch through which gradients flow. `where_to_look` does without them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["GazeSearch", "foveation"]

_SPREAD = 0.2
"""What squared distances are divided by, not squared itself, in units of half the picture."""


@dataclass(frozen=True)
class GazeSearch:
    """The search of the paper (its section 2) and the settings of its code.

    Attributes:
        fixations: how many places are looked at.
        steps: of the search for each.
        step: how far each step goes, in units of half the picture.
        memory: how much of what was clear before stays so; 0 forgets all but the last place.
        blur_taps: of the Gaussian, an odd number.
        blur_sigma_px: of the Gaussian.
    """

    fixations: int = 10
    steps: int = 20
    step: float = 0.1
    memory: float = 0.0
    blur_taps: int = 41
    blur_sigma_px: float = 10.0

    def paths(
        self,
        pictures: Tensor,
        captions: Tensor,
        encoder: Callable[[Tensor], Tensor],
        *,
        seed: int = 0,
    ) -> Tensor:
        """Where to look, `[pictures, fixations, 2]`: x and y from -1 to 1.

        `pictures` are `[pictures, channels, height, width]`, `captions` their embeddings
        `[pictures, width]`, and `encoder` embeds pictures. Deviations from the published code: the
        best place is that of which the loss was measured, not the one after the step; and places
        are x and y, where it has rows first.
        """
        blurred = self.blurred(pictures)
        generator = torch.Generator().manual_seed(seed)
        seen = torch.zeros_like(pictures[:, :1])
        places = []
        for _ in range(self.fixations):
            place = self._best_place(pictures, blurred, seen, captions, encoder, generator)
            places.append(place)
            seen = self.memory * seen + foveation(place, pictures.shape[-2], pictures.shape[-1])
        return torch.stack(places, dim=1)

    def blurred(self, pictures: Tensor) -> Tensor:
        """The pictures as from the corner of an eye; their edges are mirrored."""
        away = torch.arange(self.blur_taps) - self.blur_taps // 2
        taps = torch.exp(-(away**2) / (2 * self.blur_sigma_px**2))
        taps = (taps / taps.sum()).to(pictures)
        channels, room = pictures.shape[1], self.blur_taps // 2
        padded = functional.pad(pictures, (room, room, room, room), mode="reflect")
        across = taps.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
        down = taps.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
        once = functional.conv2d(padded, across, groups=channels)
        return functional.conv2d(once, down, groups=channels)

    def _best_place(
        self,
        pictures: Tensor,
        blurred: Tensor,
        seen: Tensor,
        captions: Tensor,
        encoder: Callable[[Tensor], Tensor],
        generator: torch.Generator,
    ) -> Tensor:
        place = torch.zeros(len(pictures), 2)
        best, least = place.clone(), torch.full((len(pictures),), torch.inf)
        for _ in range(self.steps):
            place = place.detach().requires_grad_()
            clear = seen + foveation(place, pictures.shape[-2], pictures.shape[-1])
            view = pictures + (blurred - pictures) * (1 - clear).clamp(0, 1)
            loss = 1 - functional.cosine_similarity(encoder(view), captions)
            (gradient,) = torch.autograd.grad(loss.sum(), place)
            is_better = loss.detach() < least
            best = torch.where(is_better[:, None], place.detach(), best)
            least = torch.minimum(least, loss.detach())
            elsewhere = 2 * torch.rand(place.shape, generator=generator) - 1
            onward = (place.detach() - self.step * gradient.sign()).clamp(-1, 1)
            place = torch.where(is_better[:, None], onward, elsewhere)
        return best


def foveation(places: Tensor, height: int, width: int) -> Tensor:
    """How clearly each pixel is seen, `[places, 1, height, width]` from 0 to 1."""
    x = torch.linspace(-1, 1, width)
    y = torch.linspace(-1, 1, height)
    across = (x[None, None, :] - places[:, 0, None, None]) ** 2
    down = (y[None, :, None] - places[:, 1, None, None]) ** 2
    return torch.exp(-(across + down) / _SPREAD)[:, None]

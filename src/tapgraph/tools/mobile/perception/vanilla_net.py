"""VanillaNet (arXiv 2305.12972): a plain net that is trained deep and used shallow.

Every layer is trained as two convolutions with an activation between, which fades to the identity
(section 3.1). Then both are one convolution, and the net is fused to half as many layers. Strength
comes from the series activation after every layer (section 3.2), the only place where a pixel sees
its neighbours: all kernels but the first are 1 by 1.

Deviations: the first layer has as many input channels as asked for, and the bias inside the series
activation (equation 6) is that of the convolution before it, which is the same function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["FusedVanillaNet", "NetPlan", "VanillaNet"]

_EPSILON = 1e-6
"""Of the batch normalisation, as in the published code."""
_STEM_PX = 4


@dataclass(frozen=True)
class NetPlan:
    """The shape of a net.

    Attributes:
        widths: channels after the stem and after every layer.
        pools: by how much every layer but the stem shrinks the picture: 1 or 2.
        classes: how many answers there are.
        reach: how many neighbours on each side the series activation sees (n in equation 6).
        input_channels: of the picture.
    """

    widths: tuple[int, ...]
    pools: tuple[int, ...]
    classes: int
    reach: int = 3
    input_channels: int = 3

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.pools) + 1:
            raise ValueError(
                f"every width but the first needs a pool: {len(self.widths)} widths, "
                f"{len(self.pools)} pools"
            )


class VanillaNet(nn.Module):
    """The net in training: `[batch, channels, height, width]` to logits `[batch, classes]`.

    `fade` says how far its inner activations are the identity, 0 at the start and 1 at the end.
    """

    def __init__(self, plan: NetPlan) -> None:
        super().__init__()
        self.plan = plan
        first = plan.widths[0]
        stem = _Pair(plan.input_channels, first, first, kernel_px=_STEM_PX, pool=1)
        pairs = [
            _Pair(before, before, after, kernel_px=1, pool=pool)
            for before, after, pool in zip(plan.widths, plan.widths[1:], plan.pools, strict=False)
        ]
        self.pairs = nn.ModuleList([stem, *pairs])
        self.activations = nn.ModuleList(_SeriesActivation(w, plan.reach) for w in plan.widths)
        self.head = _Pair(
            plan.widths[-1], plan.classes, plan.classes, kernel_px=1, pool=1, normalises_last=False
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits `[batch, classes]`."""
        return cast(Tensor, self.head(_pooled(self.features(pictures)))).flatten(1)

    def features(self, pictures: Tensor) -> Tensor:
        """What the layers before the head give, `[batch, channels, height, width]`."""
        for pair, activation in zip(self.pairs, self.activations, strict=True):
            pictures = activation(pair(pictures))
        return pictures

    def fade(self, share: float) -> None:
        """Make every inner activation `(1 - share) * relu(x) + share * x` (equation 1).

        Raises:
            ValueError: the share is not between 0 and 1.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"share must be between 0 and 1, got {share}")
        for pair in [*self.pairs, self.head]:
            cast(_Pair, pair).slope = share

    def fused(self) -> FusedVanillaNet:
        """The net with every pair and every normalisation folded into one convolution.

        Raises:
            ValueError: an inner activation is not yet the identity, so that it would be another
                function.
        """
        pairs = [cast(_Pair, pair) for pair in [*self.pairs, self.head]]
        if any(pair.slope != 1 for pair in pairs):
            raise ValueError("fade(1) first: a net whose inner activations act cannot be fused")
        deployed = FusedVanillaNet(self.plan).to(next(self.parameters()).device)
        with torch.no_grad():
            for pair, layer in zip(pairs, [*deployed.layers, deployed.head], strict=True):
                _fill(layer, *pair.as_one())
            for trained, series in zip(self.activations, deployed.activations, strict=True):
                activation = cast(_SeriesActivation, trained)
                _fill(series, *_folded(activation.series, activation.norm))
        return deployed.eval()


class FusedVanillaNet(nn.Module):
    """The net in use: one convolution and one series activation a layer."""

    def __init__(self, plan: NetPlan) -> None:
        super().__init__()
        self.plan = plan
        widths = (plan.input_channels, *plan.widths)
        kernels_px = (_STEM_PX, *(1 for _ in plan.pools))
        self.pools = (1, *plan.pools)
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, kernel_px, stride=kernel_px)
            for before, after, kernel_px in zip(widths, plan.widths, kernels_px, strict=False)
        )
        self.activations = nn.ModuleList(
            _depthwise(width, plan.reach, bias=True) for width in plan.widths
        )
        self.head = nn.Conv2d(plan.widths[-1], plan.classes, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits `[batch, classes]`."""
        return cast(Tensor, self.head(_pooled(self.features(pictures)))).flatten(1)

    def features(self, pictures: Tensor) -> Tensor:
        """What the layers before the head give, `[batch, channels, height, width]`."""
        for layer, pool, series in zip(self.layers, self.pools, self.activations, strict=True):
            mixed = _convolved(cast(nn.Conv2d, layer), pictures)
            shrunk = functional.max_pool2d(mixed, pool) if pool > 1 else mixed
            pictures = series(functional.relu(shrunk))
        return pictures


def _convolved(layer: nn.Conv2d, pictures: Tensor) -> Tensor:
    """The layer's convolution; one of 1 by 1 as a product, which is faster for few pictures."""
    if layer.kernel_size != (1, 1):
        return cast(Tensor, layer(pictures))
    mixed = functional.linear(pictures.permute(0, 2, 3, 1), layer.weight[:, :, 0, 0], layer.bias)
    return mixed.permute(0, 3, 1, 2)


class _SeriesActivation(nn.Module):
    """Equation 6: a ReLU, then a learnt sum over the neighbours within `reach` in each channel."""

    def __init__(self, channels: int, reach: int) -> None:
        super().__init__()
        self.series = _depthwise(channels, reach, bias=False)
        self.norm = nn.BatchNorm2d(channels, eps=_EPSILON)

    def forward(self, values: Tensor) -> Tensor:
        return cast(Tensor, self.norm(self.series(functional.relu(values))))


class _Pair(nn.Module):
    """Two convolutions that become one; the second is 1 by 1. Pooling stands after both."""

    def __init__(
        self,
        before: int,
        middle: int,
        after: int,
        *,
        kernel_px: int,
        pool: int,
        normalises_last: bool = True,
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, middle, kernel_px, stride=kernel_px)
        self.first_norm = nn.BatchNorm2d(middle, eps=_EPSILON)
        self.second = nn.Conv2d(middle, after, 1)
        self.second_norm = nn.BatchNorm2d(after, eps=_EPSILON) if normalises_last else None
        self.pool = pool
        self.slope = 0.0

    def forward(self, values: Tensor) -> Tensor:
        inner = self.first_norm(self.first(values))
        # A leaky ReLU of that slope is the mixture of equation 1.
        mixed = self.second(functional.leaky_relu(inner, self.slope))
        normed = mixed if self.second_norm is None else self.second_norm(mixed)
        return functional.max_pool2d(normed, self.pool) if self.pool > 1 else normed

    def as_one(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the one convolution (equations 3 to 5)."""
        first, first_bias = _folded(self.first, self.first_norm)
        if self.second_norm is None:
            second, second_bias = self.second.weight, cast(Tensor, self.second.bias)
        else:
            second, second_bias = _folded(self.second, self.second_norm)
        across = second[:, :, 0, 0]
        weight = torch.einsum("om,mihw->oihw", across, first)
        return weight, across @ first_bias + second_bias


def _fill(convolution: nn.Module, weight: Tensor, bias: Tensor) -> None:
    into = cast(nn.Conv2d, convolution)
    into.weight.copy_(weight)
    cast(Tensor, into.bias).copy_(bias)


def _folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with the normalisation after it (equation 3)."""
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = norm.weight / torch.sqrt(variance + norm.eps)
    bias = -mean if convolution.bias is None else convolution.bias - mean
    return convolution.weight * scale[:, None, None, None], bias * scale + norm.bias


def _depthwise(channels: int, reach: int, *, bias: bool) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 2 * reach + 1, padding=reach, groups=channels, bias=bias)


def _pooled(features: Tensor) -> Tensor:
    return functional.adaptive_avg_pool2d(features, 1)

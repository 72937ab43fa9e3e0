"""The published net by its numbers, and fusing by a second way to the same function."""

from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tapgraph.tools.mobile.perception.vanilla_net import FusedVanillaNet, NetPlan, VanillaNet

SMALL = NetPlan((6, 10, 14), (2, 1), classes=5, reach=1, input_channels=2)
TOLERANCE = 1e-4
"""What single precision may add up to; double precision is far below."""

PUBLISHED_MILLIONS = {
    # depth: (widths, pools, million numbers of the fused net in the paper's table 3)
    5: ((512, 1024, 2048, 4096), (2, 2, 2), 15.5),
    6: ((512, 1024, 2048, 4096, 4096), (2, 2, 2, 1), 32.5),
    7: ((512, 512, 1024, 2048, 4096, 4096), (1, 2, 2, 2, 1), 32.8),
    8: ((512, 512, 1024, 2048, 2048, 4096, 4096), (1, 2, 2, 1, 2, 1), 37.1),
}


@pytest.fixture
def net() -> VanillaNet:
    """A small net that has seen some numbers, so that its normalisations do something."""
    torch.manual_seed(0)
    made = VanillaNet(SMALL).double()
    made.train()
    for _ in range(3):
        made(torch.rand(8, 2, 16, 16, dtype=torch.float64) * 3)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
    return made.eval()


@pytest.mark.parametrize("depth", PUBLISHED_MILLIONS)
def test_fused_nets_have_as_many_numbers_as_published(depth: int) -> None:
    widths, pools, millions = PUBLISHED_MILLIONS[depth]
    with torch.device("meta"):
        net = FusedVanillaNet(NetPlan(widths, pools, classes=1000))
    assert sum(one.numel() for one in net.parameters()) / 1e6 == pytest.approx(millions, abs=0.06)


def test_the_fused_net_is_the_same_function(net: VanillaNet) -> None:
    pictures = torch.rand(4, 2, 16, 16, dtype=torch.float64)
    net.fade(1)
    trained = net(pictures)
    assert torch.allclose(net.fused().double()(pictures), trained, atol=TOLERANCE)
    assert trained.shape == (4, 5)


def test_the_fused_net_keeps_the_features(net: VanillaNet) -> None:
    pictures = torch.rand(2, 2, 16, 16, dtype=torch.float64)
    net.fade(1)
    fused = net.fused().double()
    assert torch.allclose(fused.features(pictures), net.features(pictures), atol=TOLERANCE)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_net_that_is_not_faded_is_not_fused(net: VanillaNet, share: float) -> None:
    net.fade(share)
    with pytest.raises(ValueError, match=r"fade\(1\) first"):
        net.fused()


def test_fusing_too_early_would_be_another_function(net: VanillaNet) -> None:
    pictures = torch.rand(4, 2, 16, 16, dtype=torch.float64)
    net.fade(0.9)
    early = net(pictures)
    net.fade(1)
    assert not torch.allclose(net.fused().double()(pictures), early, atol=10 * TOLERANCE)


def test_series_activation_is_a_weighted_sum_over_neighbours(net: VanillaNet) -> None:
    net.fade(1)
    series = cast(nn.Conv2d, net.fused().double().activations[0])
    values = torch.randn(1, 6, 4, 4, dtype=torch.float64)
    padded = functional.pad(values.relu(), (1, 1, 1, 1))
    by_hand = torch.zeros_like(values)
    for channel in range(6):
        for row in range(4):
            for column in range(4):
                near = padded[0, channel, row : row + 3, column : column + 3]
                weights = series.weight[channel, 0]
                total = (near * weights).sum() + cast(Tensor, series.bias)[channel]
                by_hand[0, channel, row, column] = total
    assert torch.allclose(series(values.relu()), by_hand)


def test_inner_activation_fades_from_relu_to_identity(net: VanillaNet) -> None:
    pictures = torch.rand(1, 2, 16, 16, dtype=torch.float64)
    pair = net.pairs[0]
    inner = pair.first_norm(pair.first(pictures))  # type: ignore[operator]
    for share in (0.0, 0.3, 1.0):
        net.fade(share)
        mixed = (1 - share) * inner.relu() + share * inner
        expected = pair.second_norm(pair.second(mixed))  # type: ignore[operator]
        assert torch.allclose(pair(pictures), expected)


def test_a_plan_needs_a_pool_for_every_width_but_the_first() -> None:
    with pytest.raises(ValueError, match="3 widths, 1 pools"):
        NetPlan((4, 8, 16), (2,), classes=2)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_fading_beyond_the_identity_is_refused(net: VanillaNet, share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        net.fade(share)

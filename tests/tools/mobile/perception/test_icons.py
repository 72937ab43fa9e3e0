"""The shipped net on pictures drawn here, and how its names reach the view as text."""

import dataclasses

import pytest
import torch
from PIL import Image, ImageDraw

from tapgraph.tools.mobile.geometry import Bounds
from tapgraph.tools.mobile.perception.icons import IconNamer, can_be_icon, open_icon_namer
from tapgraph.tools.mobile.perception.vanilla_net import NetPlan, VanillaNet
from tapgraph.tools.mobile.perception.weights import NetWeights
from tapgraph.tools.mobile.screen import Element, Role

BOUNDS = Bounds(100, 100, 180, 180)
BARE = Element(1, BOUNDS, "", Role.BUTTON, clickable=True)


def plus_on_page() -> Image.Image:
    page = Image.new("RGB", (1080, 2000), "white")
    draw = ImageDraw.Draw(page)
    draw.line((140, 118, 140, 162), fill="#333333", width=6)
    draw.line((118, 140, 162, 140), fill="#333333", width=6)
    return page


@pytest.fixture(scope="module")
def namer() -> IconNamer:
    return open_icon_namer()


def test_a_plus_is_named(namer: IconNamer) -> None:
    (named,) = namer.named([BARE], plus_on_page())
    assert named.icon is not None
    assert named.icon.kind == "plus"
    assert namer.threshold <= named.icon.confidence <= 1


def test_a_blank_button_is_not_named(namer: IconNamer) -> None:
    assert namer.named([BARE], Image.new("RGB", (1080, 2000), "white")) == (BARE,)


def test_noise_is_not_named(namer: IconNamer) -> None:
    page = Image.effect_noise((1080, 2000), 120).convert("RGB")
    assert namer.named([BARE], page) == (BARE,)


def test_what_is_below_the_threshold_is_not_told(namer: IconNamer) -> None:
    sure_of_all = open_icon_namer.__wrapped__()
    sure_of_all.threshold = 1.01
    assert sure_of_all.named([BARE], plus_on_page()) == (BARE,)


def test_crops_are_named_by_themselves_whatever_stands_beside_them(namer: IconNamer) -> None:
    box = (BOUNDS.left, BOUNDS.top, BOUNDS.right, BOUNDS.bottom)
    crop = plus_on_page().crop(box)
    alone = namer.best([crop])[0]
    among = namer.best([Image.new("RGB", (9, 9)), crop, crop.rotate(45)])
    assert among[0] is None
    assert alone is not None
    assert among[1] is not None
    assert among[1].kind == alone.kind
    assert among[1].confidence == pytest.approx(alone.confidence, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "can_be"),
    [
        ({}, True),
        ({"text": "Add"}, False),
        ({"role": Role.LIST}, False),
        ({"role": Role.INPUT}, False),
        ({"bounds": Bounds(0, 0, 1080, 90)}, False),
        ({"bounds": Bounds(0, 0, 600, 600)}, False),
        ({"bounds": Bounds(0, 0, 10, 10)}, False),
    ],
)
def test_only_small_elements_without_words_are_looked_at(
    change: dict[str, object], can_be: bool
) -> None:
    element = dataclasses.replace(BARE, **change)  # type: ignore[arg-type]
    assert can_be_icon(element, plus_on_page()) is can_be


def test_a_net_answers_for_the_kinds_that_its_weights_name() -> None:
    torch.manual_seed(0)
    net = VanillaNet(NetPlan((4, 6), (2,), classes=3, reach=1, input_channels=1)).eval()
    net.fade(1)
    fused = net.fused()
    fused.head.bias = torch.nn.Parameter(torch.tensor([0.0, 50.0, 0.0]))
    settings = {"kinds": ["a", "b"], "threshold": 0.5, "widths": [4, 6], "pools": [2], "reach": 1}
    (named,) = IconNamer(NetWeights(fused.state_dict(), settings)).named([BARE], plus_on_page())
    assert named.icon is not None
    assert (named.icon.kind, round(named.icon.confidence, 2)) == ("b", 1.0)

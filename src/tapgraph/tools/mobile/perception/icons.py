"""Names for elements without words, from the picture of each: `icon: trash (0.93)`."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from tapgraph.tools.mobile.perception.icon_picture import ICON_PX, icon_picture
from tapgraph.tools.mobile.perception.weights import WEIGHTS_FOLDER, NetWeights, open_weights
from tapgraph.tools.mobile.screen import Element, Role, SeenIcon

if TYPE_CHECKING:
    from tapgraph.tools.mobile.perception.vanilla_net import FusedVanillaNet

__all__ = ["IconNamer", "can_be_icon", "open_icon_namer"]

_PURPOSE = "naming icons"
_ROLES = frozenset({Role.BUTTON, Role.IMAGE, Role.TAB, Role.CHECKBOX, Role.SWITCH, Role.RADIO})
_LEAST_PX = 12
_LARGEST_SHARE = 0.3
"""Of the screen's shorter side; a larger element is a picture or a row, and no icon."""
_MOST_STRETCHED = 2.5

# PLC0415 in this file: torch takes a second to load and is not there without the extra.


@functools.cache
def open_icon_namer(folder: Path = WEIGHTS_FOLDER) -> IconNamer:
    """The net of this package, loaded once.

    Raises:
        ExtraMissing: the extra `vision` is not installed.
        EnvironmentMissing: this installation has no weights.
    """
    return IconNamer(open_weights("icons", purpose=_PURPOSE, folder=folder))


class IconNamer:
    """Names icons by a fused VanillaNet, where it is sure enough.

    `threshold` was chosen on a family of icons that the net was not trained on.
    """

    def __init__(self, weights: NetWeights) -> None:
        from torch import channels_last  # noqa: PLC0415

        from tapgraph.tools.mobile.perception.vanilla_net import (  # noqa: PLC0415
            FusedVanillaNet,
            NetPlan,
        )

        settings = weights.settings
        self.kinds: tuple[str, ...] = tuple(settings["kinds"])
        self.threshold = float(settings["threshold"])
        plan = NetPlan(
            tuple(settings["widths"]),
            tuple(settings["pools"]),
            classes=len(self.kinds) + 1,
            reach=settings["reach"],
            input_channels=1,
        )
        self.net: FusedVanillaNet = FusedVanillaNet(plan)
        self.net.load_state_dict(dict(weights.tensors))
        # Twice as fast on a CPU. The stubs of torch do not know the argument.
        self.net.eval().to(memory_format=channels_last)  # type: ignore[call-overload]

    def best(self, crops: Sequence[Image.Image]) -> tuple[SeenIcon | None, ...]:
        """The likeliest kind of each crop, however unsure; None where it shows none."""
        import torch  # noqa: PLC0415

        from tapgraph.tools.mobile.perception.glances import shares_of  # noqa: PLC0415

        pictures = [icon_picture(crop) for crop in crops]
        places = [place for place, picture in enumerate(pictures) if picture is not None]
        seen: list[SeenIcon | None] = [None] * len(crops)
        if not places:
            return tuple(seen)
        pixels = b"".join(picture.tobytes() for picture in pictures if picture is not None)
        greys = torch.frombuffer(bytearray(pixels), dtype=torch.uint8)
        batch = greys.view(len(places), 1, ICON_PX, ICON_PX).float() / 255
        with torch.inference_mode():
            confidences, names = shares_of(self.net, batch).max(1)
        for place, confidence, name in zip(
            places, confidences.tolist(), names.tolist(), strict=True
        ):
            if name < len(self.kinds):
                seen[place] = SeenIcon(self.kinds[name], confidence)
        return tuple(seen)

    def sure_kind(self, crop: Image.Image) -> str:
        """The kind of icon that a crop surely shows; empty where that is not sure."""
        (seen,) = self.best([crop])
        return seen.kind if seen is not None and seen.confidence >= self.threshold else ""

    def named(self, elements: Iterable[Element], picture: Image.Image) -> tuple[Element, ...]:
        """The elements, those without words with the icon that the picture surely shows there."""
        told = tuple(elements)
        bare = [one for one in told if can_be_icon(one, picture)]
        found = self.best([_crop(picture, one) for one in bare])
        icons = {
            one.number: icon
            for one, icon in zip(bare, found, strict=True)
            if icon is not None and icon.confidence >= self.threshold
        }
        return tuple(dataclasses.replace(one, icon=icons.get(one.number)) for one in told)


def can_be_icon(element: Element, picture: Image.Image) -> bool:
    """Whether it has no words, and the size and shape of an icon."""
    bounds = element.bounds
    short, long = sorted((bounds.width, bounds.height))
    return (
        not element.text
        and element.role in _ROLES
        and short >= _LEAST_PX
        and long <= _LARGEST_SHARE * min(picture.size)
        and long <= _MOST_STRETCHED * short
    )


def _crop(picture: Image.Image, element: Element) -> Image.Image:
    bounds = element.bounds
    return picture.crop((bounds.left, bounds.top, bounds.right, bounds.bottom))

"""Measures the net that names icons beside its controls, on families that no net was trained on.

    python benchmarks/icon_table.py --folder ~/.cache/tapgraph-icons --json icons.json

The folder is that of `icon_net.py`; the plain CNN is measured where `--net cnn` was trained there.
"""

import argparse
import json
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from icon_families import FAMILIES
from icon_net import (
    CALIBRATION,
    KINDS,
    as_input,
    calibration_crops,
    crops_of,
    plain_cnn,
    probabilities,
    threshold_of,
)
from PIL import Image
from torch import Tensor, nn

from tapgraph.tools.mobile.perception.icon_picture import ICON_PX
from tapgraph.tools.mobile.perception.icons import open_icon_namer
from tapgraph.tools.mobile.perception.weights import open_weights

HELD_OUT = tuple(name for name, family in FAMILIES.items() if family.is_held_out)
_EACH = 12
_OTHERS = 1200
_HEADINGS = (
    "way",
    "family",
    "crops",
    "top-1",
    "by kind",
    "shown",
    "wrong of shown",
    "others named",
    "wrong of all",
)


@dataclass(frozen=True)
class Row:
    """How one way of naming does on one family.

    Attributes:
        top1: share of the icons that show a kind that get its name first.
        by_kind: the mean of that over kinds.
        shown: share of these whose name is shown.
        wrong_of_shown: share of the shown names of these that are wrong.
        others_named: share of crops that show no kind and are named all the same.
        wrong_of_all: share of all shown names that are wrong where three crops in four show a kind.
    """

    way: str
    family: str
    crops: int
    top1: float
    by_kind: float
    shown: float
    wrong_of_shown: float
    others_named: float
    wrong_of_all: float


def measured(way: str, family: str, shares: Tensor, places: np.ndarray, threshold: float) -> Row:
    """The numbers of a way that gives `[crops, kinds and none]` shares."""
    confidence, name = shares.max(1)
    names = name.numpy()
    is_kind = places < len(KINDS)
    is_right = names == places
    is_shown = (names < len(KINDS)) & (confidence.numpy() >= threshold)
    by_kind = defaultdict(list)
    for place, right in zip(places[is_kind], is_right[is_kind], strict=True):
        by_kind[int(place)].append(bool(right))
    shown, wrong = is_shown[is_kind].mean(), (is_shown & ~is_right)[is_kind].mean()
    others = is_shown[~is_kind].mean()
    named = 0.75 * shown + 0.25 * others
    return Row(
        way=way,
        family=family,
        crops=int(is_kind.sum()),
        top1=round(float(is_right[is_kind].mean()), 4),
        by_kind=round(float(np.mean([np.mean(rights) for rights in by_kind.values()])), 4),
        shown=round(float(shown), 4),
        wrong_of_shown=round(float(wrong / shown), 4) if shown else 0.0,
        others_named=round(float(others), 4),
        wrong_of_all=round(float((0.75 * wrong + 0.25 * others) / named), 4) if named else 0.0,
    )


def nearest(known: np.ndarray, known_places: np.ndarray, asked: np.ndarray) -> Tensor:
    """Shares by the nearest of the known pictures in pixels, scaled to unit length.

    The share of its kind is the cosine between both; all other shares are 0.
    """
    library = nn.functional.normalize(as_input(known).flatten(1), dim=1)
    shares = torch.zeros(len(asked), len(KINDS) + 1)
    for start in range(0, len(asked), 256):
        wanted = nn.functional.normalize(as_input(asked[start : start + 256]).flatten(1), dim=1)
        cosine, place = (wanted @ library.T).max(1)
        rows = torch.arange(start, start + len(wanted))
        shares[rows, torch.from_numpy(known_places)[place]] = cosine
    return shares


def milliseconds_a_crop() -> dict[str, dict[str, float]]:
    """Time of one core from a crop to a name, alone and among forty at once.

    The least and the median of 30: other programs on the machine make it slower.
    """
    namer = open_icon_namer()
    crop = Image.effect_noise((63, 63), 90).convert("RGB")
    took: dict[str, dict[str, float]] = {}
    for count in (1, 40):
        times = []
        for _ in range(30):
            began_s = time.process_time()
            namer.best([crop] * count)
            times.append((time.process_time() - began_s) / count)
        found = {"least": float(min(times)), "median": float(np.median(times))}
        took[f"{count} at once"] = {name: round(1000 * s, 3) for name, s in found.items()}
    return took


def main() -> None:
    """Measure all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    namer = open_icon_namer()
    controls = {}
    if (given.folder / "cnn.safetensors").exists():
        weights = open_weights("cnn", purpose="the control", folder=given.folder)
        cnn = plain_cnn().eval()
        cnn.load_state_dict(dict(weights.tensors), strict=False)
        controls["plain CNN"] = (cnn, float(weights.settings["threshold"]))
    training = [
        name
        for name, family in FAMILIES.items()
        if not family.is_held_out and name not in CALIBRATION
    ]
    known = crops_of(training, given.folder, each=60, others=2000, seed=5, distorts=False)
    chosen_by = calibration_crops(given.folder)
    near_from = threshold_of(nearest(*known, chosen_by[0]), chosen_by[1])
    rows = []
    for family in HELD_OUT:
        pictures, places = crops_of(
            [family], given.folder, each=_EACH, others=_OTHERS, seed=11, distorts=False
        )
        ways = [
            ("fused VanillaNet", probabilities(namer.net, pictures), namer.threshold),
            *((way, probabilities(net, pictures), least) for way, (net, least) in controls.items()),
            ("nearest in pixels", nearest(*known, pictures), near_from),
        ]
        rows += [measured(way, family, shares, places, least) for way, shares, least in ways]
    result = {
        "command": "python benchmarks/icon_table.py",
        "kinds": len(KINDS),
        "numbers": sum(one.numel() for one in namer.net.parameters()),
        "picture_px": ICON_PX,
        "threshold": namer.threshold,
        "milliseconds_a_crop": milliseconds_a_crop(),
        "rows": [asdict(row) for row in rows],
    }
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"| {' | '.join(_HEADINGS)} |\n{'|---' * len(_HEADINGS)}|")
    for row in rows:
        numbers = (
            row.top1,
            row.by_kind,
            row.shown,
            row.wrong_of_shown,
            row.others_named,
            row.wrong_of_all,
        )
        cells = " | ".join(f"{number:.3f}" for number in numbers)
        print(f"| {row.way} | {row.family} | {row.crops} | {cells} |")
    print(result["milliseconds_a_crop"])


if __name__ == "__main__":
    main()

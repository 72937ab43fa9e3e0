"""Trains the net that names icons, and writes its weights; `icon_table.py` measures it.

    npm and `pip install resvg-py` are needed for the first run, which fills the folder.
    python benchmarks/icon_net.py --folder ~/.cache/tapgraph-icons
    python benchmarks/icon_net.py --folder ~/.cache/tapgraph-icons --net cnn    the control

It goes on where it stopped. 45 families are trained on; Ionicons and Iconoir choose the threshold,
and Lucide, Tabler and Phosphor are seen by `icon_table.py` only.
"""

import argparse
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from icon_crops import draw_crops
from icon_families import FAMILIES, Glyphs, kinds_by_name, load_family
from torch import Tensor, nn
from torch.nn import functional

from tapgraph.tools.mobile.perception.glances import shares_of
from tapgraph.tools.mobile.perception.vanilla_net import FusedVanillaNet, NetPlan, VanillaNet
from tapgraph.tools.mobile.perception.weights import save_weights

__all__ = [
    "CALIBRATION",
    "KINDS",
    "PLAN",
    "as_input",
    "calibration_crops",
    "crops_of",
    "plain_cnn",
    "probabilities",
    "threshold_of",
    "trained",
]

CALIBRATION = ("ion", "iconoir")
"""Families that no net is trained on and that choose the threshold."""
KINDS = tuple(sorted(set(kinds_by_name().values()) - {"-"}))
PLAN = NetPlan((64, 160, 384), (2, 2), classes=len(KINDS) + 1, reach=2, input_channels=1)
_BATCH = 256
_MOST_WRONG = 0.03
"""Of the names shown for the family that chooses the threshold; the goal is 0.05."""


def plain_cnn() -> nn.Module:
    """An ordinary net of as many numbers as the fused VanillaNet: 3 by 3, stride 2, ReLU."""
    widths = (1, 40, 80, 128)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [
            nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        ]
    head = nn.Linear(widths[-1], PLAN.classes)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


def crops_of(
    names: Sequence[str], folder: Path, *, each: int, others: int, seed: int, distorts: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and places of kinds of some families, drawn once and then read from the folder."""
    called = "-".join(names) if len(names) < 4 else f"{len(names)}-families"
    file = folder / f"crops-{called}-{each}-{others}-{seed}-{int(distorts)}.npz"
    if not file.exists():
        families: list[Glyphs] = [load_family(name, folder) for name in names]
        held = {kind for glyphs in families for kind in glyphs.kinds}
        kinds = [kind for kind in KINDS if kind in held]
        pictures, at = draw_crops(
            families, kinds, each=each, others=others, seed=seed, distorts=distorts
        )
        places = np.asarray([KINDS.index(kind) for kind in kinds] + [len(KINDS)])
        np.savez_compressed(file, pictures=pictures, places=places[at])
    with np.load(file) as kept:
        return kept["pictures"], kept["places"]


def as_input(pictures: np.ndarray) -> Tensor:
    """`[batch, 1, height, width]` from 0 to 1."""
    return torch.from_numpy(pictures).unsqueeze(1).float() / 255


def trained(
    net: nn.Module, pictures: np.ndarray, places: np.ndarray, *, epochs: int, kept: Path, seed: int
) -> nn.Module:
    """The net after so many epochs; a checkpoint after each lets a broken run go on."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.02)
    steps = len(pictures) // _BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=6e-3, total_steps=epochs * steps, pct_start=0.2
    )
    done = 0
    if kept.exists():
        state = torch.load(kept, weights_only=True)
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        done = state["epochs"]
    for epoch in range(done, epochs):
        began_s = time.perf_counter()
        if isinstance(net, VanillaNet):
            net.fade(min(1.0, epoch / (0.6 * epochs)))
        order = np.random.default_rng((seed, epoch)).permutation(len(pictures))
        torch.manual_seed(seed * 1000 + epoch)
        net.train()
        total = 0.0
        for step in range(steps):
            rows = order[step * _BATCH : (step + 1) * _BATCH]
            batch = _shaken(as_input(pictures[rows])).to(memory_format=torch.channels_last)
            loss = functional.cross_entropy(
                net(batch), torch.from_numpy(places[rows]), label_smoothing=0.05
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item()
        state = {
            "net": net.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "epochs": epoch + 1,
        }
        torch.save(state, kept)
        took_s = time.perf_counter() - began_s
        print(f"epoch {epoch + 1}/{epochs} loss {total / steps:.3f} {took_s:.0f} s", flush=True)
    if isinstance(net, VanillaNet):
        net.fade(1)
    return net.eval()


def _shaken(pictures: Tensor) -> Tensor:
    """The pictures a little larger or smaller, aside, and of another contrast, each by itself."""
    count = len(pictures)
    scale = 1 + 0.08 * torch.randn(count, 2)
    shift = 0.06 * torch.randn(count, 2)
    transforms = torch.zeros(count, 2, 3)
    transforms[:, 0, 0], transforms[:, 1, 1], transforms[:, :, 2] = scale[:, 0], scale[:, 1], shift
    grid = functional.affine_grid(transforms, list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(pictures, grid, align_corners=False)
    return moved.pow(torch.exp(0.25 * torch.randn(count, 1, 1, 1)))


def probabilities(net: nn.Module, pictures: np.ndarray) -> Tensor:
    """`[batch, classes]`."""
    with torch.no_grad():
        parts = [
            shares_of(net, as_input(pictures[at : at + 512])) for at in range(0, len(pictures), 512)
        ]
    return torch.cat(parts)


def calibration_crops(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """What chooses the threshold: eight crops of each kind, and a third as many that show none."""
    return crops_of(CALIBRATION, folder, each=8, others=480, seed=7, distorts=False)


def threshold_of(shares: Tensor, places: np.ndarray) -> float:
    """The least confidence from which on at most `_MOST_WRONG` of the shown names are wrong.

    `shares` are `[crops, kinds and none]`, `places` those of the true kinds.
    """
    confidence, name = (values.numpy() for values in shares.max(1))
    order = np.argsort(-confidence)
    order = order[name[order] < len(KINDS)]
    is_wrong = name[order] != places[order]
    wrong_share = np.cumsum(is_wrong) / np.arange(1, len(order) + 1)
    fitting = np.flatnonzero(wrong_share <= _MOST_WRONG)
    return float(confidence[order[fitting[-1] if len(fitting) else 0]])


def main() -> None:
    """Train, choose the threshold, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--net", choices=["vanilla", "cnn"], default="vanilla")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--each", type=int, default=360)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    names = [
        name
        for name, family in FAMILIES.items()
        if not family.is_held_out and name not in CALIBRATION
    ]
    others = given.each * len(KINDS) // 8
    pictures, places = crops_of(
        names, given.folder, each=given.each, others=others, seed=given.seed, distorts=True
    )
    net = VanillaNet(PLAN) if given.net == "vanilla" else plain_cnn()
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    kept = given.folder / f"{given.net}-{given.each}-{given.epochs}-{given.seed}.pt"
    trained(net, pictures, places, epochs=given.epochs, kept=kept, seed=given.seed)
    used: nn.Module = net.fused() if isinstance(net, VanillaNet) else net
    chosen_by, their_places = calibration_crops(given.folder)
    threshold = threshold_of(probabilities(used, chosen_by), their_places)
    settings = {
        "kinds": KINDS,
        "threshold": round(threshold, 3),
        "widths": PLAN.widths,
        "pools": PLAN.pools,
        "reach": PLAN.reach,
    }
    if isinstance(used, FusedVanillaNet):
        print(save_weights("icons", used.state_dict(), settings))
    else:
        save_weights("cnn", used.state_dict(), settings, folder=given.folder)
    print(f"threshold {threshold:.3f}, {sum(one.numel() for one in used.parameters())} numbers")


if __name__ == "__main__":
    main()

"""Trains the head that tells states of screens, on the trunk of the shipped icon net, and measures it.

    python benchmarks/state_screens.py --folder ~/.cache/tapgraph-states
    python benchmarks/screen_states.py --folder ~/.cache/tapgraph-states          the table
    python benchmarks/screen_states.py --folder ~/.cache/tapgraph-states --ship   writes the weights too
    python benchmarks/screen_states.py --folder … --real DIR                      real screens too

`state_real_screens.tsv` names 40 pictures that five public apps show of themselves in their
repositories, OWNER/NAME/PATH, and three others, with what was seen on them by eye before any net
had seen them. The pictures are other people's: DIR has them, the repository does not.

Everything is chosen on apps for training: the size of the picture, the cells, the decay, and the
thresholds, by predictions for folds of apps and of made-up designs that the head was not fitted on.
Controls: the pixels instead of the trunk, a trunk of random numbers, labels of other screens, and
rules that read the view hierarchy, or its words only, as a perfect reader of pictures would.
"""  # noqa: E501

import argparse
import csv
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from state_screens import STATES, UNKNOWN
from torch import Tensor
from torch.nn import functional

from tapgraph.evals.stats import wilson
from tapgraph.tools.mobile.perception.icons import open_icon_namer
from tapgraph.tools.mobile.perception.screen_states import (
    NET_NAME,
    pooled,
    screen_picture,
    seen_by,
)
from tapgraph.tools.mobile.perception.vanilla_net import FusedVanillaNet
from tapgraph.tools.mobile.perception.weights import digest_of_weights, save_weights

REAL = Path(__file__).parent / "state_real_screens.tsv"
RESULTS = Path(__file__).parent / "results" / "screen_states.json"
SIDES_PX = (96, 160)
GRIDS = ((1, 1), (4, 1))
DECAYS = (1e-2, 1e-1)
PIXELS = (16, 32)
FOLDS = 5
LEAST_RIGHT = 0.99
"""Of the statements about a state, on apps for training that the head was not fitted on."""
LEAST_STATEMENTS = 20
_HOME = "com.google.android.apps.nexuslauncher"
_WAITS = re.compile(r"loading|wait|getting things|lädt|wird geladen", re.IGNORECASE)
_FAILED = re.compile(
    r"went wrong|offline|no connection|not found|server error|keeps stopping|keine verbindung|"
    r"wiederholt beendet",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Screens:
    """Rows of `state_screens.py`, their labels `[screens, states]`, and their folds."""

    rows: list[dict[str, Any]]
    labels: Tensor
    folds: Tensor

    def where(self, keeps: Sequence[bool]) -> "Screens":
        """Some of them."""
        mask = torch.tensor(keeps)
        rows = [row for row, kept in zip(self.rows, keeps, strict=True) if kept]
        return Screens(rows, self.labels[mask], self.folds[mask])


@dataclass(frozen=True)
class Head:
    """One linear layer over standardised features, and a scale for each state."""

    weight: Tensor
    bias: Tensor

    def shares(self, features: Tensor) -> Tensor:
        """`[screens, states]`."""
        return torch.sigmoid(features @ self.weight.T + self.bias)


def load(folder: Path, part: str) -> Screens:
    """All screens of a part; a fold holds apps, or designs where a page is made up."""
    rows = []
    for file in sorted((folder / part).glob("*/screens.json")):
        for number, row in enumerate(json.loads(file.read_text(encoding="utf-8"))):
            rows.append({**row, "file": str(file.parent / f"{number:03}.png")})
    groups = [row["design"] or row["app"] for row in rows]
    order = sorted(set(groups), key=lambda one: (-groups.count(one), one))
    folds = torch.tensor([order.index(one) % FOLDS for one in groups])
    labels = torch.tensor([[row["states"][name] for name in STATES] for row in rows])
    return Screens(rows, labels, folds)


def all_features(screens: Screens, folder: Path, part: str) -> dict[str, Tensor]:
    """By size, cells and way, `[screens, features]`; computed once, then read from the folder."""
    file = folder / f"features-{part}-{len(screens.rows)}.pt"
    if not file.exists():
        trunk = open_icon_namer().net
        torch.manual_seed(0)
        untrained = FusedVanillaNet(trunk.plan).eval()
        found: dict[str, list[Tensor]] = {}
        for row in screens.rows:
            with Image.open(row["file"]) as opened:
                picture = opened.convert("RGB")
            for side_px in SIDES_PX:
                grey = screen_picture(picture, side_px)
                if grey is None:
                    raise ValueError(f"{row['file']} is no screen")
                looks = {"": trunk}
                if side_px == SIDES_PX[-1]:
                    looks["random "] = untrained
                for prefix, net in looks.items():
                    with torch.inference_mode():
                        seen = seen_by(net, grey)
                    for grid in GRIDS:
                        name = prefix + _called(side_px, grid)
                        found.setdefault(name, []).append(pooled(seen, grid).half())
                small = np.asarray(grey.resize(PIXELS, Image.Resampling.BOX), dtype=np.float16)
                found.setdefault(f"pixels {side_px}", []).append(torch.from_numpy(small).flatten())
        torch.save({name: torch.stack(values) for name, values in found.items()}, file)
    return {name: values.float() for name, values in torch.load(file).items()}


def _called(side_px: int, grid: tuple[int, int]) -> str:
    return f"{side_px} {grid[0]}x{grid[1]}"


def fitted(features: Tensor, labels: Tensor, decay: float) -> Head:
    """Logistic regression of each state by itself; unknown labels count for nothing."""
    mean, spread = features.mean(0), features.std(0) + 0.02 * features.std()
    standardised = (features - mean) / spread
    # The best weights lie in the span of the screens, of which there are fewer than of features.
    basis = torch.linalg.qr(standardised.T).Q
    inputs = standardised @ basis
    known = (labels != UNKNOWN).float()
    weight = torch.zeros(labels.shape[1], inputs.shape[1], requires_grad=True)
    bias = torch.zeros(labels.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = inputs @ weight.T + bias
        each = functional.binary_cross_entropy_with_logits(
            logits, labels.clamp_min(0).float(), weight=known, reduction="none"
        )
        total = (each.sum(0) / known.sum(0)).sum() + decay * weight.pow(2).sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    told = weight.detach() @ basis.T / spread
    return Head(told, bias.detach() - told @ mean)


def out_of_fold(features: Tensor, screens: Screens, decay: float) -> Tensor:
    """Logits `[screens, states]`, each of a head that knows neither the app nor the design."""
    logits = torch.zeros_like(screens.labels, dtype=torch.float32)
    for fold in range(FOLDS):
        rest, held = screens.folds != fold, screens.folds == fold
        head = fitted(features[rest], screens.labels[rest], decay)
        logits[held] = features[held] @ head.weight.T + head.bias
    return logits


def average_precision(scores: Tensor, labels: Tensor) -> float:
    """Mean precision over the places of the screens on which the state holds."""
    known = labels != UNKNOWN
    is_there = labels[known][scores[known].argsort(descending=True)] == 1
    precision = is_there.cumsum(0) / torch.arange(1, len(is_there) + 1)
    return float(precision[is_there].mean())


def mean_precision(scores: Tensor, labels: Tensor) -> float:
    """The mean of that over the states."""
    each = [average_precision(scores[:, at], labels[:, at]) for at in range(len(STATES))]
    return float(np.mean(each))


def calibrated(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and shift of each state's logits with the least log loss (Platt 1999)."""
    scale = torch.ones(logits.shape[1], requires_grad=True)
    shift = torch.zeros(logits.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([scale, shift], max_iter=100, line_search_fn="strong_wolfe")
    known = (labels != UNKNOWN).float()

    def loss() -> Tensor:
        optimizer.zero_grad()
        total = functional.binary_cross_entropy_with_logits(
            logits * scale + shift, labels.clamp_min(0).float(), weight=known
        )
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return scale.detach(), shift.detach()


def thresholds_of(shares: Tensor, labels: Tensor) -> list[float]:
    """For each state the least share from which on `LEAST_RIGHT` of the statements are right.

    2, which is never reached, where fewer than `LEAST_STATEMENTS` would be made.
    """
    found = []
    for at in range(len(STATES)):
        known = labels[:, at] != UNKNOWN
        share, order = shares[known, at].sort(descending=True)
        is_right = (labels[known, at][order] == 1).float()
        right = is_right.cumsum(0) / torch.arange(1, len(order) + 1)
        fitting = (right >= LEAST_RIGHT).nonzero().flatten()
        last = int(fitting[-1]) if len(fitting) else -1
        least = float(share[last]) if last + 1 >= LEAST_STATEMENTS else 2.0
        found.append(min(1.0, round(least + 0.0005, 3)) if least <= 1 else least)
    return found


def scored(says: Tensor, screens: Screens) -> dict[str, dict[str, Any]]:
    """Precision and recall of statements `[screens, states]`, by state."""
    found = {}
    for at, name in enumerate(STATES):
        known = screens.labels[:, at] != UNKNOWN
        holds, said = screens.labels[known, at] == 1, says[known, at]
        right = int((holds & said).sum())
        found[name] = {
            "screens": int(known.sum()),
            "holds": int(holds.sum()),
            "said": int(said.sum()),
            "right": right,
            "precision": wilson(right, int(said.sum())).percent,
            "recall": wilson(right, int(holds.sum())).percent,
        }
    return found


def by_hierarchy(row: dict[str, Any]) -> list[bool]:
    """What a rule says that knows the view hierarchy and asks the phone for its keyboard."""
    roles = [role for role, _ in row["told"]]
    words = " ".join(text for _, text in row["told"])
    return [
        "progress" in roles,
        row["window_share"] < 0.95,
        row["states"]["keyboard"] == 1,
        bool(_FAILED.search(words)),
        "list" in roles and roles.count("button") >= 5,
        roles.count("input") >= 2,
    ]


def by_words(row: dict[str, Any]) -> list[bool]:
    """What a rule says that reads the words and sees nothing else."""
    texts = [text for _, text in row["told"] if text]
    words = " ".join(texts)
    return [
        bool(_WAITS.search(words)) or not texts,
        False,
        False,
        bool(_FAILED.search(words)),
        len(texts) >= 10,
        False,
    ]


@dataclass(frozen=True)
class Choice:
    """What the folds chose for one way of seeing, and the head that was fitted on all then."""

    name: str
    decay: float
    found: float
    head: Head
    thresholds: list[float]


def chosen(names: Sequence[str], features: dict[str, Tensor], screens: Screens) -> Choice:
    """The best of these by mean average precision over the folds, calibrated by them too."""
    tried = {
        (name, decay): out_of_fold(features[name], screens, decay)
        for name, decay in product(names, DECAYS)
    }
    found = {key: mean_precision(logits, screens.labels) for key, logits in tried.items()}
    name, decay = max(found, key=lambda key: found[key])
    scale, shift = calibrated(tried[name, decay], screens.labels)
    head = fitted(features[name], screens.labels, decay)
    head = Head(head.weight * scale[:, None], head.bias * scale + shift)
    shares = torch.sigmoid(tried[name, decay] * scale + shift)
    for key, value in found.items():
        print(f"  {key[0]}, decay {key[1]}: {value:.3f}", flush=True)
    thresholds = thresholds_of(shares, screens.labels)
    return Choice(name, decay, found[name, decay], head, thresholds)


def main() -> None:
    """Choose, fit, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--ship", action="store_true")
    parser.add_argument("--real", type=Path, metavar="DIR")
    given = parser.parse_args()
    torch.set_num_threads(1)
    train, test = load(given.folder, "train"), load(given.folder, "test-apps")
    seen = {row["app"] for row in train.rows}
    features, asked = (
        all_features(screens, given.folder, part)
        for screens, part in ((train, "train"), (test, "test-apps"))
    )
    is_new = [row["app"] not in seen and row["app"] != _HOME for row in test.rows]
    held = test.where(is_new)
    asked = {name: values[torch.tensor(is_new)] for name, values in asked.items()}
    places = {_called(side, grid): (side, grid) for side, grid in product(SIDES_PX, GRIDS)}
    ways = {
        "trunk of the icon net": list(places),
        "trunk of random numbers": [f"random {_called(SIDES_PX[-1], grid)}" for grid in GRIDS],
        "pixels": [f"pixels {side_px}" for side_px in SIDES_PX],
    }
    results: dict[str, Any] = {
        "command": "python benchmarks/screen_states.py",
        "screens": {"train": len(train.rows), "test": len(held.rows)},
        "apps": {"train": len(seen), "test": len({row["app"] for row in held.rows})},
        "ways": {},
    }
    choices = {}
    for way, names in ways.items():
        print(way, flush=True)
        choice = choices[way] = chosen(names, features, train)
        shares = choice.head.shares(asked[choice.name])
        results["ways"][way] = {
            "chosen": choice.name,
            "decay": choice.decay,
            "thresholds": choice.thresholds,
            "mean average precision": {
                "folds": round(choice.found, 4),
                "held out": round(mean_precision(shares, held.labels), 4),
            },
            "by state": scored(shares >= torch.tensor(choice.thresholds), held),
        }
    best = choices["trunk of the icon net"]
    side_px, grid = places[best.name]
    order = torch.randperm(len(train.rows), generator=torch.Generator().manual_seed(0))
    mixed = train.labels[order]
    nonsense = fitted(features[best.name], mixed, best.decay).shares(asked[best.name])
    results["ways"]["labels of other screens"] = {
        "mean average precision": {"held out": round(mean_precision(nonsense, held.labels), 4)}
    }
    rules: dict[str, Callable[[dict[str, Any]], list[bool]]] = {
        "view hierarchy": by_hierarchy, "words": by_words, "always": lambda _: [True] * len(STATES),
    }  # fmt: skip
    for name, rule in rules.items():
        says = torch.tensor([rule(row) for row in held.rows])
        results["ways"][name] = {"by state": scored(says, held)}
    if given.real is not None:
        results["real screens"] = on_real_screens(best, side_px, grid, given.real)
    results["by change"] = by_change(best, asked[best.name], held)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print("\n".join(table(results)))
    if given.ship:
        settings = {
            "states": STATES,
            "thresholds": best.thresholds,
            "side_px": side_px,
            "grid": grid,
            "trunk": digest_of_weights("icons"),
        }
        tensors = {"weight": best.head.weight, "bias": best.head.bias}
        print(save_weights(NET_NAME, tensors, settings))


def by_change(choice: Choice, features: Tensor, held: Screens) -> dict[str, dict[str, int]]:
    """How often loading and an error are said after each change of a screen."""
    says = choice.head.shares(features) >= torch.tensor(choice.thresholds)
    found: dict[str, dict[str, int]] = {}
    for row, said in zip(held.rows, says.tolist(), strict=True):
        one = found.setdefault(row["change"] or "as it was", {"screens": 0})
        one["screens"] += 1
        for name, is_said in zip(STATES, said, strict=True):
            one[name] = one.get(name, 0) + is_said
    return found


def on_real_screens(
    choice: Choice, side_px: int, grid: tuple[int, int], folder: Path
) -> dict[str, dict[str, Any]]:
    """Precision and recall on other people's screens; each wrong statement is printed."""
    trunk = open_icon_namer().net
    with REAL.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    features, labels = [], []
    for row in rows:
        with Image.open(folder / row["file"]) as picture:
            grey = screen_picture(picture, side_px)
        if grey is None:
            raise ValueError(f"{row['file']} is no screen")
        with torch.inference_mode():
            features.append(pooled(seen_by(trunk, grey), grid))
        holds, unclear = row["holds"].split(), row["unclear"].split()
        labels.append([UNKNOWN if name in unclear else int(name in holds) for name in STATES])
    shares = choice.head.shares(torch.stack(features))
    says = shares >= torch.tensor(choice.thresholds)
    screens = Screens([{}] * len(rows), torch.tensor(labels), torch.zeros(len(rows)))
    for row, label, said, share in zip(rows, labels, says.tolist(), shares.tolist(), strict=True):
        told = zip(STATES, label, said, share, strict=True)
        wrong = [
            f"{name} ({one:.2f})" for name, holds, is_said, one in told if is_said and holds == 0
        ]
        if wrong:
            print(row["file"], *wrong)
    return scored(says, screens)


def table(results: dict[str, Any]) -> list[str]:
    """Markdown."""
    lines = [
        "| way | state | screens | holds | said | right, % | found, % |",
        "|---|---|---|---|---|---|---|",
    ]
    for way, told in results["ways"].items():
        for name, one in told.get("by state", {}).items():
            cells = [str(one[key]) for key in ("screens", "holds", "said", "precision", "recall")]
            lines.append(f"| {way} | {name} | {' | '.join(cells)} |")
    for name, one in results.get("real screens", {}).items():
        cells = [str(one[key]) for key in ("screens", "holds", "said", "precision", "recall")]
        lines.append(f"| real screens | {name} | {' | '.join(cells)} |")
    for change, counts in results["by change"].items():
        lines.append(f"{change}: {counts}")
    lines += [
        f"{way}: {told.get('mean average precision')}" for way, told in results["ways"].items()
    ]
    return lines


if __name__ == "__main__":
    main()

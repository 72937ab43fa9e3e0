"""Where to look, measured: is what is needed inside the part that is seen in full?

    python benchmarks/order_screens.py --out ~/.cache/tapgraph-order
    python benchmarks/look_table.py --folder ~/.cache/tapgraph-order --json look.json

First table: screens of the apps that `order_screens.py` holds out, each with the element that the
known route touches next; a vision model would get a window of the screen in full beside the whole
at a quarter of its width. Second table: the search by gradients and the one over boxes on scenes of
coloured shapes, with an encoder made by hand; what the caption says must be found, and with the
caption of something that is not there the search must be no better than chance.
"""

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from tapgraph.evals.stats import Tally, share
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.perception.gaze_search import GazeSearch
from tapgraph.tools.mobile.perception.where_to_look import by_looks, by_words, window_around
from tapgraph.tools.mobile.screen import Element, Role

WINDOWS = {"a quarter of the screen": (0.5, 0.5), "a ninth": (1 / 3, 1 / 3)}
_PATCH_PX = 28
"""Side of what counts as one token of a picture, as in Qwen2-VL."""
_COLOURS = {
    "red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0),
    "cyan": (0, 255, 255), "magenta": (255, 0, 255), "white": (255, 255, 255),
}  # fmt: skip
_SIDE, _SHAPES = 64, 4
_Chooser = Callable[[dict[str, Any], Sequence[Element], random.Random], Element | None]


def tokens(width_px: float, height_px: float) -> int:
    """What a picture costs."""
    return -(-round(width_px) // _PATCH_PX) * -(-round(height_px) // _PATCH_PX)


def elements_of(record: dict[str, Any]) -> list[Element]:
    """The elements of a recorded screen."""
    return [
        Element(number, Bounds(*one["bounds"]), one["text"], Role(one["role"]), f"x/{one['id']}")
        for number, one in enumerate(record["elements"], 1)
    ]


def windows_table(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """How often the needed element's middle is inside the window, and what that costs."""
    goals = [f"{one['aim']} {one['instruction']}" for one in records]
    away = len(records) // 2

    def best(goal: str, elements: Sequence[Element]) -> Element | None:
        return next(iter(by_words(elements, goal)), None)

    order = {id(record): place for place, record in enumerate(records)}
    choosers: dict[str, _Chooser] = {
        "middle of the screen": lambda _record, _elements, _rng: None,
        "an element at random": lambda _record, elements, rng: rng.choice(elements),
        "words fit best": lambda record, elements, _rng: best(goals[order[id(record)]], elements),
        "words fit best, goal of another screen": lambda record, elements, _rng: best(
            goals[(order[id(record)] + away) % len(goals)], elements
        ),
    }
    rows = []
    for name, (across, down) in WINDOWS.items():
        for chooser, choose in choosers.items():
            rng = random.Random(0)
            by_task: dict[str, Tally] = defaultdict(lambda: Tally(0.0, 0))
            spent = whole = 0
            for record in records:
                elements = elements_of(record)
                size = Size(*record["size"])
                window = Size(round(size.width_px * across), round(size.height_px * down))
                chosen = choose(record, elements, rng)
                middle = Bounds(0, 0, size.width_px, size.height_px)
                part = window_around(middle if chosen is None else chosen.bounds, size, window)
                needed = elements[record["path"][0]].bounds.center
                by_task[record["task"]] += Tally(float(part.contains(needed)), 1)
                whole += tokens(size.width_px, size.height_px)
                spent += tokens(window.width_px, window.height_px)
                spent += tokens(size.width_px / 4, size.height_px / 4)
            found = share([*by_task.values()], seed=0)
            rows.append({
                "window": name,
                "around": chooser,
                "inside": found.value,
                "low": found.low,
                "high": found.high,
                "tokens": spent / whole,
            })
    return rows


def scenes_table(count: int, seed: int) -> list[dict[str, Any]]:
    """How often the first look goes to the shape that the caption means."""
    rng = random.Random(seed)
    scenes = [_scene(rng) for _ in range(count)]
    pictures = torch.cat([_as_tensor(picture) for picture, _ in scenes])
    search = GazeSearch(fixations=1, blur_taps=21, blur_sigma_px=6.0)
    captions = {
        "right": [next(iter(places)) for _, places in scenes],
        "of another shape there": [list(places)[1] for _, places in scenes],
        "of a shape that is not there": [
            next(name for name in _COLOURS if name not in places) for _, places in scenes
        ],
    }
    rows = []
    for name, said in captions.items():
        asked = torch.stack([_caption(one) for one in said])
        found = search.paths(pictures, asked, _embedded, seed=seed)[:, 0]
        points = ((found + 1) * (_SIDE - 1) / 2).tolist()
        by_gradient = by_boxes = 0
        for (picture, places), (x, y), one in zip(scenes, points, said, strict=True):
            wanted = next(iter(places.values()))
            by_gradient += max(abs(x - wanted[0]), abs(y - wanted[1])) <= 12
            boxes = [Bounds(a - 5, b - 5, a + 6, b + 6) for a, b in places.values()]
            rng.shuffle(boxes)
            look = by_looks(picture, boxes, one, _HandMade(), looks=1)[0]
            by_boxes += look.center.x in range(wanted[0] - 2, wanted[0] + 3) and (
                look.center.y in range(wanted[1] - 2, wanted[1] + 3)
            )
        rows.append({"caption": name, "gradients": by_gradient / count, "boxes": by_boxes / count})
    return rows


class _HandMade:
    """Sees how many pixels have nearly each colour; small shapes lose theirs when blurred."""

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> Sequence[Sequence[float]]:
        return [_embedded(_as_tensor(one))[0].tolist() for one in pictures]

    def embed_text(self, text: str) -> Sequence[float]:
        return _caption(text).tolist()


def _scene(rng: random.Random) -> tuple[Image.Image, dict[str, tuple[int, int]]]:
    picture = Image.new("RGB", (_SIDE, _SIDE), "black")
    places: dict[str, tuple[int, int]] = {}
    corners = [(16, 16), (48, 16), (16, 48), (48, 48)]
    rng.shuffle(corners)
    for name, (x, y) in zip(rng.sample(list(_COLOURS), _SHAPES), corners, strict=True):
        x, y = x + rng.randrange(-6, 7), y + rng.randrange(-6, 7)
        ImageDraw.Draw(picture).rectangle((x - 3, y - 3, x + 3, y + 3), fill=_COLOURS[name])
        places[name] = (x, y)
    return picture, places


def _as_tensor(picture: Image.Image) -> Tensor:
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return pixels.view(picture.height, picture.width, 3).permute(2, 0, 1).float()[None] / 255


def _embedded(pictures: Tensor) -> Tensor:
    wanted = torch.tensor(list(_COLOURS.values())).float() / 255
    away = (pictures[:, None] - wanted[None, :, :, None, None]).square().sum(2)
    return torch.exp(-6 * away).sum((2, 3)) + 1e-3


def _caption(name: str) -> Tensor:
    return torch.eye(len(_COLOURS))[list(_COLOURS).index(name)]


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    lines = {
        name: (given.folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        for name in ("train", "test-apps")
    }
    known = {json.loads(line)["app"] for line in lines["train"]}
    records = [one for one in map(json.loads, lines["test-apps"]) if one["app"] not in known]
    result = {
        "command": "python benchmarks/look_table.py",
        "screens": len(records),
        "windows": windows_table(records),
        "scenes": given.scenes,
        "captions": scenes_table(given.scenes, seed=1),
    }
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print("| window | around | needed inside | 95 % interval | tokens of the whole |")
    print("|---|---|---|---|---|")
    for row in result["windows"]:
        print(
            f"| {row['window']} | {row['around']} | {row['inside']:.1%} | "
            f"{row['low']:.1%} to {row['high']:.1%} | {row['tokens']:.0%} |"
        )
    print("| caption | by gradients | over boxes |\n|---|---|---|")
    for row in result["captions"]:
        print(f"| {row['caption']} | {row['gradients']:.1%} | {row['boxes']:.1%} |")


if __name__ == "__main__":
    main()

"""Screens of `sim` with what the known route touches there next, for `order_net.py`.

    python benchmarks/order_screens.py --out ~/.cache/tapgraph-order --seeds 3

One file for the split `train`, and one for `test-apps`, whose apps are in no training task. It goes
on where it stopped.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapgraph.evals.open_suite import open_suite
from tapgraph.evals.suite import Task
from tapgraph.tools.mobile.actions import LongPress, Tap
from tapgraph.tools.mobile.geometry import Point
from tapgraph.tools.mobile.screen import Element, Screen
from tapgraph.tools.mobile.screen_reader import ScreenReader
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.guide import Move, play

SPLITS = ("train", "test-apps")


@dataclass(frozen=True)
class _Seen:
    screen: Screen
    touched: Element
    expectation: str


def touched_screens(task: Task, seed: int) -> list[dict[str, Any]]:
    """Every screen on which the route touches an element, with its path over that screen.

    The path is what is touched there and, as long as it stands there too, what is touched next.
    """
    if task.route is None:
        return []
    seen: list[_Seen] = []
    with build_phone(seed=seed) as phone, SimulatedDevice(phone) as device:
        reader = ScreenReader(device, source="tree", pictures="when needed")

        def see(move: Move) -> None:
            if isinstance(move.action, Tap | LongPress):
                screen = reader.read()
                element = screen.element_at(Point(move.action.x, move.action.y))
                if element is not None:
                    seen.append(_Seen(screen, element, move.thought))

        done = play(phone, task.route, before_move=see)
    aims = [
        played.aim.words for played in done.moves if isinstance(played.move.action, Tap | LongPress)
    ]
    if len(aims) != len(seen):
        return []
    return [
        {
            "task": task.id,
            "seed": seed,
            "app": one.screen.app.package,
            "instruction": task.instruction,
            "aim": aims[place],
            "size": [one.screen.size.width_px, one.screen.size.height_px],
            "elements": [_plain(element) for element in one.screen.elements],
            "path": _path(one.screen, seen[place:], aims[place:]),
        }
        for place, one in enumerate(seen)
    ]


def _path(screen: Screen, later: list[_Seen], aims: list[str]) -> list[int]:
    """Places among the screen's elements, in the order in which they are touched."""
    names = {_name(element): element.number - 1 for element in reversed(screen.elements)}
    path = [later[0].touched.number - 1]
    for one, aim in zip(later[1:], aims[1:], strict=True):
        place = names.get(_name(one.touched))
        if aim != aims[0] or place is None or one.screen.app != screen.app:
            break
        path.append(place)
    return path[:8]


def _name(element: Element) -> tuple[str, ...]:
    return element.role.value, element.text, element.resource_id


def _plain(element: Element) -> dict[str, Any]:
    bounds = element.bounds
    return {
        "text": element.text[:200],
        "role": element.role.value,
        "id": element.resource_id.rpartition("/")[2],
        "clickable": element.clickable,
        "scrollable": element.scrollable,
        "checked": element.checked is not None,
        "focused": element.focused,
        "bounds": [bounds.left, bounds.top, bounds.right, bounds.bottom],
    }


def main() -> None:
    """Play the routes and write one line a screen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    suite = open_suite("sim")
    for name in SPLITS:
        file = given.out / f"{name}.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        known = {(one["task"], one["seed"]) for one in map(json.loads, lines)}
        first = suite.split(name).first_seed
        with file.open("a", encoding="utf-8") as out:
            for seed in range(first, first + given.seeds):
                for template in suite.part(name):
                    if (template.name, seed) in known:
                        continue
                    for record in touched_screens(template.draw(seed), seed):
                        out.write(json.dumps(record, ensure_ascii=False) + "\n")
                    out.flush()
        print(name, sum(1 for _ in file.open(encoding="utf-8")), flush=True)


if __name__ == "__main__":
    main()

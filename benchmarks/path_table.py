"""What unrelated and random paths of touches score beside the known route of a task of `sim`.

    python benchmarks/path_table.py --json path.json

The known routes of the easy tasks, each beside itself, the route of the task after it, itself
backwards, and as many touches at random places.
"""

import argparse
import json
import random
from pathlib import Path
from statistics import mean

from tapgraph.evals.open_suite import open_suite
from tapgraph.evals.phone.tap_paths import match, reference_path
from tapgraph.evals.scanpath import Fixation
from tapgraph.tools.mobile.geometry import Size
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice


def routes(seed: int) -> list[tuple[Fixation, ...]]:
    """The path of each easy task's known route that touches anything."""
    suite = open_suite("sim")
    found = []
    for template in suite.part("easy"):
        with build_phone(seed=seed) as phone, SimulatedDevice(phone) as device:
            found.append(reference_path(device, template.draw(seed)))
    return [path for path in found if path]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    size, rng, paths = Size(1080, 2400), random.Random(0), routes(0)
    others = {
        "itself": paths,
        "the route of another task": [*paths[1:], paths[0]],
        "itself backwards": [path[::-1] for path in paths],
        "touches at random": [
            tuple(
                Fixation(x, y, thing=f"{x} {y}")
                for x, y in ((rng.uniform(0, 1080), rng.uniform(0, 2400)) for _ in path)
            )
            for path in paths
        ],
    }
    rows = []
    for name, theirs in others.items():
        found = [match(one, path, size) for one, path in zip(theirs, paths, strict=True)]
        rows.append({
            "path": name,
            "sequence": mean(one.sequence for one in found),
            "edits": mean(one.edits for one in found),
            "scan_match": mean(one.scan_match for one in found),
        })
    result = {"command": "python benchmarks/path_table.py", "routes": len(paths), "rows": rows}
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"{len(paths)} routes\n| path | path SS | path SED | path ScanMatch |\n|---|---|---|---|")
    for row in rows:
        shares = f"{row['sequence']:.0%} | {row['edits']:.1f} | {row['scan_match']:.0%}"
        print(f"| {row['path']} | {shares} |")


if __name__ == "__main__":
    main()

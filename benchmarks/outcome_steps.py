"""Steps of the suite `sim` with faults, whose outcome is known, as lines of JSON.

    python benchmarks/outcome_steps.py --part train
    python benchmarks/outcome_steps.py --part held_out

Goes on where it stopped. `train.jsonl` has the tasks for training, `held_out.jsonl` those of apps
that no such task needs; which app a step is of stands in it.
"""

import argparse
import dataclasses
import json
from pathlib import Path
from random import Random

from tapgraph.errors import UsageError
from tapgraph.evals.outcomes.steps import KnownStep, known_steps
from tapgraph.evals.phone.sim_suite import SIM_KINDS, sim_suite

PARTS = {"train": ("train", 1), "held_out": ("test-apps", 1)}
"""Split of the suite, and seeds of each kind of task."""


def main() -> None:
    """Write one file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/outcomes"))
    parser.add_argument("--part", choices=PARTS, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    split, seeds = PARTS[options.part]
    gather(options.out / f"{options.part}.jsonl", split, seeds)


def gather(file: Path, split: str, seeds: int) -> None:
    """Add the tasks that the file does not have yet."""
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    known = {json.loads(line)["task"] for line in lines}
    members = sim_suite().splits[split]
    for seed in range(members.first_seed, members.first_seed + seeds):
        for kind in SIM_KINDS:
            name = f"{kind.name}/{seed}"
            if kind.name not in members.templates or name in known:
                continue
            try:
                task = kind.task(seed)
            except UsageError:
                continue
            with kind.phone(seed) as phone:
                steps = list(known_steps(task, phone, Random(name)))
            with file.open("a", encoding="utf-8") as written:
                written.write(json.dumps({"task": name, "steps": list(map(_row, steps))}) + "\n")
            print(f"{file.name}: {name}, {len(steps)} steps", flush=True)


def _row(step: KnownStep) -> dict[str, str]:
    return dataclasses.asdict(step)


if __name__ == "__main__":
    main()

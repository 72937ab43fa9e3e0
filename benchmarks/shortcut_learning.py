"""The bias of linear, ReLU and tanh models towards the feature that is easier to see.

    python benchmarks/shortcut_learning.py            (about 6 minutes on one core; resumes)

Re-makes the claim of arXiv 2310.16228 (section 4) on its generative task: bias over training steps,
by availability. Controls: equal availability, a shortcut that is harder to see than the core
feature, and the optimal classifier, whose bias is 0 by construction.
"""

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from tapgraph.evals.feature_reliance.generative import GenerativeTask, bias, optimal_reliance
from tapgraph.evals.feature_reliance.trained_models import Kind, Training, bias_curve

RESULTS = Path(__file__).parent / "results" / "shortcut_learning.json"
RATIOS = (0.125, 1.0, 8.0)
MODELS: Mapping[str, tuple[Kind, int]] = {
    "linear": ("linear", 0),
    "1 ReLU layer": ("relu", 1),
    "1 tanh layer": ("tanh", 1),
}
SEEDS = range(2)


def main() -> None:
    """Measure what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    place = parser.parse_args().results
    torch.set_num_threads(1)
    found = json.loads(place.read_text("utf-8"))["runs"] if place.exists() else {}
    for ratio in RATIOS:
        for name, (kind, layers) in MODELS.items():
            for seed in SEEDS:
                key = f"{name}/{ratio:g}/{seed}"
                if key not in found:
                    task = GenerativeTask(availability_ratio=ratio)
                    curve = bias_curve(kind, task, Training(hidden_layers=layers), seed=seed)
                    found[key] = {"steps": curve.steps, "bias": curve.biases,
                                  "accuracy": curve.accuracies}  # fmt: skip
                    keep(place, found)
                    print(key, curve.biases, flush=True)
    keep(place, found)
    print("\n".join(table(found)))


def keep(place: Path, runs: Mapping[str, object]) -> None:
    """Write what is known so far."""
    task = GenerativeTask()
    about = {
        "command": "python benchmarks/shortcut_learning.py",
        "setting": "SGD 0.03, batch 64, 3200 points, width 128, squared error",
        "optimal_reliance": optimal_reliance(task),
        "bias_of_optimal": bias(task.optimal, task),
    }
    place.write_text(json.dumps({**about, "runs": runs}, indent=1) + "\n", "utf-8")


def table(runs: Mapping[str, Mapping[str, Sequence[float]]]) -> list[str]:
    """Means over seeds with the least and the greatest, as Markdown."""
    steps = next(iter(runs.values()))["steps"]
    head = " | ".join(f"{step:,} steps" for step in steps)
    lines = [f"| availability | model | {head} |", "|---" * (2 + len(steps)) + "|"]
    for ratio in RATIOS:
        for name in MODELS:
            curves = [runs[f"{name}/{ratio:g}/{seed}"]["bias"] for seed in SEEDS]
            cells = [
                f"{statistics.mean(column):+.2f} ({min(column):+.2f} to {max(column):+.2f})"
                for column in zip(*curves, strict=True)
            ]
            lines.append(f"| {ratio:g} | {name} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    main()

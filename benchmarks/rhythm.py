"""Does the rhythm of attention mean what its paper says (2510.13554), and does credit by it help?

    python benchmarks/rhythm.py facts [--model PATH] [--replies N]
    python benchmarks/rhythm.py policy [--seeds N]
    python benchmarks/rhythm.py plot

`facts`: in replies of a small checkpoint, whether entropy is higher at peaks of WAAD, and whether a
rollout changes more when the token at the highest peak of FAI is another; both against tokens near
the peak, because entropy and influence change with the position alone. `policy`: a tiny model that
was taught countdown by some hundred steps goes on by GRPO, under the three credit rules of the
paper and four controls, with the same problems and the same dice for all rules of a seed; `plot`
draws its curves, every seed, unsmoothed. Both go on where an earlier run stopped.
"""

import argparse
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rhythm_facts import facts_table, measure_facts
from rhythm_plot import draw_curves
from rhythm_policy import Size, measure_policies, policy_table
from torch_machine import machine

from tapgraph.llm_backend.model_store import ModelStore
from tapgraph.settings import Settings

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=("facts", "policy", "plot"))
    parser.add_argument("--model", default="smollm2", help="for facts: a checkpoint")
    parser.add_argument("--replies", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=128, help="of a reply, at most")
    parser.add_argument("--rollout", type=int, default=40, help="tokens after a changed one")
    parser.add_argument("--seeds", type=int, default=3, help="for policy")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/results")
    parser.add_argument("--work", type=Path, default=ROOT / "build/rhythm")
    parser.add_argument("--plot", type=Path, default=ROOT / "docs/images/rhythm.svg")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    policies = options.results / "rhythm_policy.json"
    if options.what == "facts":
        facts(options)
    elif options.what == "policy":
        size = Size()
        found = earlier(policies, {"size": asdict(size)})
        measuring = measure_policies(size, options.seeds, options.work, found)
        keep(measuring, policies)
        show(policy_table(found))
        print(f"start: {100 * found['start']:.1f} % solved; CPU seconds: {found['cpu_s']}")
    if options.what != "facts":
        drawn = draw_curves(json.loads(policies.read_text("utf-8")))
        options.plot.write_text(drawn, encoding="utf-8")
        print(f"written to {options.plot}")


def facts(options: argparse.Namespace) -> None:
    """Both facts of the analysis."""
    place = options.results / "rhythm_facts.json"
    setup = {name: getattr(options, name) for name in ("model", "tokens", "rollout")}
    found = earlier(place, setup)
    path = ModelStore(Settings.from_environment().models_folder).path_of(options.model)
    keep(measure_facts(path, options.replies, options.tokens, options.rollout, found), place)
    show(facts_table(found))
    print(f"{found['facts']['replies']} replies; CPU seconds: {found['cpu_s']}")


def earlier(place: Path, setup: Mapping[str, Any]) -> dict[str, Any]:
    """What an earlier run with the same set-up has left."""
    if place.exists():
        found: dict[str, Any] = json.loads(place.read_text("utf-8"))
        if all(found.get(name) == value for name, value in setup.items()):
            print(f"going on from {place}, of {found['machine']}")
            return found
    print(f"on {machine()}", flush=True)
    return {**setup, "machine": machine()}


def keep(growing: Iterable[Mapping[str, Any]], place: Path) -> None:
    """Write what is known after each part."""
    place.parent.mkdir(parents=True, exist_ok=True)
    for found in growing:
        unfinished = place.with_suffix(".part")
        unfinished.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        unfinished.replace(place)
        print(f"CPU seconds: {found['cpu_s']}", flush=True)


def show(rows: Iterable[tuple[str, ...]]) -> None:
    """A table in plain text."""
    for row in rows:
        print("".join(cell.ljust(26 if place == 0 else 18) for place, cell in enumerate(row)))


if __name__ == "__main__":
    main()

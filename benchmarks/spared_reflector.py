"""The suite `sim` with and without the outcome net in the Reflector's place.

    python benchmarks/spared_reflector.py --tasks 12        (about 4 minutes on one core; resumes)

Tasks of apps that the net was not trained on, by the demonstrator of whose actions a fifth is
random, on phones with faults. In both arms its Operator says which action completes a subgoal. The
demonstrator's Reflector knows the truth; what is measured is what the net's verdicts do to the run.
"""

import argparse
import dataclasses
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.run.events import ModelCalled, Reflected
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import UsageError
from tapgraph.evals.metrics import is_success
from tapgraph.evals.phone.baselines import PhoneAgents
from tapgraph.evals.phone.sim_suite import sim_suite
from tapgraph.evals.phones import SimulatedPhones
from tapgraph.evals.stats import wilson
from tapgraph.evals.suite import Task
from tapgraph.evals.trial import Trial, run_trial
from tapgraph.tools.mobile.device import Device

RESULTS = Path(__file__).parent / "results" / "spared_reflector.json"
MODEL, FAULTS = "demonstrator?error_rate=0.2", "popup@4,tap@7,message@9"


def main() -> None:
    """Run what is missing, print both arms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=12)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    place: Path = options.results
    runs = json.loads(place.read_text("utf-8"))["runs"] if place.exists() else {}
    suite = sim_suite()
    members = suite.splits["test-apps"]
    every = max(1, len(members.templates) // options.tasks)
    for name in members.templates[::every][: options.tasks]:
        for arm in ("asked", "spared"):
            if f"{name}/{arm}" not in runs:
                try:
                    task = suite.template(name).draw(members.first_seed)
                except UsageError:
                    continue
                runs[f"{name}/{arm}"] = one_run(task, members.first_seed, arm)
                print(name, arm, runs[f"{name}/{arm}"], flush=True)
                keep(place, runs)
    keep(place, runs)
    print("\n".join(table(runs)))


def one_run(task: Task, seed: int, arm: str) -> dict[str, Any]:
    """What became of a trial, and who was asked in its steps."""
    agents = PhoneAgents(MODEL, spares_reflector=True)

    def make(device: Device, task: Task, seed: int) -> PhoneAgent:
        agent = agents(device, task, seed)
        return dataclasses.replace(agent, outcome_judge=None) if arm == "asked" else agent

    with TemporaryDirectory() as folder, SimulatedPhones(FAULTS).opened(seed) as device:
        place = Path(folder) / "run"
        record = run_trial(Trial(task.id, seed, 0), task, device, make, folder=place)
        events = list(RunFolder.open(place).events())
    roles = defaultdict(set)
    for event in events:
        if isinstance(event, ModelCalled):
            roles[event.step].add(event.role)
    acted = [asked for asked in roles.values() if "operator" in asked]
    judged = [event.judged_by for event in events if isinstance(event, Reflected)]
    return {
        "success": bool(is_success(record)),
        "steps": len(judged),
        "operator": len(acted),
        "reflector": sum("reflector" in asked for asked in acted),
        "by the net": judged.count("outcome judge"),
        "calls": record.calls,
    }


def keep(place: Path, runs: dict[str, Any]) -> None:
    """Write what is known so far."""
    about = {"command": "python benchmarks/spared_reflector.py", "model": MODEL, "faults": FAULTS}
    place.write_text(json.dumps({**about, "runs": runs}, indent=1) + "\n", "utf-8")


def table(runs: dict[str, Any]) -> list[str]:
    """Both arms, as Markdown."""
    head = (
        "| | tasks | success | steps | Reflector asked | calls in sequence a step | calls a step |"
    )
    lines = [head, "|---" * 7 + "|"]
    for arm in ("asked", "spared"):
        found: Sequence[dict[str, Any]] = [
            run for name, run in runs.items() if name.endswith(f"/{arm}")
        ]
        steps = sum(run["steps"] for run in found)
        reflector = sum(run["reflector"] for run in found)
        operator = sum(run["operator"] for run in found)
        calls = sum(run["calls"] for run in found)
        success = wilson(sum(run["success"] for run in found), len(found)).percent
        lines.append(
            f"| {arm} | {len(found)} | {success} | {steps} | {reflector} | "
            f"{(operator + reflector) / steps:.2f} | {calls / steps:.2f} |"
        )
    return lines


if __name__ == "__main__":
    main()

"""What a memory that learns is worth: success, steps, calls and tokens, arm by arm.

Twelve kinds of tasks of the suite `sim`, which all end in a note, in a fixed order with one memory
that goes on, for each of some seeds. The model is scripted (`ablation_model.py`): it errs at a
known rate, which tips in its prompt change, and 30 % of what it proposes for the memory is wrong.
What it shows is how the memory treats right and wrong proposals; of a language model it says
nothing.

    python benchmarks/memory_ablation.py [--seeds N] [--arms ARM ...] [--json FILE]

Arms: no memory; tips; shortcuts; both; both without the gate (nothing is executed again, all
counts as verified, and no record retires anything); and the pipeline `mobile-agent-e`, which
writes all tips anew, with and without its memory. Goals: with memory 25 % fewer calls in the second
half than without at equal or better success; without the gate measurably worse.

All calls count, those of the reflectors on experience too. Success has Wilson's intervals, means
and ratios a bootstrap over tasks; tasks of one chain share a memory, so that both are a little too
narrow.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from ablation_model import TIPS, Habits, Learner

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.pipeline import pipeline_named
from tapgraph.evals.open_suite import open_suite
from tapgraph.evals.phone.baselines import random_model
from tapgraph.evals.phones import SimulatedPhones
from tapgraph.evals.stats import Estimate, Tally, share, wilson
from tapgraph.evals.suite import Suite, Task
from tapgraph.evals.trial import Trial, run_trial
from tapgraph.memory import MemoryStore, Provenance, Scope, Shortcut, ShortcutDraft, TipDraft
from tapgraph.memory.models import EvidenceKind, Polarity
from tapgraph.memory.shortcut_check import ActionArguments
from tapgraph.tools.mobile.device import Device
from tapgraph.tools.mobile.simulator.device import SimulatedDevice

KINDS: Final = (
    "write_a_note", "note_sales", "sum_into_a_note", "note_best_place", "note_creators",
    "pass_on_top_video", "note_sights", "add_two_balances_into_a_note", "note_the_size_of_a_file",
    "sum_up_reviews", "note_three_prices", "plan_city_trip",
)  # fmt: skip
"""In this order; the long and the short ones are spread over both halves."""
HALF: Final = len(KINDS) // 2
FIRST_SEED: Final = 1


class UngatedMemory(MemoryStore):
    """Takes all that is learnt for verified, whatever becomes of it."""

    def add_tip(
        self,
        text: str | TipDraft,
        *,
        polarity: Polarity = "do",
        scope: Scope | None = None,
        provenance: Provenance | None = None,
    ) -> str:
        """See `MemoryStore`."""
        added = super().add_tip(text, polarity=polarity, scope=scope, provenance=provenance)
        self.reinstate(added, reason="there is no gate")
        return added

    def add_shortcut(
        self,
        draft: ShortcutDraft,
        *,
        actions: Mapping[str, ActionArguments],
        scope: Scope | None = None,
        provenance: Provenance | None = None,
    ) -> str:
        """See `MemoryStore`."""
        added = super().add_shortcut(draft, actions=actions, scope=scope, provenance=provenance)
        self.reinstate(added, reason="there is no gate")
        return added

    def record(
        self,
        kind: EvidenceKind,
        identities: Collection[str],
        *,
        run: str | None = None,
        step: int | None = None,
        why: str = "",
    ) -> None:
        """Keeps nothing, so that nothing follows."""


@dataclass(frozen=True, slots=True)
class Arm:
    """What the agent has and learns."""

    name: str
    habits: Habits
    memory: type[MemoryStore] | None = MemoryStore
    pipeline: str = "tapgraph"

    @property
    def is_gated(self) -> bool:
        """Whether shortcuts are executed again before they are used."""
        return self.memory is MemoryStore and self.pipeline == "tapgraph"


ARMS: Final = (
    Arm("none", Habits(), memory=None),
    Arm("tips", Habits(shortcuts=False)),
    Arm("shortcuts", Habits(tips=False)),
    Arm("both", Habits()),
    Arm("both, no gate", Habits(), memory=UngatedMemory),
    Arm("rewrite, none", Habits(), memory=None, pipeline="mobile-agent-e"),
    Arm("rewrite", Habits(), pipeline="mobile-agent-e"),
)
BASELINE_OF: Final = {"rewrite": "rewrite, none"}
"""Which arm without a memory each is compared with; the pipelines ask differently often."""


@dataclass(frozen=True, slots=True)
class Row:
    """One task done."""

    arm: str
    seed: int
    place: int
    kind: str
    success: bool
    steps: int
    calls: int
    reflector_calls: int
    tokens: int
    shortcuts_called: int


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arms", nargs="+", default=[arm.name for arm in ARMS])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    ran_on = {
        "machine": f"{platform.platform()}, Python {platform.python_version()}",
        "load_average": [round(one, 1) for one in os.getloadavg()],
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": "scripted learner (not a language model)",
        "habits": asdict(Habits()),
        "tasks": list(KINDS),
        "seeds": list(seeds),
    }
    print(json.dumps(ran_on, indent=1))
    suite, rows, left = open_suite("sim"), list[Row](), dict[str, object]()
    began = time.perf_counter()
    for seed in seeds:
        for arm in ARMS:
            if arm.name in options.arms:
                with tempfile.TemporaryDirectory() as folder:
                    done, left[f"{arm.name}/{seed}"] = chain(suite, arm, seed, Path(folder))
                rows += done
                print(f"{time.perf_counter() - began:5.0f} s  {arm.name}, seed {seed}: "
                      f"{sum(row.success for row in done)} of {len(done)}, "
                      f"{sum(row.calls for row in done)} calls", flush=True)  # fmt: skip
                if options.json:
                    report = {"summary": summary(rows), "memory": left}
                    report |= {"rows": [asdict(row) for row in rows]}
                    text = json.dumps(ran_on | report, indent=1)
                    options.json.write_text(f"{text}\n", encoding="utf-8")
    print_table(summary(rows))


def chain(suite: Suite, arm: Arm, seed: int, folder: Path) -> tuple[list[Row], object]:
    """All tasks one after another, and what the memory holds at the end."""
    opened = partial(SimulatedPhones().opened, apps=suite.apps)
    rows = []
    place_of_memory = arm.memory.open(folder / "memory.db") if arm.memory else nullcontext()
    with place_of_memory as memory:
        for place, kind in enumerate(KINDS):
            trial, task = Trial(kind, seed, 0), suite.template(kind).draw(seed)
            run = folder / f"{place:02}-{kind}"
            with opened(seed) as device:
                record = run_trial(
                    trial,
                    task,
                    device,
                    agent_maker(arm),
                    folder=run,
                    memory=memory,
                    rehearses_on=opened if arm.is_gated else None,
                )
            told = [json.loads(line) for line in (run / "events.jsonl").open(encoding="utf-8")]
            roles = Counter(one["role"] for one in told if one["kind"] == "model_called")
            named = [one["action"]["name"] for one in told if one["kind"] == "decided"]
            rows.append(
                Row(
                    arm=arm.name,
                    seed=seed,
                    place=place,
                    kind=kind,
                    success=all(verdict.holds for verdict in record.verdicts) and not record.error,
                    steps=record.spent.steps,
                    calls=record.calls,
                    reflector_calls=roles["shortcut_reflector"] + roles["tips_reflector"],
                    tokens=record.prompt_tokens + record.completion_tokens,
                    shortcuts_called=sum("_in_" in one or one == "Tap_and_Write" for one in named),
                )
            )
        return rows, None if memory is None else held(memory)


def agent_maker(arm: Arm) -> Callable[[Device, Task, int], PhoneAgent]:
    """Makes the agent of an arm for a task."""

    def make(device: Device, task: Task, seed: int) -> PhoneAgent:
        if not isinstance(device, SimulatedDevice) or task.route is None:
            raise TypeError("the scripted model needs the simulated phone and a route")
        other = random_model(device, seed)
        model = Learner(task.route, device.phone, other, arm.habits, seed=seed)
        return PhoneAgent(device, model, pipeline=pipeline_named(arm.pipeline))

    return make


def held(memory: MemoryStore) -> dict[str, object]:
    """How many right and wrong tips are in use and retired, and each learnt shortcut's end."""
    helps = {helps for helps, _ in TIPS.values()}
    learnt = [
        one
        for one in memory.tips(statuses=("draft", "verified", "trusted", "retired"))
        if one.provenance.origin == "run"
    ]
    tips = Counter(
        f"{'right' if one.text in helps else 'wrong'}, "
        f"{'retired' if one.status == 'retired' else 'in use'}"
        for one in learnt
        if one.merged_into is None
    )
    shortcuts = {
        one.name: f"{'right' if is_right(one) else 'wrong'}, {one.status}: {one.reason}"
        for one in memory.shortcuts(statuses=("draft", "verified", "trusted", "retired"))
        if one.provenance.origin == "run"
    }
    return {"tips": dict(tips), "shortcuts": shortcuts}


def is_right(shortcut: Shortcut) -> bool:
    """Whether it does what its description says, with each of its texts in its place."""
    described = shortcut.description.rstrip(".").rpartition(": ")[2].split(", ")
    typed = [one.arguments_map["text"] for one in shortcut.steps if one.action_name == "Type"]
    return described == [one.action_name for one in shortcut.steps] and typed == [
        f"text_{number}" for number in range(1, len(typed) + 1)
    ]


def summary(rows: Sequence[Row]) -> list[dict[str, object]]:
    """A line for each arm and half."""
    table: list[dict[str, object]] = []
    for arm in dict.fromkeys(row.arm for row in rows):
        for half, is_second in (("first", False), ("second", True)):
            mine = [row for row in rows if row.arm == arm and (row.place >= HALF) == is_second]
            bare = {
                (row.seed, row.place): row
                for row in rows
                if row.arm == BASELINE_OF.get(arm, arm if arm == "rewrite, none" else "none")
            }
            pairs = [(row, bare[row.seed, row.place]) for row in mine if bare]
            table.append({
                "arm": arm,
                "half": half,
                "tasks": len(mine),
                "success": told(wilson(sum(row.success for row in mine), len(mine))),
                "steps": told(share([Tally(row.steps, 1) for row in mine], seed=0)),
                "calls": told(share([Tally(row.calls, 1) for row in mine], seed=0)),
                "tokens": told(share([Tally(row.tokens, 1) for row in mine], seed=0)),
                "calls of those without": told(
                    share([Tally(one.calls, other.calls) for one, other in pairs], seed=0)
                ),
                "shortcuts called": sum(row.shortcuts_called for row in mine),
            })  # fmt: skip
    return table


def told(estimate: Estimate) -> list[float | None]:
    """The value and its interval."""
    ends = (estimate.value, estimate.low, estimate.high)
    return [None if one is None else round(one, 3) for one in ends]


def print_table(table: Sequence[dict[str, object]]) -> None:
    """Each line of the summary; an interval of 95 % stands behind each value."""
    for line in table:
        cells = (f"{name} {value}" for name, value in line.items() if name not in {"arm", "half"})
        print(f"{line['arm']}, {line['half']} half: {'; '.join(cells)}")


if __name__ == "__main__":
    main()

"""What a memory that learns is worth: success, steps, calls and tokens, arm by arm.

Chains of tasks in a fixed order, each with one memory that goes on, for each of some seeds. Of the
suite `sim` it is one chain of thirty: ten kinds that all end in a note, three times with other
values on the same phone, as the tasks of one person recur. Of `mobile-eval-e` each scenario is one,
as in the paper's setting `evolution`. The model is scripted (`ablation_model.py`): it errs
at a known rate, which tips in its prompt change, and 30 % of what it proposes for the memory is
wrong. What it shows is how the memory treats right and wrong proposals; of a language model it says
nothing.

    python benchmarks/memory_ablation.py [--suite mobile-eval-e --data DIR] [--seeds N]
        [--arms ARM ...] [--processes N] [--json FILE]

What FILE holds already is not measured again.

Arms: no memory; tips; shortcuts; both; both without the gate (nothing is executed again, all
counts as verified, and no record retires anything); and the pipeline `mobile-agent-e`, which
writes all tips anew, with and without its memory. Goals: with memory 25 % fewer calls in the second
half than without at equal or better success; without the gate measurably worse than with it.

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
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from ablation_model import TIPS, Habits, Learner

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.pipeline import pipeline_named
from tapgraph.evals.open_suite import open_suite
from tapgraph.evals.phone.baselines import random_model
from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch
from tapgraph.evals.phone.sim_suite import SIM_KINDS
from tapgraph.evals.phones import SimulatedPhones
from tapgraph.evals.stats import Estimate, Tally, share, wilson
from tapgraph.evals.suite import Suite, Task
from tapgraph.evals.trial import Trial, TrialRecord, run_trial
from tapgraph.memory import MemoryStore, Provenance, Scope, Shortcut, ShortcutDraft, TipDraft
from tapgraph.memory.models import EvidenceKind, Polarity
from tapgraph.memory.shortcut_check import ActionArguments
from tapgraph.tools.mobile.device import Device
from tapgraph.tools.mobile.simulator.device import SimulatedDevice

KINDS: Final = (
    "write_a_note", "note_sales", "sum_into_a_note", "note_best_place", "note_creators",
    "pass_on_top_video", "note_sights", "add_two_balances_into_a_note", "note_the_size_of_a_file",
    "sum_up_reviews",
)  # fmt: skip
"""In this order. Kinds of a hundred steps are left out, as their chances would drown all else."""
TIMES: Final = 3
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
BASELINES: Final = {"rewrite": "rewrite, none", "rewrite, none": "rewrite, none"}
"""Which arm without a memory each is compared with; the pipelines ask differently often."""
GATED: Final = {"both, no gate": "both"}


@dataclass(frozen=True, slots=True)
class Row:
    """One task done."""

    arm: str
    chain: str
    seed: int
    place: int
    is_second_half: bool
    kind: str
    success: bool
    steps: int
    calls: int
    reflector_calls: int
    tokens: int
    shortcuts_called: int


@dataclass(frozen=True, slots=True)
class Chain:
    """Tasks that are done one after another with one memory: which, by name, and how to draw them.

    Attributes:
        suite: where they come from, as `open_suite` takes it.
        name: which of the suite's chains it is.
    """

    suite: str
    data: Path | None
    name: str

    def tasks(self) -> Sequence[tuple[str, Callable[[int], Task]]]:
        """In their order."""
        suite = _suite(self.suite, self.data)
        if self.suite == "sim":
            kinds = [next(one for one in SIM_KINDS if one.name == name) for name in KINDS]
            rounds = [drawn_anew(kind, n) for n in range(1, TIMES) for kind in kinds]
            return [(one.name, one.task) for one in (*kinds, *rounds)]
        return [(one.name, one.draw) for one in suite.templates if one.scenario == self.name]


@cache
def _suite(name: str, data: Path | None) -> Suite:
    return open_suite(name, data)


@cache
def _drawn(chain: Chain, place: int, seed: int) -> Task:
    return chain.tasks()[place][1](seed)


def drawn_anew(kind: Kind, number: int) -> Kind:
    """The same kind of task under another name, which gives it other dice."""

    def sketch(draw: Draw) -> Sketch:
        return kind.sketch(draw)

    sketch.__name__ = f"{kind.name}_again_{number}"
    sketch.__module__ = kind.sketch.__module__
    return Kind(sketch, kind.level, kind.apps)


def chains(suite: str, data: Path | None) -> list[Chain]:
    """All of a suite."""
    scenarios = dict.fromkeys(one.scenario for one in _suite(suite, data).templates)
    return [Chain(suite, data, name) for name in (["notes"] if suite == "sim" else scenarios)]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--suite", choices=("sim", "mobile-eval-e"), default="sim")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arms", nargs="+", default=[arm.name for arm in ARMS])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    told_of = chains(options.suite, options.data)
    ran_on = {
        "machine": f"{platform.platform()}, Python {platform.python_version()}",
        "load_average": [round(one, 1) for one in os.getloadavg()],
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": "scripted learner (not a language model)",
        "habits": asdict(Habits()),
        "suite": options.suite,
        "chains": {one.name: [name for name, _ in one.tasks()] for one in told_of},
        "seeds": list(seeds),
    }
    print(json.dumps(ran_on, indent=1))
    arms = [arm for arm in ARMS if arm.name in options.arms]
    rows, left = kept_in(options.json)
    known = {(row.arm, row.chain, row.seed) for row in rows}
    jobs = [
        (chain, arm, seed)
        for seed in seeds
        for chain in told_of
        for arm in arms
        if (arm.name, chain.name, seed) not in known
    ]
    for done, held_at_end in measured(jobs, options.processes):
        first = done[0]
        left[f"{first.arm}/{first.chain}/{first.seed}"] = held_at_end
        rows += done
        if options.json:
            names = [arm.name for arm in ARMS]
            rows.sort(key=lambda row: (row.seed, names.index(row.arm), row.chain, row.place))
            report = {"summary": summary(rows), "memory": dict(sorted(left.items()))}
            report |= {"rows": [asdict(row) for row in rows]}
            text = json.dumps(ran_on | report, indent=1)
            options.json.write_text(f"{text}\n", encoding="utf-8")
    print_table(summary(rows))


def kept_in(file: Path | None) -> tuple[list[Row], dict[str, object]]:
    """The rows of an earlier measurement, and what its memories held."""
    if file is None or not file.exists():
        return [], {}
    report = json.loads(file.read_text(encoding="utf-8"))
    return [Row(**row) for row in report["rows"]], report["memory"]


def measured(
    asked: Sequence[tuple[Chain, Arm, int]], processes: int
) -> Iterator[tuple[list[Row], object]]:
    """The rows of each chain, and what its memory held at the end, as they are done."""
    began = time.perf_counter()
    with ProcessPoolExecutor(processes) as pool:
        jobs = [pool.submit(follow, *one) for one in asked]
        for job in as_completed(jobs):
            done, held_at_end = job.result()
            print(f"{time.perf_counter() - began:5.0f} s  {done[0].arm}, {done[0].chain}, "
                  f"seed {done[0].seed}: {sum(row.success for row in done)} of {len(done)}, "
                  f"{sum(row.calls for row in done)} calls", flush=True)  # fmt: skip
            yield done, held_at_end


def follow(chain: Chain, arm: Arm, seed: int) -> tuple[list[Row], object]:
    """Do all tasks one after another."""
    opened = partial(SimulatedPhones().opened, apps=_suite(chain.suite, chain.data).apps)
    rows = []
    tasks = chain.tasks()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "memory.db"
        place_of_memory = arm.memory.open(file) if arm.memory else nullcontext()
        with place_of_memory as memory:
            for place, (kind, _) in enumerate(tasks):
                run = Path(folder) / f"{place:02}"
                with opened(seed) as device:
                    record = run_trial(
                        Trial(kind, seed, 0),
                        _drawn(chain, place, seed),
                        device,
                        agent_maker(arm),
                        folder=run,
                        memory=memory,
                        rehearses_on=opened if arm.is_gated else None,
                    )
                rows.append(
                    Row(
                        arm=arm.name,
                        chain=chain.name,
                        seed=seed,
                        place=place,
                        is_second_half=place >= len(tasks) // 2,
                        kind=kind,
                        **figures(record, run),
                    )
                )
            return rows, None if memory is None else held(memory)


def figures(record: TrialRecord, run: Path) -> dict[str, Any]:
    """What a trial came to, by the names of a row."""
    told = [json.loads(line) for line in (run / "events.jsonl").open(encoding="utf-8")]
    roles = Counter(one["role"] for one in told if one["kind"] == "model_called")
    named = [one["action"]["name"] for one in told if one["kind"] == "decided"]
    return {
        "success": all(verdict.holds for verdict in record.verdicts) and not record.error,
        "steps": record.spent.steps,
        "calls": record.calls,
        "reflector_calls": roles["shortcut_reflector"] + roles["tips_reflector"],
        "tokens": record.prompt_tokens + record.completion_tokens,
        "shortcuts_called": sum("_in_" in one or one == "Tap_and_Write" for one in named),
    }


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
    """How each learnt tip and shortcut ended."""
    helps = {helps for helps, _ in TIPS.values()}
    learnt = [
        one
        for one in memory.tips(statuses=("draft", "verified", "trusted", "retired"))
        if one.provenance.origin == "run"
    ]
    tips = {
        one.text: f"{'right' if one.text in helps else 'wrong'}, {one.status}: "
        f"worked in {one.evidence.successes} of {one.evidence.uses}"
        for one in learnt
        if one.merged_into is None
    }
    shortcuts = {
        one.name: f"{'right' if is_right(one) else 'wrong'}, {one.status}: {one.reason}; "
        f"worked in {one.evidence.successes} of {one.evidence.uses}"
        for one in memory.shortcuts(statuses=("draft", "verified", "trusted", "retired"))
        if one.provenance.origin == "run"
    }
    return {"tips": tips, "shortcuts": shortcuts}


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
            mine = [row for row in rows if row.arm == arm and row.is_second_half == is_second]
            line: dict[str, object] = {
                "arm": arm,
                "half": half,
                "tasks": len(mine),
                "success": told(wilson(sum(row.success for row in mine), len(mine))),
                "steps": told(share([Tally(row.steps, 1) for row in mine], seed=0)),
                "calls": told(share([Tally(row.calls, 1) for row in mine], seed=0)),
                "tokens": told(share([Tally(row.tokens, 1) for row in mine], seed=0)),
                "calls of those without": calls_against(BASELINES.get(arm, "none"), mine, rows),
            }
            if arm in GATED:
                line["calls of those with the gate"] = calls_against(GATED[arm], mine, rows)
            table.append(line | {"shortcuts called": sum(row.shortcuts_called for row in mine)})
    return table


def calls_against(other: str, mine: Sequence[Row], rows: Sequence[Row]) -> list[float | None]:
    """The ratio of calls to those of another arm on the same tasks, with its interval."""
    theirs = {(one.chain, one.seed, one.place): one for one in rows if one.arm == other}
    keys = [(one.chain, one.seed, one.place) for one in mine]
    pairs = [(one, theirs[key]) for one, key in zip(mine, keys, strict=True) if key in theirs]
    return told(share([Tally(one.calls, same.calls) for one, same in pairs], seed=0))


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

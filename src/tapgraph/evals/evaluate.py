"""A suite run by an agent: every task, some seeds, some trials; each a line on disk as it ends."""

import json
import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import TypeAdapter, ValidationError

from tapgraph.errors import EnvironmentMissing, UsageError
from tapgraph.evals.open_suite import open_suite
from tapgraph.evals.phones import Phones, SimulatedPhones
from tapgraph.evals.provenance import Provenance, provenance
from tapgraph.evals.runner import Progress, read_results, run_items
from tapgraph.evals.suite import Suite
from tapgraph.evals.trial import MakeAgent, Trial, TrialRecord, broken, run_trial
from tapgraph.memory import MemoryStore
from tapgraph.memory.database import copy_file

__all__ = [
    "EvalHeader",
    "Evaluation",
    "Plan",
    "Setting",
    "evaluate",
    "read_evaluation",
]

Setting: TypeAlias = Literal["individual", "evolution"]
"""Mobile-Agent-E's two settings: each task with a fresh memory, or the tasks of a scenario in their
order with one memory that goes on from task to task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What of a suite is run, and how often; two evaluations of one plan can be compared.

    Attributes:
        split: a part of the suite; empty for all of it.
        seeds: so many tasks are drawn of each template, with seeds from the split's first.
        trials: so often each task is done.
        setting: which memory the agent has.
        max_steps: in the place of each task's own; None for that.
        future_tasks: whether those who reflect on experience are told of the tasks that follow, as
            in the paper; what is learnt then knows the test.

    Raises:
        UsageError: a number is below 1, or tasks that follow are to be told without a memory.
    """

    split: str = ""
    seeds: int = 1
    trials: int = 1
    setting: Setting = "individual"
    max_steps: int | None = None
    future_tasks: bool = False

    def __post_init__(self) -> None:
        for name in ("seeds", "trials", "max_steps"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise UsageError(f"{name} must be at least 1, got {number!r}")
        if self.future_tasks and self.setting == "individual":
            raise UsageError("future tasks are told in the evolution setting only")

    def trials_of(self, suite: Suite) -> tuple[Trial, ...]:
        """All trials in the order in which they are begun."""
        first = suite.split(self.split).first_seed
        return tuple(
            Trial(template.name, seed, number)
            for number in range(self.trials)
            for seed in range(first, first + self.seeds)
            for template in suite.part(self.split)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalHeader:
    """What was evaluated, where and with what; the first line of every table.

    `left_out` are tasks of the suite that cannot be run there, and why.
    """

    suite: str
    agent: str
    phones: str
    plan: Plan
    made_with: Provenance
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All trials of an evaluation, those that broke off among them."""

    header: EvalHeader
    records: tuple[TrialRecord, ...]
    folder: Path

    @property
    def broken_off(self) -> tuple[TrialRecord, ...]:
        """The trials that raised an error; each counts as failed."""
        return tuple(record for record in self.records if record.error)


_HEADER = TypeAdapter(EvalHeader)
_ONCE = Plan()
_FRESH_PHONES = SimulatedPhones()


def evaluate(
    suite: Suite,
    make_agent: MakeAgent,
    *,
    out: Path,
    plan: Plan = _ONCE,
    phones: Phones = _FRESH_PHONES,
    workers: int = 1,
    agent: str = "custom",
    on_progress: Callable[[Progress], None] | None = None,
) -> Evaluation:
    """Run the plan; a folder in which the same was begun is gone on with.

    Each trial leaves a line in `trials.jsonl` and its run folder in `runs`. One that raises counts
    as failed, and is tried again when the same is evaluated into the same folder again.

    Args:
        suite: what is asked.
        make_agent: who is asked; with several workers a function that other processes can import.
        out: where everything goes.
        plan: how much of the suite, and how often.
        phones: where it runs.
        workers: processes; with several the suite must come from `open_suite`.
        agent: what to call the agent in tables.
        on_progress: told after each trial.

    Raises:
        UsageError: the folder holds another evaluation, or several workers cannot do this.
        EnvironmentMissing: nothing answers any more; running again goes on from there.
    """
    if workers < 1:
        raise UsageError(f"workers must be at least 1, got {workers}")
    if workers > 1:
        _check_parallel(suite, make_agent, plan, phones)
    suite = _fitted(suite, phones)
    header = _claim(
        out,
        EvalHeader(
            suite=suite.name,
            agent=agent,
            phones=phones.name,
            plan=plan,
            made_with=provenance(),
            left_out={name: suite.left_out[name] for name in suite.split(plan.split).left_out},
        ),
    )
    trials = plan.trials_of(suite)
    work = _Work(make_agent, out, plan, phones)
    with _doing(work, suite, workers) as do:
        report = run_items(
            trials, do, out / "trials.jsonl", TrialRecord, workers=workers, on_progress=on_progress
        )
    failed = {identifier: failure.error for identifier, failure in report.failures.items()}
    records = (report.results.get(one.id) or broken(one, failed[one.id]) for one in trials)
    return Evaluation(header, tuple(records), out)


def _fitted(suite: Suite, phones: Phones) -> Suite:
    """What of the suite the phones can run."""
    if suite.fit is None:
        return suite
    with phones.opened(0) as device:
        return suite.fit(suite, device)


def read_evaluation(out: Path) -> Evaluation:
    """What lies in a folder, finished or not; only trials that have ended are known.

    Raises:
        UsageError: it holds no evaluation.
    """
    header = _read_header(out)
    report = read_results(out / "trials.jsonl", TrialRecord)
    records = [*report.results.values()]
    for identifier, failure in report.failures.items():
        template, seed, number = identifier.split("/")
        records.append(broken(Trial(template, int(seed), int(number)), failure.error))
    records.sort(key=lambda one: (one.trial.number, one.trial.seed, one.trial.template))
    return Evaluation(header, tuple(records), out)


@dataclass(frozen=True, slots=True)
class _Work:
    """Whatever a trial needs beside its suite; it travels to other processes."""

    make_agent: MakeAgent
    out: Path
    plan: Plan
    phones: Phones

    def do(self, suite: Suite, trial: Trial) -> TrialRecord:
        """One trial in this process."""
        template = suite.template(trial.template)
        task = template.draw(trial.seed)
        opened = partial(self.phones.opened, apps=suite.apps)
        with opened(trial.seed) as device, self._memory(suite, trial) as memory:
            return run_trial(
                trial,
                task,
                device,
                self.make_agent,
                folder=self.out / "runs" / trial.id,
                memory=memory,
                max_steps=self.plan.max_steps,
                future_tasks=self._future(suite, trial),
                rehearses_on=None if self.phones.is_single else opened,
            )

    def _chain(self, suite: Suite, trial: Trial) -> list[str]:
        """The tasks that share a memory, in their order."""
        scenario = suite.template(trial.template).scenario
        return [one.name for one in suite.part(self.plan.split) if one.scenario == scenario]

    def _future(self, suite: Suite, trial: Trial) -> tuple[str, ...]:
        """The instructions of the tasks that follow, where the plan shows them."""
        if not self.plan.future_tasks:
            return ()
        chain = self._chain(suite, trial)
        later = chain[chain.index(trial.template) + 1 :]
        return tuple(suite.template(name).draw(trial.seed).instruction for name in later)

    def _memory(self, suite: Suite, trial: Trial) -> AbstractContextManager[MemoryStore | None]:
        """In the evolution setting a copy of what the task before it has left.

        So a trial that is done again begins with the same memory.
        """
        if self.plan.setting == "individual":
            return nullcontext()
        chain = self._chain(suite, trial)
        earlier = chain[: chain.index(trial.template)]
        files = [self._memory_file(Trial(name, trial.seed, trial.number)) for name in earlier]
        place = self._memory_file(trial)
        place.parent.mkdir(parents=True, exist_ok=True)
        for file in (
            place,
            place.with_name(f"{place.name}-wal"),
            place.with_name(f"{place.name}-shm"),
        ):
            file.unlink(missing_ok=True)
        if left := [file for file in files if file.exists()]:
            copy_file(left[-1], place)
        return MemoryStore.open(place)

    def _memory_file(self, trial: Trial) -> Path:
        return self.out / "memory" / f"{trial.id}.db"


@contextmanager
def _doing(work: _Work, suite: Suite, workers: int) -> Iterator[Callable[[Trial], TrialRecord]]:
    """Does a trial in this process, or in one of several others."""
    if workers == 1:
        yield partial(work.do, suite)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent) as pool:

        def do(trial: Trial) -> TrialRecord:
            try:
                return pool.submit(_do_elsewhere, work, suite.source, trial).result()
            except BrokenProcessPool as error:
                raise EnvironmentMissing(f"a worker process died: {error}") from error

        yield do


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""

    def wait() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _do_elsewhere(work: _Work, source: tuple[str, str], trial: Trial) -> TrialRecord:
    return work.do(_opened_again(source), trial)


@cache
def _opened_again(source: tuple[str, str]) -> Suite:
    name, data = source
    return open_suite(name, Path(data) if data else None)


def _check_parallel(suite: Suite, make_agent: MakeAgent, plan: Plan, phones: Phones) -> None:
    if phones.is_single:
        raise UsageError(f"there is only one {phones.name}: leave --workers at 1")
    if plan.setting == "evolution":
        raise UsageError("in the evolution setting tasks wait for each other: leave workers at 1")
    if not any(suite.source):
        raise UsageError(
            "several workers open the suite again: name it or its file (open_suite), or leave "
            "workers at 1"
        )
    try:
        pickle.dumps(make_agent)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UsageError(
            f"several workers need an agent maker that other processes can import: {error}"
        ) from error


def _claim(out: Path, header: EvalHeader) -> EvalHeader:
    """The header of the evaluation that the folder holds, now or already."""
    if (out / "run.json").exists():
        found = _read_header(out)
        theirs, ours = _identity(found), _identity(header)
        if theirs != ours:
            raise UsageError(f"{str(out)!r} holds another evaluation: {theirs}, not {ours}")
        return found
    out.mkdir(parents=True, exist_ok=True)
    draft = out / "run.json.part"
    draft.write_text(json.dumps(asdict(header), indent=1) + "\n", encoding="utf-8")
    os.replace(draft, out / "run.json")
    return header


def _identity(header: EvalHeader) -> dict[str, object]:
    return {name: value for name, value in asdict(header).items() if name != "made_with"}


def _read_header(out: Path) -> EvalHeader:
    try:
        return _HEADER.validate_json((out / "run.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(f"{str(out)!r} holds no evaluation of a phone agent") from error

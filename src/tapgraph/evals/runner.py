"""Work on many items at once, each result on disk as it comes, going on where a run stopped."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from tapgraph.errors import EnvironmentMissing, UsageError
from tapgraph.evals.records import JsonLines, Problem, read_json_lines

__all__ = ["ItemFailure", "Progress", "RunReport", "read_results", "run_items"]

GIVE_UP_AFTER = 25
"""Items that may fail one after the other because the environment is missing (a server, a key)
before the run stops; more would only waste time, and running again goes on from there."""


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=_HasId)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ItemFailure:
    """An item whose work raised an error; it scores as wrong and is reported apart."""

    item_id: str
    error: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    done: int
    failed: int
    total: int


@dataclass(frozen=True, slots=True)
class RunReport(Generic[Result]):
    """What a run gave, by item.

    Attributes:
        results: of the items that were done, now or before.
        failures: of the items that failed in the end.
        resumed: how many results lay there already.
        problems: lines of the results file that could not be read; their items were done again.
        wall_s: how long this run took.
    """

    results: Mapping[str, Result]
    failures: Mapping[str, ItemFailure]
    resumed: int
    problems: tuple[Problem, ...] = ()
    wall_s: float = field(default=0.0, compare=False)


def run_items(
    items: Sequence[Item],
    work: Callable[[Item], Result],
    results_file: Path,
    kind: type[Result],
    *,
    workers: int = 1,
    on_progress: Callable[[Progress], None] | None = None,
) -> RunReport[Result]:
    """Do `work` for each item that has no result in the file yet, and append what it gives.

    Workers are threads: the work waits for servers, and items, models and catalogues are shared
    without copies. An item that raises is written as a failure and the run goes on; a later run
    tries it again. Interrupting keeps every finished line.

    Raises:
        UsageError: `workers` is below 1, or two items have one id.
        EnvironmentMissing: 25 items in a row failed because something outside is missing.
    """
    if workers < 1:
        raise UsageError(f"workers must be at least 1, got {workers}")
    if len({item.id for item in items}) < len(items):
        raise UsageError("two items have the same id")
    started = time.monotonic()
    before = read_results(results_file, kind)
    waiting = [item for item in items if item.id not in before.results]
    run = _Run(work, TypeAdapter(kind), JsonLines(results_file), on_progress or _ignore, len(items))
    known = {item.id for item in items}
    run.results.update({i: found for i, found in before.results.items() if i in known})
    resumed = len(run.results)
    try:
        run.all(waiting, workers)
    finally:
        run.file.close()
    return RunReport(
        results=run.results,
        failures=run.failures,
        resumed=resumed,
        problems=before.problems,
        wall_s=time.monotonic() - started,
    )


def read_results(results_file: Path, kind: type[Result]) -> RunReport[Result]:
    """What a results file holds; of several lines for one item the last one counts.

    Lines that are cut or of another form are problems, and their items count as not done.
    """
    adapter = TypeAdapter(kind)
    results: dict[str, Result] = {}
    failures: dict[str, ItemFailure] = {}
    problems: list[Problem] = []
    if not results_file.exists():
        return RunReport(results, failures, 0)
    for where, line in read_json_lines(results_file):
        if isinstance(line, Problem):
            problems.append(line)
            continue
        identifier, error = line.get("id"), line.get("error")
        if not isinstance(identifier, str):
            problems.append(Problem(where, "the line has no id"))
        elif isinstance(error, str):
            failures[identifier] = ItemFailure(identifier, error)
            results.pop(identifier, None)
        else:
            try:
                results[identifier] = adapter.validate_python(line.get("result"))
                failures.pop(identifier, None)
            except ValidationError as invalid:
                problems.append(Problem(where, f"the result is of another form: {invalid.title}"))
    return RunReport(results, failures, len(results), tuple(problems))


class _Run(Generic[Item, Result]):
    def __init__(
        self,
        work: Callable[[Item], Result],
        adapter: TypeAdapter[Result],
        file: JsonLines,
        on_progress: Callable[[Progress], None],
        total: int,
    ) -> None:
        self.work = work
        self.file = file
        self.results: dict[str, Result] = {}
        self.failures: dict[str, ItemFailure] = {}
        self._adapter = adapter
        self._on_progress = on_progress
        self._total = total
        self._lock = threading.Lock()
        self._missing_in_a_row = 0

    def all(self, items: Sequence[Item], workers: int) -> None:
        with ThreadPoolExecutor(workers, thread_name_prefix="eval") as pool:
            running: set[Future[None]] = set()
            try:
                for item in items:
                    if len(running) >= 2 * workers:
                        running = _settled(running)
                    running.add(pool.submit(self._one, item))
                while running:
                    running = _settled(running)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _one(self, item: Item) -> None:
        try:
            result = self.work(item)
            line = self._adapter.dump_json(result)
        except Exception as error:  # noqa: BLE001 — the top of a runner: one item never ends it
            self._failed(item.id, error)
        else:
            self._done(item.id, result, line)
        with self._lock:
            progress = Progress(len(self.results), len(self.failures), self._total)
        self._on_progress(progress)

    def _done(self, identifier: str, result: Result, line: bytes) -> None:
        self.file.append(b'{"id":%s,"result":%s}' % (_quoted(identifier), line))
        with self._lock:
            self.results[identifier] = result
            self._missing_in_a_row = 0

    def _failed(self, identifier: str, error: Exception) -> None:
        told = f"{type(error).__name__}: {error}"
        self.file.append(b'{"id":%s,"error":%s}' % (_quoted(identifier), _quoted(told)))
        with self._lock:
            self.failures[identifier] = ItemFailure(identifier, told)
            is_missing = isinstance(error, EnvironmentMissing)
            self._missing_in_a_row = self._missing_in_a_row + 1 if is_missing else 0
            gives_up = self._missing_in_a_row >= GIVE_UP_AFTER
        if gives_up:
            raise EnvironmentMissing(
                f"the last {GIVE_UP_AFTER} items failed, the last one with: {error}; "
                "run again to go on from here"
            ) from error


def _settled(running: set[Future[None]]) -> set[Future[None]]:
    done, waiting = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
    return waiting


def _quoted(text: str) -> bytes:
    return json.dumps(text).encode()


def _ignore(progress: Progress) -> None:
    pass

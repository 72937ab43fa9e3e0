"""How long it takes to find tips and shortcuts in a large memory, and how that grows.

Fills memories of several sizes with made entries, whose words are as unevenly frequent as those of
real texts (Zipf), of 50 apps, and asks 400 questions as an agent asks them when a subgoal begins:
tips and shortcuts for a subgoal in an app. Prints p50 and p99 of one question in milliseconds, by
the clock and of this process's own processor time, which a busy machine changes less; SQLite works
inside the process, PostgreSQL outside.

    python benchmarks/memory_scale.py [--rows 1000 10000 100000] [--postgres URL] [--json FILE]

The tables of a PostgreSQL database are made anew: give one that holds nothing else.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from sqlalchemy import text

from tapgraph.memory import MemoryStore, Provenance, Scope, ShortcutDraft, ShortcutStep, TipDraft
from tapgraph.memory.database import transaction
from tapgraph.memory.entry_rows import content_columns, kind_of, scope_columns, scope_namespace
from tapgraph.memory.models import Status
from tapgraph.memory.retrieval import EntryKind, Question, TextRetriever
from tapgraph.memory.tables import ENTRIES
from tapgraph.memory.track_record import lower_bound

QUESTIONS = 400
APPS = tuple(f"com.example.app{number}" for number in range(50))
VOCABULARY = 6000
STATUSES: tuple[Status, ...] = ("trusted", "verified", "verified", "draft", "retired")


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of one memory."""

    database: str
    rows: int
    kind: EntryKind
    p50_ms: float
    p99_ms: float
    cpu_p50_ms: float
    cpu_p99_ms: float
    found: float


def said(dice: Random, length: int) -> str:
    """Made words; the hundredth is a hundred times as rare as the first."""
    ranks = (int(VOCABULARY ** dice.random()) for _ in range(length))
    return " ".join(f"word{rank}" for rank in ranks)


def made_entry(number: int, dice: Random) -> dict[str, object]:
    """The columns of one entry, four of five of them tips."""
    draft: TipDraft | ShortcutDraft
    if number % 5:
        draft = TipDraft(text=f"{said(dice, 14)} tip{number}")
    else:
        draft = ShortcutDraft(
            name=f"Do_{number}",
            description=said(dice, 8),
            precondition=said(dice, 4),
            steps=tuple(ShortcutStep(action_name="Back") for _ in range(3)),
        )
    scope = Scope(app=dice.choice((None, *APPS)))
    successes, failures = dice.randrange(6), dice.randrange(4)
    now = datetime.now(UTC)
    return {
        "id": f"made-{number}",
        "kind": kind_of(draft),
        "namespace": scope_namespace(kind_of(draft), scope),
        "version": 1,
        **scope_columns(scope),
        **Provenance(origin="run", run=f"run{number % 997}").model_dump(mode="json"),
        **content_columns(draft),
        "status": dice.choice(STATUSES),
        "reason": "",
        "shown": successes + failures,
        "uses": successes + failures,
        "successes": successes,
        "failures": failures,
        "bound": lower_bound(successes, successes + failures),
        "created_at": now,
        "updated_at": now,
    }


def fill(store: MemoryStore, rows: int) -> None:
    """Add entries until there are so many."""
    dice = Random(7)
    for start in range(0, rows, 2000):
        part = [made_entry(number, dice) for number in range(start, min(rows, start + 2000))]
        with transaction(store.engine) as connection:
            connection.execute(ENTRIES.insert(), part)
    with store.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))


def measured(store: MemoryStore, database: str, rows: int, kind: EntryKind) -> Row:
    """The questions, one after another."""
    dice, found = Random(11), 0
    times_ms: list[float] = []
    cpu_ms: list[float] = []
    retriever = TextRetriever(store)
    for number in range(-20, QUESTIONS):
        scope = Scope(app=dice.choice(APPS))
        question = Question(kind, said(dice, 9), scope)
        began, began_cpu = time.perf_counter(), time.process_time()
        answers = retriever.find(question)
        if number >= 0:
            times_ms.append((time.perf_counter() - began) * 1000)
            cpu_ms.append((time.process_time() - began_cpu) * 1000)
            found += len(answers)
    cuts, cpu_cuts = (statistics.quantiles(one, n=100) for one in (times_ms, cpu_ms))
    return Row(
        database=database,
        rows=rows,
        kind=kind,
        p50_ms=round(cuts[49], 2),
        p99_ms=round(cuts[98], 2),
        cpu_p50_ms=round(cpu_cuts[49], 2),
        cpu_p99_ms=round(cpu_cuts[98], 2),
        found=round(found / QUESTIONS, 1),
    )


def measured_memory(database: str, place: str, rows: int) -> list[Row]:
    """A memory filled anew, measured and printed."""
    kinds: tuple[EntryKind, ...] = ("tip", "shortcut")
    with MemoryStore.open(place) as store:
        if database == "postgresql":
            with transaction(store.engine) as connection:
                connection.execute(text("TRUNCATE entries CASCADE"))
        fill(store, rows)
        found = [measured(store, database, rows, kind) for kind in kinds]
    for row in found:
        print_cells(*asdict(row).values())
    return found


def print_cells(*cells: object) -> None:
    """One line of the table."""
    print(" ".join(f"{cell!s:>10}" for cell in cells), flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", nargs="+", type=int, default=[1000, 10_000, 100_000])
    parser.add_argument("--postgres", metavar="URL")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    measurements: list[Row] = []
    print_cells("database", "rows", "kind", "p50 ms", "p99 ms", "cpu p50", "cpu p99", "found")
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            places = {"sqlite": str(Path(folder) / "memory.db")}
            if options.postgres:
                places["postgresql"] = options.postgres
            for database, place in places.items():
                measurements += measured_memory(database, place, rows)
    if options.json:
        report = {
            "machine": f"{platform.platform()}, Python {platform.python_version()}",
            "load_average": [round(one, 1) for one in os.getloadavg()],
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "rows": [asdict(row) for row in measurements],
        }
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

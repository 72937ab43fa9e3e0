"""Two writers at once wait for each other, and neither loses what it wrote."""

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tapgraph.memory import MemoryStore
from tapgraph.memory.database import copy_file, open_database, reading, transaction

_TIMES = 20


def test_a_transaction_holds_the_lock_of_writers_from_its_start(tmp_path: Path) -> None:
    place = tmp_path / "memory.db"
    engine = open_database(place)
    other = sqlite3.connect(place, timeout=0, isolation_level=None)
    with transaction(engine) as connection:
        connection.execute(text("SELECT count(*) FROM entries")).scalar_one()
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()
    engine.dispose()


def test_two_writers_that_read_first_lose_no_update(tmp_path: Path) -> None:
    engines = [open_database(tmp_path / "memory.db") for _ in range(2)]
    with transaction(engines[0]) as connection:
        connection.execute(text("CREATE TABLE counts (value INTEGER)"))
        connection.execute(text("INSERT INTO counts VALUES (0)"))
    start = threading.Barrier(2)
    failed: list[BaseException] = []

    def count(engine: Engine) -> None:
        start.wait()
        try:
            for _ in range(_TIMES):
                with transaction(engine) as connection:
                    value = connection.execute(text("SELECT value FROM counts")).scalar_one()
                    changed = text("UPDATE counts SET value = :value")
                    connection.execute(changed, {"value": value + 1})
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=count, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with transaction(engines[0]) as connection:
        value = connection.execute(text("SELECT value FROM counts")).scalar_one()
    assert value == 2 * _TIMES
    for engine in engines:
        engine.dispose()


def test_readers_and_a_writer_do_not_wait_for_each_other(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "memory.db")
    count = text("SELECT count(*) FROM entries")
    with reading(engine) as reader, transaction(engine) as writer:
        before = reader.execute(count).scalar_one()
        writer.execute(text("DELETE FROM entries WHERE kind = 'tip'"))
        with reading(engine) as another:
            assert another.execute(count).scalar_one() == before == 5
    with reading(engine) as reader:
        assert reader.execute(count).scalar_one() == 1
    engine.dispose()


def test_a_copy_holds_what_another_process_has_written_beside_the_file(tmp_path: Path) -> None:
    with MemoryStore.open(tmp_path / "memory.db") as store:
        store.add_tip("Look first.")
        copy_file(tmp_path / "memory.db", tmp_path / "copy.db")
    with MemoryStore.open(tmp_path / "copy.db") as copy:
        assert len(copy.tips()) == 5


WRITER = """
import sys
from tapgraph.memory import MemoryStore

with MemoryStore.open(sys.argv[1]) as store:
    shared = [tip.id for tip in store.tips()]
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(sys.argv[3])):
        own = store.add_tip(f"writer {sys.argv[2]} tip {number}")
        store.record("worked", [own, *shared])
        store.record("failed", [*reversed(shared)])
        store.add_tip(f"everybody's tip {number}")
"""


def start_writer(place: str, name: int, times: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, place, str(name), str(times)]
    writer = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    return writer


def test_eight_processes_that_write_at_once_lose_nothing(place: str) -> None:
    MemoryStore.open(place).close()
    writers = [start_writer(place, name, 4) for name in range(8)]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=120)
        assert writer.returncode == 0
    with MemoryStore.open(place) as store:
        tips = store.tips()
        assert len(tips) == 4 + 8 * 4 + 4
        for tip in tips[:4]:
            assert (tip.evidence.successes, tip.evidence.failures) == (32, 32)
            assert len(store.uses(tip.id)) == 64


KILLER = """
import os, signal, sys
from random import Random
from sqlalchemy import text
from tapgraph.memory import MemoryStore
from tapgraph.memory.database import reading

place, dice, seen = sys.argv[1], Random(5), 0
for round_ in range(50):
    child = os.fork()
    if child == 0:
        with MemoryStore.open(place) as store:
            tips = [tip.id for tip in store.tips()[:4]]
            while True:
                store.add_tip(f"tip {os.getpid()} {len(store.tips())}")
                store.record("worked", tips)
                store.record("failed", tips)
    wanted = seen + dice.randrange(1, 6)
    with MemoryStore.open(place) as store:
        first = store.tips()[0].id
        while len(store.uses(first)) < wanted:
            pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with MemoryStore.open(place) as store, reading(store.engine) as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
        for tip in store.tips()[:4]:
            judged = [use.kind for use in store.uses(tip.id)]
            assert tip.evidence.uses == len(judged) >= wanted
            assert tip.evidence.failures == judged.count("failed")
        seen = len(judged)
print("whole after 50 kills")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork a process")
def test_a_writer_that_is_killed_fifty_times_leaves_everything_whole(tmp_path: Path) -> None:
    place = str(tmp_path / "memory.db")
    MemoryStore.open(place).close()
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLER, place],
        capture_output=True, encoding="utf-8", timeout=300, check=False,
    )  # fmt: skip
    assert ended.stdout == "whole after 50 kills\n", ended.stderr

"""Two writers at once wait for each other, and neither loses what it wrote."""

import sqlite3
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

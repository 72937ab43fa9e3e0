"""A memory of the first version is brought to the newest one without losing a row."""

from typing import Any

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    Connection,
    MetaData,
    Table,
    column,
    create_engine,
    make_url,
    table,
    text,
)

from tapgraph.memory import MemoryStore
from tapgraph.memory.migrations.upgrade import VERSION_TABLE
from tapgraph.memory.migrations.versions import r0001_tips_and_shortcuts as first
from tapgraph.memory.models import Scope

STEPS = [{"action_name": "Tap", "arguments_map": {"x": "x", "y": 3}}, {"action_name": "Back"}]


@pytest.fixture
def old(place: str) -> Any:
    """Writes a memory of the first version, with these rows beside the initial ones."""

    def write(tips: list[dict[str, Any]], shortcuts: list[dict[str, Any]]) -> None:
        url = f"sqlite:///{place}" if "://" not in place else place
        if "://" not in place:
            MemoryStore.open(place).close()
        driver = "sqlite" if url.startswith("sqlite") else "postgresql+psycopg"
        target = make_url(url).set(drivername=driver)
        if driver == "sqlite":
            target = target.set(database=place.replace("memory?", "old"))
        engine = create_engine(target)
        with engine.begin() as connection:
            with Operations.context(MigrationContext.configure(connection)):
                first.upgrade()
            connection.execute(text(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32))"))
            version = table(VERSION_TABLE, column("version_num"))
            connection.execute(version.insert().values(version_num="0001"))
            for name, rows in (("tips", tips), ("shortcuts", shortcuts)):
                _insert(connection, name, rows)
        engine.dispose()

    write.place = place.replace("memory?", "old")  # type: ignore[attr-defined]
    return write


def _insert(connection: Connection, name: str, rows: list[dict[str, Any]]) -> None:
    there = Table(name, MetaData(), autoload_with=connection)
    given = connection.execute(there.select().limit(1)).mappings().one()
    for row in rows:
        connection.execute(there.insert().values({**given, **row}))


def test_every_row_is_kept_with_its_record(old: Any) -> None:
    old(
        [
            {"id": "t1", "text": "Look.", "app": "com.x", "uses": 5, "successes": 4, "failures": 1},
            {"id": "t2", "text": "Old.", "status": "retired", "run": "r7", "step": 3},
        ],
        [{"id": "s1", "name": "Mine", "steps": STEPS, "arguments": ["x"], "screen_width_px": 720,
          "screen_height_px": 1280, "version": 3}],
    )  # fmt: skip
    with MemoryStore.open(old.place) as store:
        assert len(store.tips(statuses=("draft", "verified", "trusted", "retired"))) == 6
        assert {one.name for one in store.shortcuts()} == {"Tap_Type_and_Enter", "Mine"}
        tip = store.get("t1")
        assert (tip.evidence.uses, tip.evidence.failures, tip.scope.app) == (5, 1, "com.x")
        assert tip.status == "verified"
        gone = store.get("t2")
        assert (gone.status, gone.provenance.run, gone.provenance.step) == ("retired", "r7", 3)
        mine = store.get("Mine")
        assert (mine.version, mine.scope) == (3, Scope(screen_size=(720, 1280)))
        assert {one.status for one in store.tips() if one.id.startswith("initial")} == {"trusted"}


def test_two_of_one_name_are_both_kept(old: Any) -> None:
    same = {"name": "Mine", "steps": STEPS, "arguments": ["x"]}
    old(
        [{"id": "t1", "text": "Look."}, {"id": "t2", "text": "look"}],
        [{"id": "s1", **same}, {"id": "s2", **same}],
    )
    with MemoryStore.open(old.place) as store:
        names = {one.name for one in store.shortcuts()}
        assert names == {"Tap_Type_and_Enter", "Mine", "Mine_2"}
        assert {"t1", "t2"} <= {one.id for one in store.tips()}


def test_what_was_kept_can_be_searched(old: Any) -> None:
    old([{"id": "t1", "text": "The zebra crosses."}], [])
    with MemoryStore.open(old.place) as store, store.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            query = "SELECT count(*) FROM entry_words WHERE entry_words MATCH 'zebra'"
        else:
            query = "SELECT count(*) FROM entries WHERE lexemes @@ to_tsquery('simple', 'zebra')"
        assert connection.execute(text(query)).scalar_one() == 1

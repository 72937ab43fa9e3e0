"""The memory in a file, and in PostgreSQL where there is one."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pydantic import ValidationError
from sqlalchemy import column, make_url, table

from tapgraph.errors import EnvironmentMissing, ExtraMissing, UsageError
from tapgraph.memory import MemoryStore
from tapgraph.memory.database import open_database
from tapgraph.memory.migrations.upgrade import VERSION_TABLE
from tapgraph.memory.models import Provenance, Scope, ShortcutDraft, ShortcutStep
from tapgraph.memory.shortcut_check import ActionArguments
from tapgraph.memory.tables import METADATA

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
ACTIONS = {
    "Tap": ActionArguments(required=frozenset({"x", "y"})),
    "Wait": ActionArguments(optional=frozenset({"seconds"})),
    "Home": ActionArguments(),
}


def draft(
    *steps: ShortcutStep, name: str = "Do_It", arguments: tuple[str, ...] = ()
) -> ShortcutDraft:
    return ShortcutDraft(
        name=name, arguments=arguments, description="It does.", precondition="None.", steps=steps
    )


def step(action: str, **arguments: str | int | float) -> ShortcutStep:
    return ShortcutStep(action_name=action, arguments_map=arguments)


def test_new_memory_holds_the_initial_tips_and_shortcut(store: MemoryStore) -> None:
    tips = [tip.text for tip in store.tips()]
    assert len(tips) == 4
    assert "payment" in tips[0]
    (shortcut,) = store.shortcuts()
    assert shortcut.name == "Tap_Type_and_Enter"
    assert shortcut.arguments == ("x", "y", "text")
    assert [part.action_name for part in shortcut.steps] == ["Tap", "Type", "Enter"]
    assert shortcut.steps[1].arguments_map == {"text": "text"}
    assert (shortcut.version, shortcut.status, shortcut.evidence.uses) == (1, "trusted", 0)


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    with MemoryStore.open(tmp_path / "mine.db") as memory:
        memory.add_tip("Close pop-ups first.")
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}, modes


def test_opening_again_adds_nothing_and_loses_nothing(place: str) -> None:
    with MemoryStore.open(place) as first:
        first.add_tip("Scroll before giving up.")
    with MemoryStore.open(place) as second:
        assert len(second.tips()) == 5
        assert len(second.shortcuts()) == 1


def test_url_of_a_store_opens_it_again(place: str) -> None:
    if "@" in place and make_url(place).password:
        pytest.skip("the URL of a server leaves its password out")
    with MemoryStore.open(place) as first:
        first.add_tip("Scroll before giving up.")
    with MemoryStore.open(first.url) as second:
        assert len(second.tips()) == 5


def test_tip_comes_back_as_it_was_kept(store: MemoryStore) -> None:
    words = 'a "b" // # \'; DROP TABLE tips; -- 東京 🗼'
    scope = Scope(app="com.x", app_version="2.1", screen_size=(1080, 2400))
    tip_id = store.add_tip(words, scope=scope, provenance=Provenance(run="r1", step=3))
    (tip,) = [tip for tip in store.tips() if tip.id == tip_id]
    assert (tip.text, tip.scope) == (words, scope)
    assert (tip.provenance.run, tip.provenance.step) == ("r1", 3)
    assert tip.created_at == tip.updated_at == NOON


def test_scope_keeps_out_what_does_not_apply(store: MemoryStore) -> None:
    for scope in (
        Scope(app="com.x"),
        Scope(app="com.x", app_version="2"),
        Scope(app="com.y"),
        Scope(screen_size=(720, 1280)),
        Scope(agent="api"),
    ):
        store.add_tip(
            f"{scope.agent} {scope.app} {scope.app_version} {scope.screen_size}", scope=scope
        )

    def learnt(scope: Scope) -> set[str]:
        return {tip.text for tip in store.tips(scope) if not tip.id.startswith("initial")}

    assert learnt(Scope(app="com.x", app_version="1", screen_size=(1080, 2400))) == {
        "mobile com.x None None"
    }
    assert learnt(Scope(app="com.y")) == {"mobile com.y None None", "mobile None None (720, 1280)"}
    assert learnt(Scope(agent="api")) == {"api None None None"}
    assert len(learnt(Scope())) == 4


def test_uses_are_counted(store: MemoryStore) -> None:
    (shortcut,) = store.shortcuts()
    store.record("worked", [shortcut.id])
    store.record("failed", [shortcut.id])
    store.record("worked", [store.tips()[0].id])
    evidence = store.shortcuts()[0].evidence
    assert (evidence.uses, evidence.successes, evidence.failures) == (2, 1, 1)
    assert evidence.last_failure_at == NOON
    assert store.tips()[0].evidence.successes == 1
    assert store.tips()[1].evidence.uses == 0


def test_use_of_what_is_not_there_is_refused(store: MemoryStore) -> None:
    with pytest.raises(UsageError, match="no entry 'nothing'"):
        store.record("worked", ["nothing"])


def test_shortcut_comes_back_as_it_was_kept(store: MemoryStore) -> None:
    kept = draft(step("Tap", x="x", y=7), step("Wait", seconds=1.5), arguments=("x",))
    shortcut_id = store.add_shortcut(kept, actions=ACTIONS)
    (shortcut,) = [each for each in store.shortcuts() if each.id == shortcut_id]
    assert shortcut.steps == kept.steps
    assert shortcut.arguments == ("x",)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (draft(step("Fly")), "'Fly', which is no action"),
        (draft(step("Tap", x=1)), r"misses the arguments \['y'\]"),
        (draft(step("Home", x=1)), r"does not know \['x'\]"),
        (draft(step("Home"), name="Tap"), "must not be called 'Tap'"),
    ],
)
def test_shortcut_of_unknown_actions_is_refused(
    store: MemoryStore, wrong: ShortcutDraft, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        store.add_shortcut(wrong, actions=ACTIONS)
    assert len(store.shortcuts()) == 1


@pytest.mark.parametrize("name", ["", "two words", "1st", "a;b", "x" * 65, "name\n"])
def test_shortcut_with_an_odd_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="name"):
        draft(step("Home"), name=name)


@pytest.mark.parametrize(
    ("steps", "arguments", "told"),
    [
        ((), (), "at least 1 item"),
        ((step("Tap", x="x", y="y"),), ("x", "x", "y"), "twice"),
        ((step("Tap", x="x", y=1),), ("x", "y"), r"no step uses the arguments \['y'\]"),
    ],
)
def test_inconsistent_shortcut_is_refused(
    steps: tuple[ShortcutStep, ...], arguments: tuple[str, ...], told: str
) -> None:
    with pytest.raises(ValidationError, match=told):
        draft(*steps, arguments=arguments)


def test_empty_tip_is_refused(store: MemoryStore) -> None:
    with pytest.raises(ValidationError, match="at least 1 character"):
        store.add_tip("  ")


def test_threads_lose_no_use(store: MemoryStore) -> None:
    (shortcut,) = store.shortcuts()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.record("worked", [shortcut.id]), range(40)))
    assert store.shortcuts()[0].evidence.uses == 40


OPEN_AND_COUNT = """
import sys
from tapgraph.memory import MemoryStore

with MemoryStore.open(sys.argv[1]) as store:
    for _ in range(5):
        store.record("worked", [store.shortcuts()[0].id])
    sys.exit(len(store.tips()))
"""


def test_processes_open_a_new_memory_at_once(place: str) -> None:
    command = [sys.executable, "-c", OPEN_AND_COUNT, place]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [4] * 3
    with MemoryStore.open(place) as store:
        assert store.shortcuts()[0].evidence.uses == 15


def _is_no_search_index(_: object, name: str, *__: object) -> bool:
    """The two databases search in ways of their own, which no table of the code describes."""
    return not name.startswith("entry_") and "lexemes" not in name


def test_migrations_make_the_tables_that_the_code_expects(place: str) -> None:
    engine = open_database(place)
    with engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "include_object": _is_no_search_index}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_memory_of_a_newer_version_is_left_alone(store: MemoryStore, place: str) -> None:
    engine = open_database(place)
    with engine.begin() as connection:
        connection.execute(
            table(VERSION_TABLE, column("version_num")).update().values(version_num="9999")
        )
    engine.dispose()
    with pytest.raises(UsageError, match="newer tapgraph"):
        MemoryStore.open(place)


class TestWrongPlaces:
    @pytest.mark.parametrize(
        ("place", "told"),
        [
            ("", "empty"),
            ("mysql://h/x", "SQLite or PostgreSQL"),
            ("nonsense://h/x", "SQLite or PostgreSQL"),
            ("://", "a file or a URL"),
            ("sqlite://", "needs a file"),
            ("sqlite:///:memory:", "needs a file"),
            ("postgresql://h:port/x", "a file or a URL"),
        ],
    )
    def test_place_that_cannot_be_is_refused(self, place: str, told: str) -> None:
        with pytest.raises(UsageError, match=told):
            MemoryStore.open(place)

    def test_file_of_something_else_is_refused_and_kept(self, tmp_path: Path) -> None:
        file = tmp_path / "letter.txt"
        file.write_text("Dear Sir, " * 100, encoding="utf-8")
        with pytest.raises(UsageError, match="not a memory"):
            MemoryStore.open(file)
        assert file.read_text(encoding="utf-8").startswith("Dear Sir")

    def test_folder_that_is_a_file_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(EnvironmentMissing, match="TAPGRAPH_HOME"):
            MemoryStore.open(tmp_path / "file" / "memory.db")

    def test_file_that_is_a_folder_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(EnvironmentMissing, match="reachable and writable"):
            MemoryStore.open(tmp_path)

    def test_foreign_database_is_refused_and_kept(self, tmp_path: Path) -> None:
        file = tmp_path / "other.db"
        connection = sqlite3.connect(file)
        connection.execute("CREATE TABLE tips (question TEXT)")
        connection.close()
        with pytest.raises(UsageError, match="already exists"):
            MemoryStore.open(file)
        connection = sqlite3.connect(file)
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
        connection.close()
        assert tables == [("tips",)]

    def test_missing_server_or_driver_is_told(self) -> None:
        with pytest.raises((EnvironmentMissing, ExtraMissing), match=r"cannot be used|postgres"):
            MemoryStore.open("postgresql://nobody:secret@127.0.0.1:1/none")

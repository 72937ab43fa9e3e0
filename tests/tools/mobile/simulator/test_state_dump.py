"""What is stored on a phone, and what changed."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tapgraph.tools.mobile.simulator import Change, Phone, build_phone, difference, unexpected
from tapgraph.tools.mobile.simulator.apps.notes import NOTES_PACKAGE
from tapgraph.tools.mobile.simulator.apps.shops import SHOPS
from tapgraph.tools.mobile.simulator.kit import KitApp
from tapgraph.tools.mobile.simulator.state_dump import RowKey, StateDump, dump_state

if TYPE_CHECKING:
    from tests.tools.mobile.simulator.conftest import Demo

APP = "org.example"
SYSTEM = "com.android.systemui"


def dump(database: sqlite3.Connection) -> StateDump:
    return dump_state([(APP, database, lambda table, row: table == "log")])


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        yield connection


def test_row_is_found_by_its_primary_key_in_the_order_of_the_key(
    database: sqlite3.Connection,
) -> None:
    database.execute(
        "CREATE TABLE seats (number INT, line TEXT, who TEXT, PRIMARY KEY (line, number))"
    )
    database.execute("INSERT INTO seats VALUES (7, 'A', 'Ida')")
    row = {"number": 7, "line": "A", "who": "Ida"}
    assert dump(database).rows == {RowKey(APP, "seats", ("A", 7)): row}


def test_row_without_a_primary_key_is_found_by_its_rowid(database: sqlite3.Connection) -> None:
    database.execute("CREATE TABLE words (word TEXT)")
    database.executemany("INSERT INTO words VALUES (?)", [("a",), ("b",)])
    database.execute("DELETE FROM words WHERE word = 'a'")
    assert dump(database).rows == {RowKey(APP, "words", (2,)): {"word": "b"}}


def test_table_without_rowid_is_read(database: sqlite3.Connection) -> None:
    database.execute("CREATE TABLE codes (code TEXT PRIMARY KEY, n INT) WITHOUT ROWID")
    database.execute("INSERT INTO codes VALUES ('x', 1)")
    assert list(dump(database).rows) == [RowKey(APP, "codes", ("x",))]


def test_name_with_quotes_is_read(database: sqlite3.Connection) -> None:
    database.execute('CREATE TABLE "a ""b""; --" ("c ""d""" TEXT PRIMARY KEY)')
    database.execute('INSERT INTO "a ""b""; --" VALUES (1)')
    assert list(dump(database).rows) == [RowKey(APP, 'a "b"; --', ("1",))]


def test_tables_of_sqlite_itself_are_left_out(database: sqlite3.Connection) -> None:
    database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    database.execute("INSERT INTO notes DEFAULT VALUES")
    assert list(dump(database).rows) == [RowKey(APP, "notes", (1,))]


def test_connection_that_gives_rows_of_another_kind_is_read(database: sqlite3.Connection) -> None:
    database.row_factory = sqlite3.Row
    database.execute("CREATE TABLE words (word TEXT PRIMARY KEY)")
    database.execute("INSERT INTO words VALUES ('a')")
    assert dump(database).rows == {RowKey(APP, "words", ("a",)): {"word": "a"}}


def test_difference_tells_what_was_made_changed_and_deleted(database: sqlite3.Connection) -> None:
    database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT)")
    database.executemany("INSERT INTO notes (title) VALUES (?)", [("a",), ("b",), ("c",)])
    before = dump(database)
    database.execute("UPDATE notes SET title = 'B' WHERE id = 2")
    database.execute("DELETE FROM notes WHERE id = 1")
    database.execute("INSERT INTO notes VALUES (9, 'd')")
    assert difference(before, dump(database)) == (
        Change(APP, "notes", (1,), {"id": 1, "title": "a"}, None),
        Change(APP, "notes", (2,), {"id": 2, "title": "b"}, {"id": 2, "title": "B"}),
        Change(APP, "notes", (9,), None, {"id": 9, "title": "d"}),
    )


def test_number_of_another_kind_is_a_change(database: sqlite3.Connection) -> None:
    database.execute("CREATE TABLE facts (name TEXT PRIMARY KEY, value)")
    database.execute("INSERT INTO facts VALUES ('n', 1)")
    before = dump(database)
    database.execute("UPDATE facts SET value = 1.0")
    assert [change.columns for change in difference(before, dump(database))] == [("value",)]


def test_row_is_bookkeeping_as_its_owner_says(database: sqlite3.Connection) -> None:
    database.execute("CREATE TABLE log (id INTEGER PRIMARY KEY)")
    database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY)")
    before = dump(database)
    database.execute("INSERT INTO log DEFAULT VALUES")
    database.execute("INSERT INTO notes DEFAULT VALUES")
    changes = difference(before, dump(database))
    assert [(change.table, change.bookkeeping) for change in changes] == [
        ("log", True),
        ("notes", False),
    ]


def test_row_that_was_a_deed_before_is_no_bookkeeping() -> None:
    key = RowKey(APP, "events", (1,))
    before = StateDump({key: {"kind": "order"}})
    after = StateDump({key: {"kind": "search"}}, frozenset({key}))
    assert not difference(before, after)[0].bookkeeping


EDIT = Change(APP, "notes", (1,), {"title": "a", "at": "10:00"}, {"title": "b", "at": "10:01"})
MADE = Change(APP, "notes", (2,), None, {"title": "c", "at": "10:02"})
LOOK = Change(APP, "events", (3,), None, {"kind": "search"}, bookkeeping=True)


@pytest.mark.parametrize(
    ("allowed", "left"),
    [
        ([], [EDIT, MADE]),
        (["org.example/notes/*"], []),
        (["org.*/notes/*"], []),
        (["org.example/*"], []),
        (["org.example/notes"], [EDIT, MADE]),
        (["org.example/notes/title"], [EDIT, MADE]),
        (["org.example/notes/title", "*/at"], []),
        (["org.other/notes/*"], [EDIT, MADE]),
    ],
)
def test_change_is_a_side_effect_unless_all_its_columns_are_allowed(
    allowed: list[str], left: list[Change]
) -> None:
    assert list(unexpected([EDIT, MADE, LOOK], allowed)) == left


def test_made_row_needs_all_columns_allowed() -> None:
    assert not MADE.matches("org.example/notes/title")
    assert MADE.matches("org.example/notes/*")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (EDIT, "org.example/notes/1: title 'a' -> 'b', at '10:00' -> '10:01'"),
        (MADE, "org.example/notes/2 made: title='c', at='10:02'"),
        (Change(APP, "t", ("x", 1), {"a": None}, None), "org.example/t/x,1 deleted: a=None"),
        (Change(APP, "t", (1,), None, {"a": b"123"}), "org.example/t/1 made: a=3 bytes"),
        (Change(APP, "t", (1,), None, {"a": "l\n"}), "org.example/t/1 made: a='l\\n'"),
        (
            Change(APP, "t", (1,), None, {"a": "x" * 61}),
            "org.example/t/1 made: a='" + "x" * 59 + "…'",
        ),
    ],
)
def test_change_is_told_in_one_line(change: Change, text: str) -> None:
    assert str(change) == text


@pytest.fixture
def phone() -> Iterator[Phone]:
    with build_phone() as phone:
        yield phone


def shop_of(phone: Phone) -> KitApp:
    return next(
        app for app in phone.apps if isinstance(app, KitApp) and app.package == SHOPS[0].package
    )


def changes_by(phone: Phone, act: Callable[[], None]) -> list[Change]:
    before = phone.dump()
    act()
    return [change for change in difference(before, phone.dump()) if not change.bookkeeping]


def test_opening_and_scrolling_every_app_changes_nothing_that_counts(phone: Phone) -> None:
    def look_round() -> None:
        for app in phone.apps:
            phone.open_app(app.package)
            phone.swipe(540, 1800, 540, 600)

    assert changes_by(phone, look_round) == []


def test_order_is_a_side_effect_though_the_cart_is_empty_again(phone: Phone) -> None:
    shop = shop_of(phone)

    def buy() -> None:
        at = shop.scene("product", shop.store.all("product")[0])
        for page in ("product", "cart"):
            main = shop.pages[page].main
            assert main is not None
            for effect in main.effects:
                effect.apply(at)

    assert [change.table for change in changes_by(phone, buy)] == ["purchase"]


def test_search_is_bookkeeping(phone: Phone) -> None:
    assert changes_by(phone, lambda: shop_of(phone).note("search", "lamp")) == []


def test_switch_of_the_phone_is_a_side_effect(phone: Phone) -> None:
    def switch() -> None:
        phone.status.wifi = False
        phone.refresh()

    assert [str(change) for change in changes_by(phone, switch)] == [
        "com.android.systemui/device/wifi: value 1 -> 0"
    ]


def test_note_is_a_side_effect_that_a_task_may_allow(phone: Phone) -> None:
    before = phone.dump()
    phone.database(NOTES_PACKAGE).execute("DELETE FROM notes WHERE title = 'Bike'")
    changes = difference(before, phone.dump())
    assert [change.key for change in unexpected(changes, [])] == [(1,)]
    assert unexpected(changes, [f"{NOTES_PACKAGE}/notes/*"]) == ()


def test_permission_is_a_side_effect(demo: "Demo") -> None:
    demo.tap("locate")
    changes = changes_by(demo.phone, lambda: demo.tap("While using the app"))
    assert [str(change) for change in changes] == [
        f"{SYSTEM}/permissions/org.example.demo,location made: package='org.example.demo', "
        "name='location', state='granted'"
    ]

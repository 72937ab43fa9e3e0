"""A copied phone is the same phone, and another one."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tapgraph.errors import ToolError, UsageError
from tapgraph.tools.mobile.simulator.app import App
from tapgraph.tools.mobile.simulator.builder import DEFAULT_CLOCK, build_apps, build_phone
from tapgraph.tools.mobile.simulator.faults import FaultPlan
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.world.world import World
from tapgraph.tools.mobile.ui_tree import parse_ui_tree

if TYPE_CHECKING:
    from tests.tools.mobile.simulator.conftest import Demo, MakeDemo

DEMO = "org.example.demo"
SYSTEM = "com.android.systemui"
FAULTS = "tap@5,slow@2,slow@6,popup@7,popup@23,crash@31,network@12-15"
BACK, HOME, RECENTS, LETTER_A, ENTER, DELETE = 4, 3, 187, 29, 66, 67
LONG_ENOUGH_TO_LOAD_S = 10.0

Input = tuple[str, tuple[object, ...]]


def play(phone: Phone, step: Input) -> None:
    name, arguments = step
    with suppress(ToolError):
        getattr(phone, name)(*arguments)


@dataclass
class Walker:
    """Draws inputs that mean something on the screen, and plays them."""

    random: Random
    played: list[Input] = field(default_factory=list)

    def walk(self, phone: Phone, count: int) -> list[Input]:
        steps = []
        for _ in range(count):
            steps.append(self._draw(phone))
            play(phone, steps[-1])
        return steps

    def _draw(self, phone: Phone) -> Input:
        random, size = self.random, phone.size
        x, y = random.randrange(size.width_px), random.randrange(size.height_px)
        kind = random.choices(
            ("touch", "type", "swipe", "key", "open", "shade", "rotate", "wait", "end", "press"),
            (40, 8, 12, 12, 12, 3, 3, 4, 2, 4),
        )[0]
        if kind == "touch":
            nodes = [node for node in parse_ui_tree(phone.page_source()).walk() if node.clickable]
            point = random.choice(nodes).bounds.center if nodes else None
            touch = random.choices(("tap", "double_tap", "long_press"), (8, 1, 1))[0]
            return touch, (x, y) if point is None else (point.x, point.y)
        if kind == "swipe":
            return "swipe", (
                x,
                y,
                random.randrange(size.width_px),
                random.randrange(size.height_px),
            )
        package = random.choice([app.package for app in phone.apps])
        others: dict[str, Input] = {
            "type": ("type_text", (random.choice(("lamp", "q", "Zürich\n", "a b")),)),
            "key": (
                "press_key",
                (random.choice((BACK, BACK, HOME, RECENTS, LETTER_A, ENTER, DELETE)),),
            ),
            "open": ("open_app", (package,)),
            "shade": ("open_notifications", ()),
            "rotate": ("rotate", (random.randrange(4),)),
            "wait": ("advance", (random.choice((1.0, 30.0)),)),
            "end": ("terminate_app", (package,)),
            "press": ("editor_action", ("search",)),
        }
        return others[kind]


def databases_of(phone: Phone) -> dict[str, list[str]]:
    packages = [*(app.package for app in phone.apps), SYSTEM]
    return {package: list(phone.database(package).iterdump()) for package in packages}


def assert_equal(one: Phone, other: Phone) -> None:
    for phone in (one, other):
        phone.advance(LONG_ENOUGH_TO_LOAD_S)
    assert one.page_source() == other.page_source()
    assert one.screenshot().tobytes() == other.screenshot().tobytes()
    assert databases_of(one) == databases_of(other)
    assert one.clipboard == other.clipboard
    assert one.notifications == other.notifications


MakePhone = Callable[[int], Phone]


@pytest.fixture
def make_phone(make_demo: "MakeDemo") -> Iterator[MakePhone]:
    """Phones with all apps and the demo's, which alone uses notifications and permissions."""
    phones: list[Phone] = []
    demo_kinds: list[Callable[[], App]] = [type(app) for app in make_demo().phone.apps]

    def make(seed: int) -> Phone:
        apps = [*(kind() for kind in demo_kinds), *build_apps(World.generate(seed))]
        phone = Phone(apps, seed=seed, clock=DEFAULT_CLOCK, faults=FaultPlan.parse(FAULTS))
        phones.append(phone)
        return phone

    yield make
    for phone in phones:
        phone.close()


@pytest.mark.parametrize("seed", range(4))
def test_fork_and_original_go_on_as_two_phones_that_were_replayed_from_scratch(
    make_phone: MakePhone, seed: int
) -> None:
    walker = Walker(Random(seed))
    original = make_phone(seed)
    first = walker.walk(original, walker.random.randrange(10, 60))
    untouched = original.snapshot()
    fork = original.fork()
    on_fork = walker.walk(fork, 15)
    after = original.snapshot()
    assert (after.graph.data, after.databases) == (untouched.graph.data, untouched.databases)
    on_original = walker.walk(original, 15)
    on_both = walker.walk(fork, 10)
    for step in on_both:
        play(original, step)
    for phone, steps in ((fork, on_fork), (original, on_original)):
        replayed = make_phone(seed)
        for step in [*first, *steps, *on_both]:
            play(replayed, step)
        assert_equal(phone, replayed)
    original.restore(untouched)
    replayed = make_phone(seed)
    for step in first:
        play(replayed, step)
    assert_equal(original, replayed)
    fork.close()


@pytest.fixture
def fork_of() -> Iterator[Callable[["Demo"], "Demo"]]:
    """Forks the phone of a demo."""
    forks: list[Phone] = []

    def fork(demo: "Demo") -> "Demo":
        forks.append(demo.phone.fork())
        return type(demo)(forks[-1])

    yield fork
    for phone in forks:
        phone.close()


ForkOf = Callable[["Demo"], "Demo"]


def saved(demo: "Demo") -> list[str]:
    return [text for (text,) in demo.phone.database(DEMO).execute("SELECT text FROM saved")]


def front_page(demo: "Demo") -> Any:
    return demo.phone._system.activities.front.top.activity


def test_button_of_a_dialog_acts_on_the_fork_only(demo: "Demo", fork_of: ForkOf) -> None:
    demo.tap("delete")
    fork = fork_of(demo)
    fork.tap("Delete")
    assert saved(fork) == ["deleted"]
    assert saved(demo) == []
    assert "Delete everything?" in demo.words


def test_lambda_of_a_dialog_acts_on_the_fork_only(demo: "Demo", fork_of: ForkOf) -> None:
    demo.tap("delete")
    fork = fork_of(demo)
    fork.phone.press_key(BACK)
    assert front_page(fork).events == ["cancelled"]
    assert front_page(demo).events == []


def test_answer_to_a_permission_prompt_reaches_the_fork_only(demo: "Demo", fork_of: ForkOf) -> None:
    demo.tap("locate")
    fork = fork_of(demo)
    fork.tap("Only this time")
    demo.tap("Don\N{RIGHT SINGLE QUOTATION MARK}t allow")
    assert "Location granted" in fork.words
    assert "Location denied" in demo.words


def test_notification_opens_its_page_on_the_fork_only(demo: "Demo", fork_of: ForkOf) -> None:
    demo.tap("tell")
    fork = fork_of(demo)
    fork.phone.open_notifications()
    fork.tap("Parcel")
    assert "Item 99" in fork.words
    assert fork.phone.notifications == ()
    assert [notification.title for notification in demo.phone.notifications] == ["Parcel"]


def test_text_that_is_being_typed_goes_on_in_the_fork(demo: "Demo", fork_of: ForkOf) -> None:
    demo.tap("query")
    demo.phone.type_text("la")
    fork = fork_of(demo)
    fork.phone.type_text("mp")
    demo.phone.type_text("va")
    assert (fork.held, demo.held) == ("lamp", "lava")


def test_fork_of_a_fork_stands_where_that_fork_stood(demo: "Demo", fork_of: ForkOf) -> None:
    child = fork_of(demo)
    child.tap("add")
    grandchild = fork_of(child)
    grandchild.tap("add")
    assert "Add 0" in demo.words
    assert "Add 1" in child.words
    assert "Add 2" in grandchild.words


def test_fork_outlives_the_phone_it_came_from(make_demo: "MakeDemo", fork_of: ForkOf) -> None:
    demo = make_demo().open()
    fork = fork_of(demo)
    demo.phone.close()
    fork.tap("Item 1")
    assert saved(fork) == ["opened 1"]


def test_fork_draws_the_same_random_numbers_as_the_original(demo: "Demo", fork_of: ForkOf) -> None:
    demo.phone.apps[0].random.random()
    fork = fork_of(demo)
    drawn = fork.phone.apps[0].random.random()
    assert demo.phone.apps[0].random.random() == drawn
    assert demo.phone.apps[0].random.random() != drawn


def test_snapshot_can_be_restored_again_and_again(demo: "Demo") -> None:
    snapshot = demo.phone.snapshot()
    for _ in range(3):
        demo.tap("Item 1")
        demo.phone.clipboard = "changed"
        demo.phone.restore(snapshot)
        assert "Add 0" in demo.words
        assert saved(demo) == []
        assert (demo.phone.inputs, demo.phone.clipboard) == (1, "")


def test_restoring_keeps_connections_and_files(make_demo: "MakeDemo", tmp_path: Path) -> None:
    demo = make_demo(state_dir=tmp_path).open()
    connection = demo.phone.database(DEMO)
    snapshot = demo.phone.snapshot()
    demo.tap("Item 1")
    demo.phone.restore(snapshot)
    demo.tap("Item 2")
    assert demo.phone.database(DEMO) is connection
    with closing(sqlite3.connect(tmp_path / f"{DEMO}.db")) as reader:
        assert reader.execute("SELECT text FROM saved").fetchall() == [("opened 2",)]


def test_fork_of_a_phone_with_files_writes_none(
    make_demo: "MakeDemo", fork_of: ForkOf, tmp_path: Path
) -> None:
    demo = make_demo(state_dir=tmp_path).open()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    fork_of(demo).tap("Item 1")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_snapshots_share_databases_that_did_not_change(demo: "Demo") -> None:
    one = demo.phone.snapshot()
    demo.tap("Item 1")
    two = demo.phone.snapshot()
    assert two.databases["org.example.other"] is one.databases["org.example.other"]
    assert two.databases[DEMO] != one.databases[DEMO]


def test_forks_share_the_world() -> None:
    with build_phone() as phone, phone.fork() as fork:
        assert fork.apps[0] is not phone.apps[0]
        assert vars(fork.apps[0])["world"] is vars(phone.apps[0])["world"]


def test_snapshot_of_other_apps_is_refused(demo: "Demo") -> None:
    with build_phone() as other, pytest.raises(UsageError, match="this one has"):
        demo.phone.restore(other.snapshot())


def test_state_that_cannot_be_copied_is_named(demo: "Demo") -> None:
    front_page(demo).events = (text for text in ("a", "b"))
    with pytest.raises(UsageError, match="cannot pickle 'generator' object; apps and pages may"):
        demo.phone.fork()


def test_a_copy_builds_its_windows_only_when_they_are_needed() -> None:
    with build_phone() as phone, phone.fork() as fork:
        assert fork._held.windows.windows == []
        assert fork.dump() == phone.dump()
        assert fork._held.windows.windows == []
        assert fork.page_source() == phone.page_source()
        assert fork._held.windows.windows != []

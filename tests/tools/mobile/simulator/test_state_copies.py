"""A copied phone is the same phone, and another one."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from tapgraph.errors import ToolError, UsageError
from tapgraph.tools.mobile.simulator.app import App, Dialog, DialogButton
from tapgraph.tools.mobile.simulator.builder import DEFAULT_CLOCK, build_apps, build_phone
from tapgraph.tools.mobile.simulator.faults import FaultPlan
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.phone_snapshot import PhoneSnapshot
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
            return "swipe", (x, y, x, max(0, y - 900)) if random.random() < 0.6 else (
                x,
                y,
                y % x if x else 0,
                y,
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

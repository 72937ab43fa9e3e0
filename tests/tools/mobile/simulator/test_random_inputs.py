"""Whatever happens to a phone, its screen stays readable and its history can be replayed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapgraph.errors import ToolError
from tapgraph.tools.mobile.ui_tree import parse_ui_tree

if TYPE_CHECKING:
    from tests.tools.mobile.simulator.conftest import Demo, MakeDemo


APPS = ("org.example.demo", "org.example.other")
FAULTS = "tap@3,slow@2,popup@4,crash@9,network@6-8"
x_px, y_px = st.integers(0, 1079), st.integers(0, 2399)
INPUTS = st.one_of(
    st.tuples(st.just("tap"), st.tuples(x_px, y_px)),
    st.tuples(st.just("tap_clickable"), st.tuples(st.integers(0, 60))),
    st.tuples(st.just("double_tap"), st.tuples(x_px, y_px)),
    st.tuples(st.just("long_press"), st.tuples(x_px, y_px)),
    st.tuples(st.just("swipe"), st.tuples(x_px, y_px, x_px, y_px)),
    st.tuples(st.just("type_text"), st.tuples(st.text(max_size=8))),
    st.tuples(st.just("clear_text"), st.just(())),
    st.tuples(st.just("press_key"), st.tuples(st.sampled_from((3, 4, 8, 29, 62, 66, 67, 187)))),
    st.tuples(st.just("open_app"), st.tuples(st.sampled_from(APPS))),
    st.tuples(st.just("terminate_app"), st.tuples(st.sampled_from(APPS))),
    st.tuples(st.just("open_notifications"), st.just(())),
    st.tuples(st.just("hide_keyboard"), st.just(())),
    st.tuples(st.just("rotate"), st.tuples(st.integers(0, 3))),
    st.tuples(st.just("advance"), st.tuples(st.floats(0, 100))),
)
Input = tuple[str, tuple[object, ...]]


def play(demo: "Demo", step: Input) -> Input:
    """Carry an input out; returns it with screen coordinates, as a run would record it."""
    name, arguments = step
    if name == "tap_clickable":
        nodes = [node for node in demo.tree.walk() if node.clickable]
        center = nodes[int(str(arguments[0])) % len(nodes)].bounds.center if nodes else None
        name, arguments = "tap", ((center.x, center.y) if center else (5, 300))
    try:
        getattr(demo.phone, name)(*arguments)
    except ToolError:
        assert demo.phone.focused_field() is None
    return name, arguments


@pytest.mark.parametrize("faults", ["", FAULTS])
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(INPUTS, max_size=14), seed=st.integers(0, 3))
def test_random_inputs_keep_the_phone_whole_and_replay_to_the_same_screen(
    make_demo: "MakeDemo", faults: str, steps: list[Input], seed: int
) -> None:
    demo = make_demo(faults, seed=seed)
    played = []
    for step in [("open_app", (APPS[0],)), *steps]:
        played.append(play(demo, step))
        tree = parse_ui_tree(demo.phone.page_source())
        assert tree.windows
        width_px, height_px = demo.phone.size.width_px, demo.phone.size.height_px
        for node in tree.walk():
            assert 0 <= node.bounds.left < node.bounds.right <= width_px
            assert 0 <= node.bounds.top < node.bounds.bottom <= height_px
    twin = make_demo(faults, seed=seed)
    for step in played:
        play(twin, step)
    for other in (demo, twin):
        other.phone.advance(60)
    assert twin.phone.page_source() == demo.phone.page_source()
    assert twin.phone.foreground == demo.phone.foreground
    for package in (*APPS, "com.android.systemui"):
        dumps = [list(each.phone.database(package).iterdump()) for each in (demo, twin)]
        assert dumps[0] == dumps[1]
    demo.phone.close()
    twin.phone.close()


@pytest.mark.parametrize(
    "prepare",
    [
        lambda demo: None,
        lambda demo: demo.phone.swipe(540, 1800, 540, 900),
        lambda demo: demo.tap("delete"),
        lambda demo: demo.tap("sort"),
        lambda demo: demo.tap("locate"),
        lambda demo: demo.tap("query"),
        lambda demo: demo.tap("Item 1"),
        lambda demo: demo.phone.press_key(3),
        lambda demo: demo.phone.press_key(187),
        lambda demo: demo.phone.open_notifications(),
    ],
    ids=[
        "page",
        "scrolled",
        "dialog",
        "sheet",
        "permission",
        "keyboard",
        "item",
        "launcher",
        "recents",
        "shade",
    ],
)
def test_center_of_every_clickable_node_reaches_its_view(
    make_demo: "MakeDemo", prepare: "Callable[[Demo], None]"
) -> None:
    demo = make_demo().open()
    prepare(demo)
    system = demo.phone._system
    nodes = [node for node in demo.tree.walk() if node.clickable]
    assert nodes
    for node in nodes:
        reached = system.windows.find(node.bounds.center, lambda view: view.clickable)
        assert reached is not None
        inside = {below.bounds for below in node.walk() if below.clickable}
        assert reached.visible in inside

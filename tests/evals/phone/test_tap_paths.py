"""Paths of touches: of a run's events, of the known route, and of both beside each other."""

import pytest

from tapgraph.agents.run.events import ActionDone, Decided, Event, ScreenSeen, WireAction
from tapgraph.evals.phone.sim_suite import sim_suite
from tapgraph.evals.phone.tap_paths import match, path_of_events, path_of_route, reference_path
from tapgraph.evals.scanpath import Fixation
from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.target import Target

SIZE = Size(1080, 2400)
TASK = sim_suite().template("switch_one_alarm").draw(3)


def seen(app: str) -> Event:
    return ScreenSeen(
        step=1,
        screen_id=1,
        app=app,
        activity="",
        keyboard_shown=False,
        elements=1,
        fingerprint="",
        source="tree",
        elapsed_s=0,
    )


def tap(x: int, y: int) -> WireAction:
    return {"name": "Tap", "arguments": {"x": x, "y": y}}


def decided(action: WireAction, text: str) -> Event:
    target = Target(Point(5, 5), SIZE, text, "button")
    return Decided(step=1, thought="", action=action, description="", target=target)


def done(action: WireAction, part: int = 0) -> Event:
    return ActionDone(step=1, part=part, action=action, elapsed_s=0)


def test_a_touch_is_known_by_its_app_and_what_it_touched() -> None:
    events = [seen("org.shop"), decided(tap(5, 5), "Buy"), done(tap(5, 5))]
    assert path_of_events(events) == (Fixation(5, 5, thing="org.shop button Buy 1"),)


def test_touches_inside_a_shortcut_are_known_by_their_places() -> None:
    shortcut = {"name": "Buy_It", "arguments": {}}
    events = [seen("org.shop"), decided(shortcut, "Buy"), done(tap(7, 8)), done(tap(9, 9), 1)]
    things = [stop.thing for stop in path_of_events(events)]
    assert things == ["org.shop 7 8", "org.shop 9 9"]


def test_what_touches_nothing_is_no_stop() -> None:
    swipe = {"name": "Swipe", "arguments": {"x1": 1, "y1": 2, "x2": 3, "y2": 4}}
    tool = {"name": "my_tool", "arguments": {}}
    assert path_of_events([seen("a"), done(swipe), done(tool)]) == ()


def test_the_known_route_is_a_path_over_named_things() -> None:
    assert TASK.route is not None
    with build_phone(seed=3) as phone, SimulatedDevice(phone) as device:
        path = path_of_route(device, TASK.route)
    assert len(path) >= 1
    assert all(0 < stop.x < 1080 and 0 < stop.y < 2400 for stop in path)
    assert any("clock" in stop.thing for stop in path)


def test_a_path_is_wholly_like_itself() -> None:
    with build_phone(seed=3) as phone, SimulatedDevice(phone) as device:
        path = reference_path(device, TASK)
    itself = match(path, path, SIZE)
    assert (itself.sequence, itself.edits) == (1, 0)
    assert itself.scan_match == pytest.approx(1)


def test_a_detour_costs() -> None:
    way = (Fixation(100, 100, thing="a"), Fixation(900, 2000, thing="b"))
    detour = (way[0], Fixation(100, 2300, thing="c"), way[0], way[1])
    found = match(detour, way, SIZE)
    assert found.sequence == 0.5
    assert found.edits == 2
    assert found.scan_match == pytest.approx(0.5)
    assert found.revisits == 0.25


def test_a_path_without_touches_is_like_nothing() -> None:
    found = match((), (Fixation(1, 1, thing="a"),), SIZE)
    assert (found.sequence, found.edits, found.scan_match, found.revisits) == (0, 1, 0, 0)

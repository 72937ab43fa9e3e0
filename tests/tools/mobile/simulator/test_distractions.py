"""Calls, a low battery, messages and updates that come between a user and an app."""

from typing import TYPE_CHECKING

import pytest
from tests.tools.mobile.simulator.conftest import DEMO, OTHER, Demo

from tapgraph.tools.mobile.simulator import FaultPlan, PhoneProfile, build_phone, difference
from tapgraph.tools.mobile.simulator.distractions import CALL_PAGE
from tapgraph.tools.mobile.simulator.state_dump import unexpected

if TYPE_CHECKING:
    from tests.tools.mobile.simulator.conftest import MakeDemo

BACK, HOME = 4, 3
KINDS = ("call", "battery", "message", "update")


def rows(demo: Demo) -> list[tuple[str, str]]:
    """Kind and answer of each."""
    database = demo.phone.database("com.android.systemui")
    return database.execute("SELECT kind, answer FROM distractions ORDER BY number").fetchall()


def called(make_demo: "MakeDemo", *, fills_screen: bool) -> Demo:
    """A phone whose seed brings a call of that size."""
    for seed in range(20):
        demo = make_demo("call@1", seed=seed).open()
        if (demo.phone.foreground == CALL_PAGE) == fills_screen:
            return demo
    raise AssertionError("no seed brings such a call")


@pytest.mark.parametrize("kind", KINDS)
def test_distraction_comes_after_its_input_and_once(make_demo: "MakeDemo", kind: str) -> None:
    demo = make_demo(f"{kind}@2").open()
    assert rows(demo) == []
    before = demo.phone.screenshot()
    demo.phone.swipe(540, 1800, 540, 1700)
    assert rows(demo) == [(kind, "")]
    assert demo.phone.screenshot().tobytes() != before.tobytes()
    for _ in range(5):
        demo.phone.swipe(540, 1800, 540, 1700)
    assert [name for name, _ in rows(demo)] == [kind]


@pytest.mark.parametrize("kind", KINDS)
def test_distraction_waits_until_an_app_is_in_front(make_demo: "MakeDemo", kind: str) -> None:
    demo = make_demo(f"{kind}@1")
    demo.phone.swipe(540, 1800, 540, 1700)
    assert rows(demo) == []
    demo.open()
    assert [name for name, _ in rows(demo)] == [kind]


def test_seed_draws_the_kind(make_demo: "MakeDemo") -> None:
    drawn = [rows(make_demo("distraction@1", seed=seed).open())[0][0] for seed in range(12)]
    again = [rows(make_demo("distraction@1", seed=seed).open())[0][0] for seed in range(12)]
    assert drawn == again
    assert set(drawn) == set(KINDS)


def test_call_over_the_bar_leaves_the_app_usable(make_demo: "MakeDemo") -> None:
    demo = called(make_demo, fills_screen=False)
    assert demo.phone.foreground[0] == DEMO
    demo.tap("add")
    assert "Add 1" in demo.words
    demo.tap("decline")
    assert rows(demo) == [("call", "declined")]
    assert "decline" not in demo.phone.page_source()


def test_what_a_call_covers_cannot_be_touched(make_demo: "MakeDemo") -> None:
    demo = called(make_demo, fills_screen=False)
    covered = make_demo().open().node("delete").bounds.center
    assert demo.node("call_notification").bounds.contains(covered)
    demo.phone.tap(covered.x, covered.y)
    assert "Delete everything?" not in demo.words


def test_call_that_fills_the_screen_hides_the_app_until_declined(make_demo: "MakeDemo") -> None:
    demo = called(make_demo, fills_screen=True)
    assert "Search here" not in demo.words
    demo.tap("decline")
    assert rows(demo) == [("call", "declined")]
    assert demo.phone.foreground[0] == DEMO


@pytest.mark.parametrize("key", [BACK, HOME])
def test_call_shrinks_when_it_is_left_ringing(make_demo: "MakeDemo", key: int) -> None:
    demo = called(make_demo, fills_screen=True)
    demo.phone.press_key(key)
    assert demo.phone.foreground != CALL_PAGE
    assert rows(demo) == [("call", "")]
    demo.tap("decline")
    assert rows(demo) == [("call", "declined")]


def test_answered_call_lasts_until_it_is_ended(make_demo: "MakeDemo") -> None:
    demo = called(make_demo, fills_screen=False)
    demo.tap("answer_call")
    assert demo.phone.foreground == CALL_PAGE
    demo.phone.advance(60)
    assert "On a call" in demo.words
    demo.tap("end_call")
    assert demo.phone.foreground[0] == DEMO
    assert rows(demo) == [("call", "answered")]


def test_call_that_nobody_answers_is_missed(make_demo: "MakeDemo") -> None:
    demo = called(make_demo, fills_screen=True)
    demo.phone.advance(25)
    assert rows(demo) == [("call", "missed")]
    assert demo.phone.foreground[0] == DEMO


@pytest.mark.parametrize(
    ("button", "answer", "saves"), [("Not now", "dismissed", 0), ("Turn on", "turned on", 1)]
)
def test_low_battery_asks_for_the_battery_saver(
    make_demo: "MakeDemo", button: str, answer: str, saves: int
) -> None:
    demo = make_demo("battery@1").open()
    assert demo.phone.status.battery_percent == 15
    demo.tap(button)
    assert rows(demo) == [("battery", answer)]
    query = "SELECT value FROM device WHERE name = 'battery_saver'"
    assert demo.phone.database("com.android.systemui").execute(query).fetchone() == (saves,)


@pytest.mark.parametrize("kind", ["battery", "update"])
@pytest.mark.parametrize("way", ["back", "outside"])
def test_asking_window_can_be_sent_away(make_demo: "MakeDemo", kind: str, way: str) -> None:
    demo = make_demo(f"{kind}@1").open()
    if way == "back":
        demo.phone.press_key(BACK)
    else:
        demo.phone.tap(540, 300)
    assert rows(demo) == [(kind, "dismissed")]
    assert "Demo" in demo.words


def test_update_names_the_app_in_front(make_demo: "MakeDemo") -> None:
    demo = make_demo("update@1").open()
    assert "Update Demo Kit?" in demo.words
    demo.tap("Update")
    assert rows(demo) == [("update", "updated")]


def test_message_leaves_for_the_shade(make_demo: "MakeDemo") -> None:
    demo = make_demo("message@1").open()
    assert demo.node("expandableNotificationRow").bounds.top < 200
    demo.phone.advance(6)
    assert "expandableNotificationRow" not in demo.phone.page_source()
    assert rows(demo) == [("message", "ignored")]
    assert len(demo.phone.notifications) == 1


def test_message_can_be_swiped_up_and_opened(make_demo: "MakeDemo") -> None:
    demo = make_demo("message@1").open()
    point = demo.center("expandableNotificationRow")
    demo.phone.swipe(point.x, point.y, point.x, point.y - 100)
    assert rows(demo) == [("message", "dismissed")]
    opened = make_demo("message@1", seed=3)
    opened.open()
    opened.tap("expandableNotificationRow")
    assert rows(opened) == [("message", "opened")]
    assert opened.phone.foreground[0] in {DEMO, OTHER}
    assert opened.phone.notifications == ()


@pytest.mark.parametrize("kind", KINDS)
def test_snapshot_holds_a_distraction(make_demo: "MakeDemo", kind: str) -> None:
    demo = make_demo(f"{kind}@1").open()
    snapshot, picture = demo.phone.snapshot(), demo.phone.screenshot().tobytes()
    demo.phone.press_key(HOME)
    demo.phone.advance(60)
    demo.phone.restore(snapshot)
    assert rows(demo) == [(kind, "")]
    assert demo.phone.screenshot().tobytes() == picture
    with demo.phone.fork() as fork:
        fork.advance(60)
        assert demo.phone.screenshot().tobytes() == picture


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_the_user_agreed_to_is_a_side_effect(make_demo: "MakeDemo", kind: str) -> None:
    agreeing = {"call": "answer_call", "battery": "Turn on", "update": "Update"}
    for deed in (None, agreeing.get(kind)):
        demo = make_demo(f"{kind}@2", seed=5).open()
        before = demo.phone.dump()
        demo.phone.swipe(540, 1800, 540, 1700)
        if deed:
            demo.tap(deed)
        elif kind == "call":
            demo.tap("decline")
        else:
            demo.phone.press_key(BACK)
        found = unexpected(difference(before, demo.phone.dump()), ())
        assert bool(found) == bool(deed)


@pytest.mark.parametrize("kind", KINDS)
def test_distraction_fits_each_screen_and_speaks_german(kind: str) -> None:
    for text in ("small,de", "tablet,dark,de"):
        profile, plan = PhoneProfile.parse(text), FaultPlan.parse(f"{kind}@1")
        with build_phone(seed=2, profile=profile, faults=plan) as phone:
            phone.open_app("com.walmart.android")
            demo = Demo(phone)
            assert rows(demo) == [(kind, "")]
            said = {"call": "Ablehnen", "battery": "Akku fast leer", "update": "Jetzt nicht"}
            if kind in said:
                box = demo.node(said[kind]).bounds
                assert box.right <= phone.size.width_px
                assert box.bottom <= phone.size.height_px


def test_message_is_written_to_the_messenger_where_there_is_one() -> None:
    with build_phone(faults=FaultPlan.parse("message@1")) as phone:
        phone.open_app("com.walmart.android")
        assert phone.notifications[0].package == "com.google.android.apps.messaging"

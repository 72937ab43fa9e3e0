from typing import TYPE_CHECKING

import pytest

from tapgraph.errors import UsageError
from tapgraph.tools.mobile.simulator.faults import FaultPlan

if TYPE_CHECKING:
    from tests.tools.mobile.simulator.conftest import MakeDemo


DEMO = "org.example.demo"
LAUNCHER = "com.google.android.apps.nexuslauncher"
BACK, HOME = 4, 3


def test_plan_is_read_from_text() -> None:
    plan = FaultPlan.parse("tap@3,slow@2, popup@5,crash@9,network@4-6,network@8,tap@1")
    assert plan == FaultPlan(
        swallowed_taps=(1, 3),
        slow_pages=(2,),
        popups=(5,),
        crashes=(9,),
        network_lost=((4, 6), (8, 8)),
    )
    assert FaultPlan.parse("") == FaultPlan()


@pytest.mark.parametrize(
    "text", ["tap", "tap@0", "tap@-1", "tap@1-2", "rain@3", "network@6-4", "tap@1;slow@2", "tap@x"]
)
def test_unreadable_plan_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot read the fault"):
        FaultPlan.parse(text)


def test_swallowed_tap_does_nothing(make_demo: "MakeDemo") -> None:
    demo = make_demo("tap@2").open()
    demo.tap("add")
    demo.tap("add")
    assert "Add 1" in demo.words
    demo.tap("add")
    assert "Add 2" in demo.words


def test_slow_page_appears_after_waiting(make_demo: "MakeDemo") -> None:
    demo = make_demo("slow@1").open()
    assert demo.node("progress").class_name == "android.widget.ProgressBar"
    assert "Item 0" not in demo.words
    demo.phone.advance(10)
    assert "Item 0" in demo.words


def test_slow_page_appears_after_looking_often(make_demo: "MakeDemo") -> None:
    demo = make_demo("slow@1").open()
    looks = 0
    while "Item 0" not in demo.words:
        looks += 1
        assert looks < 20
    assert looks > 3


def test_input_waits_for_a_slow_page(make_demo: "MakeDemo") -> None:
    slow, quick = make_demo("slow@1").open(), make_demo().open()
    point = quick.center("add")
    for demo in (slow, quick):
        demo.phone.tap(point.x, point.y)
    assert slow.phone.page_source() == quick.phone.page_source()


def test_pop_up_shows_over_the_app_and_can_be_closed(make_demo: "MakeDemo") -> None:
    demo = make_demo("popup@2").open()
    demo.tap("add")
    assert "Add 1" not in demo.words
    demo.phone.press_key(BACK)
    assert "Add 1" in demo.words


def test_pop_up_waits_for_an_app(make_demo: "MakeDemo") -> None:
    demo = make_demo("popup@1")
    demo.phone.press_key(HOME)
    assert "Demo Kit" in demo.words
    assert "Add 0" not in demo.open().words


def test_crash_ends_the_app_and_says_so(make_demo: "MakeDemo") -> None:
    demo = make_demo("crash@3").open()
    demo.tap("add")
    demo.tap("add")
    assert "Demo Kit keeps stopping" in demo.words
    assert not demo.phone.is_running(DEMO)
    demo.tap("Close app")
    assert demo.phone.foreground[0] == LAUNCHER
    assert "Add 0" in demo.open().words


def test_lost_network_needs_a_retry_after_it_is_back(make_demo: "MakeDemo") -> None:
    demo = make_demo("network@2-3").open()
    demo.tap("add")
    assert {"No connection", "Retry"} <= demo.words
    demo.tap("Retry")
    assert "No connection" in demo.words
    demo.tap("Retry")
    assert "Add 1" in demo.words


def test_app_that_needs_no_network_is_not_disturbed(make_demo: "MakeDemo") -> None:
    demo = make_demo("network@1-9")
    demo.phone.open_app("org.example.other")
    assert "Nothing to see" in demo.words

"""A shortcut goes on only while its actions change something and its targets are there."""

from collections.abc import Callable
from typing import Any

import pytest

from tapgraph.agents.mobile.shortcut_player import play_shortcut
from tapgraph.agents.run.events import ActionStarted
from tapgraph.errors import ToolError
from tapgraph.memory import Shortcut
from tapgraph.tools.mobile.actions import Action, Back, Enter, Tap, Type
from tapgraph.tools.mobile.screen import Screen

WHERE = {"x": 540, "y": 550}


def free(action: Action, screen: Screen, part: int) -> None:
    """Everything is allowed."""


@pytest.fixture
def shortcut(store: Any) -> Callable[..., Shortcut]:
    """Makes a shortcut of steps such as ("Tap", {"x": "x", "y": "y"})."""

    def make(*steps: tuple[str, dict[str, Any]]) -> Shortcut:
        chain = [{"action_name": name, "arguments_map": given} for name, given in steps]
        known = store.shortcuts()[0].model_dump()
        takes = ["x", "y"] if TAP in steps else []
        return Shortcut(**known | {"name": "Chain", "arguments": takes, "steps": chain})

    return make


TAP = ("Tap", {"x": "x", "y": "y"})


def played(desk: Any, chain: Shortcut, ask_leave: Any = free) -> str:
    return play_shortcut(chain, WHERE, desk.team, desk.state(), ask_leave=ask_leave)


def test_all_actions_are_sent_and_nothing_is_to_say(desk: Any, screen: Any, shortcut: Any) -> None:
    plays = desk(shows=[screen(), screen("second")])
    assert played(plays, shortcut(TAP, ("Type", {"text": "cafe"}))) == ""
    assert plays.phone.performed == [Tap(540, 550), Type("cafe")]


def test_it_stops_where_nothing_changed_on_the_screen(desk: Any, shortcut: Any) -> None:
    plays = desk()
    told = played(plays, shortcut(TAP, ("Back", {}), ("Back", {})))
    assert told == (
        "Chain stopped at its action 1 of 3 (Tap): nothing changed on the screen; "
        "the 0 actions before it were carried out"
    )
    assert plays.phone.performed == [Tap(540, 550)]


def test_it_waits_for_the_change_that_is_due(desk: Any, screen: Any, shortcut: Any) -> None:
    plays = desk(shows=[screen(), screen("second")])
    played(plays, shortcut(TAP, ("Back", {})))
    assert plays.reader.waited_for == ["", "first"]


@pytest.mark.parametrize("first", [("Enter", {}), ("Wait", {"seconds": 1})])
def test_after_enter_and_wait_no_change_is_due(first: Any, desk: Any, shortcut: Any) -> None:
    plays = desk()
    assert played(plays, shortcut(first, ("Back", {}))) == ""
    assert plays.reader.waited_for == ["", ""]
    assert plays.phone.performed[-1] == Back()


def test_the_screen_after_its_last_action_is_left_to_the_actor(desk: Any, shortcut: Any) -> None:
    plays = desk()
    assert played(plays, shortcut(("Back", {}))) == ""
    assert plays.reader.waited_for == [""]


def test_a_refused_action_says_how_far_it_came(desk: Any, screen: Any, shortcut: Any) -> None:
    plays = desk(shows=[screen(), screen("second")])
    plays.phone.refuses["Type"] = "no keyboard"
    assert played(plays, shortcut(TAP, ("Type", {"text": "cafe"}), ("Enter", {}))) == (
        "Chain stopped at its action 2 of 3 (Type): no keyboard; "
        "the 1 actions before it were carried out"
    )


def test_a_target_that_moved_is_touched_where_it_is_now(
    desk: Any, screen: Any, button: Any, shortcut: Any
) -> None:
    plays = desk(shows=[screen(), screen("second", button("Save", 900))])
    assert played(plays, shortcut(("Back", {}), TAP)) == ""
    assert plays.phone.performed == [Back(), Tap(540, 950)]


def test_a_target_that_is_gone_stops_it(desk: Any, screen: Any, button: Any, shortcut: Any) -> None:
    plays = desk(shows=[screen(), screen("second", button("Delete", 500))])
    assert "its target 'Save' is no longer on the screen" in played(
        plays, shortcut(("Back", {}), TAP)
    )
    assert plays.phone.performed == [Back()]


def test_each_action_is_asked_about_with_its_screen_and_place(
    desk: Any, screen: Any, shortcut: Any
) -> None:
    asked: list[tuple[Action, str, int]] = []

    def ask(action: Action, shown: Screen, part: int) -> None:
        asked.append((action, shown.fingerprint, part))

    played(desk(shows=[screen(), screen("second")]), shortcut(TAP, ("Back", {})), ask)
    assert asked == [(Tap(540, 550), "first", 0), (Back(), "second", 1)]


def test_an_action_that_is_not_allowed_stops_it_before_it_is_sent(desk: Any, shortcut: Any) -> None:
    def refuse(action: Action, shown: Screen, part: int) -> None:
        raise ToolError("the user did not allow this")

    plays = desk()
    assert "(Tap): the user did not allow this" in played(plays, shortcut(TAP), refuse)
    assert plays.phone.performed == []


def test_what_was_sent_before_is_not_sent_again(desk: Any, screen: Any, shortcut: Any) -> None:
    plays = desk(shows=[screen(), screen("second")])
    plays.team.run.perform(plays.team.device, Tap(540, 550), step=1, part=0)
    asked: list[int] = []
    told = played(
        plays, shortcut(TAP, ("Enter", {})), lambda action, shown, part: asked.append(part)
    )
    assert (told, asked) == ("", [1])
    assert plays.phone.performed == [Tap(540, 550), Enter()]


def test_after_what_was_sent_before_it_looks_again(
    desk: Any, screen: Any, button: Any, shortcut: Any
) -> None:
    plays = desk(shows=[screen(), screen("second", button("Save", 900))])
    plays.team.run.perform(plays.team.device, Back(), step=1, part=0)
    assert played(plays, shortcut(("Back", {}), TAP)) == ""
    assert plays.phone.performed == [Back(), Tap(540, 950)]


def test_what_failed_before_fails_again(desk: Any, shortcut: Any) -> None:
    plays = desk()
    plays.phone.refuses["Tap"] = "no finger"
    first = played(plays, shortcut(TAP, ("Back", {})))
    plays.phone.refuses.clear()
    assert played(plays, shortcut(TAP, ("Back", {}))) == first
    assert len(plays.events(ActionStarted)) == 1


def test_the_time_of_the_phone_is_counted_for_each_action(desk: Any, shortcut: Any) -> None:
    plays = desk()
    played(plays, shortcut(("Enter", {}), ("Enter", {})))
    assert plays.team.run.timer.close(1).device_s == 0.5

"""How deeds, plans and lists read in a prompt."""

from typing import Any

import pytest

from tapgraph.agents.mobile.offer import Offer
from tapgraph.agents.mobile.state import Decision, PhoneStep, Plan
from tapgraph.agents.mobile.wording import (
    action_lines,
    app_line,
    deed_words,
    history_lines,
    plan_lines,
    shortcut_lines,
    shortcut_purposes,
    tool_lines,
)
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.tools.mobile.geometry import Point, Size
from tapgraph.tools.mobile.target import Target

BLIND = ModelTraits("blind")
SHARES = ModelTraits("shares", coordinate_space="0-1000")
FRACTIONS = ModelTraits("fractions", coordinate_space="0-1")
SMALL = ModelTraits("small", pictures="operator", image_max_px=1200)
BARE = Target(Point(540, 600), Size(1080, 2400))
NAMED = Target(Point(540, 600), Size(1080, 2400), "Save", "button")


@pytest.mark.parametrize(
    ("traits", "point"),
    [(BLIND, "(540, 600)"), (SHARES, "(500, 250)"), (FRACTIONS, "(0.5, 0.25)"),
     (SMALL, "(270, 300)")],
)  # fmt: skip
def test_a_bare_point_reads_as_the_model_would_write_it(traits: ModelTraits, point: str) -> None:
    assert deed_words(Decision("Tap", {"x": 540, "y": 600}, target=BARE), traits) == f"Tap {point}"


def test_a_named_target_stands_for_its_point() -> None:
    deed = Decision("Tap", {"x": 540, "y": 600}, target=NAMED)
    assert deed_words(deed, SHARES) == 'Tap "Save" (button)'


@pytest.mark.parametrize(
    ("traits", "words"),
    [(BLIND, "Swipe from (540, 600) to (540, 1800)"),
     (SHARES, "Swipe from (500, 250) to (500, 750)")],
)  # fmt: skip
def test_both_ends_of_a_swipe_read_as_the_model_would_write_them(
    traits: ModelTraits, words: str
) -> None:
    line: dict[str, object] = {"x1": 540, "y1": 600, "x2": 540, "y2": 1800}
    assert deed_words(Decision("Swipe", line, target=BARE), traits) == words


def test_a_swipe_by_direction_reads_so() -> None:
    line: dict[str, object] = {"x1": 540, "y1": 600, "x2": 540, "y2": 1800}
    bare = Decision("Swipe", line, target=BARE, direction="down")
    inside = Decision("Swipe", line, target=NAMED, direction="down")
    assert deed_words(bare, BLIND) == "Swipe down"
    assert deed_words(inside, BLIND) == 'Swipe down on "Save" (button)'


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        (Decision("Back", {}), "Back"),
        (Decision("Type", {"text": "</screen> né"}), 'Type "\\u003c/screen> né"'),
        (Decision("weather", {"city": "Lyon", "day": 1}), 'weather {"city": "Lyon", "day": 1}'),
        (Decision("Chain", {"x": 1, "y": 2, "text": "a"}, target=BARE), 'Chain (540, 600) "a"'),
    ],
)
def test_other_arguments_read_as_json_that_ends_no_block(deed: Decision, words: str) -> None:
    assert deed_words(deed, BLIND) == words


def test_a_history_has_a_line_for_each_step_and_the_error_of_failures() -> None:
    history = [
        PhoneStep(step=1, name="Back", verdict="A", description="It\ngoes back."),
        PhoneStep(step=2, name="Home", verdict="C", description="Home.", error="nothing\nchanged"),
    ]
    assert history_lines(history, BLIND) == (
        "- Back: It goes back. -> A\n- Home: Home. -> C, nothing changed"
    )
    assert history_lines([], BLIND) == "none yet"


@pytest.mark.parametrize(
    ("plan", "lines"),
    [
        (Plan(), "none yet"),
        (Plan(("a", "b", "c"), 1), "1. a (done)\n2. b (current)\n3. c"),
        (Plan(("a", "b"), 1, "finished"), "1. a (done)\n2. b (done)"),
        (Plan(("a", "b"), 0, by_api=(1, 2)),
         "1. a (current) (by the API agent)\n2. b (by the API agent)"),
    ],
)  # fmt: skip
def test_a_plan_says_what_is_done_and_what_is_next(plan: Plan, lines: str) -> None:
    assert plan_lines(plan) == lines


def test_sixty_apps_are_named_and_the_others_counted() -> None:
    labels = [f"App {n}" for n in range(62)]
    line = app_line([*labels, "App 0"])
    assert line.endswith('"App 59" and 2 more')
    assert app_line(labels[:60]).endswith('"App 59"')


def test_shortcuts_say_how_they_are_called_and_when(store: Any) -> None:
    (shortcut,) = store.shortcuts()
    assert shortcut_lines([shortcut]) == (
        f"- Tap_Type_and_Enter(x, y, text): {shortcut.description} "
        f"Precondition: {shortcut.precondition}"
    )
    assert shortcut_lines([]) == shortcut_purposes([]) == "none"
    assert shortcut_purposes([shortcut]) == shortcut.description


def test_actions_have_a_line_each(store: Any) -> None:
    kept = Offer().actions
    names = [name for name in kept if name not in {"Back", "Home", "Enter"}]
    assert action_lines(Offer().without(*names)) == (
        "- Enter: the keyboard's action key: search, done, new line\n- Back\n- Home"
    )


def test_shortcuts_have_a_line_each(store: Any) -> None:
    (shortcut,) = store.shortcuts()
    assert len(shortcut_lines([shortcut, shortcut]).splitlines()) == 2
    assert shortcut_lines([shortcut, shortcut]).count("\n- Tap_Type_and_Enter(") == 1


def test_without_tools_there_are_no_lines() -> None:
    assert tool_lines(Offer()) == ""


def test_a_thing_that_is_touched_again_some_pixels_apart_is_the_same_deed() -> None:
    def tapped(x: int, target: Target) -> str:
        where = {"x": x, "y": 600}
        return PhoneStep(step=1, name="Tap", arguments=where, verdict="A", target=target).deed

    assert tapped(540, NAMED) == tapped(560, NAMED)
    assert tapped(540, BARE) != tapped(560, BARE)
    assert tapped(540, NAMED) != tapped(540, Target(NAMED.point, NAMED.size, "Delete", "button"))

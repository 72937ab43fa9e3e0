from dataclasses import replace
from random import Random

import pytest

from tapgraph.evals.outcomes.disturbed import noised, reworded
from tapgraph.evals.outcomes.steps import KnownStep, known_steps, outcome_of
from tapgraph.evals.suite import Rubric, Task
from tapgraph.tools.mobile.device import AppInfo
from tapgraph.tools.mobile.geometry import Bounds, Size
from tapgraph.tools.mobile.outcome import StepWords
from tapgraph.tools.mobile.screen import Element, Role, Screen
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.guide import Aim, Route

APP = AppInfo("org.example", "Example", ".Page")


def screen(*texts: str, app: AppInfo = APP) -> Screen:
    elements = tuple(
        Element(number, Bounds(0, 0, 9, 9), text, Role.TEXT) for number, text in enumerate(texts, 1)
    )
    return Screen(Size(10, 10), elements, app, False, None, "", repr(texts))


BEFORE, MEANT = screen("a", "b"), screen("c", "d")


def test_what_shows_the_new_and_not_the_old_worked() -> None:
    assert outcome_of(BEFORE, MEANT, MEANT) == "A"
    assert outcome_of(BEFORE, MEANT, screen("c", "d", "an advert")) == "A"
    assert outcome_of(BEFORE, MEANT, BEFORE) == "C"
    assert outcome_of(BEFORE, MEANT, screen("a", "b", "a dialog")) == "B"
    assert outcome_of(BEFORE, MEANT, screen("c", "d", app=replace(APP, package="other"))) == "B"


def test_nothing_can_be_told_of_an_action_that_is_meant_to_change_nothing() -> None:
    with pytest.raises(ValueError, match="changes nothing"):
        outcome_of(BEFORE, BEFORE, MEANT)


def steps_of_a_note() -> list[KnownStep]:
    aim = Aim(words="Write", app="Notes", page="note", act="done", settings={"title": "Shop"})
    rubric = Rubric("done", lambda seen: True)
    task = Task(id="t", instruction="Write", rubrics=(rubric,), route=Route((aim,)))
    with build_phone() as phone:
        return list(known_steps(task, phone, Random(1)))


def test_steps_are_known_on_a_phone_and_what_went_wrong_is_seen() -> None:
    steps = steps_of_a_note()
    assert steps == steps_of_a_note()
    assert {one.verdict for one in steps} >= {"A", "B"}
    for one in steps:
        if not one.cause:
            assert one.verdict == "A"
        if one.cause == "swallowed":
            assert one.changes == "nothing changed"
            assert one.verdict == "C"
        if one.cause == "crash":
            assert one.verdict == "B"


def test_disturbed_steps_keep_what_they_name() -> None:
    lines = "\n".join(f'+ text "line {number}"' for number in range(20))
    step = StepWords("Tap", "the page with Shop opens", f"the keyboard vanished\n{lines}")
    assert reworded(step).expected == "a view titled Shop loads"
    changed = noised(step, Random(0)).changes.split("\n")
    assert changed[0] == "the keyboard vanished"
    assert len(set(changed) & set(lines.split("\n"))) > 12
    assert changed[1:] != sorted(changed[1:])

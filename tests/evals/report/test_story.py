from collections.abc import Iterable
from datetime import UTC, datetime

from tapgraph.agents.run.events import (
    Decided,
    Event,
    ModelCalled,
    Planned,
    RecordedEvent,
    Resumed,
    ScreenSeen,
    UnknownEvent,
)
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.evals.report.story import RoleCalls, RunStory, tell

BACK: dict[str, object] = {"name": "Back", "arguments": {}}


def told(events: Iterable[Event]) -> RunStory:
    return tell(
        RecordedEvent(event, datetime(2026, 1, 1, tzinfo=UTC), float(second))
        for second, event in enumerate(events)
    )


def seen(step: int, screen_id: int) -> ScreenSeen:
    return ScreenSeen(step, screen_id, "app", "", False, 1, str(screen_id), "tree", 0.1)


def test_a_step_shows_the_screen_that_its_action_was_chosen_on() -> None:
    story = told([
        seen(0, 1),
        Decided(1, "", BACK, ""),
        seen(1, 2),
        Decided(2, "", BACK, ""),
        seen(2, 3),
    ])
    shown = {step.number: step.screen.screen_id for step in story.steps if step.screen}
    assert shown == {0: 1, 1: 1, 2: 2}


def test_each_screen_leads_to_the_step_that_acted_on_it_and_the_last_to_its_own() -> None:
    story = told([seen(0, 1), Decided(1, "", BACK, ""), seen(1, 2)])
    assert [(screen.seen.screen_id, screen.step) for screen in story.screens] == [(1, 1), (2, 1)]


def test_every_screen_leads_to_a_step_that_is_told(phone_run: RunFolder) -> None:
    story = tell(phone_run.timeline())
    assert {screen.step for screen in story.screens} <= {step.number for step in story.steps}


def test_a_plan_after_the_action_is_a_new_plan() -> None:
    first, second = Planned(1, "", ("a",), "a"), Planned(1, "", ("b",), "b")
    (step,) = told([first, Decided(1, "", BACK, ""), second]).steps
    assert (step.planned, step.replanned) == ([first], [second])


def test_calls_are_added_up_by_role() -> None:
    story = told([
        ModelCalled(1, "operator", "m", 10, 1, 0.5, 1.0, images=1),
        ModelCalled(1, "reflector", "m", 20, 2, 0.0, 2.0),
        ModelCalled(2, "operator", "m", 30, 3, 0.25, 3.0, valid=False),
    ])
    assert story.by_role == (
        RoleCalls("operator", 2, 1, 40, 4, 1, 0.75, 4.0),
        RoleCalls("reflector", 1, 0, 20, 2, 0, 0.0, 2.0),
    )


def test_lines_that_cannot_be_read_are_left_out() -> None:
    assert told([UnknownEvent(0, "{")]).steps == ()


def test_a_resumption_is_told() -> None:
    (step,) = told([Resumed(2)]).steps
    assert step.warnings == ["The run had stopped here and was resumed."]


def test_an_empty_run_has_no_steps() -> None:
    assert told([]) == RunStory((), (), None, 0.0)

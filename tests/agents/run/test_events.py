import dataclasses
import json
from datetime import UTC, datetime

import pytest

from tapgraph.agents.run.budget import Spent
from tapgraph.agents.run.events import (
    EVENT_TYPES,
    ActionDone,
    ActionFailed,
    ActionStarted,
    Decided,
    Delegated,
    Escalated,
    Event,
    Finished,
    HumanAnswered,
    HumanAsked,
    LearntShortcut,
    LearntTips,
    MemoryChanged,
    ModelCalled,
    Noted,
    Planned,
    Recalled,
    RecalledEntry,
    RecordedEvent,
    Reflected,
    Resumed,
    Retrieved,
    RunStarted,
    ScreenSeen,
    StepTimed,
    UnknownEvent,
    Verified,
    Warned,
    line_from_event,
    recorded_event_from_line,
)
from tapgraph.agents.run.outcome import Outcome
from tapgraph.tools.mobile.geometry import Bounds, Point, Size
from tapgraph.tools.mobile.target import Target

NASTY = 'a\nb\r \u2028 "quoted" \\ </script> \u202e \x00 é 🙂 // # B: Failed. Action {"a": 1}'
TARGET = Target(Point(1, 2), Size(3, 4), NASTY, "button", bounds=Bounds(0, 0, 3, 4))
TAP: dict[str, object] = {"name": "Tap", "arguments": {"x": 1, "y": 2}}
ONE_OF_EACH: tuple[Event, ...] = (
    RunStarted(0, NASTY, "tapgraph"),
    Resumed(3),
    UnknownEvent(0, NASTY),
    ScreenSeen(1, 2, "com.maps", ".Main", True, 12, "abc", "tree", 0.25),
    ModelCalled(1, "operator", "m", 10, 2, 0.5, 1.5, 2, False, 1, NASTY),
    Planned(1, NASTY, ("one", NASTY), "one", "new"),
    Retrieved(1, NASTY, ("get_note", "add_note")),
    Delegated(1, "api", NASTY, "api/001", Outcome.FAILED, NASTY, "", Spent(1, 2, 3.0, 4.0)),
    Decided(
        1,
        NASTY,
        TAP,
        "tap it",
        Target(Point(1, 2), Size(3, 4), NASTY, "button", bounds=Bounds(0, 0, 3, 4)),
    ),
    Decided(1, "", {"name": "Back", "arguments": {}}, ""),
    ActionStarted(1, 0, TAP),
    ActionDone(1, 0, TAP, 0.1, NASTY),
    ActionFailed(1, 0, TAP, NASTY),
    Reflected(1, "B", NASTY, "half", "unchanged screen"),
    Noted(1, NASTY),
    Escalated(1, 2),
    Verified(1, False, "the note"),
    HumanAsked(1, "confirmation", NASTY),
    HumanAnswered(1, "yes"),
    LearntShortcut(1, {"name": "Search", "arguments": ["text"]}),
    LearntShortcut(1, None),
    LearntTips(1, (NASTY, "two")),
    Recalled(1, NASTY, (RecalledEntry("t1", 2, NASTY, 0.5, ("has tea",)),), ()),
    MemoryChanged(1, "merge", "t1", NASTY, "actions 1 and 2"),
    Warned(1, NASTY),
    StepTimed(1, 1.0, 0.5, 0.25, 0.125),
    Finished(1, Outcome.SUCCESS, "", NASTY, Spent(1, 2, 3.0, 4.0)),
)


def recorded(event: Event) -> RecordedEvent:
    return RecordedEvent(event, datetime(2026, 1, 2, 3, 4, 5, 678000, UTC), 1.5)


def test_the_list_above_holds_every_kind() -> None:
    assert {event.kind for event in ONE_OF_EACH} == set(EVENT_TYPES)


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: event.kind)
def test_an_event_survives_being_written_and_read(event: Event) -> None:
    assert recorded_event_from_line(line_from_event(recorded(event))) == recorded(event)


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: event.kind)
def test_an_event_is_one_line(event: Event) -> None:
    assert "\n" not in line_from_event(recorded(event))


def test_a_line_begins_with_its_kind_and_times() -> None:
    wire = json.loads(line_from_event(recorded(Escalated(3, 2))))
    assert wire == {
        "kind": "escalated",
        "at": "2026-01-02T03:04:05.678+00:00",
        "since_start_s": 1.5,
        "step": 3,
        "failures": 2,
    }


@pytest.mark.parametrize("event_type", EVENT_TYPES.values(), ids=lambda kind: str(kind.kind))
def test_no_field_hides_what_every_line_has(event_type: type[Event]) -> None:
    names = {field.name for field in dataclasses.fields(event_type)}
    assert names.isdisjoint({"kind", "at", "since_start_s"})


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "null",
        "[1]",
        '{"kind": "dreamt", "at": "2026-01-01T00:00:00+00:00", "since_start_s": 0}',
        '{"kind": "escalated", "at": "2026-01-01T00:00:00+00:00", "since_start_s": 0}',
        '{"kind": "escalated", "at": "soon", "since_start_s": 0, "step": 1, "failures": 2}',
        '{"kind": ["escalated"], "at": "2026-01-01T00:00:00+00:00", "since_start_s": 0}',
        "[" * 100_000,
    ],
)
def test_a_line_that_cannot_be_read_becomes_an_unknown_event(line: str) -> None:
    assert recorded_event_from_line(line).event == UnknownEvent(0, line)


def test_fields_of_a_newer_version_are_ignored() -> None:
    wire = json.loads(line_from_event(recorded(Escalated(3, 2)))) | {"colour": "red"}
    assert recorded_event_from_line(json.dumps(wire)).event == Escalated(3, 2)


def test_the_time_that_is_ours_is_what_the_others_leave() -> None:
    assert StepTimed(1, 1.0, 0.5, 0.25, 0.125).ours_s == pytest.approx(0.125)


def test_the_time_that_is_ours_is_not_negative_when_models_run_side_by_side() -> None:
    assert StepTimed(1, 1.0, 1.5, 0.0, 0.0).ours_s == 0.0

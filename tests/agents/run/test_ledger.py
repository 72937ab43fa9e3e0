"""Each action is sent at most once, whatever the process that sent it came to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tapgraph.agents.run.events import ActionDone, ActionFailed, ActionStarted
from tapgraph.agents.run.ledger import Acknowledged, Ledger, answered_actions
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.run_header import RunHeader
from tapgraph.errors import DeviceLost, ToolError
from tapgraph.tools.mobile.actions import Back, Home

WIRE = {"name": "add_note", "arguments": {"title": "Tea"}}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[RunFolder]:
    header = RunHeader(instruction="", pipeline="api", model="m", device="d")
    with RunFolder.create(tmp_path / "run", header) as created:
        yield created


class Action:
    """Counts how often it is done."""

    def __init__(self, error: Exception | None = None) -> None:
        self.times = 0
        self.error = error

    def __call__(self) -> Acknowledged:
        self.times += 1
        if self.error is not None:
            raise self.error
        return Acknowledged(0.5, "added")


def resumed(folder: RunFolder) -> Ledger:
    return Ledger(folder, folder.timeline())


def test_an_answered_action_is_not_sent_again_and_its_answer_is_kept(folder: RunFolder) -> None:
    action = Action()
    first = Ledger(folder).once(1, 0, WIRE, action)
    assert resumed(folder).once(1, 0, WIRE, action) == first == Acknowledged(0.5, "added")
    assert action.times == 1
    assert [type(each) for each in folder.events()] == [ActionStarted, ActionDone]


def test_a_failed_action_fails_again_without_being_sent(folder: RunFolder) -> None:
    action = Action(ToolError("the calendar is busy"))
    for ledger_of in (Ledger, resumed):
        with pytest.raises(ToolError, match="busy"):
            ledger_of(folder).once(1, 0, WIRE, action)
    assert action.times == 1
    assert [type(each) for each in folder.events()] == [ActionStarted, ActionFailed]


def test_an_action_without_an_answer_is_told_apart(folder: RunFolder) -> None:
    lost = Action(DeviceLost("gone"))
    with pytest.raises(DeviceLost):
        Ledger(folder).once(1, 0, WIRE, lost)
    again = Action()
    ledger = resumed(folder)
    assert ledger.was_sent(1)
    assert ledger.once(1, 0, WIRE, again) is None
    assert again.times == 0


def test_steps_and_parts_are_told_apart(folder: RunFolder) -> None:
    action, ledger = Action(), Ledger(folder)
    for step, part in ((1, 0), (1, 1), (2, 0)):
        assert not ledger.was_sent(step, part)
        ledger.once(step, part, WIRE, action)
    assert action.times == 3


def test_what_the_phone_answered_is_replayed_failures_too_but_no_calls_of_apis(
    folder: RunFolder,
) -> None:
    back: dict[str, object] = {"name": "Back", "arguments": {}}
    home: dict[str, object] = {"name": "Home", "arguments": {}}
    folder.record(ActionStarted(1, 0, back))
    folder.record(ActionDone(1, 0, back, 0.1))
    folder.record(ActionStarted(2, 0, home))
    folder.record(ActionFailed(2, 0, home, "no"))
    folder.record(ActionDone(3, 0, WIRE, 0.1))
    folder.record(ActionStarted(4, 0, back))
    assert answered_actions(folder.timeline()) == [Back(), Home()]

"""What becomes of each choice, and that each call is sent once."""

from typing import Any

import pytest

from tapgraph.agents.api.caller import caller
from tapgraph.agents.api.state import Choice
from tapgraph.agents.run.events import ActionDone, ActionFailed, ActionStarted
from tapgraph.tools.api.calls import CallResult
from tapgraph.tools.api.catalog import Api, ApiCatalog

WEATHER = Choice("call", "weather", {}, {"city": "Lyon"})


def test_what_a_call_gave_is_kept_for_the_step(desk: Any) -> None:
    calls = desk()
    assert calls.run(caller, choice=WEATHER) == {}
    assert calls.team.run.folder.load_result(1) == "sunny in Lyon"
    (done,) = calls.events(ActionDone)
    assert (done.step, done.part, done.action) == (
        1, 0, {"name": "weather", "arguments": {"city": "Lyon"}}
    )  # fmt: skip
    assert done.detail


def test_a_call_that_failed_is_an_error(desk: Any) -> None:
    calls = desk()
    update = calls.run(caller, choice=Choice("call", "weather", {}, {"city": "Atlantis"}))
    assert "no such city" in update["error"]
    assert not calls.team.run.folder.has_result(1)
    assert len(calls.events(ActionFailed)) == 1


class Counted:
    """Counts its calls; each says that it took ten seconds, seven of them another agent's."""

    catalog = ApiCatalog([Api("count", "Counts.")])

    def __init__(self) -> None:
        self.calls = 0
        self.timer: Any = None

    def call(self, identifier: str, arguments: object) -> CallResult:
        self.calls += 1
        if self.timer is not None:
            self.timer.add("delegated", 7.0)
        return CallResult(self.calls, str(self.calls), 10.0)


def test_a_call_is_sent_once_in_all_lives_of_the_run(desk: Any) -> None:
    counted = Counted()
    calls = desk(runner=counted)
    for _ in range(2):
        assert calls.run(caller, choice=Choice("call", "count")) == {}
    assert counted.calls == 1


def test_a_call_without_an_answer_is_told_and_not_sent_again(desk: Any) -> None:
    counted = Counted()
    calls = desk(runner=counted)
    ledger = calls.team.run.ledger
    ledger._record(ActionStarted(1, 0, {"name": "count", "arguments": {}}))
    update = calls.run(caller, choice=Choice("call", "count"))
    assert "may or may not have been carried out" in update["error"]
    assert counted.calls == 0


def test_the_time_of_another_agent_is_not_the_services(desk: Any) -> None:
    counted = Counted()
    calls = desk(runner=counted)
    counted.timer = calls.team.run.timer
    calls.run(caller, choice=Choice("call", "count"))
    timed = calls.team.run.timer.close(1)
    assert (timed.device_s, timed.delegated_s) == (3.0, 7.0)


def test_only_the_time_of_this_call_is_taken_from_it(desk: Any) -> None:
    calls = desk(runner=Counted())
    calls.team.run.timer.add("delegated", 4.0)
    calls.run(caller, choice=Choice("call", "count"))
    assert calls.team.run.timer.close(1).device_s == 10.0


def test_long_arguments_are_recorded_by_their_beginnings(desk: Any) -> None:
    calls = desk()
    calls.run(caller, choice=Choice("call", "weather", {}, {"city": "L" * 9000}))
    recorded = calls.events(ActionStarted)[0].action["arguments"]["city"]
    assert recorded.startswith('"LLL')
    assert 8000 <= len(recorded) < 8200
    assert calls.team.run.folder.load_result(1) == "sunny in " + "L" * 9000


def test_arguments_of_8000_characters_are_recorded_whole(desk: Any) -> None:
    city = "L" * (8000 - len('{"city": ""}'))
    calls = desk()
    calls.run(caller, choice=Choice("call", "weather", {}, {"city": city}))
    assert calls.events(ActionStarted)[0].action["arguments"] == {"city": city}


def test_a_choice_with_a_problem_does_nothing(desk: Any) -> None:
    calls = desk()
    broken = Choice("call", "weather", {}, {"city": "Lyon"}, problem="city is missing")
    assert calls.run(caller, choice=broken) == {"error": "city is missing"}
    assert calls.events(ActionStarted) == []


def test_what_was_read_is_kept_for_the_step(desk: Any) -> None:
    calls = desk()
    assert calls.run(caller, choice=Choice("read", "", {}, {"title": "The end"})) == {}
    assert calls.team.run.folder.load_result(1) == {"title": "The end"}


def test_finishing_gives_the_answer(desk: Any) -> None:
    assert desk().run(caller, choice=Choice("finish", answer="12")) == {"answer": "12"}


def test_giving_up_gives_the_reason(desk: Any) -> None:
    assert desk().run(caller, choice=Choice("give_up", answer="no way")) == {"given_up": "no way"}
    assert desk().run(caller, choice=Choice("give_up")) == {"given_up": "the agent saw no way"}


def test_there_is_nothing_to_do_before_a_choice(desk: Any) -> None:
    with pytest.raises(TypeError, match="caller must run after chooser"):
        desk().run(caller)

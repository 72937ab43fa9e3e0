"""Whole tasks on the simulated phone, checked on the databases of its apps."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E, TAPGRAPH, Pipeline
from tapgraph.agents.mobile.replies import (
    ManagerReply,
    OperatorReply,
    ReflectorReply,
    VerifierReply,
)
from tapgraph.agents.run.budget import Budget
from tapgraph.agents.run.events import (
    ActionDone,
    Decided,
    Escalated,
    LearntTips,
    ModelCalled,
    Planned,
    Reflected,
    ScreenSeen,
    Verified,
    Warned,
)
from tapgraph.agents.run.exchanges import role_examples
from tapgraph.agents.run.outcome import Outcome
from tapgraph.errors import ModelUnavailable, UsageError
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.scripted_model import Answer, ScriptedModel
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.faults import FaultPlan
from tapgraph.tools.mobile.simulator.phone import Phone

CAFE = "Find the highest-rated cafe on Maps and save its name and phone number in a note."
SWITCH = "Turn on the alarm at 08:30"

Events = Callable[[Any], list[Any]]


@pytest.mark.parametrize("pipeline", [TAPGRAPH, MOBILE_AGENT_E], ids=lambda each: each.name)
def test_both_pipelines_bring_the_phone_into_the_state_asked_for(
    pipeline: Pipeline, run_task: Any, phone: Phone, known_routes: Any
) -> None:
    assert not known_routes.is_done(CAFE, phone)
    assert run_task(CAFE, pipeline=pipeline).outcome is Outcome.SUCCESS
    assert known_routes.is_done(CAFE, phone)


def test_what_each_role_was_asked_and_said_is_kept_with_the_run(
    run_task: Any, events: Events
) -> None:
    result = run_task(SWITCH)
    calls = Counter(call.role for call in events(ModelCalled) if call.valid)
    assert {"manager", "operator", "reflector"} <= set(calls)
    for role, count in calls.items():
        kept = role_examples(result.folder, role)
        assert len(kept) == count
        assert all(SWITCH in one["input"] and one["system"] and one["output"] for one in kept)


def test_the_published_pipeline_makes_its_calls_in_the_published_order(
    run_task: Any, events: Events
) -> None:
    run_task(CAFE, pipeline=MOBILE_AGENT_E)
    calls = [(call.step, call.role) for call in events(ModelCalled)]
    assert calls[:5] == [
        (0, "manager"),
        (1, "operator"),
        (1, "reflector"),
        (1, "notetaker"),
        (1, "manager"),
    ]
    assert calls[-2][1] == "shortcut_reflector"
    assert not any(role == "verifier" for _, role in calls)


def test_the_default_pipeline_plans_at_the_start_and_when_a_subgoal_is_done(
    run_task: Any, events: Events
) -> None:
    run_task(CAFE)
    done = sum(1 for event in events(Reflected) if event.progress[:1] > "0")
    plans = events(Planned)
    assert done > 0
    assert plans[0].step == 0
    assert 2 <= len(plans) <= 4


def test_faults_are_noticed_and_the_task_is_still_done(
    run_task: Any, events: Events, known_routes: Any
) -> None:
    faults = FaultPlan.parse("tap@3,slow@2,popup@5,crash@9")
    with build_phone(seed=7, faults=faults) as phone:
        result = run_task(CAFE, device=SimulatedDevice(phone))
        assert result.outcome is Outcome.SUCCESS
        assert known_routes.is_done(CAFE, phone)
    graded = {(event.verdict, event.judged_by) for event in events(Reflected)}
    assert ("C", "unchanged screen") in graded
    assert ("B", "model") in graded
    assert events(Escalated)


def test_success_that_the_verifier_denies_is_not_success(
    run_task: Any, demonstrator_but: Any, events: Events
) -> None:
    def deny(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        if schema is VerifierReply:
            return VerifierReply(complete=False, missing="the switch")
        return None

    result = run_task(SWITCH, demonstrator_but(deny))
    assert result.outcome is Outcome.FAILED
    assert "the switch" in result.reason
    assert len(events(Verified)) == 3


def test_an_impossible_task_is_given_up(run_task: Any, demonstrator_but: Any) -> None:
    def give_up(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        if schema is ManagerReply:
            return ManagerReply(thought="", subgoals=["none"], current=1, status="impossible")
        return None

    assert run_task(SWITCH, demonstrator_but(give_up)).outcome is Outcome.GAVE_UP


def test_an_operator_that_never_gives_a_valid_reply_ends_in_order(
    run_task: Any, demonstrator_but: Any, events: Events
) -> None:
    def babble(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        return (
            "I would tap the thing // there"
            if schema and issubclass(schema, OperatorReply)
            else None
        )

    result = run_task(SWITCH, demonstrator_but(babble))
    assert result.outcome is Outcome.MODEL_ERROR
    calls = [call for call in events(ModelCalled) if call.role == "operator"]
    assert len(calls) == 3 * 4
    assert not any(call.valid for call in calls)
    assert events(ActionDone) == []


def test_an_invalid_reply_is_told_to_the_model_and_asked_again(
    run_task: Any, demonstrator_but: Any
) -> None:
    spoilt: list[bool] = []

    def spoil_once(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        if schema and issubclass(schema, OperatorReply) and not spoilt:
            spoilt.append(True)
            return '{"thought": "x", "action": 7}'
        return None

    model = demonstrator_but(spoil_once)
    assert run_task(SWITCH, model).outcome is Outcome.SUCCESS
    second = [
        request
        for request in model.requests
        if request.schema and issubclass(request.schema, OperatorReply)
    ][1]
    assert "action" in second.messages[-1].text


def test_a_screen_that_never_changes_is_given_up_without_asking_the_reflector(
    run_task: Any, demonstrator_but: Any, events: Events
) -> None:
    def tap_nothing(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        if schema and issubclass(schema, OperatorReply):
            return OperatorReply(
                thought="", action="Tap", arguments={"x": 540, "y": 1400}, description="it opens"
            )
        return None

    result = run_task(SWITCH, demonstrator_but(tap_nothing))
    assert result.outcome is Outcome.GAVE_UP
    assert {event.judged_by for event in events(Reflected)} == {"unchanged screen"}
    assert not any(call.role == "reflector" for call in events(ModelCalled))


def test_two_screens_in_turn_end_as_a_loop(run_task: Any, demonstrator_but: Any) -> None:
    turns: list[bool] = []

    def wander(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        if schema and issubclass(schema, OperatorReply):
            turns.append(True)
            name = "Open_App" if len(turns) % 2 else "Home"
            arguments: dict[str, Any] = {"app_name": "Notes"} if len(turns) % 2 else {}
            return OperatorReply(thought="", action=name, arguments=arguments, description="")
        if schema is ReflectorReply:
            return ReflectorReply(verdict="A")
        return None

    result = run_task(SWITCH, demonstrator_but(wander))
    assert result.outcome is Outcome.LOOP
    assert len(turns) <= 12


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(max_steps=2), "2 of 2 steps"),
        (Budget(max_tokens=2000), "of 2,000 tokens"),
        (Budget(max_seconds=0.001), "the seconds are used up"),
    ],
    ids=["steps", "tokens", "seconds"],
)
def test_each_budget_stops_the_run(budget: Budget, words: str, run_task: Any) -> None:
    result = run_task(CAFE, budget=budget)
    assert result.outcome is Outcome.BUDGET
    assert words in result.reason
    assert result.outcome.exit_code == 4


def test_steps_of_the_budget_are_all_used(run_task: Any, events: Events) -> None:
    run_task(CAFE, budget=Budget(max_steps=3))
    assert [event.step for event in events(Decided)] == [1, 2, 3]


def test_the_default_pipeline_learns_from_failures_too(
    run_task: Any, demonstrator_but: Any, events: Events
) -> None:
    def give_up(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        if schema and issubclass(schema, OperatorReply):
            return OperatorReply(
                thought="", action="Open_App", arguments={"app_name": "Nope"}, description=""
            )
        return None

    result = run_task(SWITCH, demonstrator_but(give_up))
    assert result.outcome is Outcome.GAVE_UP
    assert len(events(LearntTips)) == 1


def test_an_empty_instruction_is_refused_before_anything_happens(run_task: Any) -> None:
    with pytest.raises(UsageError, match="instruction is empty"):
        run_task("  ")


def test_screens_are_filed_once_for_each_look(run_task: Any, events: Events) -> None:
    run_task(SWITCH)
    numbers = [event.screen_id for event in events(ScreenSeen)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_no_run_of_the_demonstrator_leaves_a_warning(run_task: Any, events: Events) -> None:
    run_task(CAFE)
    assert events(Warned) == []


def test_a_model_that_is_gone_ends_the_run_as_a_model_error(run_task: Any) -> None:
    def gone(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer:
        raise ModelUnavailable("nobody answers at http://127.0.0.1:1")

    result = run_task(SWITCH, ScriptedModel(gone))
    assert result.outcome is Outcome.MODEL_ERROR
    assert result.outcome.exit_code == 3


def test_an_element_that_is_not_there_is_told_before_it_counts_as_a_failure(
    run_task: Any, demonstrator_but: Any, events: Events
) -> None:
    missed: list[bool] = []

    def miss_once(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer | None:
        if schema and issubclass(schema, OperatorReply) and not missed:
            missed.append(True)
            return OperatorReply(
                thought="", action="Tap", arguments={"element": 99}, description=""
            )
        return None

    model = demonstrator_but(miss_once)
    assert run_task(SWITCH, model).outcome is Outcome.SUCCESS
    assert all(event.verdict == "A" for event in events(Reflected))
    second = [
        request
        for request in model.requests
        if request.schema and issubclass(request.schema, OperatorReply)
    ][1]
    assert "the screen has no element [99]" in second.messages[-1].text

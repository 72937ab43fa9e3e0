"""Actions and verdicts of recorded runs, judged from their screens."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tapgraph.agents.mobile.agent import PhoneAgent
from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E, TAPGRAPH, Pipeline
from tapgraph.agents.mobile.replies import OperatorReply, ReflectorReply
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.evals.phone.step_accuracy import StepAccuracy, judge_steps
from tapgraph.evals.stats import Tally
from tapgraph.llm_backend.messages import Message
from tapgraph.llm_backend.scripted_model import Answer, ScriptedModel
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.faults import FaultPlan

CAFE = "Find the highest-rated cafe on Maps and save its name and phone number in a note."
SWITCH = "Turn on the alarm at 08:30"
Override = Callable[[Sequence[Message], type[BaseModel] | None, int], Answer | None]


@pytest.fixture
def judged(tmp_path: Path, known_routes: Any) -> Callable[..., StepAccuracy]:
    """The accuracy of the demonstrator, except where `override` answers: it is told how many
    actions were asked for so far."""

    def run(
        override: Override = lambda _messages, _schema, _asked: None,
        *,
        faults: str = "",
        instruction: str = SWITCH,
        pipeline: Pipeline = TAPGRAPH,
    ) -> StepAccuracy:
        asked = 0

        def answer(messages: Sequence[Message], schema: type[BaseModel] | None) -> Answer:
            nonlocal asked
            asked += schema is not None and issubclass(schema, OperatorReply)
            other = override(messages, schema, asked)
            return knowing.reply(messages, schema=schema) if other is None else other

        with build_phone(seed=7, faults=FaultPlan.parse(faults)) as phone:
            knowing = known_routes.KnowsRoutes(phone)
            agent = PhoneAgent(SimulatedDevice(phone), ScriptedModel(answer), pipeline=pipeline)
            agent.run(instruction, out=tmp_path / "run")
        return judge_steps(RunFolder.open(tmp_path / "run"))

    return run


def acts_first(action: str, **arguments: object) -> Override:
    def override(
        _messages: Sequence[Message], schema: type[BaseModel] | None, asked: int
    ) -> Answer | None:
        if schema is None or not issubclass(schema, OperatorReply) or asked != 1:
            return None
        return OperatorReply(action=action, arguments=arguments)  # type: ignore[arg-type]

    return override


def test_a_straight_run_is_right_throughout(judged: Callable[..., StepAccuracy]) -> None:
    assert judged() == StepAccuracy(Tally(2, 2), Tally(2, 2))


def test_an_action_that_changes_nothing_is_wrong(judged: Callable[..., StepAccuracy]) -> None:
    # Back on the home screen; the agent finds without a model that nothing changed.
    assert judged(acts_first("Back")) == StepAccuracy(Tally(2, 3), Tally(2, 2))


def test_where_the_reflector_is_asked_its_word_on_an_unchanged_screen_counts(
    judged: Callable[..., StepAccuracy],
) -> None:
    # The demonstrator as Reflector says A.
    found = judged(acts_first("Back"), pipeline=MOBILE_AGENT_E)
    assert found == StepAccuracy(Tally(2, 3), Tally(2, 3))


def test_a_swallowed_tap_is_a_wrong_action(judged: Callable[..., StepAccuracy]) -> None:
    assert judged(faults="tap@1").actions == Tally(2, 3)


def test_an_action_that_the_phone_refuses_is_wrong(judged: Callable[..., StepAccuracy]) -> None:
    assert judged(acts_first("Open_App", app_name="No such app")).actions == Tally(2, 3)


def test_an_answer_is_no_action_on_the_phone(judged: Callable[..., StepAccuracy]) -> None:
    assert judged(acts_first("Answer", text="It is done.")).actions.n <= 2


def test_a_wrong_verdict_is_counted_as_wrong(judged: Callable[..., StepAccuracy]) -> None:
    def says_c(
        _messages: Sequence[Message], schema: type[BaseModel] | None, asked: int
    ) -> Answer | None:
        if schema is ReflectorReply and asked == 1:
            return ReflectorReply(verdict="C", error="I saw nothing.")
        return None

    assert judged(says_c) == StepAccuracy(Tally(2, 2), Tally(1, 2))


def test_a_prompt_for_permission_is_no_wrong_app(judged: Callable[..., StepAccuracy]) -> None:
    found = judged(instruction=CAFE)
    assert found.actions.points == found.actions.n

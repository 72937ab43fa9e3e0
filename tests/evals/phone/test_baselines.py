"""Agents without a model: what each must score, so that a score of a model means something."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tapgraph.agents.mobile.replies import NotetakerReply, OperatorReply
from tapgraph.agents.run.outcome import Outcome
from tapgraph.errors import UsageError
from tapgraph.evals.evaluate import Evaluation, Plan, evaluate
from tapgraph.evals.metrics import is_false_completion, is_success, measure
from tapgraph.evals.open_suite import open_suite
from tapgraph.evals.phone.baselines import ErrorProne, PhoneAgents
from tapgraph.evals.suite import Split, Suite
from tapgraph.llm_backend.messages import user
from tapgraph.llm_backend.scripted_model import ScriptedModel
from tapgraph.tools.mobile.simulator.builder import build_phone
from tapgraph.tools.mobile.simulator.guide import Aim, Route
from tapgraph.tools.mobile.simulator.phone import Phone

SIM = open_suite("sim")
FEW = ("write_a_note", "switch_one_alarm", "sum_into_a_note")
SMALL = Suite(
    "small",
    tuple(SIM.template(name) for name in FEW),
    {"easy": Split(FEW[:2]), "medium": Split(FEW[2:])},
)
"""Some of them, as the whole takes minutes."""
PROMPT = """## Task
Look at the alarms.

## Current subgoal
1: Open the alarms

## Notes
{screen}

<screen>
app "Home screen" com.launcher, 1080x2400, keyboard hidden
</screen>"""
ROUTE = Route((Aim(words="Open the alarms", app="Clock", page="alarms"),))
Score = Callable[..., Evaluation]


@pytest.fixture
def phone() -> Iterator[Phone]:
    with build_phone(seed=7) as built:
        yield built


@pytest.fixture
def score(tmp_path: Path) -> Score:
    """`score(model, split="easy", pipeline="mobile-agent-e")` on the suite `sim`."""

    def evaluated(
        model: str,
        *,
        suite: Suite = SMALL,
        pipeline: str = "tapgraph",
        workers: int = 1,
        **plan: Any,
    ) -> Evaluation:
        agents = PhoneAgents(model, pipeline)
        out = tmp_path / f"{model}-{pipeline}"
        return evaluate(suite, agents, out=out, plan=Plan(**plan), workers=workers)

    return evaluated


def value(done: Evaluation, name: str) -> float | None:
    return next((one.estimate.value for one in measure(done.records) if one.name == name), None)


@pytest.mark.parametrize("pipeline", ["tapgraph", "mobile-agent-e"])
def test_null_gives_up_and_does_nothing(pipeline: str, score: Score) -> None:
    done = score("null", pipeline=pipeline)
    assert (value(done, "success"), value(done, "SS"), value(done, "TE")) == (0, 0, 1)
    assert {one.outcome for one in done.records} == {Outcome.GAVE_UP}
    assert value(done, "steps") == 0


@pytest.mark.parametrize("pipeline", ["tapgraph", "mobile-agent-e"])
def test_blind_claims_are_false_completions_everywhere(pipeline: str, score: Score) -> None:
    done = score("demonstrator-blind", pipeline=pipeline)
    assert (value(done, "false completion"), value(done, "success")) == (1, 0)
    assert value(done, "TE") == 0


@pytest.mark.parametrize("pipeline", ["tapgraph", "mobile-agent-e"])
def test_open_apps_opens_each_app_once_and_claims_success(pipeline: str, score: Score) -> None:
    done = score("open-apps", pipeline=pipeline, split="medium")
    apps = [len(SIM.template(one.trial.template).draw(0).apps) for one in done.records]
    assert [one.spent.steps for one in done.records] == apps
    assert (value(done, "success"), value(done, "false completion")) == (0, 1)


def test_random_does_valid_actions_and_seldom_what_is_asked(score: Score) -> None:
    done = score("random", split="medium", max_steps=12)
    assert value(done, "success") == 0
    assert 0 < (value(done, "AA") or 0) < 1
    assert all(not one.error for one in done.records)


@pytest.mark.parametrize("pipeline", ["tapgraph", "mobile-agent-e"])
def test_the_demonstrator_does_easy_tasks_in_the_steps_of_the_reference(
    pipeline: str, score: Score
) -> None:
    done = score("demonstrator", pipeline=pipeline, split="easy")
    assert (value(done, "success"), value(done, "steps / reference")) == (1, 1)
    assert (value(done, "AA"), value(done, "RA")) == (1, 1)


def test_errors_cost_steps_and_accuracy(score: Score) -> None:
    done = score("demonstrator?error_rate=0.3", split="easy", seeds=3)
    assert (value(done, "steps / reference") or 0) > 1
    assert (value(done, "AA") or 1) < 1


@pytest.mark.parametrize(("error_rate", "calls"), [(0.0, 0), (1.0, 2)])
def test_the_rate_is_the_share_of_actions_that_another_model_chooses(
    error_rate: float, calls: int, phone: Phone
) -> None:
    other = ScriptedModel([OperatorReply(action="Back")] * 2)
    model = ErrorProne(ROUTE, phone, other, error_rate, seed=0)
    for screen in ("one", "two"):
        question = user(PROMPT.format(screen=screen))
        model.reply([question], schema=OperatorReply)
        model.reply([question], schema=NotetakerReply)
    assert len(other.requests) == calls


def test_equal_seeds_err_at_the_same_prompts(phone: Phone) -> None:
    def errs(seed: int) -> list[bool]:
        other = ScriptedModel(lambda _messages, _schema: OperatorReply(action="Back"))
        model = ErrorProne(ROUTE, phone, other, 0.5, seed=seed)
        prompts = [user(PROMPT.format(screen=number)) for number in range(20)]
        replies = [model.reply([one], schema=OperatorReply) for one in prompts]
        return [reply.model == "scripted" for reply in replies]

    assert errs(1) == errs(1)
    assert errs(1) != errs(2)
    assert {True, False} == set(errs(1))


@pytest.mark.slow
def test_the_demonstrator_does_every_task(score: Score) -> None:
    done = score("demonstrator", suite=SIM, workers=2)
    assert [one.trial.id for one in done.records if not is_success(one)] == []
    assert not any(is_false_completion(one) for one in done.records)
    assert value(done, "overdue") == 0
    assert value(done, "side effects") == 0


@pytest.mark.slow
def test_errors_in_half_of_all_actions_lie_between_random_and_none(score: Score) -> None:
    at_random = value(score("random", split="easy", seeds=4), "success")
    errs = value(score("demonstrator?error_rate=0.5", split="easy", seeds=4), "success")
    assert at_random is not None
    assert errs is not None
    assert at_random < errs < 1


@pytest.mark.parametrize(
    "model",
    ["null?x=1", "demonstrator?error_rate=2", "demonstrator?rate=0.2", "demonstrator?error_rate="],
)
def test_an_option_that_is_not_one_is_refused(model: str) -> None:
    with pytest.raises(UsageError, match="option"):
        PhoneAgents(model)


def test_an_unknown_pipeline_is_refused() -> None:
    with pytest.raises(UsageError, match="no pipeline"):
        PhoneAgents("null", "round-and-round")


def test_a_model_is_no_baseline() -> None:
    assert not PhoneAgents("openai:gpt").is_baseline
    assert PhoneAgents("demonstrator?error_rate=0.2").is_baseline

"""The phone among many APIs, and which of many APIs another agent is told of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tapgraph.agents.api.agent import ApiAgent
from tapgraph.agents.run.budget import Budget, Spent
from tapgraph.agents.run.events import Delegated, Retrieved
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.task_result import TaskResult
from tapgraph.llm_backend.scripted_model import ScriptedModel
from tapgraph.tools.api.calls import CallResult
from tapgraph.tools.api.catalog import Api, ApiCatalog
from tapgraph.tools.token_estimate import estimate_tokens

GIVE_UP = {"action": "give_up", "answer": "no way"}


class Many:
    """APIs that all fit the task, more than a prompt has room for."""

    catalog = ApiCatalog([Api(f"ann_{n}", "Tell Ann something, hello. " * 30) for n in range(60)])

    def call(self, identifier: str, arguments: object) -> CallResult:
        return CallResult("fine", "fine", 0.0)


class Phone:
    """Does every subgoal at once."""

    def abilities(self, task: str) -> str:
        return ""

    def do_subgoal(self, subgoal: str, *, out: Path, budget: Budget) -> TaskResult:
        return TaskResult(Outcome.SUCCESS, "", "it is on", None, "", Spent(), out)


def test_the_phone_is_shown_from_the_first_and_after_a_search(
    run_api: Any, chooses: Any, events: Callable[[Any], list[Any]]
) -> None:
    search = {"action": "search", "query": "something hello"}
    run_api(chooses(search, GIVE_UP), runner=Many(), phone=Phone())
    assert [each.apis[0] for each in events(Retrieved)] == ["phone_do", "phone_do"]


def test_without_a_phone_there_is_no_such_api(
    run_api: Any, chooses: Any, events: Callable[[Any], list[Any]]
) -> None:
    run_api(chooses(GIVE_UP), runner=Many())
    assert "phone_do" not in events(Retrieved)[0].apis


def test_what_the_phone_found_out_is_what_the_call_gives(
    run_api: Any, chooses: Any, prompts: Any, events: Callable[[Any], list[Any]]
) -> None:
    call = {"action": "call", "api": "phone_do", "arguments": {"subgoal": "Turn it on"}}
    model = chooses(call, GIVE_UP)
    run_api(model, phone=Phone())
    assert 'gave {"answer": "it is on"}' in prompts(model)[1]
    (delegated,) = events(Delegated)
    assert (delegated.agent, delegated.run) == ("mobile", "mobile/001")


class Sixteen:
    """APIs of which one fits."""

    catalog = ApiCatalog([
        Api("weather", "Tells the weather. " * 60),
        *(Api(f"other_{n}", "Does something.") for n in range(15)),
    ])

    def call(self, identifier: str, arguments: object) -> CallResult:
        return CallResult("fine", "fine", 0.0)


def test_another_agent_is_told_of_the_apis_that_fit_its_task() -> None:
    agent = ApiAgent(Sixteen(), ScriptedModel([]))
    told = agent.abilities("weather in Lyon")
    assert "weather" in told
    assert "other_" not in told
    assert estimate_tokens(told) < 80


def test_where_none_fits_another_agent_is_told_of_the_first_twelve() -> None:
    told = ApiAgent(Sixteen(), ScriptedModel([])).abilities("zebra")
    assert [name for name in ("weather", "other_10", "other_11") if name in told] == [
        "weather",
        "other_10",
    ]

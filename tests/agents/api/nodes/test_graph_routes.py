"""Where the graph goes from each state; no node runs."""

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from tapgraph.agents.api.graph import build_graph
from tapgraph.agents.api.state import Choice
from tapgraph.agents.run.history import Limits, loop_warning, stop_of
from tapgraph.agents.run.outcome import Outcome

FINISH = Choice("finish", answer="12")
CALL = Choice("call", "weather")


@pytest.fixture
def after(desk: Any, limits: Limits) -> Any:
    """The nodes that follow one: `after("observer", choice=...)`; none at the end."""

    def route(node: str, *, learns: bool = True, **fields: Any) -> set[str]:
        graph = build_graph(InMemorySaver(), limits=limits, learns=learns)
        config: Any = {"configurable": {"thread_id": "run"}}
        graph.update_state(config, desk().state(**fields), as_node=node)
        return set(graph.get_state(config).next)

    return route


def test_it_chooses_after_the_first_search_and_observes_after_each_other(after: Any) -> None:
    assert after("retriever") == {"chooser"}
    assert after("retriever", choice=Choice("search", "music")) == {"observer"}


def test_a_search_goes_to_the_retriever_and_all_else_to_the_caller(after: Any) -> None:
    assert after("chooser", choice=Choice("search", "music")) == {"retriever"}
    for action in ("call", "read", "ask_user", "finish", "give_up", "none"):
        assert after("chooser", choice=Choice(action)) == {"caller"}
    assert after("caller") == {"observer"}


def test_an_answer_is_verified_unless_it_failed(after: Any) -> None:
    assert after("observer", choice=FINISH) == {"verifier"}
    assert after("observer", choice=FINISH, error="no JSON") == {"chooser"}
    assert after("observer", choice=CALL) == {"chooser"}


def test_a_task_that_is_undone_goes_on(after: Any) -> None:
    assert after("verifier", choice=FINISH, verifications=2) == {"chooser"}


@pytest.mark.parametrize(
    "end",
    [{"done": "verified"}, {"given_up": "no"}, {"verifications": 3}, {"unanswered": "nobody"}],
)
@pytest.mark.parametrize("node", ["observer", "verifier"])
def test_each_end_is_followed_by_the_tips(node: str, end: Any, after: Any) -> None:
    assert after(node, choice=CALL, **end) == {"tips_reflector"}
    assert after(node, choice=CALL, learns=False, **end) == set()
    assert after("tips_reflector") == set()


def outcome(history: list[Any], limits: Limits, desk: Any) -> Outcome | None:
    stop = stop_of(desk().state(history=history), limits)
    return stop.outcome if stop else None


def test_the_fourth_return_is_a_loop_and_the_second_is_warned_of(
    limits: Limits, past: Any, desk: Any
) -> None:
    same = [past(n, after="a") for n in range(1, 5)]
    assert outcome(same[:3], limits, desk) is None
    assert outcome(same, limits, desk) is Outcome.LOOP
    assert loop_warning(same[:1], limits) == ""
    assert "2 times" in loop_warning(same[:2], limits)


def test_ten_steps_to_nothing_new_are_a_loop_and_five_are_warned_of(
    limits: Limits, past: Any, desk: Any
) -> None:
    wandering = [past(n, subject=str(n), arguments={"n": n}, after="a") for n in range(12)]
    assert outcome(wandering[:10], limits, desk) is None
    assert outcome(wandering[:11], limits, desk) is Outcome.LOOP
    assert loop_warning(wandering[:5], limits) == ""
    assert loop_warning(wandering[:6], limits) == (
        "The last 5 steps led to nothing new: go another way."
    )


def test_equal_calls_with_new_results_may_go_on(limits: Limits, past: Any, desk: Any) -> None:
    ticks = [past(n, after=f"a{n}") for n in range(30)]
    assert outcome(ticks, limits, desk) is None


def test_a_call_whose_results_come_back_in_turn_may_be_repeated(
    limits: Limits, past: Any, desk: Any
) -> None:
    polled = [past(n, after=f"a{n % 3}") for n in range(9)]
    assert outcome(polled, limits, desk) is None


def test_the_fifth_failure_in_a_row_is_the_last(limits: Limits, past: Any, desk: Any) -> None:
    failures = [past(n, verdict="C", arguments={"n": n}, after=f"a{n}") for n in range(5)]
    assert outcome(failures[:4], limits, desk) is None
    assert outcome(failures, limits, desk) is Outcome.GAVE_UP

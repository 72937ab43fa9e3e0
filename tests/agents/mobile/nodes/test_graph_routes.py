"""Where both graphs go from each state; no node runs."""

from collections.abc import Mapping
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from tapgraph.agents.mobile.graph import Node, build_graph
from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E, TAPGRAPH, Pipeline
from tapgraph.agents.mobile.state import (
    Decision,
    Judgement,
    PhoneStep,
    Plan,
    initial_state,
)

WORK = Plan(("Open it", "Save it"))
FOR_API = Plan(("Open it", "Save it"), by_api=(1,))
FINISHED = Plan(("Open it",), status="finished")
TAP = Decision("Tap", {"x": 1, "y": 2})
PAST = PhoneStep(step=1, name="Tap", verdict="A", before="a", after="b")
UNCHANGED = Judgement("C", "", "", judged_by="unchanged screen")


def advisor(state: Any, runtime: Any) -> dict[str, Any]:
    return {}


def after(
    node: str,
    *,
    pipeline: Pipeline = TAPGRAPH,
    own: Mapping[str, Node] | None = None,
    learns: bool = True,
    **fields: Any,
) -> set[str]:
    """The nodes that follow; none at the end."""
    graph = build_graph(pipeline, InMemorySaver(), own=own or {}, learns=learns)
    config: Any = {"configurable": {"thread_id": "run"}}
    given: Any = {**initial_state("t"), "plan": WORK, "step": 1, **fields}
    graph.update_state(config, given, as_node=node)
    return set(graph.get_state(config).next)


ENDS = [
    {"done": "verified"},
    {"given_up": "no way"},
    {"verifications": 3, "missing": "all"},
    {"unanswered": "nobody"},
]


@pytest.mark.parametrize("pipeline", [TAPGRAPH, MOBILE_AGENT_E], ids=lambda each: each.name)
def test_it_looks_then_plans_then_chooses_then_acts(pipeline: Pipeline) -> None:
    assert after("perceptor", pipeline=pipeline) == {"manager"}
    assert after("manager", pipeline=pipeline) == {"operator"}
    assert after("operator", pipeline=pipeline) == {"actor"}


def test_those_who_judge_run_side_by_side() -> None:
    assert after("actor", decision=TAP) == {"reflector", "notetaker"}
    for judge in ("reflector", "notetaker", "manager_beside", "delegate"):
        assert after(judge, decision=TAP) == {"close_step"}


def test_a_foreseen_end_of_the_subgoal_calls_the_manager_beside_them() -> None:
    foreseen = Decision("Tap", {}, completes_subgoal=True)
    assert after("actor", decision=foreseen) == {"reflector", "notetaker", "manager_beside"}


def test_nodes_of_ones_own_run_beside_the_reflector() -> None:
    own = {"advisor": advisor}
    assert after("actor", decision=TAP, own=own) == {"reflector", "notetaker", "advisor"}
    assert after("advisor", own=own) == set(), "it leads nowhere: close_step must run once"
    in_order = after("actor", decision=TAP, own=own, pipeline=MOBILE_AGENT_E)
    assert in_order == {"reflector", "advisor"}


@pytest.mark.parametrize("pipeline", [TAPGRAPH, MOBILE_AGENT_E], ids=lambda each: each.name)
def test_what_is_judged_already_asks_nobody(pipeline: Pipeline) -> None:
    assert after("actor", decision=TAP, judgement=UNCHANGED, pipeline=pipeline) == {"close_step"}


@pytest.mark.parametrize("pipeline", [TAPGRAPH, MOBILE_AGENT_E], ids=lambda each: each.name)
def test_a_question_that_nobody_answers_ends_the_run_at_once(pipeline: Pipeline) -> None:
    assert after("actor", decision=TAP, unanswered="nobody", pipeline=pipeline) == set()


def test_in_order_the_reflector_is_asked_alone_and_notes_follow_success_only() -> None:
    assert after("actor", decision=TAP, pipeline=MOBILE_AGENT_E) == {"reflector"}
    followers = {
        verdict: after(
            "reflector", judgement=Judgement(verdict, "", ""), pipeline=MOBILE_AGENT_E
        )
        for verdict in ("A", "B", "C")
    }  # fmt: skip
    assert followers == {"A": {"notetaker"}, "B": {"close_step"}, "C": {"close_step"}}
    assert after("notetaker", pipeline=MOBILE_AGENT_E) == {"close_step"}


def test_in_order_the_manager_plans_before_every_action() -> None:
    assert after("close_step", history=[PAST], pipeline=MOBILE_AGENT_E) == {"manager"}


@pytest.mark.parametrize("node", ["manager", "close_step"])
def test_the_plan_says_who_does_the_subgoal(node: str) -> None:
    assert after(node) == {"operator"}
    assert after(node, plan=FOR_API) == {"delegate"}
    assert after(node, plan=FINISHED) == {"verifier"}


def test_trouble_calls_the_manager_before_anything_else() -> None:
    assert after("close_step", escalation="stuck") == {"manager"}
    assert after("close_step", escalation="stuck", plan=FINISHED) == {"manager"}


def test_a_plan_is_reviewed_beside_the_next_operator_only() -> None:
    assert after("close_step", reviews_plan=True) == {"operator", "manager_ahead"}
    assert after("close_step", reviews_plan=True, plan=FOR_API) == {"delegate"}
    assert after("close_step", reviews_plan=True, plan=FINISHED) == {"verifier"}


def test_a_check_that_finds_something_undone_calls_the_manager() -> None:
    assert after("verifier", verifications=2, missing="the note") == {"manager"}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("node", ["manager", "actor", "close_step", "verifier"])
def test_each_end_is_followed_by_the_reflectors_on_experience(node: str, end: Any) -> None:
    found = after(node, decision=TAP, history=[PAST], escalation="stuck", **end)
    assert found == {"shortcut_reflector"}


def test_the_reflectors_on_experience_come_last() -> None:
    assert after("shortcut_reflector") == {"tips_reflector"}
    assert after("tips_reflector") == set()


@pytest.mark.parametrize("end", ENDS)
def test_the_published_pipeline_learns_from_success_only(end: Any) -> None:
    found = after("close_step", history=[PAST], pipeline=MOBILE_AGENT_E, **end)
    assert found == ({"shortcut_reflector"} if "done" in end else set())


def test_nothing_is_learnt_from_nothing_or_by_nobody() -> None:
    assert after("manager", given_up="no way") == set()
    assert after("close_step", history=[PAST], done="verified", learns=False) == set()


def test_the_fifth_failure_in_a_row_is_the_last() -> None:
    failures = [
        PhoneStep(step=n, name="Tap", arguments={"x": n}, verdict="C", after=f"s{n}")
        for n in range(5)
    ]
    assert after("close_step", history=failures[:4]) == {"operator"}
    assert after("close_step", history=failures) == {"shortcut_reflector"}


def test_by_the_published_rule_the_third_failure_is_the_last() -> None:
    failures = [
        PhoneStep(step=n, name="Tap", arguments={"x": n}, verdict="C", after=f"s{n}")
        for n in range(3)
    ]
    assert after("close_step", history=failures[:2], pipeline=MOBILE_AGENT_E) == {"manager"}
    assert after("close_step", history=failures, pipeline=MOBILE_AGENT_E) == set()

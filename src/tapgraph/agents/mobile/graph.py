"""The two graphs of the phone agent.

::

    tapgraph          perceptor → manager → operator → actor → reflector ┐
                                    ↑                          notetaker ├→ close_step
                                    │                         (manager)  ┘      │
                                    └── next action · stuck · verifier ←────────┘

    mobile-agent-e    perceptor → manager → operator → actor → reflector → notetaker
                                    ↑                                          │
                                    └───────────────── close_step ←────────────┘

The actor looks with the Perceptor after it has acted.
In the first, a subgoal that the Manager marks for the API agent goes to `delegate` in place of the
operator. Both end with the two reflectors on experience. The first never makes more than two calls
after each other for an action that succeeds; the second keeps the published order.
"""

from typing import Any, Literal, TypeAlias

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from tapgraph.agents.mobile.actor import actor
from tapgraph.agents.mobile.close_step import close_step
from tapgraph.agents.mobile.delegate import delegate
from tapgraph.agents.mobile.experience import shortcut_reflector, tips_reflector
from tapgraph.agents.mobile.finish import finish
from tapgraph.agents.mobile.manager import manager, manager_beside
from tapgraph.agents.mobile.notetaker import notetaker
from tapgraph.agents.mobile.operator_node import operator
from tapgraph.agents.mobile.perceptor import perceptor
from tapgraph.agents.mobile.pipeline import Pipeline
from tapgraph.agents.mobile.reflector import reflector
from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.mobile.team import Team
from tapgraph.agents.mobile.verifier import verifier
from tapgraph.agents.run.outcome import Outcome

__all__ = ["PhoneGraph", "build_graph", "initial_state"]

PhoneGraph: TypeAlias = CompiledStateGraph[PhoneState, Team, PhoneState, PhoneState]


def build_graph(pipeline: Pipeline, checkpointer: BaseCheckpointSaver[Any]) -> PhoneGraph:
    """The compiled graph of the pipeline."""
    graph = StateGraph(PhoneState, context_schema=Team)
    graph.add_node("perceptor", perceptor)
    graph.add_node("manager", manager)
    graph.add_node("operator", operator)
    graph.add_node("actor", actor)
    graph.add_node("reflector", reflector)
    graph.add_node("notetaker", notetaker)
    graph.add_node("close_step", close_step)
    graph.add_node("finish", finish)
    graph.add_node("shortcut_reflector", shortcut_reflector)
    graph.add_node("tips_reflector", tips_reflector)
    graph.add_edge(START, "perceptor")
    graph.add_edge("perceptor", "manager")
    graph.add_edge("operator", "actor")
    if pipeline.name == "tapgraph":
        _wire_tapgraph(graph)
    else:
        _wire_mobile_agent_e(graph)
    graph.add_edge("tips_reflector", END)
    return graph.compile(checkpointer=checkpointer)


def initial_state(instruction: str) -> PhoneState:
    """The state before the first look."""
    return {
        "instruction": instruction,
        "step": 0,
        "progress": "",
        "notes": "",
        "history": [],
        "screen": 0,
        "screen_before": 0,
        "tool_error": "",
        "reviews_plan": False,
        "escalation": "",
        "verifications": 0,
        "missing": "",
        "answer": "",
    }


def _wire_tapgraph(graph: StateGraph[PhoneState, Team, PhoneState, PhoneState]) -> None:
    graph.add_node("manager_beside", manager_beside)
    graph.add_node("manager_ahead", manager_beside)
    graph.add_node("verifier", verifier)
    graph.add_node("delegate", delegate)
    graph.add_conditional_edges(
        "actor",
        _judges,
        ["reflector", "notetaker", "manager_beside", "close_step", "finish"],
    )
    graph.add_conditional_edges(
        "manager", _after_plan, ["operator", "delegate", "verifier", "finish"]
    )
    graph.add_conditional_edges(
        "delegate", _after_delegate, ["operator", "delegate", "manager", "verifier", "finish"]
    )
    for judge in ("reflector", "notetaker", "manager_beside"):
        graph.add_edge(judge, "close_step")
    graph.add_conditional_edges(
        "close_step",
        _after_step,
        ["operator", "delegate", "manager_ahead", "manager", "verifier", "finish"],
    )
    graph.add_conditional_edges("verifier", _after_verifier, ["manager", "finish"])
    graph.add_conditional_edges("finish", _learns_always, ["shortcut_reflector", END])
    graph.add_edge("shortcut_reflector", "tips_reflector")


def _wire_mobile_agent_e(graph: StateGraph[PhoneState, Team, PhoneState, PhoneState]) -> None:
    graph.add_conditional_edges("actor", _judge, ["reflector", "close_step", "finish"])
    graph.add_conditional_edges("manager", _after_published_plan, ["operator", "finish"])
    graph.add_conditional_edges("reflector", _notes_on_success, ["notetaker", "close_step"])
    graph.add_edge("notetaker", "close_step")
    graph.add_conditional_edges("close_step", _after_published_step, ["manager", "finish"])
    graph.add_conditional_edges("finish", _learns_on_success, ["shortcut_reflector", END])
    graph.add_edge("shortcut_reflector", "tips_reflector")


def _judges(state: PhoneState) -> list[str]:
    decision = state.get("decision")
    if state.get("stop") or decision is None:
        return ["finish"]
    if state.get("judgement") is not None:
        return ["close_step"]
    judges = ["reflector", "notetaker"]
    if decision.completes_subgoal:
        judges.append("manager_beside")
    return judges


def _after_plan(state: PhoneState) -> Literal["operator", "delegate", "verifier", "finish"]:
    status = state["plan"].status
    if status == "impossible":
        return "finish"
    if status == "finished":
        return "verifier"
    return "delegate" if state["plan"].is_for_api else "operator"


def _after_delegate(
    state: PhoneState,
) -> Literal["operator", "delegate", "manager", "verifier", "finish"]:
    if state.get("stop"):
        return "finish"
    return "manager" if state["escalation"] else _after_plan(state)


def _after_step(state: PhoneState) -> list[str]:
    if state.get("stop"):
        return ["finish"]
    if state["escalation"]:
        return ["manager"]
    following = _after_plan(state)
    if following == "operator" and state["reviews_plan"]:
        return ["operator", "manager_ahead"]
    return [following]


def _after_verifier(state: PhoneState) -> Literal["manager", "finish"]:
    return "finish" if state.get("stop") else "manager"


def _judge(state: PhoneState) -> Literal["reflector", "close_step", "finish"]:
    if state.get("stop"):
        return "finish"
    return "close_step" if state.get("judgement") is not None else "reflector"


def _after_published_plan(state: PhoneState) -> Literal["operator", "finish"]:
    return "operator" if state["plan"].status == "working" else "finish"


def _notes_on_success(state: PhoneState) -> Literal["notetaker", "close_step"]:
    judgement = state.get("judgement")
    return "notetaker" if judgement is not None and judgement.grade == "A" else "close_step"


def _after_published_step(state: PhoneState) -> Literal["manager", "finish"]:
    return "finish" if state.get("stop") else "manager"


def _learns_always(state: PhoneState) -> str:
    return "shortcut_reflector" if state["history"] else END


def _learns_on_success(state: PhoneState) -> str:
    stop = state.get("stop")
    succeeded = stop is not None and stop.outcome == Outcome.SUCCESS
    return "shortcut_reflector" if state["history"] and succeeded else END

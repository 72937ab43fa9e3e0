"""The graph of the API agent.

::

    retriever → chooser → caller → observer ┬→ chooser      next action
        ↑          │                  ↑     ├→ verifier     finished: chooser again, or the end
        │ first    └──→ retriever ────┘     └→ tips_reflector → end
                          search

One call of a model for a step; the check of the whole task and the tips are one more each.
"""

from datetime import datetime
from typing import Any, Literal, TypeAlias

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from tapgraph.agents.api.caller import caller
from tapgraph.agents.api.chooser import chooser
from tapgraph.agents.api.experience import tips_reflector
from tapgraph.agents.api.observer import observer
from tapgraph.agents.api.retriever import retriever
from tapgraph.agents.api.state import ApiState
from tapgraph.agents.api.team import ApiTeam
from tapgraph.agents.api.verifier import verifier

__all__ = ["ApiGraph", "build_graph", "initial_state"]

ApiGraph: TypeAlias = CompiledStateGraph[ApiState, ApiTeam, ApiState, ApiState]


def build_graph(checkpointer: BaseCheckpointSaver[Any]) -> ApiGraph:
    """The compiled graph."""
    graph = StateGraph(ApiState, context_schema=ApiTeam)
    graph.add_node("retriever", retriever)
    graph.add_node("chooser", chooser)
    graph.add_node("caller", caller)
    graph.add_node("observer", observer)
    graph.add_node("verifier", verifier)
    graph.add_node("tips_reflector", tips_reflector)
    graph.add_edge(START, "retriever")
    graph.add_conditional_edges("retriever", _after_retriever, ["chooser", "observer"])
    graph.add_conditional_edges("chooser", _after_chooser, ["retriever", "caller"])
    graph.add_edge("caller", "observer")
    graph.add_conditional_edges(
        "observer", _after_observer, ["chooser", "verifier", "tips_reflector"]
    )
    graph.add_conditional_edges("verifier", _after_verifier, ["chooser", "tips_reflector"])
    graph.add_edge("tips_reflector", END)
    return graph.compile(checkpointer=checkpointer)


def initial_state(instruction: str, started_at: datetime) -> ApiState:
    """The state before the first search."""
    return {
        "instruction": instruction,
        "started_at": f"{started_at:%A} {started_at.isoformat(timespec='minutes')}",
        "step": 0,
        "candidates": [],
        "history": [],
        "error": "",
        "verifications": 0,
        "missing": "",
        "answer": "",
    }


def _after_retriever(state: ApiState) -> Literal["chooser", "observer"]:
    return "chooser" if state.get("decision") is None else "observer"


def _after_chooser(state: ApiState) -> Literal["retriever", "caller"]:
    decision = state.get("decision")
    return "retriever" if decision is not None and decision.action == "search" else "caller"


def _after_observer(state: ApiState) -> Literal["chooser", "verifier", "tips_reflector"]:
    if state.get("stop"):
        return "tips_reflector"
    decision = state.get("decision")
    is_finished = decision is not None and decision.action == "finish" and not state["error"]
    return "verifier" if is_finished else "chooser"


def _after_verifier(state: ApiState) -> Literal["chooser", "tips_reflector"]:
    return "tips_reflector" if state.get("stop") else "chooser"

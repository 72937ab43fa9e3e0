"""The graph of the API agent.

::

    retriever → chooser → caller → observer ┬→ chooser      next action
        ↑          │                  ↑     ├→ verifier     finished: chooser again, or the end
        │ first    └──→ retriever ────┘     └→ tips_reflector → end
                          search

One call of a model for a step; the check of the whole task and the tips are one more each.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from tapgraph.agents.api.caller import caller
from tapgraph.agents.api.chooser import chooser
from tapgraph.agents.api.ending import verifier
from tapgraph.agents.api.experience import tips_reflector
from tapgraph.agents.api.observer import observer
from tapgraph.agents.api.retriever import retriever
from tapgraph.agents.api.state import ApiState, ApiTeam
from tapgraph.agents.run.history import Limits, stop_of

__all__ = ["ApiGraph", "build_graph"]

ApiGraph: TypeAlias = CompiledStateGraph[ApiState, ApiTeam, ApiState, ApiState]


def build_graph(
    checkpointer: BaseCheckpointSaver[Any], *, limits: Limits, learns: bool
) -> ApiGraph:
    """The compiled graph; `learns` says whether the reflector on experience is asked."""
    ending = "tips_reflector" if learns else END

    def or_end(following: Callable[[ApiState], str]) -> Callable[[ApiState], str]:
        return lambda state: ending if stop_of(state, limits) else following(state)

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
        "observer", or_end(_after_observer), ["chooser", "verifier", ending]
    )
    graph.add_conditional_edges("verifier", or_end(lambda _: "chooser"), ["chooser", ending])
    graph.add_edge("tips_reflector", END)
    return graph.compile(checkpointer=checkpointer)


def _after_retriever(state: ApiState) -> str:
    return "chooser" if state["choice"] is None else "observer"


def _after_chooser(state: ApiState) -> str:
    choice = state["choice"]
    return "retriever" if choice is not None and choice.action == "search" else "caller"


def _after_observer(state: ApiState) -> str:
    choice = state["choice"]
    is_finished = choice is not None and choice.action == "finish" and not state["error"]
    return "verifier" if is_finished else "chooser"

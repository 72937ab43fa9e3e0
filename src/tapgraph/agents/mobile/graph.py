"""The two graphs of the phone agent.

::

    side by side      perceptor → manager → operator → actor → reflector ┐
                                    ↑                          notetaker ├→ close_step
                                    │                     nodes of yours │      │
                                    │                         (manager)  ┘      │
                                    └── next action · stuck · verifier ←────────┘

    in order          perceptor → manager → operator → actor → reflector → notetaker
                                    ↑                                          │
                                    └───────────────── close_step ←────────────┘

The actor looks with the Perceptor after it has acted.
In the first, a subgoal that the Manager marks for the API agent goes to `delegate` in place of the
operator. Both end with the two reflectors on experience. The first never makes more than two calls
after each other for an action that succeeds; the second keeps the published order.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from tapgraph.agents.mobile.actor import actor, perceptor
from tapgraph.agents.mobile.close_step import close_step
from tapgraph.agents.mobile.delegate import delegate
from tapgraph.agents.mobile.ending import verifier
from tapgraph.agents.mobile.experience import shortcut_reflector, tips_reflector
from tapgraph.agents.mobile.manager import manager, manager_ahead, manager_beside
from tapgraph.agents.mobile.notetaker import notetaker, notetaker_ahead
from tapgraph.agents.mobile.operator_node import operator
from tapgraph.agents.mobile.pipeline import Pipeline
from tapgraph.agents.mobile.reflector import reflector
from tapgraph.agents.mobile.state import PhoneState
from tapgraph.agents.mobile.team import PhoneTeam
from tapgraph.agents.run.history import stop_of
from tapgraph.agents.run.outcome import Outcome
from tapgraph.errors import InvalidReply, UsageError

__all__ = ["Node", "PhoneGraph", "build_graph", "check_nodes"]

PhoneGraph: TypeAlias = CompiledStateGraph[PhoneState, PhoneTeam, PhoneState, PhoneState]


class Node(Protocol):
    """A step of the graph."""

    def __call__(self, state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
        """What it changes in the state."""
        ...


_ALWAYS = (perceptor, manager, operator, actor, reflector, notetaker, close_step)
_SIDE_BY_SIDE = (manager_beside, manager_ahead, notetaker_ahead, verifier, delegate)
_AT_THE_END = (shortcut_reflector, tips_reflector)


def build_graph(
    pipeline: Pipeline,
    checkpointer: BaseCheckpointSaver[Any],
    *,
    own: Mapping[str, Node],
    learns: bool,
) -> PhoneGraph:
    """The compiled graph of the pipeline.

    Args:
        pipeline: its wiring.
        checkpointer: where its state is kept.
        own: nodes that run beside the Reflector after each action on the phone.
        learns: whether the reflectors on experience are asked at the end.
    """
    graph = StateGraph(PhoneState, context_schema=PhoneTeam)
    is_side_by_side = pipeline.wiring == "side by side"
    for node in (*_ALWAYS, *(_SIDE_BY_SIDE if is_side_by_side else ()), *_AT_THE_END):
        graph.add_node(node.__name__, node)
    for name, node in own.items():
        graph.add_node(name, _advising(name, node))
    routes = _Routes(pipeline, tuple(own), learns=learns)
    graph.add_edge(START, "perceptor")
    graph.add_edge("perceptor", "manager")
    graph.add_edge("operator", "actor")
    if is_side_by_side:
        _wire_side_by_side(graph, routes)
    else:
        _wire_in_order(graph, routes)
    graph.add_edge("shortcut_reflector", "tips_reflector")
    graph.add_edge("tips_reflector", END)
    return graph.compile(checkpointer=checkpointer)


def check_nodes(own: Mapping[str, Node]) -> None:
    """Return when nodes of these names can be put into either graph.

    Raises:
        UsageError: one is no word, or the name of a node or of a channel of the state.
    """
    nodes = {node.__name__ for node in (*_ALWAYS, *_SIDE_BY_SIDE, *_AT_THE_END)}
    taken = nodes | set(PhoneState.__annotations__)
    for name in own:
        if name in taken or not name.isidentifier() or name.startswith("_"):
            raise UsageError(
                f"a node must be called by a word that the graph does not use, got {name!r}; "
                f"it uses {', '.join(sorted(taken))}"
            )


def _advising(name: str, node: Node) -> Node:
    """A node of one's own; a reply that it cannot use is a warning, as with every other role.

    It leads nowhere: it runs beside the Reflector, which leads on.
    """

    def advise(state: PhoneState, runtime: Runtime[PhoneTeam]) -> dict[str, Any]:
        try:
            return node(state, runtime)
        except InvalidReply as error:
            runtime.context.run.warn(state["step"], f"{name}: {error}")
            return {}

    return advise


def _wire_side_by_side(
    graph: StateGraph[PhoneState, PhoneTeam, PhoneState, PhoneState], routes: "_Routes"
) -> None:
    ends = ["shortcut_reflector", END]
    judges = ["reflector", "notetaker", "manager_beside", *routes.own]
    graph.add_conditional_edges("actor", routes.after_actor, [*judges, "close_step", *ends])
    following = ["operator", "delegate", "verifier", *ends]
    graph.add_conditional_edges("manager", routes.after_plan, following)
    graph.add_conditional_edges(
        "close_step",
        routes.after_step,
        [*following, "manager", "manager_ahead", "notetaker_ahead"],
    )
    graph.add_conditional_edges("verifier", routes.on_or_end("manager"), ["manager", *ends])
    for name in ("delegate", "reflector", "notetaker", "manager_beside"):
        graph.add_edge(name, "close_step")


def _wire_in_order(
    graph: StateGraph[PhoneState, PhoneTeam, PhoneState, PhoneState], routes: "_Routes"
) -> None:
    ends = ["shortcut_reflector", END]
    graph.add_conditional_edges(
        "actor",
        routes.after_actor,
        ["reflector", "notetaker", *routes.own, "close_step", *ends],
    )
    graph.add_conditional_edges("manager", routes.on_or_end("operator"), ["operator", *ends])
    graph.add_conditional_edges("reflector", _notes_on_success, ["notetaker", "close_step"])
    graph.add_edge("notetaker", "close_step")
    graph.add_conditional_edges("close_step", routes.on_or_end("manager"), ["manager", *ends])


def _notes_on_success(state: PhoneState) -> str:
    judgement = state["judgement"]
    return "notetaker" if judgement is not None and judgement.verdict == "A" else "close_step"


class _Routes:
    """Where the graph goes from its forks."""

    def __init__(self, pipeline: Pipeline, own: tuple[str, ...], *, learns: bool) -> None:
        self._pipeline = pipeline
        self._learns = learns
        self.own = own

    def on_or_end(self, following: str) -> Callable[[PhoneState], str]:
        """To the node while the run goes on."""

        def route(state: PhoneState) -> str:
            return self._end(state) or following

        return route

    def after_actor(self, state: PhoneState) -> list[str]:
        """To those who judge, or past them where no model is needed for that."""
        ending, decision = self._end(state), state["decision"]
        if ending is not None or decision is None:
            return [ending or END]
        is_in_order = self._pipeline.wiring == "in order"
        if state["judgement"] is not None:
            is_told = state["judgement"].judged_by == "outcome judge"
            next_one = _notes_on_success(state) if is_told and is_in_order else "close_step"
            return [next_one, *(self.own if is_told else ())]
        if is_in_order:
            return ["reflector", *self.own]
        foreseen = ["manager_beside"] if decision.completes_subgoal else []
        return ["reflector", "notetaker", *self.own, *foreseen]

    def after_plan(self, state: PhoneState) -> str:
        """To whoever does what the plan says."""
        plan = state["plan"]
        following = "delegate" if plan.is_for_api else "operator"
        return self._end(state) or ("verifier" if plan.status == "finished" else following)

    def after_step(self, state: PhoneState) -> list[str]:
        """To the Manager in trouble, else on with the plan."""
        following = self.after_plan(state)
        owed = ["notetaker_ahead"] if state["owes_notes"] else []
        if self._end(state) is not None:
            return [following]
        if state["escalation"]:
            return ["manager", *owed]
        if following == "operator" and state["reviews_plan"]:
            return ["operator", "manager_ahead"]
        return [following, *owed]

    def _end(self, state: PhoneState) -> str | None:
        """Where the run ends; None while it goes on."""
        stop = stop_of(state, self._pipeline.limits)
        if stop is None:
            return None
        succeeded = stop.outcome is Outcome.SUCCESS
        learns = self._learns and (succeeded or self._pipeline.learns_from_failure)
        is_worth_it = stop.outcome is not Outcome.NEEDS_HUMAN or bool(state["history"])
        return "shortcut_reflector" if learns and state["history"] and is_worth_it else END

"""Takes a graph from its last checkpoint to its end, putting its questions to a person."""

import contextvars
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from tapgraph.agents.run.checkpoints import open_checkpoints
from tapgraph.agents.run.events import HumanAnswered, HumanAsked
from tapgraph.agents.run.human import Human, HumanRequest
from tapgraph.agents.run.outcome import Outcome, Stop
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import BudgetExhausted, EnvironmentMissing, ModelUnavailable

__all__ = ["Driven", "Driver"]

_Graph: TypeAlias = CompiledStateGraph[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Driven:
    """The last state of a graph, and why it ended."""

    state: dict[str, Any]
    stop: Stop


@dataclass(frozen=True, kw_only=True)
class Driver:
    """Drives the graph of one run.

    Attributes:
        folder: the run folder, which holds the checkpoints.
        human: who answers questions and confirms risky actions.
        checkpoint_types: the classes that a checkpoint may bring back to life.
        most_nodes: so many nodes may run after each other.
    """

    folder: RunFolder
    human: Human
    checkpoint_types: tuple[type, ...]
    most_nodes: int

    def drive(
        self, build: Callable[[SqliteSaver], _Graph], fresh: Mapping[str, Any], context: object
    ) -> Driven:
        """Run the graph to its end, from `fresh` or from where an earlier process left it.

        A graph that runs inside a node of another one would take that one's checkpoints for its
        own, so each is driven in a context of its own.
        """
        return contextvars.Context().run(self._drive, build, fresh, context)

    def _drive(
        self, build: Callable[[SqliteSaver], _Graph], fresh: Mapping[str, Any], context: object
    ) -> Driven:
        with open_checkpoints(self.folder.checkpoints_path, self.checkpoint_types) as saver:
            graph = build(saver)
            config: RunnableConfig = {
                "configurable": {"thread_id": "run"},
                "recursion_limit": self.most_nodes,
            }
            started_before = saver.get_tuple(config) is not None
            stop: Stop | None = None
            try:
                self._to_the_end(graph, None if started_before else fresh, config, context)
            except BudgetExhausted as error:
                stop = Stop(Outcome.BUDGET, str(error))
            except ModelUnavailable as error:
                stop = Stop(Outcome.MODEL_ERROR, str(error))
            except EnvironmentMissing as error:
                stop = Stop(Outcome.DEVICE_LOST, str(error))
            state: dict[str, Any] = {**fresh, **graph.get_state(config).values}
        return Driven(state, stop or state["stop"])

    def _to_the_end(
        self,
        graph: _Graph,
        start: Mapping[str, Any] | None,
        config: RunnableConfig,
        context: object,
    ) -> None:
        given: Mapping[str, Any] | Command[Any] | None = start
        while True:
            result = graph.invoke(given, config, context=context, durability="sync")
            interrupts = result.get("__interrupt__", ())
            if not interrupts:
                return
            step = int(result.get("step", 0))
            given = Command(
                resume={
                    each.id: {"question": each.value, "said": self._ask(each.value, step)}
                    for each in interrupts
                }
            )

    def _ask(self, value: dict[str, Any], step: int) -> str | None:
        request = HumanRequest(kind=value["kind"], text=value["text"])
        self.folder.record(HumanAsked(step=step, kind_of_question=request.kind, text=request.text))
        said = self.human.answer(request)
        self.folder.record(HumanAnswered(step=step, text=said or ""))
        return said

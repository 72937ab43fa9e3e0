"""Takes a graph from its last checkpoint to its end, putting its questions to a person."""

import contextvars
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from tapgraph.agents.run.agent_run import AgentRun
from tapgraph.agents.run.checkpoints import open_checkpoints
from tapgraph.agents.run.events import HumanAnswered, HumanAsked
from tapgraph.agents.run.history import RunState, stop_of
from tapgraph.agents.run.human import Human, HumanRequest
from tapgraph.agents.run.outcome import Stop
from tapgraph.errors import TapgraphError
from tapgraph.settings import shows_tracebacks

__all__ = ["Ended", "Work", "drive"]

_Graph: TypeAlias = CompiledStateGraph[Any, Any, Any, Any]
State = TypeVar("State", bound=RunState)

_NODES_BESIDE_STEPS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(Generic[State]):
    """What an agent brings to its run.

    Attributes:
        build: compiles its graph.
        fresh: the state before anything has happened.
        team: what its nodes work with; the context of its graph.
        checkpoint_types: the classes that a checkpoint may bring back to life.
        nodes_per_step: so many nodes run at most in a step.
    """

    build: Callable[[BaseCheckpointSaver[Any]], _Graph]
    fresh: State
    team: object
    checkpoint_types: tuple[type, ...]
    nodes_per_step: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The last state of a graph, and why it ended."""

    state: Mapping[str, Any]
    stop: Stop


def drive(work: Work[Any], run: AgentRun, human: Human, *, max_steps: int) -> Ended:
    """Run the graph to its end, from its fresh state or from where an earlier process left it.

    A graph that runs inside a node of another one would take that one's checkpoints for its own,
    so each is driven in a context of its own. Whatever breaks in the graph is an ending, too, with
    the state and the memory that it has; `Agent` does the same for what breaks around it.
    """
    try:
        return contextvars.Context().run(_drive, work, run, human, max_steps)
    except Exception as error:  # noqa: BLE001 - whatever a node raises is an ending
        if shows_tracebacks():
            traceback.print_exc()
        return Ended(work.fresh, Stop.after(error))


def _drive(work: Work[Any], run: AgentRun, human: Human, max_steps: int) -> Ended:
    with open_checkpoints(run.folder.checkpoints_path, work.checkpoint_types) as saver:
        graph = work.build(saver)
        config: RunnableConfig = {
            "configurable": {"thread_id": "run"},
            "recursion_limit": _NODES_BESIDE_STEPS + work.nodes_per_step * max_steps,
        }
        fresh = None if saver.get_tuple(config) is not None else work.fresh
        broken_off: Stop | None = None
        try:
            with run.patience.stopped_by_interrupts():
                _to_the_end(graph, fresh, config, work.team, run, human)
        except TapgraphError as error:
            broken_off = Stop.after(error)
        state: Any = {**work.fresh, **graph.get_state(config).values}
    stop = broken_off or stop_of(state, run.limits)
    if stop is None:
        raise TypeError("a graph must not end while its state says that the run goes on")
    return Ended(state, stop)


def _to_the_end(
    graph: _Graph,
    fresh: RunState | None,
    config: RunnableConfig,
    team: object,
    run: AgentRun,
    human: Human,
) -> None:
    given: Any = fresh
    while True:
        result = graph.invoke(given, config, context=team, durability="sync")
        interrupts = result.get("__interrupt__", ())
        if not interrupts:
            return
        step = int(result.get("step", 0))
        given = Command(
            resume={
                each.id: {"question": each.value, "said": _ask(each.value, step, run, human)}
                for each in interrupts
            }
        )


def _ask(value: dict[str, Any], step: int, run: AgentRun, human: Human) -> str | None:
    request = HumanRequest(kind=value["kind"], text=value["text"])
    run.folder.record(HumanAsked(step=step, kind_of_question=request.kind, text=request.text))
    said = human.answer(request)
    run.folder.record(HumanAnswered(step=step, text=said or ""))
    return said

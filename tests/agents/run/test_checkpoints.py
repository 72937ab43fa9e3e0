import operator
import threading
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from tapgraph.agents.run.checkpoints import open_checkpoints

CONFIG: RunnableConfig = {"configurable": {"thread_id": "run"}}


class State(TypedDict):
    done: Annotated[list[str], operator.add]


class Graph:
    """Two nodes side by side: `steady` works, `shaky` does what it is told; then `last`.

    `shaky` fails only after what `steady` gave has reached the checkpoints: what comes later than a
    failure is lost, as the graph is over by then.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fails = False
        self.asks = False
        self.has_written = threading.Event()

    def steady(self, state: State) -> State:
        self.calls.append("steady")
        return {"done": ["steady"]}

    def shaky(self, state: State) -> State:
        self.calls.append("shaky")
        if self.fails:
            assert self.has_written.wait(timeout=60)
            raise ConnectionError("gone")
        answer = interrupt("may I?") if self.asks else "shaky"
        return {"done": [answer]}

    def last(self, state: State) -> State:
        self.calls.append("last")
        return {"done": ["last"]}

    def build(self) -> StateGraph[State, None, State, State]:
        graph = StateGraph(State)
        for name, node in (("steady", self.steady), ("shaky", self.shaky), ("last", self.last)):
            graph.add_node(name, node)
        for name in ("steady", "shaky"):
            graph.add_edge(START, name)
            graph.add_edge(name, "last")
        graph.add_edge("last", END)
        return graph


def test_every_superstep_leaves_a_checkpoint(tmp_path: Path) -> None:
    with open_checkpoints(tmp_path / "c.sqlite", ()) as checkpoints:
        graph = Graph().build().compile(checkpoints)
        graph.invoke({"done": []}, CONFIG, durability="sync")
    with open_checkpoints(tmp_path / "c.sqlite", ()) as checkpoints:
        kept = [entry.checkpoint["channel_values"] for entry in checkpoints.list(CONFIG)]
    assert [sorted(values.get("done", [])) for values in kept] == [
        ["last", "shaky", "steady"],
        ["shaky", "steady"],
        [],
        [],
    ]


def test_a_node_is_not_repeated_because_the_one_beside_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = Graph()
    nodes.fails = True
    with open_checkpoints(tmp_path / "c.sqlite", ()) as checkpoints:
        put_writes = checkpoints.put_writes

        def put_and_tell(config: Any, writes: Any, *given: Any) -> None:
            put_writes(config, writes, *given)
            if ("done", ["steady"]) in writes:
                nodes.has_written.set()

        monkeypatch.setattr(checkpoints, "put_writes", put_and_tell)
        graph = nodes.build().compile(checkpoints)
        with pytest.raises(ConnectionError):
            graph.invoke({"done": []}, CONFIG, durability="sync")
    nodes.fails = False
    with open_checkpoints(tmp_path / "c.sqlite", ()) as checkpoints:
        nodes.build().compile(checkpoints).invoke(None, CONFIG, durability="sync")
    assert sorted(nodes.calls) == ["last", "shaky", "shaky", "steady"]


def test_a_node_is_not_repeated_because_the_one_beside_it_asks(tmp_path: Path) -> None:
    nodes = Graph()
    nodes.asks = True
    with open_checkpoints(tmp_path / "c.sqlite", ()) as checkpoints:
        nodes.build().compile(checkpoints).invoke({"done": []}, CONFIG, durability="sync")
    with open_checkpoints(tmp_path / "c.sqlite", ()) as checkpoints:
        graph = nodes.build().compile(checkpoints)
        result = graph.invoke(Command(resume="yes"), CONFIG, durability="sync")
    assert sorted(result["done"]) == ["last", "steady", "yes"]
    assert sorted(nodes.calls) == ["last", "shaky", "shaky", "steady"]

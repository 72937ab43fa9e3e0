"""The same calls on LangGraph's own store in memory and on ours give the same.

LangGraph does not publish the tests of its stores; these are the calls of its documentation.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore, GetOp, InvalidNamespaceError, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from tapgraph.memory import MemoryStore
from tapgraph.memory.langgraph_store import LangGraphStore


@pytest.fixture
def ours(store: MemoryStore) -> BaseStore:
    return LangGraphStore(store)


def plain(result: Any) -> Any:
    """What two stores must agree on: everything but moments and scores."""
    if isinstance(result, list):
        return [plain(one) for one in result]
    if hasattr(result, "key"):
        return (result.namespace, result.key, result.value)
    return result


def fill(store: BaseStore) -> None:
    store.put(("users", "123", "prefs"), "theme", {"color": "dark", "size": 3})
    store.put(("users", "123", "prefs"), "language", {"color": "none", "size": 7})
    store.put(("users", "456", "prefs"), "theme", {"color": "light", "size": 5})
    store.put(("users", "123", "memories"), "m1", {"text": "Ann likes tea", "nested": {"a": 1}})
    store.put(("docs", "v1"), "a/b %2F_", {"tags": ["x", "y"], "nothing": None})
    store.put(("docs", "v2"), "same", {"text": "old"})
    store.put(("docs", "v2"), "same", {"text": "new"})
    store.delete(("docs", "v2"), "never there")


CALLS: list[Callable[[BaseStore], Any]] = [
    lambda s: s.get(("users", "123", "prefs"), "theme"),
    lambda s: s.get(("users", "123"), "theme"),
    lambda s: s.get(("docs", "v1"), "a/b %2F_"),
    lambda s: s.get(("docs", "v2"), "same"),
    lambda s: s.search(()),
    lambda s: s.search(("users",)),
    lambda s: s.search(("users", "12")),
    lambda s: s.search(("users",), limit=2),
    lambda s: s.search(("users",), limit=2, offset=1),
    lambda s: s.search(("users",), filter={"color": "dark"}),
    lambda s: s.search(("users", "123", "prefs"), filter={"size": {"$gte": 5}}),
    lambda s: s.search(("users",), filter={"color": {"$ne": "light"}}),
    lambda s: s.search(("users", "123", "prefs"), filter={"size": {"$lt": 7}}),
    lambda s: s.search(("users", "123", "prefs"), filter={"size": {"$gt": 3, "$lte": 7}}),
    lambda s: s.search((), filter={"nested": {"a": 1}}),
    lambda s: s.search((), filter={"tags": ["x", "y"]}),
    lambda s: s.search((), filter={"color": {"$eq": "light"}}),
    lambda s: s.search((), filter={"missing": "x"}),
    lambda s: s.list_namespaces(),
    lambda s: s.list_namespaces(prefix=("users",)),
    lambda s: s.list_namespaces(prefix=("users", "*", "prefs")),
    lambda s: s.list_namespaces(suffix=("prefs",)),
    lambda s: s.list_namespaces(prefix=("users",), suffix=("memories",)),
    lambda s: s.list_namespaces(max_depth=2),
    lambda s: s.list_namespaces(max_depth=1, limit=1, offset=1),
]


@pytest.mark.parametrize("call", CALLS, ids=[str(number) for number in range(len(CALLS))])
def test_a_call_gives_what_langgraphs_own_store_gives(
    call: Callable[[BaseStore], Any], ours: BaseStore
) -> None:
    theirs = InMemoryStore()
    for one in (ours, theirs):
        fill(one)
    assert plain(call(ours)) == plain(call(theirs))


@pytest.mark.parametrize("namespace", [(), ("a.b",), ("",), ("langgraph", "x")])
def test_a_namespace_that_langgraph_refuses_is_refused(
    namespace: tuple[str, ...], ours: BaseStore
) -> None:
    with pytest.raises(InvalidNamespaceError):
        ours.put(namespace, "key", {"a": 1})


def test_an_item_is_replaced_and_keeps_its_beginning(ours: BaseStore, clock: Any) -> None:
    ours.put(("n",), "k", {"a": 1})
    clock.pass_days(1)
    ours.put(("n",), "k", {"a": 2})
    item = ours.get(("n",), "k")
    assert item is not None
    assert item.value == {"a": 2}
    assert (item.updated_at - item.created_at).days == 1


def test_a_field_that_is_missing_is_neither_larger_nor_smaller(ours: BaseStore) -> None:
    ours.put(("n",), "1", {"size": 7})
    ours.put(("n",), "2", {"other": 7})
    assert [one.key for one in ours.search(("n",), filter={"size": {"$gte": 5}})] == ["1"]


def test_a_deleted_item_is_gone(ours: BaseStore) -> None:
    ours.put(("n",), "k", {"text": "zebra"})
    ours.delete(("n",), "k")
    assert ours.get(("n",), "k") is None
    assert ours.search((), query="zebra") == []


def test_a_query_finds_by_words_and_says_how_well(ours: BaseStore) -> None:
    ours.put(("n",), "1", {"text": "Ann likes green tea"})
    ours.put(("n",), "2", {"text": "Bob drinks coffee", "note": "no tea"})
    ours.put(("n",), "3", {"text": "tea"}, index=False)
    ours.put(("n",), "4", {"text": "green tea", "shown": "nothing"}, index=["shown"])
    found = ours.search(("n",), query="green tea")
    assert [one.key for one in found] == ["1", "2", "3", "4"]
    assert [one.score for one in found] == [1.0, 0.5, None, None]


def test_a_batch_answers_in_order_and_is_one_change(ours: BaseStore) -> None:
    results = ours.batch([
        PutOp(("n",), "k", {"a": 1}),
        GetOp(("n",), "k"),
        SearchOp(("n",), limit=5),
    ])
    assert results[0] is None
    assert plain(results[1]) == (("n",), "k", {"a": 1})
    assert plain(results[2]) == [(("n",), "k", {"a": 1})]


def test_the_asynchronous_calls_do_the_same(ours: BaseStore) -> None:
    async def use() -> Any:
        await ours.aput(("n",), "k", {"a": 1})
        return (
            await ours.aget(("n",), "k"),
            await ours.asearch(("n",)),
            await ours.alist_namespaces(),
        )

    item, found, namespaces = asyncio.run(use())
    assert plain(item) == plain(found[0]) == (("n",), "k", {"a": 1})
    assert namespaces == [("n",)]


def test_items_are_no_tips_and_tips_are_no_items(ours: BaseStore, store: MemoryStore) -> None:
    ours.put(("tips", "mobile"), "k", {"text": "not a tip"})
    assert len(store.tips()) == 4
    assert len(ours.search(())) == 1


class State(TypedDict):
    """What the graph below holds."""

    seen: int


def test_a_graph_keeps_what_its_nodes_put_in_it(ours: BaseStore) -> None:
    def count(state: State, runtime: Runtime[None]) -> State:
        assert runtime.store is not None
        item = runtime.store.get(("visits",), "count")
        seen = (item.value["n"] if item else 0) + 1
        runtime.store.put(("visits",), "count", {"n": seen})
        return {"seen": seen}

    graph = StateGraph(State)
    graph.add_node("count", count)
    graph.add_edge(START, "count")
    graph.add_edge("count", END)
    compiled = graph.compile(store=ours)
    assert [compiled.invoke({"seen": 0})["seen"] for _ in range(2)] == [1, 2]

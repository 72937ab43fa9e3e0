"""LangGraph's store over the same tables, for the long-term memory of one's own graphs.

`graph.compile(store=LangGraphStore(memory))` keeps whatever its nodes put: an item is a row of the
table that also holds tips and shortcuts, with the same full text index. A search with a query finds
by words and needs no embeddings; items without any of the words come last, as in LangGraph's own
stores those without a vector do.
"""

import asyncio
import uuid
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    get_text_at_path,
)
from sqlalchemy import ColumnElement, Connection, RowMapping, select

from tapgraph.memory.database import transaction
from tapgraph.memory.entry_changes import NO_RECORD
from tapgraph.memory.store import MemoryStore
from tapgraph.memory.tables import ENTRIES
from tapgraph.memory.words import words_of

__all__ = ["LangGraphStore"]

_KIND = ENTRIES.c.kind == "item"


class LangGraphStore(BaseStore):
    """Items by namespace and key; see LangGraph's `BaseStore`."""

    def __init__(self, memory: MemoryStore) -> None:
        """Keep items in the database of a memory."""
        self._memory = memory

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out operations in order, all in one transaction."""
        with transaction(self._memory.engine) as connection:
            return [self._done(connection, op) for op in ops]

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """The same in a thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def _done(self, connection: Connection, op: Op) -> Result:
        match op:
            case GetOp():
                row = connection.execute(select(ENTRIES).where(*_key(op))).mappings().first()
                return _item(row) if row is not None else None
            case SearchOp():
                return _searched(connection, op)
            case ListNamespacesOp():
                return _namespaces(connection, op)
            case _:
                self._put(connection, op)
                return None

    def _put(self, connection: Connection, op: PutOp) -> None:
        here = list(_key(op))
        if op.value is None:
            connection.execute(ENTRIES.delete().where(*here))
            return
        now = self._memory.clock()
        content = {"content": dict(op.value), "words": _words(op), "updated_at": now}
        if connection.execute(ENTRIES.update().where(*here).values(content)).rowcount:
            return
        row = {
            "id": uuid.uuid4().hex,
            "kind": "item",
            "namespace": _namespace(op.namespace),
            "name": op.key,
            "version": 1,
            "origin": "person",
            "quotes": [],
            "status": "verified",
            "reason": "",
            "created_at": now,
            **NO_RECORD,
            **content,
        }
        connection.execute(ENTRIES.insert().values(row))


def _words(op: PutOp) -> str:
    if op.index is False or op.value is None:
        return ""
    paths = op.index or ["$"]
    found = [text for path in paths for text in get_text_at_path(dict(op.value), path)]
    return " ".join(words_of(" ".join(found)))


def _namespace(labels: tuple[str, ...]) -> str:
    return "".join(f"{quote(label, safe='')}/" for label in labels)


def _labels(namespace: str) -> tuple[str, ...]:
    return tuple(unquote(label) for label in namespace.split("/")[:-1])


def _key(op: GetOp | PutOp) -> tuple[ColumnElement[bool], ...]:
    return (_KIND, ENTRIES.c.namespace == _namespace(op.namespace), ENTRIES.c.name == op.key)


def _item(row: RowMapping) -> Item:
    return Item(
        value=row["content"],
        key=row["name"],
        namespace=_labels(row["namespace"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _searched(connection: Connection, op: SearchOp) -> list[SearchItem]:
    query = select(ENTRIES).where(
        _KIND, ENTRIES.c.namespace.startswith(_namespace(op.namespace_prefix), autoescape=True)
    )
    rows = connection.execute(query.order_by(ENTRIES.c.number)).mappings()
    found = [row for row in rows if _passes(row["content"], op.filter or {})]
    scores: dict[str, float] = {}
    wanted = set(words_of(op.query or ""))
    if wanted:
        for row in found:
            if both := wanted & set(row["words"].split()):
                scores[row["id"]] = len(both) / len(wanted)
        found.sort(key=lambda row: -scores.get(row["id"], 0.0))
    return [
        SearchItem(
            namespace=_labels(row["namespace"]),
            key=row["name"],
            value=row["content"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            score=scores.get(row["id"]),
        )
        for row in found[op.offset : op.offset + op.limit]
    ]


def _passes(value: Mapping[str, Any], conditions: Mapping[str, Any]) -> bool:
    return all(_holds(value.get(name), wanted) for name, wanted in conditions.items())


def _holds(found: Any, wanted: Any) -> bool:
    """As LangGraph's stores compare: an object of operators, else equality, member by member."""
    if not isinstance(wanted, dict):
        if isinstance(wanted, list | tuple):
            return isinstance(found, list | tuple) and list(found) == list(wanted)
        return bool(found == wanted)
    if any(name.startswith("$") for name in wanted):
        return all(_compares(found, name, value) for name, value in wanted.items())
    return isinstance(found, dict) and _passes(found, wanted)


def _compares(found: Any, operator: str, wanted: Any) -> bool:
    if operator in {"$eq", "$ne"}:
        return bool(found == wanted) is (operator == "$eq")
    if not isinstance(found, int | float | str):
        return False
    match operator:
        case "$gt":
            return float(found) > float(wanted)
        case "$gte":
            return float(found) >= float(wanted)
        case "$lt":
            return float(found) < float(wanted)
        case "$lte":
            return float(found) <= float(wanted)
    raise ValueError(f"Unsupported operator: {operator}")


def _namespaces(connection: Connection, op: ListNamespacesOp) -> list[tuple[str, ...]]:
    query = select(ENTRIES.c.namespace).where(_KIND).distinct()
    found = {_labels(one) for one in connection.execute(query).scalars()}
    for condition in op.match_conditions or ():
        found = {labels for labels in found if _matches(labels, condition)}
    if op.max_depth is not None:
        found = {labels[: op.max_depth] for labels in found}
    return sorted(found)[op.offset : op.offset + op.limit]


def _matches(labels: tuple[str, ...], condition: MatchCondition) -> bool:
    path = condition.path
    if len(labels) < len(path):
        return False
    part = labels[: len(path)] if condition.match_type == "prefix" else labels[-len(path) :]
    return all(wanted in {"*", label} for label, wanted in zip(part, path, strict=True))

"""Finds by meaning: what an embedding model says of entries, kept beside them in the database."""

import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import ColumnElement, RowMapping, and_, or_

from tapgraph.memory.database import reading, transaction
from tapgraph.memory.models import Entry, Tip
from tapgraph.memory.retrieval import Found, Question, rankable, ranked
from tapgraph.memory.store import MemoryStore
from tapgraph.memory.tables import ENTRIES, VECTORS

__all__ = ["Embed", "EmbeddingRetriever"]

Embed: TypeAlias = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""Texts to vectors of one length each, in their order."""

_AT_ONCE = 64
_CANDIDATES = 30
_LEAST_LIKENESS = 0.3
"""Less is no reason to show an entry; unlike texts of one language reach 0.1 to 0.2."""


@dataclass(frozen=True, slots=True)
class EmbeddingRetriever:
    """Finds by the cosine between what an embedding model says of the question and of entries.

    Vectors are made when they are first needed, and anew when an entry was revised. All vectors of
    the agent are read for a question: this is for some thousand entries, not for many more.

    Attributes:
        store: where entries and vectors are.
        model: the name under which vectors are kept; one for each model and version.
        embed: the model.
    """

    store: MemoryStore
    model: str
    embed: Embed

    def find(self, question: Question) -> tuple[Found, ...]:
        """See `Retriever`."""
        self._make_missing(question)
        wanted = _unit(self.embed([question.words])[0])
        query = rankable(ENTRIES, question.kind, question.scope)
        joined = query.add_columns(VECTORS.c.vector).join(VECTORS, self._is_of)
        with reading(self.store.engine) as connection:
            rows = connection.execute(joined).mappings().all()
        near = sorted(
            ((_dot(wanted, row["vector"]), row) for row in rows), key=lambda one: -one[0]
        )[:_CANDIDATES]
        matches = {
            row["id"]: (likeness, f"means nearly the same ({likeness:.2f})")
            for likeness, row in near
            if likeness >= _LEAST_LIKENESS
        }
        return ranked(self.store, (row for _, row in near), matches, question)

    @property
    def _is_of(self) -> ColumnElement[bool]:
        return and_(VECTORS.c.entry_id == ENTRIES.c.id, VECTORS.c.model == self.model)

    def _make_missing(self, question: Question) -> None:
        query = (
            rankable(ENTRIES, question.kind, question.scope)
            .add_columns(ENTRIES.c.version)
            .outerjoin(VECTORS, self._is_of)
            .where(or_(VECTORS.c.version.is_(None), VECTORS.c.version != ENTRIES.c.version))
        )
        with reading(self.store.engine) as connection:
            missing = connection.execute(query).mappings().all()
        for part in _parts(missing):
            entries = self.store.find_all([row["id"] for row in part])
            vectors = self.embed([_said(entry) for entry in entries])
            with transaction(self.store.engine) as connection:
                for entry, vector in zip(entries, vectors, strict=True):
                    here = and_(VECTORS.c.entry_id == entry.id, VECTORS.c.model == self.model)
                    connection.execute(VECTORS.delete().where(here))
                    connection.execute(
                        VECTORS.insert().values(
                            entry_id=entry.id,
                            model=self.model,
                            version=entry.version,
                            vector=_unit(vector).tobytes(),
                        )
                    )


def _parts(rows: Sequence[RowMapping]) -> Iterator[Sequence[RowMapping]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]


def _said(entry: Entry) -> str:
    if isinstance(entry, Tip):
        return entry.text
    return f"{entry.name.replace('_', ' ')}: {entry.description}"


def _unit(vector: Sequence[float]) -> "array[float]":
    length = math.sqrt(sum(one * one for one in vector)) or 1.0
    return array("f", (one / length for one in vector))


def _dot(wanted: "array[float]", stored: bytes) -> float:
    other = array("f")
    other.frombytes(stored)
    return sum(map(float.__mul__, wanted, other)) if len(other) == len(wanted) else 0.0

"""What of the memory is of use now: found by words or by meaning, ranked by record, cut to size."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, Protocol, TypeAlias

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    FromClause,
    RowMapping,
    Select,
    bindparam,
    select,
    union_all,
)

from tapgraph.memory.database import reading
from tapgraph.memory.entry_changes import IN_USE
from tapgraph.memory.entry_rows import applies
from tapgraph.memory.models import Entry, Scope, Status
from tapgraph.memory.store import MemoryStore
from tapgraph.memory.tables import ENTRIES
from tapgraph.memory.text_search import numbers_with_words
from tapgraph.memory.track_record import freshness
from tapgraph.memory.words import words_of

__all__ = [
    "EntryKind",
    "EverythingKnown",
    "Found",
    "Question",
    "Retriever",
    "TextRetriever",
    "rankable",
    "ranked",
]

EntryKind: TypeAlias = Literal["tip", "shortcut"]

_CANDIDATES = 24
_OF_RECORD = 8
"""So many with the best record are looked at whatever their words are, of each status and scope."""
_PRIOR: Mapping[Status, float] = {"trusted": 0.5, "verified": 0.3, "draft": 0.1, "retired": 0.0}
_APP_BONUS = 0.6
_CHARACTERS_PER_TOKEN = 3
"""Of the words that are searched, from which the frequent ones are left out."""
_OVERHEAD_TOKENS = 8
_TO_RANK = (
    "id", "kind", "app", "words", "status", "origin", "quotes", "uses", "successes", "bound",
    "last_used_at", "updated_at",
)  # fmt: skip
"""What ranking reads; whole entries are read only of those that are kept."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for.

    Attributes:
        kind: tips or shortcuts.
        words: what is to be done, such as a subgoal.
        scope: where; the app is preferred, the rest must fit.
        most: how many at most.
        budget_tokens: how long they may be together in a prompt.
        tries_drafts: whether shortcuts that nobody has executed again may be among them.
    """

    kind: EntryKind
    words: str
    scope: Scope = field(default_factory=Scope)
    most: int = 8
    budget_tokens: int = 600
    tries_drafts: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """An entry that is of use, how much so, and why."""

    entry: Entry
    score: float
    reasons: tuple[str, ...]


class Retriever(Protocol):
    """Who answers a question."""

    def find(self, question: Question) -> tuple[Found, ...]:
        """The best entries first; none that is retired, or that nobody vouched for."""
        ...


@dataclass(frozen=True, slots=True)
class TextRetriever:
    """Finds by words, with the full text index of the database."""

    store: MemoryStore
    _frequent: set[str] = field(default_factory=set)

    def find(self, question: Question) -> tuple[Found, ...]:
        """See `Retriever`."""
        asked = words_of(question.words)
        with reading(self.store.engine) as connection:
            best = connection.execute(_of_record(question.kind, question.scope)).mappings()
            rows = {row["id"]: row for row in best}
            numbers = numbers_with_words(
                connection, asked, most=_CANDIDATES, frequent=self._frequent
            )
            query = _of_numbers(question.kind, question.scope)
            named = connection.execute(query, {"numbers": numbers}).mappings()
            rows |= {row["id"]: row for row in named}
        wanted, matches = set(asked), {}
        for identity, row in rows.items():
            if both := wanted & set(row["words"].split()):
                share = len(both) / len(wanted)
                matches[identity] = (share, f"has {', '.join(sorted(both))}")
        return ranked(self.store, rows.values(), matches, question)


@dataclass(frozen=True, slots=True)
class EverythingKnown:
    """Gives all that an agent may be shown, the oldest first, as in the paper."""

    store: MemoryStore

    def find(self, question: Question) -> tuple[Found, ...]:
        """See `Retriever`; the limits of the question do not hold."""
        query = rankable(ENTRIES, question.kind, question.scope).order_by(ENTRIES.c.number)
        with reading(self.store.engine) as connection:
            rows = connection.execute(query).mappings().all()
        known = self.store.find_all([row["id"] for row in rows if _is_showable(row, question)])
        return tuple(Found(entry, 0.0, ("all are shown",)) for entry in known)


def ranked(
    store: MemoryStore,
    rows: Iterable[RowMapping],
    matches: Mapping[str, tuple[float, str]],
    question: Question,
) -> tuple[Found, ...]:
    """The best of some rows that fit the budget.

    Args:
        store: whose rows they are.
        rows: the candidates, as far as ranking reads them.
        matches: how well they match, from 0 to 1, and why, by identity.
        question: what was asked.
    """
    now = store.clock()
    scored = [
        (_scored(row, matches, question, now), row) for row in rows if _is_showable(row, question)
    ]
    kept: dict[str, _Score] = {}
    left = question.budget_tokens
    for score, row in sorted(scored, key=lambda one: (-one[0].value, one[1]["id"])):
        cost = len(row["words"]) // _CHARACTERS_PER_TOKEN + _OVERHEAD_TOKENS
        if score.reasons and cost <= left and len(kept) < question.most:
            kept[row["id"]] = score
            left -= cost
    return tuple(
        Found(entry, kept[entry.id].value, kept[entry.id].reasons)
        for entry in store.find_all(list(kept))
    )


@dataclass(frozen=True, slots=True)
class _Score:
    value: float
    reasons: tuple[str, ...]


def _scored(
    row: RowMapping, matches: Mapping[str, tuple[float, str]], question: Question, now: datetime
) -> _Score:
    """A row without a reason has nothing to do with what was asked."""
    share, why = matches.get(row["id"], (0.0, ""))
    reasons = [why] if why else []
    is_here = row["app"] is not None and row["app"] == question.scope.app
    if is_here:
        reasons.append(f"for {row['app']}")
    if row["app"] is None and row["status"] == "trusted":
        reasons.append("trusted everywhere")
    elif row["app"] is None and row["origin"] == "person":
        reasons.append("given for everywhere")
    record: float = max(row["bound"], _PRIOR[row["status"]])
    if row["origin"] != "package":
        since = row["last_used_at"] or row["updated_at"]
        record *= freshness((now - since).total_seconds() / 86_400)
    if reasons and row["uses"]:
        reasons.append(f"worked in {row['successes']} of {row['uses']} uses")
    value = share + (_APP_BONUS if is_here else 0.0) + record
    return _Score(round(value, 4), tuple(reasons))


def _is_showable(row: RowMapping, question: Question) -> bool:
    """Nothing foreign that nobody vouched for; a shortcut that was not tried if it is asked for."""
    is_draft = row["status"] == "draft"
    is_foreign = bool(row["quotes"]) or row["origin"] == "import"
    is_untried = row["kind"] == "shortcut" and not question.tries_drafts
    return not (is_draft and (is_foreign or is_untried))


def rankable(rows: FromClause, kind: EntryKind, scope: Scope) -> Select[Any]:
    """What ranking reads of rows that are in use and fit the scope, whatever the app is."""
    anywhere = scope.model_copy(update={"app": None})
    return select(*(rows.c[name] for name in _TO_RANK)).where(
        rows.c.kind == kind, rows.c.status.in_(IN_USE), *applies(anywhere, rows.c)
    )


@lru_cache(maxsize=256)
def _of_numbers(kind: EntryKind, scope: Scope) -> Select[Any]:
    """Those of `numbers`."""
    # A limit keeps the database from walking an index of another condition.
    numbers: BindParameter[int] = bindparam("numbers", expanding=True)
    named = select(ENTRIES).where(ENTRIES.c.number.in_(numbers)).limit(_CANDIDATES)
    return rankable(named.subquery(), kind, scope)


@lru_cache(maxsize=256)
def _of_record(kind: EntryKind, scope: Scope) -> CompoundSelect[Any]:
    """Those with the best record of the app and of no app.

    Each part of the query walks one index from its best end, so that it does not grow with the
    memory.
    """
    parts = []
    for app in dict.fromkeys((None, scope.app)):
        for status in ("trusted", "verified"):
            best = (
                rankable(ENTRIES, kind, scope)
                .where(
                    ENTRIES.c.app.is_(None) if app is None else ENTRIES.c.app == app,
                    ENTRIES.c.status == status,
                )
                .order_by(ENTRIES.c.bound.desc())
                .limit(_OF_RECORD)
            )
            parts.append(select(best.subquery()))
    return union_all(*parts)

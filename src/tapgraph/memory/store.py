"""The memory of all agents: tips and shortcuts as rows, each changed on its own."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, RowMapping, select

from tapgraph.errors import UsageError
from tapgraph.memory.database import open_database, place_of, reading, transaction
from tapgraph.memory.entry_changes import (
    IN_USE,
    insert_entry,
    merge_entry,
    record_uses,
    revise_entry,
    set_status,
)
from tapgraph.memory.entry_rows import (
    applies,
    content_columns,
    entry_from,
    kind_of,
    scope_namespace,
)
from tapgraph.memory.models import (
    Entry,
    EvidenceKind,
    Polarity,
    Provenance,
    Revision,
    Scope,
    Shortcut,
    ShortcutDraft,
    Status,
    Tip,
    TipDraft,
    Use,
)
from tapgraph.memory.shortcut_check import ActionArguments, checked_draft
from tapgraph.memory.tables import ENTRIES, EVIDENCE, REVISIONS

__all__ = ["MemoryStore"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class MemoryStore:
    """Tips and shortcuts in SQLite or PostgreSQL; may be used from several threads and processes.

    A new memory holds four tips and one shortcut for phones. Entries come in as `draft` where they
    were learnt or read from a file; they change one by one, and old versions stay.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = _utc_now) -> None:
        """Use an engine of `open_database`; `open` is the usual way."""
        self.engine = engine
        self.clock = clock

    @classmethod
    def open(cls, place: str | Path, *, clock: Callable[[], datetime] = _utc_now) -> Self:
        """The memory in a file or behind a URL, made if it is not there yet.

        Args:
            place: a file, `sqlite:////absolute/file.db` or `postgresql://user@host/name`.
            clock: says when entries are made and changed.

        Raises:
            UsageError: the place cannot be, holds something else, or is of a newer version.
            EnvironmentMissing: the file cannot be written, or the server does not answer.
        """
        return cls(open_database(place), clock=clock)

    @property
    def url(self) -> str:
        """The file, or the server's URL without its password; opens the memory again."""
        return place_of(self.engine)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def tips(
        self, scope: Scope | None = None, *, statuses: Collection[Status] = IN_USE
    ) -> tuple[Tip, ...]:
        """The tips that apply in a scope, of every agent without one, the oldest first.

        What the scope leaves open (None) is not asked for; an entry that leaves it open applies.
        """
        return tuple(one for one in self._entries("tip", scope, statuses) if isinstance(one, Tip))

    def shortcuts(
        self, scope: Scope | None = None, *, statuses: Collection[Status] = IN_USE
    ) -> tuple[Shortcut, ...]:
        """The shortcuts that apply in a scope, the oldest first; see `tips`."""
        found = self._entries("shortcut", scope, statuses)
        return tuple(one for one in found if isinstance(one, Shortcut))

    def get(self, key: str) -> Entry:
        """The entry of an identity, of the beginning of one, or the only shortcut of a name.

        Raises:
            UsageError: there is none, or there are several.
        """
        with reading(self.engine) as connection:
            return entry_from(self._row(connection, key))

    def find_all(self, identities: Sequence[str]) -> tuple[Entry, ...]:
        """The entries of these identities in their order; what is not there is left out."""
        query = select(ENTRIES).where(ENTRIES.c.id.in_(identities))
        with reading(self.engine) as connection:
            found = {row["id"]: row for row in connection.execute(query).mappings()}
            return tuple(entry_from(found[one]) for one in identities if one in found)

    def add_tip(
        self,
        text: str | TipDraft,
        *,
        polarity: Polarity = "do",
        scope: Scope | None = None,
        provenance: Provenance | None = None,
    ) -> str:
        """Keep a tip; its identity, which is that of the tip with the same words in the scope.

        Raises:
            pydantic.ValidationError: the text is empty or longer than 2000 characters.
        """
        draft = text if isinstance(text, TipDraft) else TipDraft(text=text, polarity=polarity)
        with transaction(self.engine) as connection:
            known = self._named(connection, draft, scope or Scope())
            if known is None:
                added = insert_entry(connection, draft, scope, provenance, self.clock())
                if added is not None:
                    return added
                known = self._there(connection, draft, scope or Scope())
            if known["status"] == "retired" and provenance is None:
                set_status(
                    connection, known["id"], "verified", "a person added it again", self.clock()
                )
            return str(known["id"])

    def add_shortcut(
        self,
        draft: ShortcutDraft,
        *,
        actions: Mapping[str, ActionArguments],
        scope: Scope | None = None,
        provenance: Provenance | None = None,
    ) -> str:
        """Keep a shortcut; its identity. A retired one of that name becomes a new version.

        Args:
            draft: the sequence of actions.
            actions: all actions by wire name, against which the steps are checked.
            scope: where it applies; by default on every phone.
            provenance: where it was learnt.

        Raises:
            UsageError: a step is no action or has wrong arguments, or there is a shortcut of that
                name in the scope.
        """
        draft = checked_draft(draft, actions)
        with transaction(self.engine) as connection:
            known = self._named(connection, draft, scope or Scope())
            if known is None:
                added = insert_entry(connection, draft, scope, provenance, self.clock())
                if added is not None:
                    return added
                known = self._there(connection, draft, scope or Scope())
            if known["status"] != "retired":
                raise UsageError(f"there is a shortcut {draft.name!r} in this scope: revise it")
            revise_entry(connection, known, draft, "learnt anew", provenance, self.clock())
            return str(known["id"])

    def revise(
        self,
        key: str,
        draft: TipDraft | ShortcutDraft,
        *,
        why: str,
        actions: Mapping[str, ActionArguments] | None = None,
        provenance: Provenance | None = None,
    ) -> None:
        """Give an entry another content, as a new version whose record begins anew.

        Raises:
            UsageError: there is no such entry, it is of another kind, the new name is taken, or the
                shortcut cannot be.
        """
        if isinstance(draft, ShortcutDraft):
            draft = checked_draft(draft, actions or {})
        with transaction(self.engine) as connection:
            row = self._row(connection, key)
            if row["kind"] != kind_of(draft):
                raise UsageError(f"{key!r} is a {row['kind']}, and cannot become another thing")
            scope = entry_from(row).scope
            taken = self._named(connection, draft, scope)
            if taken is not None and taken["id"] != row["id"]:
                raise UsageError(f"{key!r} would be the same as {taken['id']!r}: merge them")
            revise_entry(connection, row, draft, why, provenance, self.clock())

    def retire(self, key: str, *, reason: str) -> None:
        """Take an entry out of use; it stays, with the reason.

        Raises:
            UsageError: there is no such entry.
        """
        with transaction(self.engine) as connection:
            row = self._row(connection, key)
            set_status(connection, row["id"], "retired", reason, self.clock())

    def verify(self, key: str, *, reason: str) -> None:
        """Say of a draft that it holds.

        Raises:
            UsageError: there is no such entry, or it is retired.
        """
        with transaction(self.engine) as connection:
            row = self._row(connection, key)
            if row["status"] == "retired":
                raise UsageError(f"{key!r} is retired ({row['reason']}): add it anew")
            if row["status"] == "draft":
                set_status(connection, row["id"], "verified", reason, self.clock())

    def reinstate(self, key: str, *, reason: str) -> None:
        """Take an entry as verified, whatever it was.

        Raises:
            UsageError: there is no such entry.
        """
        with transaction(self.engine) as connection:
            row = self._row(connection, key)
            set_status(connection, row["id"], "verified", reason, self.clock())

    def merge(self, keys: Sequence[str], into: str, *, why: str) -> None:
        """Let one entry stand for others; the rows of their evidence become its own.

        Raises:
            UsageError: one is not there or of another kind, or they are one and the same.
        """
        with transaction(self.engine) as connection:
            named = [self._row(connection, key)["id"] for key in (*keys, into)]
            in_order = select(ENTRIES.c.id).where(ENTRIES.c.id.in_(named)).order_by(ENTRIES.c.id)
            connection.execute(in_order.with_for_update()).all()
            kept = self._row(connection, into)
            merged = sorted(
                (self._row(connection, key) for key in keys), key=lambda row: str(row["id"])
            )
            for row in merged:
                if row["id"] == kept["id"] or row["kind"] != kept["kind"]:
                    raise UsageError(f"{row['id']!r} cannot be merged into {kept['id']!r}")
                merge_entry(connection, row, kept, why, self.clock())

    def record(
        self,
        kind: EvidenceKind,
        identities: Collection[str],
        *,
        run: str | None = None,
        step: int | None = None,
        why: str = "",
    ) -> None:
        """Keep what became of entries; their status follows from it.

        What is verified is `trusted` once it works often enough; what agents learnt or files gave
        is retired once it does not.

        Raises:
            UsageError: one is not there.
        """
        with transaction(self.engine) as connection:
            # Half of a surrogate pair, as in a terminal's broken argument, is no text to keep.
            said = why.encode("utf-8", "replace").decode("utf-8")
            use = Use(entry_id="", kind=kind, at=self.clock(), run=run, step=step, why=said)
            record_uses(connection, use, set(identities))

    def uses(self, key: str) -> tuple[Use, ...]:
        """The evidence of an entry, the oldest first.

        Raises:
            UsageError: there is no such entry.
        """
        with reading(self.engine) as connection:
            row = self._row(connection, key)
            query = select(EVIDENCE).where(EVIDENCE.c.entry_id == row["id"])
            rows = connection.execute(query.order_by(EVIDENCE.c.number)).mappings()
            return tuple(Use(**{name: row[name] for name in Use.model_fields}) for row in rows)

    def revisions(self, key: str) -> tuple[Revision, ...]:
        """The earlier versions of an entry, the oldest first.

        Raises:
            UsageError: there is no such entry.
        """
        with reading(self.engine) as connection:
            row = self._row(connection, key)
            query = select(REVISIONS).where(REVISIONS.c.entry_id == row["id"])
            rows = connection.execute(query.order_by(REVISIONS.c.version)).mappings()
            return tuple(Revision(**row) for row in rows)

    def _entries(
        self, kind: str, scope: Scope | None, statuses: Collection[Status]
    ) -> tuple[Entry, ...]:
        query = select(ENTRIES).where(ENTRIES.c.kind == kind, ENTRIES.c.status.in_(statuses))
        if scope is not None:
            query = query.where(*applies(scope))
        query = query.order_by(ENTRIES.c.created_at, ENTRIES.c.id)
        with reading(self.engine) as connection:
            return tuple(entry_from(row) for row in connection.execute(query).mappings())

    def _row(self, connection: Connection, key: str) -> RowMapping:
        kinds = ENTRIES.c.kind.in_(("tip", "shortcut"))
        for condition in (
            ENTRIES.c.id == key,
            (ENTRIES.c.kind == "shortcut") & (ENTRIES.c.name == key),
            ENTRIES.c.id.startswith(key, autoescape=True),
        ):
            rows = connection.execute(select(ENTRIES).where(kinds, condition).limit(2)).mappings()
            found = rows.all()
            if len(found) == 1 and key:
                return found[0]
            if found:
                raise UsageError(f"{key!r} is not the only entry of that name: give its id")
        raise UsageError(f"the memory has no entry {key!r}")

    def _there(
        self, connection: Connection, draft: TipDraft | ShortcutDraft, scope: Scope
    ) -> RowMapping:
        """The entry of that name, which another process was quicker to add."""
        known = self._named(connection, draft, scope)
        if known is None:
            raise UsageError("another process added the same and took it away: try again")
        return known

    def _named(
        self, connection: Connection, draft: TipDraft | ShortcutDraft, scope: Scope
    ) -> RowMapping | None:
        kind = kind_of(draft)
        query = select(ENTRIES).where(
            ENTRIES.c.kind == kind,
            ENTRIES.c.namespace == scope_namespace(kind, scope),
            ENTRIES.c.name == content_columns(draft)["name"],
        )
        return connection.execute(query).mappings().one_or_none()

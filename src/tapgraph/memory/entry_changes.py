"""Changes of single rows, inside a transaction of their caller."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.exc import IntegrityError

from tapgraph.errors import UsageError
from tapgraph.memory.entry_rows import content_columns, kind_of, scope_columns, scope_namespace
from tapgraph.memory.models import Provenance, Scope, ShortcutDraft, Status, TipDraft, Use
from tapgraph.memory.tables import ENTRIES, EVIDENCE, REVISIONS
from tapgraph.memory.track_record import LEAST_BOUND, LEAST_USES, TRUSTED_BOUND, lower_bound

__all__ = [
    "IN_USE",
    "NO_RECORD",
    "insert_entry",
    "merge_entry",
    "record_uses",
    "revise_entry",
    "set_status",
]

IN_USE: tuple[Status, ...] = ("draft", "verified", "trusted")
_FIRST_STATUS: Mapping[str, Status] = {
    "package": "trusted",
    "person": "verified",
    "run": "draft",
    "import": "draft",
}
_RETIRED_BY_RECORD = {"run", "import"}
"""What people gave is for people to retire."""

NO_RECORD: Mapping[str, Any] = {
    "shown": 0,
    "uses": 0,
    "successes": 0,
    "failures": 0,
    "bound": 0.0,
    "last_used_at": None,
    "last_failure_at": None,
}
_COUNTS = ("shown", "uses", "successes", "failures")


def insert_entry(
    connection: Connection,
    draft: TipDraft | ShortcutDraft,
    scope: Scope | None,
    provenance: Provenance | None,
    now: datetime,
) -> str | None:
    """Keep something new; its identity, None where another process has just taken the name."""
    kind = kind_of(draft)
    scope, provenance = scope or Scope(), provenance or Provenance()
    identity = uuid.uuid4().hex
    row = {
        "id": identity,
        "kind": kind,
        "namespace": scope_namespace(kind, scope),
        "version": 1,
        **scope_columns(scope),
        **provenance.model_dump(mode="json"),
        **content_columns(draft),
        **NO_RECORD,
        "status": _FIRST_STATUS[provenance.origin],
        "reason": "",
        "created_at": now,
        "updated_at": now,
    }
    try:
        with connection.begin_nested():
            connection.execute(ENTRIES.insert().values(row))
    except IntegrityError:
        return None
    return identity


def revise_entry(
    connection: Connection,
    row: RowMapping,
    draft: TipDraft | ShortcutDraft,
    why: str,
    provenance: Provenance | None,
    now: datetime,
) -> None:
    """Give an entry another content; what it was stays among the revisions."""
    provenance = provenance or Provenance()
    connection.execute(
        REVISIONS.insert().values(
            entry_id=row["id"],
            version=row["version"],
            content=row["content"],
            status=row["status"],
            why=why,
            replaced_at=now,
        )
    )
    changes: dict[str, Any] = {
        **content_columns(draft),
        **provenance.model_dump(mode="json"),
        **NO_RECORD,
        "version": row["version"] + 1,
        "status": _FIRST_STATUS[provenance.origin],
        "reason": why,
        "merged_into": None,
        "updated_at": now,
    }
    connection.execute(ENTRIES.update().where(ENTRIES.c.id == row["id"]).values(changes))


def set_status(
    connection: Connection,
    identity: str,
    status: Status,
    reason: str,
    now: datetime,
    *,
    merged_into: str | None = None,
) -> None:
    """Change the status, and say why."""
    changed = ENTRIES.update().where(ENTRIES.c.id == identity)
    changes = {"status": status, "reason": reason, "updated_at": now}
    connection.execute(changed.values(**changes, merged_into=merged_into))


def merge_entry(
    connection: Connection, row: RowMapping, kept: RowMapping, why: str, now: datetime
) -> None:
    """Retire one entry in favour of another, which takes over the record of both."""
    connection.execute(
        EVIDENCE
        .update()
        .where(EVIDENCE.c.entry_id == row["id"], EVIDENCE.c.version == row["version"])
        .values(entry_id=kept["id"], version=kept["version"])
    )
    counts: dict[Any, Any] = {ENTRIES.c[name]: ENTRIES.c[name] + row[name] for name in _COUNTS}
    connection.execute(ENTRIES.update().where(ENTRIES.c.id == kept["id"]).values(counts))
    nothing: dict[str, Any] = dict.fromkeys(_COUNTS, 0)
    connection.execute(ENTRIES.update().where(ENTRIES.c.id == row["id"]).values(nothing))
    set_status(connection, row["id"], "retired", why, now, merged_into=kept["id"])
    _judge(connection, kept["id"], now)


def record_uses(connection: Connection, use: Use, identities: Collection[str]) -> None:
    """Keep a row of evidence for each entry, count it, and let the status follow.

    Raises:
        UsageError: there is no such entry.
    """
    chosen = ENTRIES.c.id.in_(identities)
    # In one order, so that two writers do not wait for each other's rows.
    query = select(ENTRIES.c.id, ENTRIES.c.version).where(chosen).order_by(ENTRIES.c.id)
    found = connection.execute(query.with_for_update())
    versions = {row.id: row.version for row in found}
    unknown = sorted(set(identities) - set(versions))
    if unknown:
        raise UsageError(f"the memory has no entry {unknown[0]!r}")
    if not versions:
        return
    counts: dict[Any, Any] = {}
    # Counted by the database, so that two runs at once lose no use.
    match use.kind:
        case "shown":
            counts[ENTRIES.c.shown] = ENTRIES.c.shown + 1
        case "worked":
            counts[ENTRIES.c.successes] = ENTRIES.c.successes + 1
        case "failed":
            counts[ENTRIES.c.failures] = ENTRIES.c.failures + 1
            counts[ENTRIES.c.last_failure_at] = use.at
    is_judged = use.kind in {"worked", "failed"}
    if is_judged:
        counts |= {ENTRIES.c.uses: ENTRIES.c.uses + 1, ENTRIES.c.last_used_at: use.at}
    if counts:
        connection.execute(ENTRIES.update().where(chosen).values(counts))
    rows = [
        {**use.model_dump(), "entry_id": identity, "version": version}
        for identity, version in versions.items()
    ]
    connection.execute(EVIDENCE.insert(), rows)
    if is_judged:
        for identity in versions:
            _judge(connection, identity, use.at)


def _judge(connection: Connection, identity: str, now: datetime) -> None:
    """Bring the bound up to date, and the status with it."""
    query = select(ENTRIES).where(ENTRIES.c.id == identity)
    row = connection.execute(query).mappings().one()
    uses, successes = row["uses"], row["successes"]
    bound = lower_bound(successes, uses)
    connection.execute(ENTRIES.update().where(ENTRIES.c.id == identity).values(bound=bound))
    sure = f"worked in {successes} of {uses} uses, surely in {bound:.0%} of them"
    if row["status"] == "verified" and bound >= TRUSTED_BOUND:
        set_status(connection, identity, "trusted", sure, now)
    is_bad = uses >= LEAST_USES and bound < LEAST_BOUND
    if is_bad and row["status"] in IN_USE and row["origin"] in _RETIRED_BY_RECORD:
        set_status(connection, identity, "retired", sure, now)

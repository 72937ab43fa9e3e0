"""The tables of the memory as the code sees them; `migrations` creates them in a database."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

__all__ = ["ENTRIES", "EVIDENCE", "METADATA", "REVISIONS", "VECTORS", "UtcDateTime"]


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, also in SQLite, which knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 — the base class passes it
    ) -> datetime | None:
        """The moment in UTC, which is what SQLite's text then shows."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 — the base class passes it
    ) -> datetime | None:
        """The moment with its time zone."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


METADATA = MetaData()

ENTRIES = Table(
    "entries",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("agent", String(32)),
    Column("app", Text),
    Column("app_version", Text),
    Column("language", Text),
    Column("screen_width_px", Integer),
    Column("screen_height_px", Integer),
    Column("run", Text),
    Column("step", Integer),
    Column("model", Text),
    Column("origin", String(16), nullable=False),
    Column("quotes", JSON, nullable=False),
    Column("content", JSON, nullable=False),
    Column("words", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("merged_into", String(64)),
    Column("shown", Integer, nullable=False),
    Column("uses", Integer, nullable=False),
    Column("successes", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("bound", Float, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("last_failure_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("kind", "namespace", "name", name="uq_entries_name"),
    Index("ix_entries_record", "kind", "agent", "app", "status", "bound"),
)
"""All that is kept, one row each: tips, shortcuts, and items of LangGraph's store.

`words` are those that it is found by. `namespace` says of a tip or a shortcut where it applies; a
name is unique inside it. The counts are those of the rows of evidence since the present version;
`bound` follows from them.
"""

REVISIONS = Table(
    "revisions",
    METADATA,
    Column("entry_id", String(64), ForeignKey("entries.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("content", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("why", Text, nullable=False),
    Column("replaced_at", UtcDateTime, nullable=False),
)

EVIDENCE = Table(
    "evidence",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("entry_id", String(64), ForeignKey("entries.id"), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("run", Text),
    Column("step", Integer),
    Column("why", Text, nullable=False),
)

VECTORS = Table(
    "vectors",
    METADATA,
    Column("entry_id", String(64), ForeignKey("entries.id"), primary_key=True),
    Column("model", String(128), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("vector", LargeBinary, nullable=False),
)
"""What an embedding model says of entries; a vector of an older version is out of date."""

"""The tables of the memory as the code sees them; `migrations` creates them in a database."""

from datetime import UTC, datetime

from sqlalchemy import JSON, Column, DateTime, Dialect, Integer, MetaData, String, Table, Text
from sqlalchemy.types import TypeDecorator

__all__ = ["METADATA", "SHORTCUTS", "TIPS", "UtcDateTime"]


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


def _entry_columns() -> tuple[Column[object], ...]:
    return (
        Column("id", String(64), primary_key=True),
        Column("version", Integer, nullable=False),
        Column("agent", String(32), nullable=False, index=True),
        Column("app", Text),
        Column("app_version", Text),
        Column("screen_width_px", Integer),
        Column("screen_height_px", Integer),
        Column("run", Text),
        Column("step", Integer),
        Column("uses", Integer, nullable=False),
        Column("successes", Integer, nullable=False),
        Column("failures", Integer, nullable=False),
        Column("last_failure_at", UtcDateTime),
        Column("status", String(32), nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
    )


TIPS = Table("tips", METADATA, *_entry_columns(), Column("text", Text, nullable=False))

SHORTCUTS = Table(
    "shortcuts",
    METADATA,
    *_entry_columns(),
    Column("name", String(64), nullable=False, index=True),
    Column("arguments", JSON, nullable=False),
    Column("description", Text, nullable=False),
    Column("precondition", Text, nullable=False),
    Column("steps", JSON, nullable=False),
)

"""The memory of all agents: tips and shortcuts as rows, each changed on its own."""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import ColumnElement, Engine, RowMapping, Table, or_, select

from tapgraph.errors import UsageError
from tapgraph.memory.database import open_database, place_of, transaction
from tapgraph.memory.models import (
    ActionArguments,
    Evidence,
    Provenance,
    Scope,
    Shortcut,
    ShortcutDraft,
    Status,
    Tip,
    check_actions,
)
from tapgraph.memory.tables import SHORTCUTS, TIPS

__all__ = ["MemoryStore"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class MemoryStore:
    """Tips and shortcuts in SQLite or PostgreSQL; may be used from several threads and processes.

    A new memory holds four tips and one shortcut for phones.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = _utc_now) -> None:
        """Use an engine of `open_database`; `open` is the usual way."""
        self._engine = engine
        self._clock = clock

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
        return place_of(self._engine)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def tips(self, scope: Scope | None = None) -> tuple[Tip, ...]:
        """The active tips that apply in a scope, the oldest first.

        What the scope leaves open (None) is not asked for; an entry that leaves it open applies.
        """
        return tuple(
            Tip(text=row["text"], **_entry_fields(row)) for row in self._active(TIPS, scope)
        )

    def shortcuts(self, scope: Scope | None = None) -> tuple[Shortcut, ...]:
        """The active shortcuts that apply in a scope, the oldest first; see `tips`."""
        return tuple(
            Shortcut(
                name=row["name"],
                arguments=row["arguments"],
                description=row["description"],
                precondition=row["precondition"],
                steps=row["steps"],
                **_entry_fields(row),
            )
            for row in self._active(SHORTCUTS, scope)
        )

    def add_tip(
        self, text: str, *, scope: Scope | None = None, provenance: Provenance | None = None
    ) -> str:
        """Keep a tip; its identity.

        Raises:
            pydantic.ValidationError: the text is empty or longer than 2000 characters.
        """
        tip = Tip(text=text, **self._new_entry_fields(scope, provenance))
        self._insert(TIPS, tip, {"text": tip.text})
        return tip.id

    def add_shortcut(
        self,
        draft: ShortcutDraft,
        *,
        actions: Mapping[str, ActionArguments],
        scope: Scope | None = None,
        provenance: Provenance | None = None,
    ) -> str:
        """Keep a shortcut; its identity.

        Args:
            draft: the sequence of actions.
            actions: all actions by wire name, against which the steps are checked.
            scope: where it applies; by default on every phone.
            provenance: where it was learnt.

        Raises:
            UsageError: a step is no action or has wrong arguments.
        """
        check_actions(draft, actions)
        content = draft.model_dump(mode="json")
        shortcut = Shortcut(**content, **self._new_entry_fields(scope, provenance))
        self._insert(SHORTCUTS, shortcut, content)
        return shortcut.id

    def record_tip_use(self, tip_id: str, *, succeeded: bool) -> None:
        """Count a use of a tip.

        Raises:
            UsageError: there is no such tip.
        """
        self._record_use(TIPS, tip_id, succeeded)

    def record_use(self, shortcut_id: str, *, succeeded: bool) -> None:
        """Count a use of a shortcut.

        Raises:
            UsageError: there is no such shortcut.
        """
        self._record_use(SHORTCUTS, shortcut_id, succeeded)

    def _active(self, table: Table, scope: Scope | None) -> list[RowMapping]:
        query = (
            select(table)
            .where(table.c.status == "active", *_applies(table, scope or Scope()))
            .order_by(table.c.created_at, table.c.id)
        )
        with transaction(self._engine) as connection:
            return list(connection.execute(query).mappings())

    def _new_entry_fields(
        self, scope: Scope | None, provenance: Provenance | None
    ) -> dict[str, Any]:
        now = self._clock()
        status: Status = "active"
        return {
            "id": uuid.uuid4().hex,
            "version": 1,
            "scope": scope or Scope(),
            "provenance": provenance or Provenance(),
            "evidence": Evidence(),
            "status": status,
            "created_at": now,
            "updated_at": now,
        }

    def _insert(self, table: Table, entry: Tip | Shortcut, content: dict[str, Any]) -> None:
        width_px, height_px = entry.scope.screen_size or (None, None)
        row = {
            "id": entry.id,
            "version": entry.version,
            "agent": entry.scope.agent,
            "app": entry.scope.app,
            "app_version": entry.scope.app_version,
            "screen_width_px": width_px,
            "screen_height_px": height_px,
            **entry.provenance.model_dump(),
            **entry.evidence.model_dump(),
            "status": entry.status,
            "created_at": entry.created_at,
            "updated_at": entry.updated_at,
            **content,
        }
        with transaction(self._engine) as connection:
            connection.execute(table.insert().values(row))

    def _record_use(self, table: Table, entry_id: str, succeeded: bool) -> None:
        # Counted by the database, so that two runs at once lose no use.
        counts: dict[Any, Any] = {table.c.uses: table.c.uses + 1}
        if succeeded:
            counts[table.c.successes] = table.c.successes + 1
        else:
            counts[table.c.failures] = table.c.failures + 1
            counts[table.c.last_failure_at] = self._clock()
        with transaction(self._engine) as connection:
            changed = connection.execute(
                table.update().where(table.c.id == entry_id).values(counts)
            )
            if changed.rowcount != 1:
                raise UsageError(f"the memory has no entry {entry_id!r} among its {table.name}")


def _applies(table: Table, scope: Scope) -> list[ColumnElement[bool]]:
    width_px, height_px = scope.screen_size or (None, None)
    asked = {
        table.c.app: scope.app,
        table.c.app_version: scope.app_version,
        table.c.screen_width_px: width_px,
        table.c.screen_height_px: height_px,
    }
    return [
        table.c.agent == scope.agent,
        *(
            or_(column.is_(None), column == value)
            for column, value in asked.items()
            if value is not None
        ),
    ]


def _entry_fields(row: RowMapping) -> dict[str, Any]:
    width_px, height_px = row["screen_width_px"], row["screen_height_px"]
    has_size = width_px is not None and height_px is not None
    return {
        "id": row["id"],
        "version": row["version"],
        "scope": Scope(
            agent=row["agent"],
            app=row["app"],
            app_version=row["app_version"],
            screen_size=(width_px, height_px) if has_size else None,
        ),
        "provenance": Provenance(run=row["run"], step=row["step"]),
        "evidence": Evidence(
            uses=row["uses"],
            successes=row["successes"],
            failures=row["failures"],
            last_failure_at=row["last_failure_at"],
        ),
        "status": row["status"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }

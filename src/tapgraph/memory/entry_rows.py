"""Between entries and rows of the database."""

import hashlib
import re
from typing import Any
from urllib.parse import quote

from sqlalchemy import ColumnElement, RowMapping, or_
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from tapgraph.memory.models import (
    Entry,
    Evidence,
    Provenance,
    Scope,
    Shortcut,
    ShortcutDraft,
    Tip,
    TipDraft,
)
from tapgraph.memory.tables import ENTRIES
from tapgraph.memory.words import words_of

__all__ = [
    "applies",
    "content_columns",
    "entry_from",
    "kind_of",
    "scope_columns",
    "scope_namespace",
]

_WORD = re.compile(r"[^\W_]+")


def kind_of(draft: TipDraft | ShortcutDraft) -> str:
    """The value of the column `kind`."""
    return "tip" if isinstance(draft, TipDraft) else "shortcut"


def content_columns(draft: TipDraft | ShortcutDraft) -> dict[str, Any]:
    """What changes when an entry is revised; a tip goes by its words, whatever their case."""
    if isinstance(draft, TipDraft):
        fields, said, name = TipDraft.model_fields, draft.text, _digest(draft.text)
    else:
        fields, name = ShortcutDraft.model_fields, draft.name
        said = f"{name.replace('_', ' ')} {draft.description} {draft.precondition}"
    content = draft.model_dump(mode="json", include=set(fields))
    return {"name": name, "content": content, "words": " ".join(words_of(said))}


def _digest(text: str) -> str:
    plain = " ".join(_WORD.findall(text.lower())) or text
    return hashlib.sha256(plain.encode()).hexdigest()[:32]


def scope_columns(scope: Scope) -> dict[str, Any]:
    """Where an entry applies."""
    width_px, height_px = scope.screen_size or (None, None)
    return {
        "agent": scope.agent,
        "app": scope.app,
        "app_version": scope.app_version,
        "language": scope.language,
        "screen_width_px": width_px,
        "screen_height_px": height_px,
    }


def scope_namespace(kind: str, scope: Scope) -> str:
    """What tells scopes apart in one column, so that the database keeps names unique.

    >>> scope_namespace("tip", Scope(app="com.x", screen_size=(720, 1280)))
    'tips/mobile/com.x/-/-/720x1280'
    """
    size = "x".join(map(str, scope.screen_size)) if scope.screen_size else None
    parts = (f"{kind}s", scope.agent, scope.app, scope.app_version, scope.language, size)
    return "/".join("-" if part is None else quote(part, safe="") for part in parts)


def applies(
    scope: Scope, columns: ReadOnlyColumnCollection[str, Any] = ENTRIES.c
) -> list[ColumnElement[bool]]:
    """What the scope leaves open is not asked for; an entry that leaves it open applies."""
    asked = scope_columns(scope)
    agent = asked.pop("agent")
    return [
        columns["agent"] == agent,
        *(
            or_(columns[name].is_(None), columns[name] == value)
            for name, value in asked.items()
            if value is not None
        ),
    ]


def entry_from(row: RowMapping) -> Entry:
    """The tip or shortcut that a row holds."""
    width_px, height_px = row["screen_width_px"], row["screen_height_px"]
    has_size = width_px is not None and height_px is not None
    fields: dict[str, Any] = {
        "id": row["id"],
        "version": row["version"],
        "scope": Scope(
            agent=row["agent"],
            app=row["app"],
            app_version=row["app_version"],
            language=row["language"],
            screen_size=(width_px, height_px) if has_size else None,
        ),
        "provenance": Provenance(
            run=row["run"],
            step=row["step"],
            model=row["model"],
            origin=row["origin"],
            quotes=tuple(row["quotes"]),
        ),
        "evidence": Evidence(
            shown=row["shown"],
            uses=row["uses"],
            successes=row["successes"],
            failures=row["failures"],
            last_used_at=row["last_used_at"],
            last_failure_at=row["last_failure_at"],
        ),
        "status": row["status"],
        "reason": row["reason"],
        "merged_into": row["merged_into"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
    kind = Tip if row["kind"] == "tip" else Shortcut
    return kind(**row["content"], **fields)

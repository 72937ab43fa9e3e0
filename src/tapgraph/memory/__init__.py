"""What agents learnt, in SQL: tips and shortcuts as rows, each with scope and evidence."""

from tapgraph.memory.models import (
    Evidence,
    Provenance,
    Scope,
    Shortcut,
    ShortcutDraft,
    ShortcutStep,
    Tip,
)
from tapgraph.memory.store import MemoryStore

__all__ = [
    "Evidence",
    "MemoryStore",
    "Provenance",
    "Scope",
    "Shortcut",
    "ShortcutDraft",
    "ShortcutStep",
    "Tip",
]

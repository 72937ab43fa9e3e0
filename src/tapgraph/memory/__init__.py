"""What agents learnt, in SQL: tips and shortcuts as rows, each with scope and evidence."""

from tapgraph.memory.models import (
    Condition,
    Evidence,
    Provenance,
    Scope,
    Shortcut,
    ShortcutDraft,
    ShortcutStep,
    StepTarget,
    Tip,
    TipDraft,
)
from tapgraph.memory.store import MemoryStore

__all__ = [
    "Condition",
    "Evidence",
    "MemoryStore",
    "Provenance",
    "Scope",
    "Shortcut",
    "ShortcutDraft",
    "ShortcutStep",
    "StepTarget",
    "Tip",
    "TipDraft",
]

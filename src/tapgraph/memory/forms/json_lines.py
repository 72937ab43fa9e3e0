"""One entry a line, with all that is known of it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from tapgraph.errors import UsageError
from tapgraph.memory.models import Entry, Scope, ShortcutDraft, Tip, TipDraft

__all__ = ["read_lines", "written_lines"]


def written_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """The lines, each an object with its `kind`."""
    for entry in entries:
        kind = "tip" if isinstance(entry, Tip) else "shortcut"
        wire = {"kind": kind, **entry.model_dump(mode="json")}
        yield json.dumps(wire, ensure_ascii=False) + "\n"


def read_lines(text: str) -> Iterator[tuple[TipDraft | ShortcutDraft, Scope]]:
    """What each line proposes; records and statuses of other memories are not taken over.

    Raises:
        UsageError: a line is no entry.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _read(line, number)


def _read(line: str, number: int) -> tuple[TipDraft | ShortcutDraft, Scope]:
    try:
        wire: Mapping[str, Any] = json.loads(line)
        kind: type[TipDraft | ShortcutDraft] = TipDraft if wire["kind"] == "tip" else ShortcutDraft
        content = {name: wire[name] for name in kind.model_fields if name in wire}
        return kind.model_validate(content), Scope.model_validate(wire.get("scope") or {})
    except ValidationError as error:
        raise UsageError(f"line {number} is no entry: {error.errors()[0]['msg']}") from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"line {number} is no entry: {error}") from error

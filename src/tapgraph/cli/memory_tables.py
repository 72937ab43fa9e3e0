"""Tips and shortcuts as tables on a terminal."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from tapgraph.memory.models import Entry, Evidence, Revision, Scope, Shortcut, Tip, Use
from tapgraph.memory.retrieval import Found

__all__ = ["entry_table", "evidence_table", "found_table", "said", "step_lines"]

_SHORT_ID = 8


def said(entry: Entry) -> str:
    """The entry in a line."""
    if isinstance(entry, Tip):
        return f"avoid: {entry.text}" if entry.polarity == "avoid" else entry.text
    return f"{entry.name}({', '.join(entry.arguments)}): {entry.description}"


def step_lines(shortcut: Shortcut) -> Iterator[str]:
    """A line for each step of a shortcut."""
    for number, step in enumerate(shortcut.steps, 1):
        target = step.target
        name = ""
        if target is not None:
            name = target.text_argument or target.text or target.resource_id or str(target.place)
        values = ", ".join(f"{one}={value}" for one, value in step.arguments_map.items())
        yield " ".join(filter(None, (f"{number}.", step.action_name, name, values)))


def entry_table(title: str, entries: Sequence[Entry]) -> Table:
    """One row for each."""
    table = _table(f"{title}: {len(entries)}", ("Id", "What", "For", "Status", "Uses"))
    for one in entries:
        table.add_row(
            _short(one.id), said(one), f"{one.scope.agent} {_where(one.scope)}", one.status,
            _evidence(one.evidence),
        )  # fmt: skip
    return table


def found_table(title: str, found: Sequence[Found]) -> Table:
    """What was found, the best first, with the reasons."""
    table = _table(f"{title}: {len(found)}", ("Id", "What", "Score", "Why"))
    for one in found:
        row = (_short(one.entry.id), said(one.entry), f"{one.score:.2f}", "; ".join(one.reasons))
        table.add_row(*row)
    return table


def evidence_table(uses: Sequence[Use], revisions: Sequence[Revision]) -> Table:
    """What happened to an entry, in order."""
    rows = [(one.at, str(one.kind), one.run or "", one.why) for one in uses]
    rows += [
        (one.replaced_at, f"version {one.version} was replaced", "", one.why) for one in revisions
    ]
    table = _table(f"Evidence: {len(uses)}", ("When", "What", "Run", "Why"))
    for at, what, run, why in sorted(rows, key=lambda row: row[0]):
        table.add_row(f"{at:%Y-%m-%d %H:%M}", what, run, why)
    return table


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", expand=True)
    for column in columns:
        if column in {"What", "Why"}:
            table.add_column(column, ratio=1, overflow="fold")
        else:
            table.add_column(column, overflow="fold", no_wrap=column in {"Id", "Status"})
    return table


def _short(identity: str) -> str:
    return identity[:_SHORT_ID]


def _where(scope: Scope) -> str:
    size = "x".join(map(str, scope.screen_size)) if scope.screen_size else ""
    return " ".join(filter(None, (scope.app, scope.app_version, scope.language, size))) or "any"


def _evidence(evidence: Evidence) -> str:
    if evidence.uses == 0:
        return "none"
    return f"{evidence.uses} ({evidence.successes} ✓ {evidence.failures} ✗)"

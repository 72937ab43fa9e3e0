"""`tapgraph memory`: what agents have learnt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from tapgraph.cli.options import JsonOption
from tapgraph.cli.terminal import print_json
from tapgraph.settings import Settings

if TYPE_CHECKING:
    from tapgraph.memory.models import Evidence, Scope, Shortcut, Tip

__all__ = ["app", "list_entries"]

app = typer.Typer(help="What agents have learnt: tips and shortcuts.")


@app.callback()
def _group() -> None:
    """Keep `list` a command of its own while it is the only one."""


@app.command("list")
def list_entries(
    *,
    memory: Annotated[
        str | None,
        typer.Option("--memory", metavar="URL", help="A file or a database URL."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List all tips and shortcuts with what became of them."""
    # SQLAlchemy is not needed to print help.
    from tapgraph.memory import MemoryStore  # noqa: PLC0415

    place = memory or Settings.from_environment().memory_file
    with MemoryStore.open(place) as store:
        tips, shortcuts, url = store.tips(), store.shortcuts(), store.url
    if json:
        print_json({
            "memory": url,
            "tips": [tip.model_dump(mode="json") for tip in tips],
            "shortcuts": [shortcut.model_dump(mode="json") for shortcut in shortcuts],
        })
        return
    console = Console(highlight=False)
    console.print(_tips_table(tips))
    console.print(_shortcuts_table(shortcuts))


def _tips_table(tips: tuple[Tip, ...]) -> Table:
    table = _table(f"Tips: {len(tips)}", "Tip")
    for tip in tips:
        table.add_row(tip.text, _where(tip.scope), _evidence(tip.evidence))
    return table


def _shortcuts_table(shortcuts: tuple[Shortcut, ...]) -> Table:
    table = _table(f"Shortcuts: {len(shortcuts)}", "Shortcut")
    for shortcut in shortcuts:
        words = f"{shortcut.name}({', '.join(shortcut.arguments)}): {shortcut.description}"
        table.add_row(words, _where(shortcut.scope), _evidence(shortcut.evidence))
    return table


def _table(title: str, what: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", expand=True)
    table.add_column(what, ratio=1, overflow="fold")
    table.add_column("App")
    table.add_column("Uses", justify="right")
    return table


def _where(scope: Scope) -> str:
    return scope.app or "any"


def _evidence(evidence: Evidence) -> str:
    if evidence.uses == 0:
        return "none"
    return f"{evidence.uses} ({evidence.successes} ✓ {evidence.failures} ✗)"

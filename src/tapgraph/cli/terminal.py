"""Where commands write: results to stdout, everything else to stderr."""

import json
from collections.abc import Mapping

import typer
from rich.console import Console

from tapgraph.tools.visible_text import visible_text

__all__ = ["print_error", "print_json", "print_line", "print_note"]


def print_line(text: str) -> None:
    """One result on stdout, as it is: no colours, no wrapping."""
    typer.echo(text)


def print_json(record: Mapping[str, object]) -> None:
    """One JSON object on one line of stdout."""
    typer.echo(json.dumps(record, ensure_ascii=False))


def print_note(text: str) -> None:
    """One line on stderr, as it is."""
    typer.echo(text, err=True)


def print_error(message: str) -> None:
    """One sentence on stderr."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print("[bold red]error:[/]", end=" ")
    console.print(" ".join(visible_text(message).split()), markup=False)

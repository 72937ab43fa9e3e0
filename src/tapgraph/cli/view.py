"""`tapgraph view`: the report of a run."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tapgraph.cli.options import JsonOption
from tapgraph.cli.terminal import print_json, print_line

if TYPE_CHECKING:
    from tapgraph.agents.run.run_folder import RunFolder

__all__ = ["fresh_report", "view"]


def view(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    *,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Only write the report and print its path.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Open the report of a run in the browser, writing it first where it is absent or stale."""
    # Pillow, Jinja and pydantic are not needed to print help.
    from tapgraph.agents.run.run_folder import RunFolder  # noqa: PLC0415

    folder = RunFolder.open(run)
    report = fresh_report(folder).absolute()
    if json:
        header = folder.header
        print_json({"report": str(report), "outcome": header.state, "reason": header.reason})
    else:
        print_line(str(report))
    if not no_open:
        webbrowser.open(report.as_uri())


def fresh_report(folder: RunFolder) -> Path:
    """The report of a run, written anew where something happened since it was written."""
    from tapgraph.evals.report.run_report import write_report  # noqa: PLC0415 - as above

    recorded = (folder.path / "run.json", folder.path / "events.jsonl")
    newest = max(place.stat().st_mtime_ns for place in recorded if place.exists())
    report = folder.report_path
    if report.exists() and report.stat().st_mtime_ns > newest:
        return report
    return write_report(folder)

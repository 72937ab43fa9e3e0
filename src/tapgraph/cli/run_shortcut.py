"""`tapgraph api run-shortcut`: one of Apple's shortcuts on a simulated system."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tapgraph.cli.exit_codes import ExitCode
from tapgraph.cli.options import HumanKind, JsonOption, human_or_default
from tapgraph.cli.terminal import print_json, print_line, print_note
from tapgraph.errors import NotExecutable

if TYPE_CHECKING:
    from tapgraph.tools.api.shortcuts.runtime import WorkflowResult
    from tapgraph.tools.api.shortcuts.system import SimulatedSystem
    from tapgraph.tools.api.shortcuts.workflow import Workflow

__all__ = ["run_shortcut"]


def run_shortcut(
    file: Annotated[
        Path, typer.Argument(help="An unsigned .shortcut or plist file, or its actions as JSON.")
    ],
    *,
    given: Annotated[
        str | None, typer.Option("--input", metavar="TEXT", help="What the shortcut is given.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which actions are not executable; run none.")
    ] = False,
    human: Annotated[
        HumanKind | None,
        typer.Option(
            help="Who answers what it asks: you (the default on a terminal); assume and allow give "
            "its default or first choice, stop cancels it."
        ),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Run a shortcut of Apple's on a simulated system with the public web."""
    # The runtime and httpx are loaded by no other command of this file.
    from tapgraph.cli.shortcut_person import open_person  # noqa: PLC0415
    from tapgraph.tools.api.shortcuts.public_web import PublicWeb  # noqa: PLC0415
    from tapgraph.tools.api.shortcuts.runtime import run_workflow  # noqa: PLC0415
    from tapgraph.tools.api.shortcuts.system import SimulatedSystem  # noqa: PLC0415
    from tapgraph.tools.api.shortcuts.workflow import read_workflow  # noqa: PLC0415

    workflow = read_workflow(file)
    if dry_run:
        return _print_what_lacks(workflow, json=json)
    person = open_person(human_or_default(human))
    system = SimulatedSystem(transport=PublicWeb(), person=person)
    try:
        result = run_workflow(workflow, system, given=given)
    except NotExecutable:
        _print_what_lacks(workflow, json=json)
        raise
    _print_result(result, system, json=json)
    return ExitCode.SUCCESS if result.ended == "done" else ExitCode.FAILED


def _print_what_lacks(workflow: "Workflow", *, json: bool) -> ExitCode:
    from tapgraph.tools.api.shortcuts.runtime import not_executable_in  # noqa: PLC0415

    lacking = not_executable_in(workflow)
    if json:
        print_json({
            "actions": len(workflow.actions),
            "not_executable": [
                {"position": position, "identifier": identifier} for position, identifier in lacking
            ],
        })
    else:
        for position, identifier in lacking:
            print_line(f"action {position}: {identifier} is not executable here")
    return ExitCode.FAILED if lacking else ExitCode.SUCCESS


def _print_result(result: "WorkflowResult", system: "SimulatedSystem", *, json: bool) -> None:
    from tapgraph.tools.api.shortcuts.content import to_json, to_text  # noqa: PLC0415

    if json:
        print_json({
            "ended": result.ended,
            "output": to_json(result.output),
            "text": to_text(result.output),
            "steps": result.steps,
            "state": system.state(),
        })
        return
    for name, value in system.state().items():
        if value:
            print_note(f"{name}: {value}")
    print_line(to_text(result.output))

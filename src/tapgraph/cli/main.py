"""The `tapgraph` command."""

import io
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from tapgraph import __version__
from tapgraph.cli import device, eval_command, kernels, memory, model_command, sim, view
from tapgraph.cli.api_command import api
from tapgraph.cli.default_command import DefaultCommandGroup
from tapgraph.cli.demo import demo
from tapgraph.cli.exit_codes import ExitCode, exit_code_of
from tapgraph.cli.rhythm import rhythm
from tapgraph.cli.run_command import run
from tapgraph.cli.run_shortcut import run_shortcut
from tapgraph.cli.serve_command import serve
from tapgraph.cli.terminal import print_error, print_line
from tapgraph.cli.train_landmarks import train_system
from tapgraph.errors import TapgraphError
from tapgraph.llm_backend.local.freed_memory import keep_freed_memory
from tapgraph.settings import shows_tracebacks

__all__ = ["app", "main"]

app = typer.Typer(
    name="tapgraph", pretty_exceptions_enable=False, rich_markup_mode=None, add_completion=True
)
apis = typer.Typer(name="api", cls=DefaultCommandGroup, help="Do a task by calling APIs.")
apis.command("task", epilog="A shortcut of Apple's: tapgraph api run-shortcut --help")(api)
apis.command("run-shortcut")(run_shortcut)
# One line for each command; a command's heavy imports belong inside its function.
app.add_typer(device.app, name="device")
app.add_typer(sim.app, name="sim")
app.add_typer(memory.app, name="memory")
app.add_typer(eval_command.app, name="eval")
kernels.app.command("train")(train_system)
app.add_typer(kernels.app, name="kernels")
app.add_typer(model_command.app, name="model")
app.add_typer(apis)
app.command("view")(view.view)
app.command("demo")(demo)
app.command("run")(run)
app.command("serve")(serve)
app.command("rhythm")(rhythm)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; errors become one sentence on stderr."""
    keep_freed_memory()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows no umlaut or emoji must not end a run.
            stream.reconfigure(errors="backslashreplace")
    try:
        result = app(
            None if arguments is None else list(arguments),
            prog_name="tapgraph",
            standalone_mode=False,
        )
    except TyperException as error:
        print_error(error.format_message())
        return ExitCode.USAGE
    except typer.Abort:
        print_error("aborted")
        return ExitCode.INTERRUPTED
    except (TapgraphError, OSError) as error:
        if shows_tracebacks():
            traceback.print_exc()
        print_error(str(error))
        return exit_code_of(error)
    if result == ExitCode.INTERRUPTED:
        print_error("interrupted")
    return result if isinstance(result, int) else ExitCode.SUCCESS


@app.callback(invoke_without_command=True)
def _without_command(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Agents that do tasks on phones, and a simulated phone to try them on."""
    if version:
        print_line(f"tapgraph {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print_line(context.get_help())


if __name__ == "__main__":
    sys.exit(main())

"""`tapgraph sim`: the simulated phone as a server."""

from pathlib import Path
from typing import Annotated

import typer

from tapgraph.cli.open_device import open_phone
from tapgraph.cli.options import (
    ClockOption,
    FaultsOption,
    JsonOption,
    PhoneOption,
    PortOption,
    SeedOption,
    StateDirOption,
)
from tapgraph.cli.stop_request import stop_requests
from tapgraph.cli.terminal import print_json, print_line

__all__ = ["app", "check", "serve"]

app = typer.Typer(help="The simulated phone.")


@app.command()
def serve(
    *,
    port: PortOption = 4723,
    host: Annotated[str, typer.Option(help="On which address; others can reach 0.0.0.0.")] = (
        "127.0.0.1"
    ),
    seed: SeedOption = 0,
    faults: FaultsOption = "",
    phone: PhoneOption = "",
    state_dir: StateDirOption = None,
    clock: ClockOption = None,
    like_android: Annotated[
        bool,
        typer.Option(
            "--like-android",
            help="Tell no more than a real phone: apps without labels, deeper trees, black "
            "protected screens, new pages that cannot be read at once.",
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Serve a simulated phone to any Appium client until Ctrl-C.

    Prints the URL on one line as soon as clients can connect.
    """
    # Werkzeug and the phone are loaded by no other command.
    from tapgraph.tools.mobile.simulator.server import (  # noqa: PLC0415
        AndroidManners,
        Manners,
        SimulatorServer,
    )

    served = open_phone(seed=seed, faults=faults, phone=phone, state_dir=state_dir, clock=clock)
    manners = AndroidManners() if like_android else Manners()
    with (
        SimulatorServer(served, host=host, port=port, manners=manners) as server,
        stop_requests() as wait_for_stop,
    ):
        if json:
            print_json({"url": server.url})
        else:
            print_line(server.url)
        wait_for_stop()


@app.command()
def check(
    task: Annotated[str, typer.Argument(help="The name of a task of the suite `sim`.")],
    *,
    state_dir: Annotated[Path, typer.Option(metavar="DIR", help="What `serve` was given.")],
    seed: SeedOption = 0,
) -> int:
    """Say from a phone's app databases whether a task is done; exit code 1 when it is not."""
    # The apps are loaded by no other command of this file.
    from tapgraph.evals.phone.sim_check import task_named, unmet  # noqa: PLC0415

    missing = unmet(task_named(task, seed), state_dir)
    print_line("; ".join(missing) or "done")
    return int(bool(missing))

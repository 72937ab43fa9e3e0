"""`tapgraph demo`: the main job with what is inside the package: no phone, no key, no network."""

from typing import Annotated

import typer

from tapgraph.cli.options import JsonOption, OutOption, SeedOption
from tapgraph.cli.run_options import RunOptions

__all__ = ["demo"]

_TASK = "sum_into_a_note"


def demo(
    task: Annotated[str, typer.Argument(help="A task of the suite `sim`, by its name.")] = _TASK,
    *,
    out: OutOption = None,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> int:
    """Watch the agent do a task on the simulated phone.

    In the place of a model the demonstrator follows the task's route. At the end the databases of
    the simulated apps are checked.
    """
    # The graph takes a second to load, and no other command needs it.
    from tapgraph.agents.run.agent import new_folder  # noqa: PLC0415
    from tapgraph.cli.run_session import demonstrate  # noqa: PLC0415

    folder = out or new_folder("demo")
    return demonstrate(task, RunOptions(seed=seed), out=folder, json=json)

"""`tapgraph demo`: the main job with what is inside the package: no phone, no key, no network."""

from tapgraph.cli.options import HumanKind, JsonOption, OutOption, SeedOption
from tapgraph.cli.run_options import RunOptions

__all__ = ["demo"]

_INSTRUCTION = "Find the highest-rated cafe on Maps and save its name and phone number in a note."


def demo(
    *,
    out: OutOption = None,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> int:
    """Watch the agent do a task on the simulated phone.

    The model is the demonstrator, which knows reference solutions. At the end the databases of
    the simulated apps are checked.
    """
    # The graph takes a second to load, and no other command needs it.
    from tapgraph.agents.run.agent import new_folder  # noqa: PLC0415
    from tapgraph.cli.run_session import demonstrate  # noqa: PLC0415

    folder = out or new_folder("demo")
    return demonstrate(
        _INSTRUCTION, RunOptions(seed=seed, human=HumanKind.ALLOW), out=folder, json=json
    )

"""What the nodes of the API agent work with beside the state."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tapgraph.agents.run.agent_run import AgentRun
from tapgraph.tools.api.calls import ApiRunner

__all__ = ["ApiTeam"]


@dataclass(frozen=True)
class ApiTeam:
    """What the nodes share and no checkpoint holds.

    Attributes:
        run: what both agents' nodes have.
        runner: the APIs.
        clock: the user's time, with its zone.
        pinned: APIs that are always shown, whatever is searched for.
    """

    run: AgentRun
    runner: ApiRunner
    clock: Callable[[], datetime]
    pinned: tuple[str, ...] = ()

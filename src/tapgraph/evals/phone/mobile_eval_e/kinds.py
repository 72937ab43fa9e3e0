"""Which kind of task stands for which of the official ones on the simulated phone."""

from collections.abc import Mapping
from typing import Final

from tapgraph.evals.phone.sim.draw import Kind

__all__ = ["KINDS"]

KINDS: Final[Mapping[str, Kind]] = {}
"""By the official identity of a task. A kind's rubrics have the order of the official file."""

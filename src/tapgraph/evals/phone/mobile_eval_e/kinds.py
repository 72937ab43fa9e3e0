"""Which kind of task stands for which of the official ones on the simulated phone."""

from collections.abc import Mapping
from typing import Final

from tapgraph.evals.phone.mobile_eval_e.electronics import ELECTRONICS
from tapgraph.evals.phone.mobile_eval_e.research import RESEARCH
from tapgraph.evals.phone.mobile_eval_e.restaurants import RESTAURANTS
from tapgraph.evals.phone.mobile_eval_e.shopping import SHOPPING
from tapgraph.evals.phone.mobile_eval_e.travel import TRAVEL
from tapgraph.evals.phone.mobile_eval_e.trending import TRENDING
from tapgraph.evals.phone.sim.draw import Kind

__all__ = ["KINDS"]

KINDS: Final[Mapping[str, Kind]] = {
    **RESTAURANTS,
    **RESEARCH,
    **ELECTRONICS,
    **SHOPPING,
    **TRENDING,
    **TRAVEL,
}
"""By the official identity of a task. A kind's rubrics have the order of the official file."""

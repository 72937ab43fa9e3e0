"""The suite `sim`: tasks drawn by seed from the simulated phone's own state."""

from collections.abc import Sequence

from tapgraph.evals.phone.sim.across_tasks import ACROSS_TASKS
from tapgraph.evals.phone.sim.calendar_tasks import CALENDAR_TASKS
from tapgraph.evals.phone.sim.comparing_tasks import COMPARING_TASKS
from tapgraph.evals.phone.sim.draw import Kind, template_of
from tapgraph.evals.phone.sim.errands_tasks import ERRANDS_TASKS
from tapgraph.evals.phone.sim.files_tasks import FILES_TASKS
from tapgraph.evals.phone.sim.lunch_tasks import LUNCH_TASKS
from tapgraph.evals.phone.sim.money_tasks import MONEY_TASKS
from tapgraph.evals.phone.sim.notes_tasks import NOTES_TASKS
from tapgraph.evals.phone.sim.organizer_tasks import ORGANIZER_TASKS
from tapgraph.evals.phone.sim.outing_tasks import OUTING_TASKS
from tapgraph.evals.phone.sim.places_tasks import PLACES_TASKS
from tapgraph.evals.phone.sim.reading_tasks import READING_TASKS
from tapgraph.evals.phone.sim.shopping_tasks import SHOPPING_TASKS
from tapgraph.evals.phone.sim.talk_tasks import TALK_TASKS
from tapgraph.evals.phone.sim.travel_tasks import TRAVEL_TASKS
from tapgraph.evals.suite import Split, Suite

__all__ = ["SIM_KINDS", "sim_suite"]

SIM_KINDS: Sequence[Kind] = (
    *ACROSS_TASKS,
    *CALENDAR_TASKS,
    *COMPARING_TASKS,
    *ERRANDS_TASKS,
    *FILES_TASKS,
    *LUNCH_TASKS,
    *MONEY_TASKS,
    *NOTES_TASKS,
    *ORGANIZER_TASKS,
    *OUTING_TASKS,
    *PLACES_TASKS,
    *READING_TASKS,
    *SHOPPING_TASKS,
    *TALK_TASKS,
    *TRAVEL_TASKS,
)


def sim_suite() -> Suite:
    """All kinds of tasks; `easy`, `medium`, `hard` and `expert` are splits."""
    members: dict[str, list[str]] = {}
    for kind in SIM_KINDS:
        members.setdefault(kind.level, []).append(kind.name)
    return Suite(
        "sim",
        tuple(template_of(kind) for kind in SIM_KINDS),
        {level: Split(tuple(names)) for level, names in members.items()},
    )

"""The suite `sim`: tasks drawn by seed from the simulated phone's own state."""

from collections.abc import Sequence

from tapgraph.evals.phone.sim.across_tasks import ACROSS_TASKS
from tapgraph.evals.phone.sim.calendar_tasks import CALENDAR_TASKS
from tapgraph.evals.phone.sim.comparing_tasks import COMPARING_TASKS
from tapgraph.evals.phone.sim.draw import Kind, suite_of_kinds
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
from tapgraph.tools.mobile.simulator.kit.style import COMMON_LOOKS, RARE_LOOKS

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


_TEST_SEEDS = 30_000
_APPS_FOR_TESTS = frozenset({"files", "lunch", "money", "outing", "travel"})
"""Scenarios of Files, McDonald's, the bank, the authenticator, Fandango, Booking.com and
Tripadvisor, which no task for training needs."""
_ACROSS = frozenset({"across", "errands"})
_EVERY = 5
"""Each fifth kind of the others is kept for tests."""


def sim_suite() -> Suite:
    """All kinds of tasks.

    Its splits are the levels, and for those who learn from tasks:

    - `train`: kinds without the apps of `test-apps`, on seeds without rare looks;
    - `test`: kinds that are not in `train`, on other seeds;
    - `test-apps`: kinds of apps that are not in `train`, on other seeds;
    - `test-looks`: the kinds of `train` on seeds with rare looks only.
    """
    members: dict[str, list[str]] = {}
    for kind in SIM_KINDS:
        members.setdefault(kind.level, []).append(kind.name)
    known = [one for one in SIM_KINDS if one.scenario not in _APPS_FOR_TESTS | _ACROSS]
    train = tuple(one.name for place, one in enumerate(known, 1) if place % _EVERY)
    others = tuple(one.name for one in SIM_KINDS if one.scenario in _APPS_FOR_TESTS)
    new = tuple(one.name for one in SIM_KINDS if one.name not in {*train, *others})
    splits = {
        "train": Split(train, COMMON_LOOKS.start),
        "test": Split(new, _TEST_SEEDS),
        "test-apps": Split(others, _TEST_SEEDS),
        "test-looks": Split(train, RARE_LOOKS.start),
    }
    levels = {level: Split(tuple(names)) for level, names in members.items()}
    return suite_of_kinds("sim", SIM_KINDS, levels | splits)

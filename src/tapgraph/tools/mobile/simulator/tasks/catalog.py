"""All families of tasks, and the way from an instruction to a task and its solution."""

from collections.abc import Sequence

from tapgraph.tools.mobile.simulator.tasks.deal_tasks import BestDealTask
from tapgraph.tools.mobile.simulator.tasks.feed_tasks import CreatorsTask
from tapgraph.tools.mobile.simulator.tasks.map_tasks import BestPlaceNoteTask, DirectionsTask
from tapgraph.tools.mobile.simulator.tasks.phone_tasks import SettingTask, WriteNoteTask
from tapgraph.tools.mobile.simulator.tasks.shop_tasks import ReviewsTask, SaleTask
from tapgraph.tools.mobile.simulator.tasks.task import Solution, Task
from tapgraph.tools.mobile.simulator.tasks.travel_tasks import TopAttractionsTask

__all__ = ["TASK_FAMILIES", "find_solution", "find_task"]

TASK_FAMILIES: Sequence[type[Task]] = (
    BestPlaceNoteTask,
    DirectionsTask,
    ReviewsTask,
    SaleTask,
    BestDealTask,
    CreatorsTask,
    TopAttractionsTask,
    WriteNoteTask,
    SettingTask,
)
"""Every kind of task that the simulated phone can pose and check, the more special first."""


def find_task(instruction: str) -> Task | None:
    """The task that an instruction asks for; None when no family knows it."""
    for family in TASK_FAMILIES:
        task = family.match(instruction)
        if task is not None:
            return task
    return None


def find_solution(instruction: str) -> Solution | None:
    """The reference solution of an instruction; None when no family knows it."""
    task = find_task(instruction)
    return None if task is None else Solution(task, task.subgoals())

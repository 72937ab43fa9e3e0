"""Tasks on the simulated phone: what is asked, whether it was done, and how to do it.

Nothing here is shown to an agent that is being tested. `find_task(...).check` is the oracle of
tests and demonstrations; `find_solution` is a reference solution, which only the model called
`demonstrator` follows.
"""

from tapgraph.tools.mobile.simulator.tasks.catalog import TASK_FAMILIES, find_solution, find_task
from tapgraph.tools.mobile.simulator.tasks.phone_records import PhoneRecords
from tapgraph.tools.mobile.simulator.tasks.step_check import StepCheck, check_step
from tapgraph.tools.mobile.simulator.tasks.subgoal import Glance, Move, Subgoal
from tapgraph.tools.mobile.simulator.tasks.task import Solution, Task, TaskCheck

__all__ = [
    "TASK_FAMILIES",
    "Glance",
    "Move",
    "PhoneRecords",
    "Solution",
    "StepCheck",
    "Subgoal",
    "Task",
    "TaskCheck",
    "check_step",
    "find_solution",
    "find_task",
]

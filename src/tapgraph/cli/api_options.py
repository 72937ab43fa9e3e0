"""Everything about a run of the API agent but its instruction, as plain data."""

from dataclasses import dataclass
from typing import ClassVar

from tapgraph.cli.task_options import TaskOptions

__all__ = ["ApiOptions"]


@dataclass(frozen=True, kw_only=True)
class ApiOptions(TaskOptions):
    """How to do a task with APIs; kept in the run's header, so that it can be resumed."""

    model: str

    command: ClassVar[str] = "api"

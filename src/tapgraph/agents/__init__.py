"""Agents that do tasks for people, and the record that each of their runs leaves."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapgraph.agents.api.agent import ApiAgent
    from tapgraph.agents.mobile.agent import PhoneAgent
    from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E, TAPGRAPH
    from tapgraph.agents.run.budget import Budget
    from tapgraph.agents.run.human import AbsentHuman, CallbackHuman
    from tapgraph.agents.run.outcome import Outcome
    from tapgraph.agents.run.run_folder import RunFolder
    from tapgraph.agents.run.task_result import TaskResult

__all__ = [
    "MOBILE_AGENT_E",
    "TAPGRAPH",
    "AbsentHuman",
    "ApiAgent",
    "Budget",
    "CallbackHuman",
    "Outcome",
    "PhoneAgent",
    "RunFolder",
    "TaskResult",
]

_HOMES = (
    ("api.agent", {"ApiAgent"}),
    ("mobile.agent", {"PhoneAgent"}),
    ("mobile.pipeline", {"MOBILE_AGENT_E", "TAPGRAPH"}),
    ("run.budget", {"Budget"}),
    ("run.human", {"AbsentHuman", "CallbackHuman"}),
    ("run.outcome", {"Outcome"}),
    ("run.run_folder", {"RunFolder"}),
    ("run.task_result", {"TaskResult"}),
)
"""Loaded when used: the graph takes a second, and who only reads a run needs none."""

if not TYPE_CHECKING:  # a checker would take it as a promise that every name is here

    def __getattr__(name: str) -> object:
        for module, names in _HOMES:
            if name in names:
                return getattr(import_module(f"tapgraph.agents.{module}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

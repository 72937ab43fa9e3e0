"""Agents that do tasks for people, and the record that each of their runs leaves."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tapgraph.agents.api.agent import ApiAgent
    from tapgraph.agents.mobile.agent import PhoneAgent
    from tapgraph.agents.mobile.pipeline import MOBILE_AGENT_E, TAPGRAPH, Pipeline
    from tapgraph.agents.run.budget import Budget
    from tapgraph.agents.run.human import AbsentHuman, CallbackHuman, HumanRequest
    from tapgraph.agents.run.outcome import Outcome
    from tapgraph.agents.run.report import write_report
    from tapgraph.agents.run.run_folder import RunFolder
    from tapgraph.agents.run.task_result import TaskResult

__all__ = [
    "MOBILE_AGENT_E",
    "TAPGRAPH",
    "AbsentHuman",
    "ApiAgent",
    "Budget",
    "CallbackHuman",
    "HumanRequest",
    "Outcome",
    "PhoneAgent",
    "Pipeline",
    "RunFolder",
    "TaskResult",
    "write_report",
]

_HOMES = {
    "MOBILE_AGENT_E": "mobile.pipeline",
    "TAPGRAPH": "mobile.pipeline",
    "AbsentHuman": "run.human",
    "ApiAgent": "api.agent",
    "Budget": "run.budget",
    "CallbackHuman": "run.human",
    "HumanRequest": "run.human",
    "Outcome": "run.outcome",
    "PhoneAgent": "mobile.agent",
    "Pipeline": "mobile.pipeline",
    "RunFolder": "run.run_folder",
    "TaskResult": "run.task_result",
    "write_report": "run.report",
}


def __getattr__(name: str) -> Any:
    # The graph takes a second to load, and who only reads a run needs none.
    if name in _HOMES:
        return getattr(import_module(f"tapgraph.agents.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""What all commands that run a task share: where it goes, who answers, how it ended."""

import sys
from pathlib import Path

from rich.console import Console

from tapgraph.agents.run.human import AbsentHuman, Human
from tapgraph.agents.run.task_result import TaskResult
from tapgraph.cli.options import HumanKind
from tapgraph.cli.terminal import print_json, print_line
from tapgraph.cli.terminal_human import TerminalHuman

__all__ = ["open_human", "print_result"]


def print_result(result: TaskResult, report: Path, *, json: bool) -> None:
    """How the task ended: one JSON object, or a few lines."""
    if json:
        print_json({
            "outcome": result.outcome.value,
            "reason": result.reason,
            "answer": result.answer,
            "notes": result.notes,
            "steps": result.spent.steps,
            "tokens": result.spent.tokens,
            "seconds": round(result.spent.seconds, 3),
            "cost_usd": result.spent.cost_usd,
            "run": str(result.folder),
            "report": str(report),
        })
        return
    print_line(f"outcome: {result.outcome.value} ({result.reason})")
    if result.answer:
        print_line(f"answer:  {result.answer}")
    print_line(f"report:  {report}")


def open_human(kind: HumanKind) -> Human:
    """Who answers the agent's questions."""
    match kind:
        case HumanKind.ASK:
            return TerminalHuman(Console(file=sys.stderr))
        case HumanKind.ASSUME:
            return AbsentHuman("assume")
        case HumanKind.ALLOW:
            return AbsentHuman("allow")
        case HumanKind.STOP:
            return AbsentHuman("stop")

"""What all commands that run a task share: where it goes, who answers, how it ended."""

import re
import sys
from datetime import datetime
from pathlib import Path

from rich.console import Console

from tapgraph.agents.run.human import AbsentHuman, Human, TerminalHuman
from tapgraph.agents.run.task_result import TaskResult
from tapgraph.cli.options import HumanKind
from tapgraph.cli.terminal import print_json, print_line

__all__ = ["default_folder", "open_human", "print_result"]


def default_folder(instruction: str) -> Path:
    """A new folder under `runs`, named after the time and the first words of the instruction.

    >>> default_folder("Turn on Wi-Fi; rm -rf /").name[16:]
    'turn-on-wi-fi-rm-rf'
    """
    words = re.findall(r"[a-z0-9]+", instruction.lower())
    name = "-".join(words)[:40].strip("-") or "task"
    return Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-{name}"  # noqa: DTZ005 - a local name


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

"""What all commands that run a task share: where it goes, who answers, how it ended."""

import sys
from pathlib import Path

from rich.console import Console

from tapgraph.agents.run.human import AbsentHuman, Human
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.agents.run.task_result import TaskResult, result_in
from tapgraph.cli.options import HumanKind
from tapgraph.cli.terminal import print_json, print_line, print_note
from tapgraph.cli.terminal_human import TerminalHuman
from tapgraph.evals.report.run_report import write_report
from tapgraph.llm_backend.roles import RoleModels
from tapgraph.tools.visible_text import visible_text

__all__ = ["note_highlights", "open_human", "print_result", "told_again"]


def note_highlights(models: RoleModels, *, wanted: bool) -> None:
    """Say that `--highlight` changes nothing, where no model follows highlights."""
    if wanted and not any(traits.follows_highlights for traits in models.all_traits):
        print_note(
            "--highlight changes nothing: no model of this run follows highlights, as "
            "local:PATH?steer=FILE does (docs/steering.md)"
        )


def print_result(result: TaskResult, report: Path, *, json: bool) -> None:
    """How the task ended: one JSON object, or a few lines."""
    if json:
        print_json({
            "outcome": result.outcome.value,
            "reason": visible_text(result.reason),
            "answer": visible_text(result.answer),
            "notes": visible_text(result.notes),
            "steps": result.spent.steps,
            "tokens": result.spent.tokens,
            "seconds": round(result.spent.seconds, 3),
            "cost_usd": result.spent.cost_usd,
            "run": str(result.folder),
            "report": str(report),
        })
        return
    print_line(f"outcome: {result.outcome.value} ({visible_text(result.reason)})")
    if result.answer:
        print_line(f"answer:  {visible_text(result.answer)}")
    print_line(f"report:  {report}")


def told_again(run: Path, *, json: bool) -> TaskResult | None:
    """The result of a run that ended and was killed before its report; None for any other.

    The report is written then.
    """
    folder = RunFolder.open(run)
    result = result_in(run)
    if result is None or folder.report_path.exists():
        return None
    print_result(result, write_report(folder), json=json)
    return result


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

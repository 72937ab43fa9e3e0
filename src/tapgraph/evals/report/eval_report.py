"""An evaluation as one page, or two of them: tables, SSS curves, and trajectories side by side."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import UnreadableRun
from tapgraph.evals.evaluate import Evaluation
from tapgraph.evals.metrics import is_success, measure, satisfaction
from tapgraph.evals.report.curves import sss_svg
from tapgraph.evals.report.page import write_page
from tapgraph.evals.report.pictures import data_uri
from tapgraph.evals.report.story import StepStory, tell
from tapgraph.evals.summary import header_lines, remarks, table
from tapgraph.evals.trial import TrialRecord

__all__ = ["write_eval_report"]

_PICTURE_WIDTH_PX = 200
_MOST_PICTURES = 400
"""About 2 MB of page; runs that failed are shown first."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """A screen with what was done on it; `step` is None for the last one."""

    step: StepStory | None
    picture: Markup | None


@dataclass(frozen=True, slots=True)
class _Run:
    """One trial as it is shown."""

    agent: str
    record: TrialRecord
    is_success: bool | None
    satisfaction: float | None
    frames: tuple[_Frame, ...]


def write_eval_report(evaluations: Sequence[Evaluation], place: Path) -> Path:
    """Write the page and return its path; trials of the same task stand under each other."""
    agents = [one.header.agent for one in evaluations]
    names = agents if len(set(agents)) == len(agents) else [one.folder.name for one in evaluations]
    named = dict(zip(names, evaluations, strict=True))
    return write_page(
        place,
        "eval_report.html.j2",
        styles=("report.css", "eval_report.css"),
        tables={
            name: (header_lines(one), table(measure(one.records)), remarks(one))
            for name, one in named.items()
        },
        curves=Markup(sss_svg({name: one.records for name, one in named.items()})),
        tasks=_tasks(named),
        most_pictures=_MOST_PICTURES,
    )


def _tasks(named: Mapping[str, Evaluation]) -> Mapping[str, Sequence[_Run]]:
    """The trials by task; pictures go to those that did not succeed first."""
    shown = [(name, one, record) for name, one in named.items() for record in one.records]
    frames: dict[tuple[str, str], tuple[_Frame, ...]] = {}
    left = _MOST_PICTURES
    for name, one, record in sorted(shown, key=lambda entry: bool(is_success(entry[2]))):
        frames[name, record.trial.id] = found = _frames(one.folder, record, left)
        left -= sum(frame.picture is not None for frame in found)
    tasks: dict[str, list[_Run]] = defaultdict(list)
    for name, _, record in shown:
        tasks[record.trial.task_id].append(
            _Run(
                name,
                record,
                is_success(record),
                satisfaction(record),
                frames[name, record.trial.id],
            )
        )
    return tasks


def _frames(out: Path, record: TrialRecord, pictures_left: int) -> tuple[_Frame, ...]:
    try:
        folder = RunFolder.open(out / "runs" / record.trial.id)
    except UnreadableRun:
        return ()
    story = tell(folder.timeline())
    shown: list[tuple[StepStory | None, int | None]] = [
        (step, step.screen.screen_id if step.screen is not None else None)
        for step in story.steps
        if step.decided is not None
    ]
    if story.screens:
        shown.append((None, story.screens[-1].seen.screen_id))
    return tuple(
        _Frame(step, _picture(folder, screen_id) if place < pictures_left else None)
        for place, (step, screen_id) in enumerate(shown)
    )


def _picture(folder: RunFolder, screen_id: int | None) -> Markup | None:
    image = None if screen_id is None else folder.load_screenshot(screen_id)
    return None if image is None else Markup(data_uri(image, width_px=_PICTURE_WIDTH_PX))

"""A run as one page that needs no network and can be sent to anyone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from PIL import Image

from tapgraph.agents.run.events import ActionDone
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import ToolError, UnreadableRun
from tapgraph.evals.report.page import write_page
from tapgraph.evals.report.pictures import data_uri
from tapgraph.evals.report.story import RunStory, StepStory, tell
from tapgraph.tools.mobile.actions import Action, action_from_wire
from tapgraph.tools.mobile.marks import draw_action

__all__ = ["write_report"]

_STEP_WIDTH_PX = 540
_STRIP_WIDTH_PX = 240


def write_report(folder: RunFolder) -> Path:
    """Write `report.html` into the run folder, finished or not, and return its path."""
    story = tell(folder.timeline())
    pictures = _pictures(folder, story)
    return write_page(
        folder.report_path,
        "report.html.j2",
        styles=("report.css",),
        script="report.js",
        header=folder.header,
        story=story,
        pictures=pictures,
    )


@dataclass(frozen=True, slots=True)
class _Pictures:
    """What is taken from the screens.

    Attributes:
        screens: `data:` URIs for the filmstrip, by number of the screen.
        steps: `data:` URIs with the action drawn, by number of the step.
    """

    screens: Mapping[int, Markup]
    steps: Mapping[int, Markup]


def _pictures(folder: RunFolder, story: RunStory) -> _Pictures:
    screens: dict[int, Markup] = {}
    steps: dict[int, Markup] = {}
    acting: dict[int, list[StepStory]] = {}
    for step in story.steps:
        if step.screen is not None:
            acting.setdefault(step.screen.screen_id, []).append(step)
    for shown in story.screens:
        screen_id = shown.seen.screen_id
        try:
            screen = folder.load_screen(screen_id)
        except UnreadableRun:
            continue
        screenshot = screen.screenshot
        if screenshot is None or screen_id in screens:
            continue
        screens[screen_id] = _embedded(screenshot, _STRIP_WIDTH_PX)
        for step in _shown_with(acting.get(screen_id, ())):
            steps[step.number] = _embedded(_with_action(screenshot, step), _STEP_WIDTH_PX)
    return _Pictures(screens, steps)


def _shown_with(steps: Sequence[StepStory]) -> Sequence[StepStory]:
    """Of the steps on one screen those that acted on it, and only else the first."""
    return [step for step in steps if step.decided is not None] or steps[:1]


def _embedded(image: Image.Image, width_px: int) -> Markup:
    return Markup(data_uri(image, width_px=width_px))


def _with_action(screenshot: Image.Image, step: StepStory) -> Image.Image:
    action = _drawable_action(step)
    return screenshot if action is None else draw_action(screenshot, action)


def _drawable_action(step: StepStory) -> Action | None:
    """What was chosen, or the first part that was carried out where that was a shortcut."""
    wires = [step.decided.action] if step.decided is not None else []
    wires += [part.action for part in step.parts if isinstance(part, ActionDone)][:1]
    for wire in wires:
        try:
            return action_from_wire(wire)
        except ToolError:
            continue
    return None

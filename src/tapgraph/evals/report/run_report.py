"""A run as one page that needs no network and can be sent to anyone.

Everything a screen or a model said is shown as text: Jinja escapes it, characters that could
reorder or hide text are named, and the page's Content-Security-Policy lets nothing run or load but
the style, the script and the pictures that this module put there. Only those are `Markup`.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from PIL import Image

from tapgraph.agents.run.events import ActionDone
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.errors import ToolError, UnreadableRun
from tapgraph.evals.report.pictures import data_uri
from tapgraph.evals.report.story import RunStory, StepStory, tell
from tapgraph.tools.action_words import action_words
from tapgraph.tools.mobile.actions import Action, action_from_wire
from tapgraph.tools.mobile.marks import draw_action
from tapgraph.tools.visible_text import visible_text

__all__ = ["write_report"]

_STEP_WIDTH_PX = 540
_STRIP_WIDTH_PX = 240


def write_report(folder: RunFolder) -> Path:
    """Write `report.html` into the run folder, finished or not, and return its path."""
    story = tell(folder.timeline())
    pictures = _pictures(folder, story)
    style, script = _part("report.css"), _part("report.js")
    page = (
        _environment()
        .from_string(_part("report.html.j2"))
        .render(
            header=folder.header,
            story=story,
            pictures=pictures,
            style=Markup(style),
            script=Markup(script),
            style_hash=_csp_hash(style),
            script_hash=_csp_hash(script),
        )
    )
    unfinished = folder.report_path.with_suffix(".part")
    unfinished.write_text(page, encoding="utf-8")
    return unfinished.replace(folder.report_path)


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


def _part(name: str) -> str:
    return resources.files("tapgraph.evals.report").joinpath(name).read_text(encoding="utf-8")


def _csp_hash(content: str) -> Markup:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode("ascii")
    return Markup(f"'sha256-{digest}'")


def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        action_words=action_words,
        pretty=_pretty,
        seconds=_seconds,
        clock=_clock,
        when=_when,
        cost=_cost,
        count=_count,
    )
    return environment


def _visible(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible_text(value)
    return value


def _pretty(value: object) -> str:
    """JSON over several lines; text that is none stays as it is."""
    try:
        told = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return str(value)
    return json.dumps(told, ensure_ascii=False, indent=2)


def _count(value: int) -> str:
    return f"{value:,}"


def _cost(value: float) -> str:
    return "$0" if value == 0 else f"${value:,.4f}"


def _seconds(value: float) -> str:
    if value >= 90:
        return f"{int(value // 60)} min {int(value % 60)} s"
    if value >= 10:
        return f"{value:.0f} s"
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def _clock(value: float) -> str:
    return f"{int(value // 60)}:{int(value % 60):02d}"


def _when(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S %Z}"

"""MiniWoB++ (Shi et al. 2017, Liu et al. 2018) as a suite: its pages by folder, its own rewards.

Deviations: the agent is told to do what the page says instead of being given the page's words; an
episode has no time limit, so that the reward is the raw one, and only the first one counts.
"""

import importlib.util
import time
from functools import partial
from pathlib import Path

from tapgraph.errors import UsageError
from tapgraph.evals.suite import Evidence, Finding, Rubric, Suite, Task, Template
from tapgraph.tools.mobile.device import Device
from tapgraph.tools.mobile.web import WebDevice

__all__ = ["read_miniwob"]

_INSTRUCTION = "Do the task that stands at the top of the page."
_NO_LIMIT_MS = 86_400_000
_BEGIN = f"""
core.EPISODE_MAX_TIME = {_NO_LIMIT_MS};
const end = core.endEpisode;
core.endEpisode = function (reward, ...rest) {{
  if (window.firstReward === undefined) window.firstReward = reward;
  return end.call(core, reward, ...rest);
}};
Math.seedrandom(arguments[0]);
core.startEpisodeReal();
"""
_IS_THERE = "return typeof genProblem === 'function';"
_SECONDS_TO_LOAD = 10
_REWARD = "return window.firstReward === undefined ? null : window.firstReward;"


def read_miniwob(data: Path | None) -> Suite:
    """The pages of a folder, else those of the package `miniwob` where it is installed.

    Raises:
        UsageError: there are none.
    """
    folder = data or _installed()
    if folder is None:
        raise UsageError(
            "MiniWoB's pages are not here: give their folder with --data, or pip install miniwob"
        )
    pages = sorted(folder.glob("*.html"))
    if not pages:
        raise UsageError(f"{str(folder)!r} holds no pages; give the folder html/miniwob")
    return Suite("miniwob", tuple(Template(page.stem, partial(_task, page)) for page in pages))


def _installed() -> Path | None:
    found = importlib.util.find_spec("miniwob")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "html" / "miniwob"


class _Episode:
    """One try at a page; the page alone knows whether it was done."""

    def __init__(self, page: Path, seed: int) -> None:
        self._page = page
        self._seed = seed
        self._device: WebDevice | None = None

    def begin(self, device: Device) -> None:
        """Show the page and draw its task."""
        if not isinstance(device, WebDevice):
            raise UsageError("MiniWoB needs a page: add --device web --web-url about:blank")
        device.visit(self._page.absolute().as_uri())
        until = time.monotonic() + _SECONDS_TO_LOAD
        while not device.run_script(_IS_THERE) and time.monotonic() < until:
            time.sleep(0.05)
        device.run_script(_BEGIN, str(self._seed))
        self._device = device

    def is_rewarded(self, _seen: Evidence) -> Finding | None:
        """Whether the page gave the whole reward."""
        if self._device is None:
            return None
        reward = self._device.run_script(_REWARD)
        if not isinstance(reward, int | float):
            return Finding(holds=False, why="the page gave no reward")
        return Finding(reward >= 1, f"the page gave the reward {reward:g}")


def _task(page: Path, seed: int) -> Task:
    episode = _Episode(page, seed)
    return Task(
        id=page.stem,
        instruction=_INSTRUCTION,
        rubrics=(Rubric("the page gives its reward", episode.is_rewarded),),
        parameters={"page": page.name, "seed": seed},
        set_up=episode.begin,
        max_steps=20,
    )

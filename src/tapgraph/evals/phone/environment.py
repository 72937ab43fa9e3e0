"""The simulated phone as a Gymnasium environment.

Example::

    start = build_phone(seed=3)
    env = PhoneEnv(lambda number: Episode(start.fork(), "Write a note", has_note))
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from tapgraph.errors import ExtraMissing, ToolError, UsageError
from tapgraph.tools.mobile.actions import Action, Answer, action_from_wire
from tapgraph.tools.mobile.screen_text import describe
from tapgraph.tools.mobile.simulator.device import SimulatedDevice
from tapgraph.tools.mobile.simulator.phone import Phone
from tapgraph.tools.mobile.simulator.phone_profile import PHONE, PhoneProfile
from tapgraph.tools.mobile.simulator.screen_of import screen_of

try:
    import gymnasium
    import numpy as np
    from gymnasium import spaces
except ImportError as error:
    raise ExtraMissing("gym", "the Gymnasium environment") from error

__all__ = ["Episode", "Observation", "PhoneEnv"]

Observation: TypeAlias = dict[str, Any]
_LONGEST_ACTION: Final = 10_000
_LONGEST_TEXT: Final = 1_000_000
_PRINTABLE: Final = "".join(chr(code) for code in range(32, 127))


@dataclass(frozen=True, slots=True)
class Episode:
    """An upright phone at the beginning of a task; the environment drives it and closes it.

    Attributes:
        instruction: what is to be done; it is in `info`.
        score: how much of it is done, from 0 to 1.
    """

    phone: Phone
    instruction: str
    score: Callable[[Phone], float]


class PhoneEnv(gymnasium.Env[Observation, "str | Mapping[str, object]"]):
    """A phone that takes one action a step.

    An action is a wire object such as `{"name": "Tap", "arguments": {"x": 540, "y": 1200}}`, or its
    JSON; what cannot be read or done is told in `info["error"]`. An observation has `text` (the
    elements, a line each), `tree` (UiAutomator's XML) and `picture` (`[height, width, 3]`, uint8).
    The reward is what a step added to the score. An episode terminates at the score 1 or with
    `Answer`, whose text is `info["answer"]`; it is truncated after `max_steps`.

    `task_source` gives the episode of a number, an equal one for an equal number, always on a phone
    of the environment's profile. As texts are in any script, an `AsyncVectorEnv` needs
    `shared_memory=False`.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 2}  # noqa: RUF012 - Gymnasium's type

    def __init__(
        self,
        task_source: Callable[[int], Episode],
        *,
        max_steps: int = 30,
        profile: PhoneProfile = PHONE,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = render_mode
        self.action_space = _AnyText(_LONGEST_ACTION, charset=_PRINTABLE)
        self.observation_space = spaces.Dict({
            "text": _AnyText(_LONGEST_TEXT, min_length=0, charset=_PRINTABLE),
            "tree": _AnyText(_LONGEST_TEXT, charset=_PRINTABLE),
            "picture": spaces.Box(
                0, 255, (profile.screen.height_px, profile.screen.width_px, 3), np.uint8
            ),
        })
        self._profile = profile
        self._task_source = task_source
        self._max_steps = max_steps
        self._episode: Episode | None = None
        self._steps = 0
        self._score = 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin the episode with the number `options["task"]`, else one that is drawn."""
        super().reset(seed=seed)
        self.close()
        number = int(self.np_random.integers(2**31))
        self._episode = self._task_source((options or {}).get("task", number))
        size, wanted = self._episode.phone.size, self._profile.screen
        if size != wanted:
            raise UsageError(
                f"an episode must begin with a screen of {wanted.width_px}x{wanted.height_px} "
                f"pixels, got {size.width_px}x{size.height_px}; give the environment the phones' "
                "profile, and do not turn the phone before"
            )
        self._steps, self._score = 0, self._episode.score(self._episode.phone)
        return self._observed(), {"instruction": self._episode.instruction, "score": self._score}

    def step(
        self, action: str | Mapping[str, object]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Carry out an action."""
        running = self._running
        info: dict[str, Any] = {"instruction": running.instruction, "error": ""}
        try:
            parsed = _parsed(action)
            if isinstance(parsed, Answer):
                info["answer"] = parsed.text
            SimulatedDevice(running.phone).perform(parsed)
        except ToolError as error:
            info["error"] = str(error)
        before, self._score = self._score, running.score(running.phone)
        self._steps += 1
        info["score"] = self._score
        is_over = self._score >= 1 or "answer" in info
        is_cut = not is_over and self._steps >= self._max_steps
        return self._observed(), self._score - before, is_over, is_cut, info

    def render(self) -> Any:
        """The picture."""
        return np.asarray(self._running.phone.screenshot())

    def close(self) -> None:
        """Close the phone."""
        if self._episode is not None:
            self._episode.phone.close()
            self._episode = None

    @property
    def _running(self) -> Episode:
        if self._episode is None:
            raise UsageError("no episode is running; call reset() first")
        return self._episode

    def _observed(self) -> Observation:
        screen = screen_of(self._running.phone)
        return {"text": describe(screen), "tree": screen.tree_xml, "picture": self.render()}


class _AnyText(spaces.Text):
    """Text in any script; samples are printable ASCII."""

    def contains(self, x: Any) -> bool:
        return isinstance(x, str) and self.min_length <= len(x) <= self.max_length


def _parsed(action: str | Mapping[str, object]) -> Action:
    if isinstance(action, str) and len(action) > _LONGEST_ACTION:
        raise ToolError(f"an action has at most {_LONGEST_ACTION} characters, got {len(action)}")
    try:
        wire = json.loads(action) if isinstance(action, str) else action
        if isinstance(wire, Mapping):
            return action_from_wire(wire)
    except (ValueError, OverflowError, RecursionError) as error:
        raise ToolError(f"this action cannot be read: {error}") from error
    raise ToolError('an action is an object such as {"name": "Tap", "arguments": {"x": 1, "y": 2}}')

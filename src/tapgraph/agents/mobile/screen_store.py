"""The screens of a run by number: the newest in memory, all in the run folder."""

import threading

from tapgraph.agents.mobile.grounding import as_seen_by
from tapgraph.agents.mobile.wording import screen_block
from tapgraph.agents.run.events import ScreenSeen
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.llm_backend.chat_model import ModelTraits
from tapgraph.tools.mobile.screen import Screen
from tapgraph.tools.mobile.screen_reader import ScreenReader
from tapgraph.tools.mobile.screen_text import describe, describe_rest, parse_description, read_out

__all__ = ["ScreenStore"]

_KEPT = 4


class ScreenStore:
    """Reads screens, files them in the run folder and finds them again by number."""

    def __init__(
        self, reader: ScreenReader, folder: RunFolder, *, budget_tokens: int = 900
    ) -> None:
        self._reader = reader
        self._budget_tokens = budget_tokens
        self._folder = folder
        self._fresh: dict[int, Screen] = {}
        self._descriptions: dict[int, str] = {}
        self._lock = threading.Lock()

    def look(self, step: int, *, before: Screen | None = None) -> tuple[int, Screen]:
        """The screen in front once it is stable, and its new number.

        After an action that should change something, the screen `before` it is given.
        """
        screen = self._reader.read() if before is None else self._reader.read_change(before)
        screen_id = self._folder.save_screen(screen)
        description = describe(screen, budget_tokens=self._budget_tokens)
        with self._lock:
            self._fresh[screen_id] = screen
            self._descriptions = {screen_id: description}
            while len(self._fresh) > _KEPT:
                del self._fresh[min(self._fresh)]
        self._folder.record(
            ScreenSeen(
                step=step,
                screen_id=screen_id,
                app=screen.app.package,
                activity=screen.app.activity,
                keyboard_shown=screen.keyboard_shown,
                elements=len(screen.elements),
                fingerprint=screen.fingerprint,
                source=screen.source,
                elapsed_s=screen.device_s + screen.picture_s,
            )
        )
        return screen_id, screen

    def to_act_on(self, screen_id: int, traits: ModelTraits | None = None) -> str:
        """The screen for choosing a target: every line can be pointed at by its number.

        With `traits`, places are in the numbers in which that model writes points.
        """
        screen = self[screen_id]
        seen = screen if traits is None else as_seen_by(screen, traits)
        lines = self._described(seen) if seen is not screen else self._description(screen_id)
        return screen_block(seen, lines)

    def rest_to_act_on(self, screen_id: int, traits: ModelTraits, pages: int) -> str:
        """What `to_act_on` left out; what was left out of that too when `pages` is above 1."""
        seen = as_seen_by(self[screen_id], traits)
        rest = describe_rest(seen, budget_tokens=self._budget_tokens, pages=pages)
        return screen_block(seen, rest)

    def has_rest(self, screen_id: int) -> bool:
        """Whether elements have no room in the screen's description."""
        return len(parse_description(self._description(screen_id))) < len(self[screen_id].elements)

    def to_read(self, screen_id: int) -> str:
        """The screen for judging and noting: its words and states, without numbers and places."""
        return screen_block(self[screen_id], read_out(self._description(screen_id)))

    def _description(self, screen_id: int) -> str:
        with self._lock:
            known = self._descriptions.get(screen_id)
        return self._described(self[screen_id]) if known is None else known

    def _described(self, screen: Screen) -> str:
        return describe(screen, budget_tokens=self._budget_tokens)

    def __getitem__(self, screen_id: int) -> Screen:
        with self._lock:
            fresh = self._fresh.get(screen_id)
        return fresh if fresh is not None else self._folder.load_screen(screen_id)

"""The screens of a run by number: the newest in memory, all in the run folder."""

import threading

from tapgraph.agents.run.events import ScreenSeen
from tapgraph.agents.run.run_folder import RunFolder
from tapgraph.tools.mobile.screen import Screen
from tapgraph.tools.mobile.screen_reader import ScreenReader

__all__ = ["ScreenStore"]

_KEPT = 4


class ScreenStore:
    """Reads screens, files them in the run folder and finds them again by number."""

    def __init__(self, reader: ScreenReader, folder: RunFolder) -> None:
        self._reader = reader
        self._folder = folder
        self._fresh: dict[int, Screen] = {}
        self._lock = threading.Lock()

    def look(self, step: int) -> tuple[int, Screen]:
        """The screen in front once it is stable, and its new number."""
        screen = self._reader.read()
        screen_id = self._folder.save_screen(screen)
        with self._lock:
            self._fresh[screen_id] = screen
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

    def __getitem__(self, screen_id: int) -> Screen:
        with self._lock:
            fresh = self._fresh.get(screen_id)
        return fresh if fresh is not None else self._folder.load_screen(screen_id)

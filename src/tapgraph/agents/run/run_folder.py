"""The folder of one run.

`run.json`, `events.jsonl`, `screens/NNNN.png` with `screens/NNNN.json`, `trees/NNNN.xml`,
`results/NNNN.json` for what the APIs called in a step gave, `exchanges.jsonl` with what roles were
asked and said, and when it was asked for `report.html`.

It can be read at any time, also while the run goes on and after it was killed: the header and every
picture are replaced atomically, every event is a line that is flushed as it happens, and a last
line that was cut off is ignored.
"""

import dataclasses
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from PIL import Image

from tapgraph.agents.run.budget import Spent
from tapgraph.agents.run.events import (
    ActionStarted,
    Event,
    Finished,
    RecordedEvent,
    Resumed,
    Warned,
    line_from_event,
    recorded_event_from_line,
)
from tapgraph.agents.run.exchanges import EXCHANGES
from tapgraph.agents.run.outcome import Outcome
from tapgraph.agents.run.run_header import RunHeader, header_from_json, header_to_json
from tapgraph.errors import UnreadableRun, UsageError
from tapgraph.tools.api.json_value import Json
from tapgraph.tools.mobile.screen import Screen
from tapgraph.tools.mobile.screen_json import screen_from_json, screen_to_json

__all__ = ["RunFolder"]

_MOST_WAITING_SCREENS = 8
"""A full-size screen is about 8 MB in memory, so the queue of the encoder is bounded."""

_CHECKPOINTS = "checkpoints.sqlite"
_OWNER_ONLY = 0o700


class RunFolder:
    """The record of one run; make it with `create` or `open`.

    `record` and `save_screen` may be called from several threads at once.
    """

    def __init__(
        self, path: Path, header: RunHeader, observer: Callable[[RecordedEvent], None] | None = None
    ) -> None:
        self.path = path
        self._observer = observer
        self._header = header
        self._lock = threading.Lock()
        self._events_file: BinaryIO | None = None
        self._began = time.monotonic()
        self._screens_used: int | None = None
        self._filer: ThreadPoolExecutor | None = None
        self._unfiled: dict[int, Screen] = {}
        self._waiting: dict[int, Future[None]] = {}

    @classmethod
    def create(
        cls,
        path: Path,
        header: RunHeader,
        *,
        observer: Callable[[RecordedEvent], None] | None = None,
    ) -> Self:
        """A new run in a folder that is made where it does not exist.

        `observer` is told of every event once it is on disk, one at a time.

        Raises:
            UsageError: there is a run in it already, or it cannot be written.
        """
        if any((path / name).exists() for name in ("run.json", "events.jsonl", _CHECKPOINTS)):
            raise UsageError(
                f"{str(path)!r} already holds a run, or what is left of one; resume it or give "
                "another folder"
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(_OWNER_ONLY)
            for folder in (path / "screens", path / "trees"):
                folder.mkdir(exist_ok=True)
            (path / "events.jsonl").touch()
            _replace(path / "run.json", header_to_json(header))
            _sync(path)
        except OSError as error:
            raise UsageError(f"{str(path)!r} cannot be used for a run: {error.strerror}") from error
        return cls(path, header, observer)

    @classmethod
    def open(cls, path: Path, *, observer: Callable[[RecordedEvent], None] | None = None) -> Self:
        """The run in a folder, finished or not.

        Raises:
            UnreadableRun: there is none, it is damaged, or a newer tapgraph wrote it.
        """
        place = path / "run.json"
        try:
            text = place.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise UnreadableRun(
                f"{str(path)!r} is not a run folder: run.json: {error.strerror}"
            ) from error
        folder = cls(path, header_from_json(text, place=str(place)), observer)
        folder._began -= max((entry.since_start_s for entry in folder.timeline()), default=0.0)
        return folder

    @property
    def header(self) -> RunHeader:
        """What was asked, and how it ended."""
        return self._header

    @property
    def since_start_s(self) -> float:
        """Seconds that the run has been going on, without the pauses between resumptions."""
        return time.monotonic() - self._began

    @property
    def checkpoints_path(self) -> Path:
        """Where the graph's checkpoints belong."""
        return self.path / _CHECKPOINTS

    @property
    def report_path(self) -> Path:
        """Where the report belongs."""
        return self.path / "report.html"

    def record(self, event: Event) -> RecordedEvent:
        """Append one line and hand it to the operating system before returning.

        That an action starts is on the disk itself by then.
        """
        with self._lock:
            recorded = RecordedEvent(event, datetime.now(UTC), self.since_start_s)
            line = line_from_event(recorded) + "\n"
            if self._events_file is None:
                self._events_file = _open_for_appending(self.path / "events.jsonl")
            self._events_file.write(line.encode(errors="replace"))
            self._events_file.flush()
            if isinstance(event, ActionStarted):
                # No power failure may make an action look as if it had never been sent.
                os.fsync(self._events_file.fileno())
            failure = self._told(recorded)
        if failure is not None:
            warning = f"on_event raised {failure!r} and is told of nothing more"
            self.record(Warned(event.step, warning))
        return recorded

    def _told(self, recorded: RecordedEvent) -> Exception | None:
        """What the observer raised: it is not told again, and the run goes on without it."""
        if self._observer is None:
            return None
        try:
            self._observer(recorded)
        except Exception as error:  # noqa: BLE001 - it is the caller's own code
            self._observer = None
            return error
        return None

    def keep_exchange(self, line: str) -> None:
        """Append a line of `exchanges.exchange_line`."""
        with self._lock, (self.path / EXCHANGES).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def timeline(self) -> tuple[RecordedEvent, ...]:
        """All events with their times, oldest first; a last line that was cut off is left out."""
        try:
            content = (self.path / "events.jsonl").read_bytes()
        except FileNotFoundError:
            return ()
        whole, _, _ = content.rpartition(b"\n")
        return tuple(
            recorded_event_from_line(line.decode(errors="replace"))
            for line in whole.split(b"\n")
            if line.strip()
        )

    def events(self) -> tuple[Event, ...]:
        """All events, oldest first."""
        return tuple(recorded.event for recorded in self.timeline())

    def save_screen(self, screen: Screen) -> int:
        """Keep a screen and return its number, from 1.

        Its elements are on disk when this returns; its tree and its picture follow with the next
        `file_screens`.
        """
        with self._lock:
            screen_id = self._next_screen_id()
            self._screens_used = screen_id
            self._unfiled[screen_id] = screen
            is_full = len(self._unfiled) >= _MOST_WAITING_SCREENS
        _write(self._screen_path(screen_id), screen_to_json(screen))
        if is_full:
            self.file_screens()
        return screen_id

    def file_screens(self) -> None:
        """Write the trees and pictures that wait, in the background.

        A picture takes longer to encode than a step's own work, so this is for the moments in
        which the run waits for somebody else.
        """
        with self._lock:
            unfiled, self._unfiled = self._unfiled, {}
            if not unfiled:
                return
            filer = self._filer or ThreadPoolExecutor(1, thread_name_prefix="run-screens")
            self._filer = filer
            for screen_id, screen in unfiled.items():
                self._waiting[screen_id] = filer.submit(self._file, screen_id, screen)
            surplus = dict(sorted(self._waiting.items())[:-_MOST_WAITING_SCREENS])
        for screen_id, filed in surplus.items():
            filed.result()
            with self._lock:
                self._waiting.pop(screen_id, None)

    def load_screen(self, screen_id: int) -> Screen:
        """A screen as it was kept.

        Raises:
            UnreadableRun: there is none with this number, or it is damaged.
        """
        return dataclasses.replace(
            self.load_elements(screen_id),
            screenshot=self.load_screenshot(screen_id),
            tree_xml=self.load_tree(screen_id),
        )

    def load_elements(self, screen_id: int) -> Screen:
        """A screen as it was kept, without its picture and its tree.

        Raises:
            UnreadableRun: there is none with this number, or it is damaged.
        """
        try:
            text = self._screen_path(screen_id).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError as error:
            raise UnreadableRun(f"{str(self.path)!r} has no screen {screen_id}") from error
        return screen_from_json(text, screenshot=None, tree_xml="")

    def load_screenshot(self, screen_id: int) -> Image.Image | None:
        """The picture of a screen; None when there is none, or the run was killed before it."""
        self._wait_for(screen_id)
        try:
            with Image.open(self._picture_path(screen_id)) as image:
                return image.convert("RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None

    def load_tree(self, screen_id: int) -> str:
        """The dump that a screen was read from; empty when there is none, as for a picture."""
        self._wait_for(screen_id)
        try:
            return self._tree_path(screen_id).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def save_result(self, step: int, value: Json) -> None:
        """Keep what a step gave, whole; a second time it replaces the first."""
        place = self._result_path(step)
        place.parent.mkdir(exist_ok=True)
        _replace(place, json.dumps(value, ensure_ascii=False))

    def has_result(self, step: int) -> bool:
        """Whether a step gave something."""
        return self._result_path(step).is_file()

    def load_result(self, step: int) -> Json:
        """What a step gave.

        Raises:
            UnreadableRun: it gave nothing, or the file is damaged.
        """
        place = self._result_path(step)
        try:
            value: Json = json.loads(place.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise UnreadableRun(f"{str(place)!r} is no result of a step") from error
        return value

    def finish(self, outcome: Outcome, reason: str, answer: str, spent: Spent) -> None:
        """Write how the run ended, as its last event and into its header."""
        step = max((event.step for event in self.events()), default=0)
        self.record(Finished(step, outcome, reason, answer, spent))
        self._write_header(self._header.finished(outcome, reason, answer, spent))

    def reopen(self) -> None:
        """Let a run go on that was stopped: it has no outcome until it is finished again.

        Raises:
            UsageError: another process works on it.
        """
        step = max((event.step for event in self.events()), default=0)
        self.record(Resumed(step))
        self._write_header(self._header.reopened())

    def close(self) -> None:
        """Wait for trees and pictures and close the files.

        Raises:
            OSError: one of them could not be written.
        """
        self.file_screens()
        with self._lock:
            if self._events_file is not None:
                self._events_file.close()
                self._events_file = None
            filer, self._filer = self._filer, None
            waiting, self._waiting = self._waiting, {}
        if filer is not None:
            filer.shutdown(wait=True)
        for filed in waiting.values():
            filed.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _tree_path(self, screen_id: int) -> Path:
        return self.path / "trees" / f"{screen_id:04d}.xml"

    def _screen_path(self, screen_id: int) -> Path:
        return self.path / "screens" / f"{screen_id:04d}.json"

    def _picture_path(self, screen_id: int) -> Path:
        return self.path / "screens" / f"{screen_id:04d}.png"

    def _result_path(self, step: int) -> Path:
        return self.path / "results" / f"{step:04d}.json"

    def _next_screen_id(self) -> int:
        if self._screens_used is None:
            saved = [*self.path.glob("screens/*"), *self.path.glob("trees/*")]
            self._screens_used = max(
                (int(place.stem) for place in saved if place.stem.isdecimal()), default=0
            )
        return self._screens_used + 1

    def _file(self, screen_id: int, screen: Screen) -> None:
        if screen.tree_xml:
            _write(self._tree_path(screen_id), screen.tree_xml)
        if screen.screenshot is not None:
            _write_png(screen.screenshot, self._picture_path(screen_id))

    def _wait_for(self, screen_id: int) -> None:
        self.file_screens()
        with self._lock:
            being_filed = self._waiting.get(screen_id)
        if being_filed is not None:
            being_filed.result()

    def _write_header(self, header: RunHeader) -> None:
        _replace(self.path / "run.json", header_to_json(header))
        self._header = header


def _write_png(image: Image.Image, place: Path) -> None:
    unfinished = place.with_suffix(".part")
    image.save(unfinished, format="PNG", compress_level=1)
    unfinished.replace(place)


def _write(place: Path, text: str) -> None:
    """Write a new file, which nobody looks for before an event has told of it."""
    place.write_bytes(text.encode(errors="replace"))


def _replace(place: Path, text: str) -> None:
    """Write the file so that a reader finds the old content or the new one, never a part.

    A power failure finds one of them, too.
    """
    unfinished = place.with_name(place.name + ".part")
    unfinished.write_bytes(text.encode(errors="replace"))
    _sync(unfinished)
    unfinished.replace(place)


def _sync(place: Path) -> None:
    """Have what a file or a folder holds on the disk itself."""
    number = os.open(place, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _open_for_appending(place: Path) -> BinaryIO:
    """The file, without a last line that was cut off when an earlier run was killed.

    It is locked until it is closed or the process ends, however it ends.

    Raises:
        UsageError: another process works on the run.
    """
    file = place.open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise UsageError(
            f"another process works on the run in {str(place.parent)!r}; wait for it or stop it"
        ) from error
    file.seek(0)
    content = file.read()
    file.truncate(content.rfind(b"\n") + 1)
    return file

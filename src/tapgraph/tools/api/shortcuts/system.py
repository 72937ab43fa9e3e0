"""The simulated system that shortcuts act on; its state can be read, compared and printed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Protocol

from tapgraph.errors import NotExecutable
from tapgraph.tools.api.shortcuts.content import Content, FileItem, to_json

__all__ = [
    "Note",
    "PersonQuestion",
    "ScriptedPerson",
    "SimulatedSystem",
    "Transport",
    "WebRequest",
    "WebResponse",
    "no_network",
]


@dataclass(frozen=True, slots=True)
class WebRequest:
    """What a shortcut asks a server."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class WebResponse:
    """What the server says."""

    body: bytes
    content_type: str = "text/plain"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Transport = Callable[[WebRequest], WebResponse]
"""Sends a request. The caller decides what it may reach; the default reaches nothing."""


def no_network(request: WebRequest) -> WebResponse:
    """Refuse every request."""
    raise NotExecutable(f"{request.method} {request.url[:120]} (no transport to the web is given)")


@dataclass(frozen=True, slots=True)
class PersonQuestion:
    """What a shortcut asks the person who runs it; `choices` is empty for a free answer."""

    kind: Literal["ask", "menu", "list", "alert"]
    prompt: str
    choices: tuple[str, ...] = ()
    default: str = ""


class Person(Protocol):
    """Whoever answers."""

    def answer(self, question: PersonQuestion) -> str | None:
        """The words, one of the choices, or None to cancel."""
        ...


class ScriptedPerson:
    """Answers from a list in order; then the default, the first choice, or a fixed word."""

    def __init__(self, answers: Iterable[str | None] = (), *, otherwise: str = "1") -> None:
        self._answers: Iterator[str | None] = iter(tuple(answers))
        self._otherwise = otherwise

    def answer(self, question: PersonQuestion) -> str | None:
        """The next answer of the list, or what any person could say."""
        usual = question.default or next(iter(question.choices), self._otherwise)
        return next(self._answers, usual)


@dataclass(frozen=True, slots=True)
class Note:
    """A note; its first line is its title."""

    text: str
    folder: str = "Notes"


def _noon() -> datetime:
    return datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class SimulatedSystem:
    """A phone's data and switches as far as shortcuts can reach them.

    Attributes:
        clock: what time it is; a fixed noon unless given.
        transport: the way to the web; none unless given.
        person: whoever answers questions and menus.
        seed: of random numbers and random items.
        clipboard: what was copied.
        notes: in the order of their making.
        reminders: titles, in their order.
        events: titles, in their order.
        files: by path, with forward slashes.
        photos: in the order of their saving.
        settings: switches and levels that were set, by name.
        device: details of the device.
        shown: what was shown to the person: alerts, results, notifications, spoken words, in order.
        opened: URLs and apps that were opened, in order.
        requests: what was sent to the web, in order.
        effects: everything else that would have been felt: vibrations, sounds, locks, in order.
    """

    clock: Callable[[], datetime] = _noon
    transport: Transport = no_network
    person: Person = field(default_factory=ScriptedPerson)
    seed: int = 0
    clipboard: Content = None
    notes: list[Note] = field(default_factory=list)
    reminders: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    files: dict[str, FileItem] = field(default_factory=dict)
    photos: list[FileItem] = field(default_factory=list)
    settings: dict[str, float | bool | str] = field(default_factory=dict)
    device: Mapping[str, str | float] = field(
        default_factory=lambda: {
            "Device Name": "Simulated phone",
            "Device Hostname": "simulated-phone",
            "Device Model": "iPhone",
            "System Version": "17.0",
            "System Build Number": "21A000",
            "Screen Width": 1179.0,
            "Screen Height": 2556.0,
            "Current Appearance": "Light",
            "Battery Level": 80.0,
            "Network Name": "Simulated network",
            "Cellular": "LTE",
            "IP Address": "192.0.2.1",
        }
    )
    shown: list[tuple[str, str]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    requests: list[WebRequest] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)

    def state(self) -> dict[str, object]:
        """All that a shortcut may have changed, as plain values that can be compared."""
        return {
            "clipboard": to_json(self.clipboard),
            "notes": [(note.folder, note.text) for note in self.notes],
            "reminders": list(self.reminders),
            "events": list(self.events),
            "files": {path: item.text for path, item in sorted(self.files.items())},
            "photos": [(item.name, len(item.data)) for item in self.photos],
            "settings": dict(sorted(self.settings.items())),
            "shown": list(self.shown),
            "opened": list(self.opened),
            "requests": [(one.method, one.url, one.body) for one in self.requests],
            "effects": list(self.effects),
        }

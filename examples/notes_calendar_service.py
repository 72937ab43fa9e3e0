"""A small real HTTP service, with notes and a calendar, that an API agent can work with.

It keeps its state in memory, listens on this machine only, and describes itself as an OpenAPI 3.1
document at `/openapi.json`. The first event that somebody tries to add is answered with 503, so
that an agent has to survive an error of a server:

    python examples/notes_calendar_service.py [--port 8765] [--document FILE]
"""

import argparse
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGEST_BODY = 100_000


@dataclass(frozen=True)
class Note:
    """A note as the service answers it."""

    id: int
    title: str
    body: str


@dataclass(frozen=True)
class Event:
    """An event of the calendar; times are ISO 8601 without a zone."""

    id: int
    title: str
    start: str
    end: str
    place: str


class RefusedError(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class State:
    """What the service remembers; tests read it to see what an agent really did."""

    notes: dict[int, Note] = field(default_factory=dict)
    events: dict[int, Event] = field(default_factory=dict)
    failures_left: int = 1
    requests: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def example_state() -> State:
    """A few notes and events to begin with."""
    state = State()
    for number, (title, body) in enumerate(
        [("Groceries", "Oats, apples, coffee"), ("Trip", "Train to Lyon leaves at 9:12")], start=1
    ):
        state.notes[number] = Note(number, title, body)
    state.events[1] = Event(
        1, "Dentist", "2026-03-02T10:00", "2026-03-02T10:30", "Rue de la Paix 4"
    )
    return state


def text_of(given: dict[str, Any], name: str, *, default: str | None = None) -> str:
    """A text of the request, at most 2,000 characters."""
    value = given.get(name, default)
    if not isinstance(value, str) or len(value) > 2000:
        raise RefusedError(422, f"{name} must be a text of at most 2000 characters")
    return value


def time_of(given: dict[str, Any], name: str) -> str:
    """A time of the request, to the minute."""
    try:
        return datetime.fromisoformat(text_of(given, name)).isoformat(timespec="minutes")
    except ValueError as error:
        raise RefusedError(422, f"{name} must be a time such as 2026-03-02T10:00") from error


def list_notes(state: State, given: dict[str, Any]) -> object:
    """All notes, or those that contain a word."""
    wanted = text_of(given, "contains", default="").casefold()
    return [asdict(n) for n in state.notes.values() if wanted in f"{n.title} {n.body}".casefold()]


def add_note(state: State, given: dict[str, Any]) -> object:
    """Add a note."""
    title, body = text_of(given, "title").strip(), text_of(given, "body", default="")
    if not title:
        raise RefusedError(422, "title must not be empty")
    note = Note(max(state.notes, default=0) + 1, title, body)
    state.notes[note.id] = note
    return asdict(note)


def known(number: str, items: dict[int, Any], kind: str) -> int:
    """The number of an item that exists."""
    if not number.isdecimal() or int(number[:9]) not in items:
        raise RefusedError(404, f"there is no {kind} {number}")
    return int(number[:9])


def get_note(state: State, given: dict[str, Any]) -> object:
    """One note."""
    return asdict(state.notes[known(given["note_id"], state.notes, "note")])


def delete_note(state: State, given: dict[str, Any]) -> object:
    """Delete one note."""
    del state.notes[known(given["note_id"], state.notes, "note")]
    return None


def list_events(state: State, given: dict[str, Any]) -> object:
    """All events, or those of one day, the earliest first."""
    day = text_of(given, "day", default="")
    found = [one for one in state.events.values() if one.start.startswith(day)]
    return [asdict(one) for one in sorted(found, key=lambda one: one.start)]


def add_event(state: State, given: dict[str, Any]) -> object:
    """Add an event, unless it is the first try or collides with another event."""
    if state.failures_left > 0:
        state.failures_left -= 1
        raise RefusedError(503, "the calendar is busy; nothing was added; try again")
    title, place = text_of(given, "title").strip(), text_of(given, "place", default="")
    start, end = time_of(given, "start"), time_of(given, "end")
    if not title or end <= start:
        raise RefusedError(422, "title must not be empty and end must be after start")
    for other in state.events.values():
        if start < other.end and other.start < end:
            raise RefusedError(409, f"it would collide with {other.title!r} at {other.start}")
    event = Event(max(state.events, default=0) + 1, title, start, end, place)
    state.events[event.id] = event
    return asdict(event)


Operation = Callable[[State, dict[str, Any]], object]
ROUTES: list[tuple[str, str, int, Operation]] = [
    ("GET", r"/v1/notes", 200, list_notes),
    ("POST", r"/v1/notes", 201, add_note),
    ("GET", r"/v1/notes/(?P<note_id>[^/]+)", 200, get_note),
    ("DELETE", r"/v1/notes/(?P<note_id>[^/]+)", 204, delete_note),
    ("GET", r"/v1/events", 200, list_events),
    ("POST", r"/v1/events", 201, add_event),
]


def text_schema(description: str, **more: object) -> dict[str, object]:
    """The schema of a text."""
    return {"type": "string", "description": description, **more}


def object_schema(properties: Mapping[str, object], *required: str) -> dict[str, object]:
    """The schema of an object with these members only."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


TIME = "Local time, such as 2026-03-02T10:00."
SCHEMAS: dict[str, object] = {
    "NewNote": object_schema(
        {
            "title": text_schema("What the note is called.", minLength=1, maxLength=2000),
            "body": text_schema("What it says.", maxLength=2000),
        },
        "title",
    ),
    "Note": object_schema({
        "id": {"type": "integer"},
        "title": {"type": "string"},
        "body": {"type": "string"},
    }),
    "NewEvent": object_schema(
        {
            "title": text_schema("What happens.", minLength=1, maxLength=2000),
            "start": text_schema(f"When it begins. {TIME}"),
            "end": text_schema(f"When it ends. {TIME}"),
            "place": text_schema("Where it happens.", maxLength=2000),
        },
        "title",
        "start",
        "end",
    ),
    "Event": object_schema(
        {name: {"type": "string"} for name in ("title", "start", "end", "place")}
        | {"id": {"type": "integer"}}
    ),
}


def described(
    name: str, summary: str, *, answer: object = None, body: str = "", query: str = ""
) -> dict[str, Any]:
    """One operation of the document; `query` is "name: description"."""
    good: dict[str, Any] = {"description": "Done"}
    if answer is not None:
        good["content"] = {"application/json": {"schema": answer}}
    code = "204" if answer is None else ("201" if body else "200")
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "responses": {code: good},
    }
    if body:
        schema = {"$ref": f"#/components/schemas/{body}"}
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    if query:
        parameter, _, words = query.partition(": ")
        operation["parameters"] = [
            {
                "name": parameter,
                "in": "query",
                "description": words,
                "schema": {"type": "string"},
            }
        ]
    return operation


def openapi_document(server: str) -> dict[str, Any]:
    """The document of a service at this address."""
    note, event = ({"$ref": f"#/components/schemas/{name}"} for name in ("Note", "Event"))
    number = {"name": "note_id", "in": "path", "required": True, "schema": {"type": "integer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Notes and calendar", "version": "1"},
        "servers": [{"url": f"{server}/v1"}],
        "paths": {
            "/notes": {
                "get": described(
                    "list_notes",
                    "List notes, all or those that contain a word.",
                    answer={"type": "array", "items": note},
                    query="contains: A word of the title or the text.",
                ),
                "post": described("add_note", "Add a note.", answer=note, body="NewNote"),
            },
            "/notes/{note_id}": {
                "parameters": [number],
                "get": described("get_note", "Read one note.", answer=note),
                "delete": described("delete_note", "Delete one note."),
            },
            "/events": {
                "get": described(
                    "list_events",
                    "List the events of the calendar, all or those of one day.",
                    answer={"type": "array", "items": event},
                    query="day: A day, such as 2026-03-02.",
                ),
                "post": described(
                    "add_event",
                    "Add an event to the calendar. Fails when it collides with another event.",
                    answer=event,
                    body="NewEvent",
                ),
            },
        },
        "components": {"schemas": SCHEMAS},
    }


class Server(ThreadingHTTPServer):
    """The service at an address of this machine."""

    daemon_threads = True

    def __init__(self, port: int, state: State) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.state = state
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Finds the operation of a request and answers with JSON."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        """Answer a GET."""
        self.answer()

    def do_POST(self) -> None:
        """Answer a POST."""
        self.answer()

    def do_DELETE(self) -> None:
        """Answer a DELETE."""
        self.answer()

    def answer(self) -> None:
        """Do what is asked and say how it went."""
        state = self.server.state
        try:
            given = self.body()
            parts = urlsplit(self.path)
            given |= {name: values[-1] for name, values in parse_qs(parts.query).items()}
            with state.lock:
                state.requests.append(f"{self.command} {parts.path}")
                status, value = self.done(parts.path, given)
        except RefusedError as error:
            status, value = error.status, {"error": str(error)}
        content = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def done(self, path: str, given: dict[str, Any]) -> tuple[int, object]:
        """The status and the answer of one request."""
        if (self.command, path) == ("GET", "/openapi.json"):
            return 200, openapi_document(self.server.url)
        for method, pattern, status, operation in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and method == self.command:
                named = {name: unquote(value) for name, value in found.groupdict().items()}
                return status, operation(self.server.state, given | named)
        raise RefusedError(404, f"nothing is at {self.command} {path}")

    def body(self) -> dict[str, Any]:
        """The JSON object of the request, empty when it has none."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self.close_connection = True
            raise RefusedError(413, f"a body may hold {LARGEST_BODY} bytes")
        try:
            value = json.loads(self.rfile.read(length) or b"{}")
        except (ValueError, RecursionError) as error:
            raise RefusedError(400, "the body must be JSON") from error
        if not isinstance(value, dict):
            raise RefusedError(400, "the body must be a JSON object")
        return value

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base's name
        """Say nothing."""


@dataclass(frozen=True)
class RunningService:
    """A service that is running: its address, its document, and what it remembers."""

    url: str
    document: dict[str, Any]
    state: State


@contextmanager
def start(port: int = 0, state: State | None = None) -> Iterator[RunningService]:
    """Run the service until the end of the `with` block; port 0 takes a free one."""
    server = Server(port, state or example_state())
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield RunningService(server.url, openapi_document(server.url), server.state)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--document", type=Path, help="where to write the OpenAPI document")
    given = parser.parse_args()
    with start(given.port) as service:
        if given.document:
            given.document.write_text(json.dumps(service.document, indent=2), "utf-8")
        print(f"notes and calendar at {service.url}, described at {service.url}/openapi.json")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("ended")


if __name__ == "__main__":
    main()

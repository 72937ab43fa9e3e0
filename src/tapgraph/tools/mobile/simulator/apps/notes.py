"""Notes: a list of notes, a search over them and an editor that saves by itself."""

from functools import partial

from tapgraph.tools.mobile.simulator.app import Activity, App, Dialog, DialogButton
from tapgraph.tools.mobile.simulator.apps.parts import GREY, end_of_list, search_bar
from tapgraph.tools.mobile.simulator.views import (
    Button,
    Card,
    Column,
    Field,
    Frame,
    Icon,
    IconButton,
    Label,
    Row,
    ScrollColumn,
    View,
)

__all__ = ["FIRST_NOTES", "NOTES_PACKAGE", "NotesApp"]

NOTES_PACKAGE = "com.tapgraph.notes"
FIRST_NOTES = (
    ("Bike", "Back wheel needs a new tube, 28 inch."),
    ("Call mum", "Sunday after lunch. Ask about the garden."),
)
"""Titles and bodies of the notes that every phone starts with."""
_PAPER = "#FFFBF2"
_ACCENT = "#B06000"


class NotesApp(App):
    """The app; its table `notes` holds title and body of each note."""

    package, label = NOTES_PACKAGE, "Notes"
    glyph, color = "note-edit", "#F9AB00"

    def create(self) -> None:
        """Make the table, with two notes of everyday life in it."""
        self.database.execute(
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL,"
            " updated_at TEXT NOT NULL)"
        )
        for title, body in FIRST_NOTES:
            self.database.execute(
                "INSERT INTO notes (title, body, updated_at) VALUES (?, ?, ?)",
                (title, body, self._now()),
            )

    def first_activity(self) -> "NoteList":
        """The list of all notes."""
        return NoteList(self)

    def notes(self, query: str) -> list[tuple[int, str, str]]:
        """Number, title and body of the notes that contain the query, the newest first."""
        rows: list[tuple[int, str, str]] = self.database.execute(
            "SELECT id, title, body FROM notes ORDER BY updated_at DESC, id DESC"
        ).fetchall()
        wanted = query.casefold().strip()
        return [row for row in rows if wanted in f"{row[1]}\n{row[2]}".casefold()]

    def note(self, number: int) -> tuple[str, str]:
        """Title and body of a note."""
        row: tuple[str, str] | None = self.database.execute(
            "SELECT title, body FROM notes WHERE id = ?", (number,)
        ).fetchone()
        return row or ("", "")

    def save(self, number: int | None, title: str, body: str) -> int:
        """Write a note, a new one where there is no number yet; gives its number."""
        if number is None:
            cursor = self.database.execute(
                "INSERT INTO notes (title, body, updated_at) VALUES (?, ?, ?)",
                (title, body, self._now()),
            )
            return int(cursor.lastrowid or 0)
        self.database.execute(
            "UPDATE notes SET title = ?, body = ?, updated_at = ? WHERE id = ?",
            (title, body, self._now(), number),
        )
        return number

    def delete(self, number: int) -> None:
        """Remove a note for good."""
        self.database.execute("DELETE FROM notes WHERE id = ?", (number,))

    def confirm_deletion(self, number: int, *, then: "NoteEditor | None" = None) -> None:
        """Ask first; after a yes, remove the note and leave its editor."""

        def remove() -> None:
            self.delete(number)
            self.toast("Note deleted")
            if then is not None:
                then.finish()

        self.show_dialog(
            Dialog(
                title="Delete this note?",
                message="It cannot be brought back.",
                buttons=(DialogButton("Cancel"), DialogButton("Delete", remove)),
            )
        )

    def _now(self) -> str:
        return self.phone.clock.isoformat(timespec="milliseconds")


class NoteList(Activity[NotesApp]):
    """All notes, or those that a search finds."""

    background = _PAPER

    def __init__(self, app: NotesApp) -> None:
        super().__init__(app)
        self.query = ""

    def build(self) -> View:
        """The list with a button for a new note."""
        notes = self.app.notes(self.query)
        empty = "No notes found" if self.query else "No notes yet"
        return Frame(
            [
                Column(
                    [
                        Label("Notes", id="title", size_sp=28, bold=True, padding=(16, 16, 16, 4)),
                        search_bar("Search notes", self.query, self._search),
                        ScrollColumn(
                            [
                                *(self._card(*note) for note in notes),
                                end_of_list(f"{len(notes)} notes" if notes else empty),
                            ],
                            id="note_list",
                            weight=1,
                            padding=(12, 4, 12, 96),
                            gap=10,
                        ),
                    ],
                    height="match",
                ),
                Button(
                    "New note",
                    id="new_note",
                    glyph="plus",
                    color=_ACCENT,
                    gravity="bottom_end",
                    margin=(0, 0, 20, 24),
                    on_click=lambda: self.open(NoteEditor(self.app, None)),
                ),
            ],
            width="match",
            height="match",
        )

    def _search(self, text: str) -> None:
        self.query = text
        self.app.phone.close_keyboard()

    def _card(self, number: int, title: str, body: str) -> View:
        return Card(
            [
                Label(title or "Untitled", size_sp=17, bold=True, max_lines=1),
                Label(body or "No text", size_sp=14, color=GREY, max_lines=3),
            ],
            key=f"note {number}",
            gap=4,
            on_click=lambda: self.open(NoteEditor(self.app, number)),
            on_long_click=lambda: self.app.confirm_deletion(number),
        )

    def on_back(self) -> bool:
        """Back ends a search before it leaves the app."""
        if self.query:
            self.query = ""
            return True
        return False


class NoteEditor(Activity[NotesApp]):
    """One note; each change is saved at once."""

    background = _PAPER

    def __init__(self, app: NotesApp, number: int | None) -> None:
        super().__init__(app)
        self.number = number
        self.title, self.body = ("", "") if number is None else app.note(number)

    def build(self) -> View:
        """Title and body as fields."""
        return Column(
            [
                Row(
                    [
                        IconButton("arrow-left", desc="Navigate up", on_click=self._leave),
                        Label("Saved" if self.number else "New note", color=GREY, weight=1),
                        IconButton(
                            "trash-can-outline",
                            desc="Delete note",
                            enabled=self.number is not None,
                            on_click=self._delete,
                        ),
                        IconButton("check", desc="Done", on_click=self._leave, color=_ACCENT),
                    ],
                    padding=(4, 8),
                ),
                Field(
                    "Title",
                    id="note_title",
                    value=self.title,
                    on_change=partial(self._change, "title"),
                    style="plain",
                    size_sp=24,
                    margin=(16, 8),
                ),
                ScrollColumn(
                    [
                        Field(
                            "Start writing",
                            id="note_body",
                            value=self.body,
                            on_change=partial(self._change, "body"),
                            multiline=True,
                            action="newline",
                            style="plain",
                            min_lines=12,
                            margin=(16, 8),
                        )
                    ],
                    weight=1,
                ),
                Row(
                    [
                        Icon("clock-outline", size_dp=16, color=GREY),
                        Label("Changes are saved as you type", size_sp=12, color=GREY),
                    ],
                    gap=6,
                    padding=(16, 10),
                ),
            ],
            height="match",
        )

    def _change(self, part: str, text: str) -> None:
        if part == "title":
            self.title = text
        else:
            self.body = text
        self.number = self.app.save(self.number, self.title, self.body)

    def _delete(self) -> None:
        if self.number is not None:
            self.app.confirm_deletion(self.number, then=self)

    def _leave(self) -> None:
        self._drop_when_empty()
        self.finish()

    def on_back(self) -> bool:
        """An empty note is not kept."""
        self._drop_when_empty()
        return False

    def _drop_when_empty(self) -> None:
        if self.number is not None and not (self.title.strip() or self.body.strip()):
            self.app.delete(self.number)
            self.number = None

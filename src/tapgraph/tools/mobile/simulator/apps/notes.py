"""Notes: a list of notes, a search over them and an editor that saves by itself."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from random import Random

from tapgraph.tools.mobile.simulator import kit
from tapgraph.tools.mobile.simulator.views import Column, Field, Label, View

__all__ = ["FIRST_NOTES", "NOTES", "NOTES_PACKAGE"]

NOTES_PACKAGE = "com.tapgraph.notes"
FIRST_NOTES = (
    ("Bike", "Back wheel needs a new tube, 28 inch."),
    ("Call mum", "Sunday after lunch. Ask about the garden."),
)
"""Titles and bodies of the notes that every phone starts with."""
NOTE = kit.Entity("notes", {"title": "text", "body": "text", "updated_at": "when"})


def _fill(app: kit.KitApp, random: Random) -> None:
    del random
    for title, body in FIRST_NOTES:
        app.store.add("notes", title=title, body=body, updated_at=app.phone.clock.isoformat())


class Editor(kit.Block):
    """Title and body as fields; each change is saved at once."""

    def body(self, at: kit.At) -> list[View]:
        """The two fields."""
        note = at.subject
        say, ink = at.style.say, at.style.ink
        title = Field(
            say("Title"), id="note_title", value=note.title if note else "", style="plain",
            size_sp=24, foreground=ink, on_change=partial(_write, at, "title"),
        )  # fmt: skip
        text = Field(
            say("Start writing"), id="note_body", value=note.text("body") if note else "",
            style="plain", multiline=True, action="newline", min_lines=12, foreground=ink,
            on_change=partial(_write, at, "body"),
        )  # fmt: skip
        return [Column([title, text], gap=16, padding=(16, 8))]

    def settings(self, at: kit.At) -> Iterator[kit.Setting]:
        """`title` and `body`."""
        for column in ("title", "body"):
            value = at.record.text(column) if at.subject else ""
            yield kit.Setting(column, value, partial(_into, f"note_{column}"))

    def foot(self, at: kit.At) -> list[View]:
        """A remark."""
        remark = at.style.say("Changes are saved as you type")
        return [Label(remark, size_sp=12, color=at.style.muted, padding=(16, 10))]


def _into(field: str, text: str) -> kit.Touch:
    return kit.Touch(id=field, text=text)


def _write(at: kit.At, column: str, text: str) -> None:
    """Save a change; a note exists from the first letter on."""
    store, now = at.app.store, at.scene.now.isoformat(timespec="milliseconds")
    note = at.subject or store.get("notes", store.add("notes"))
    at.scene.take_up(note)
    store.change(note, **{column: text, "updated_at": now})


class DropIfEmpty(kit.Effect):
    """An empty note is not kept."""

    entity = "notes"

    def apply(self, at: kit.At) -> None:
        """Remove it where nothing was written."""
        if at.subject and not (at.record.title + at.record.text("body")).strip():
            at.app.store.remove(at.record)


DELETE = kit.Act("Delete note", glyph="trash-can-outline", effects=(kit.Remove(),), leaves=True,
                 confirm="Delete this note?", details="It cannot be brought back.",
                 yes="Delete", toast="Note deleted",
                 is_possible=lambda at: bool(at.subject))  # fmt: skip
PAGES = (
    kit.Page(
        "list", "Notes",
        blocks=(kit.Rows(
            entity="notes", opens="note", held=replace(DELETE, leaves=False), looks=("cards",),
            face=kit.Face(title="{name}", lines=("{text}",)), empty="No notes found",
            find=kit.Find(search=("{title}", "{body}"), hint="Search notes",
                          sorts=(kit.Sort("Newest", "updated_at", is_descending=True),)),
        ),),
        main=kit.Act("New note", glyph="plus", opens="note", about=lambda _: None,
                     creates=True),
    ),
    kit.Page("note", "Note", (Editor(),), entity="notes", departure=(DropIfEmpty(),),
             acts=(DELETE, kit.Act("Done", glyph="check", event="closed", leaves=True))),
)  # fmt: skip

NOTES = kit.AppSpec(
    package=NOTES_PACKAGE, label="Notes", glyph="note-edit", color="#F9AB00", entities=(NOTE,),
    fill=_fill, pages=PAGES, tabs=("list",), needs_network=False,
    computed={"name": lambda _, note: note.title or "Untitled",
              "text": lambda _, note: note.text("body") or "No text"},
    looks=kit.Looks(accents=("#B06000", "#8A5300"), papers=("#FFFBF2", "#FFFFFF"), bars=("large",),
                    mains_at_foot=(False,), settled=True),
)  # fmt: skip

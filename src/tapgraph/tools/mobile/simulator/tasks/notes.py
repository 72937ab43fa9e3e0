"""Notes of the simulated phone: what a checker reads, and how a solution writes one."""

from collections.abc import Callable

from tapgraph.tools.mobile.actions import ClearText, Type
from tapgraph.tools.mobile.screen_text import DescribedElement
from tapgraph.tools.mobile.simulator.apps.notes import FIRST_NOTES, NOTES_PACKAGE
from tapgraph.tools.mobile.simulator.tasks.phone_records import PhoneRecords
from tapgraph.tools.mobile.simulator.tasks.rules import (
    GENERAL_RULES,
    is_text_shown,
    open_app,
    scroll_down,
    tap,
)
from tapgraph.tools.mobile.simulator.tasks.subgoal import Glance, Move, Rule, Subgoal

__all__ = ["added_notes", "added_text", "write_note"]

_APP = "Notes"
_UNTITLED = "Untitled"


def added_notes(records: PhoneRecords) -> tuple[tuple[str, str], ...]:
    """Title and body of all notes that were not there at the start."""
    rows = records.rows(NOTES_PACKAGE, "SELECT title, body FROM notes ORDER BY id")
    return tuple(
        (str(title), str(body)) for title, body in rows if (title, body) not in FIRST_NOTES
    )


def added_text(records: PhoneRecords) -> str:
    """All that was written into new notes, one after the other."""
    return "\n".join(f"{title}\n{body}" for title, body in added_notes(records))


def write_note(text: str, title: str, body: Callable[[Glance], str]) -> Subgoal:
    """The subgoal of a note with this title; the body may be made from the agent's notes.

    An empty body means that there is nothing to write. A note of that title which is there already
    is completed or corrected.
    """

    def is_done(glance: Glance) -> bool:
        wanted = body(glance)
        return not wanted or (_in_list(glance) and _card(glance, title, wanted) is not None)

    return Subgoal(
        text,
        (
            *GENERAL_RULES,
            open_app(_APP),
            _edit(title, body),
            _open_note(title),
            scroll_down("I look for the note."),
        ),
        is_done,
    )


def _in_list(glance: Glance) -> bool:
    return glance.app == _APP and glance.shows("New note", "button")


def _card(glance: Glance, title: str, body: str) -> DescribedElement | None:
    wanted = f"{title or _UNTITLED}, {body}"
    return next(
        (
            element
            for element in glance.of_role("button")
            if is_text_shown(_one_line(element.text), _one_line(wanted))
        ),
        None,
    )


def _open_note(title: str) -> Rule:
    def rule(glance: Glance) -> Move | None:
        button = glance.first("New note", "button")
        if button is None:
            return None
        for element in glance.of_role("button"):
            if element.text.startswith(f"{title or _UNTITLED}, "):
                return tap(element, "This note was begun already; I open it.", "The editor opens.")
        return tap(button, "I start a new note.", "An empty editor opens.")

    return rule


def _edit(title: str, body: Callable[[Glance], str]) -> Rule:
    def rule(glance: Glance) -> Move | None:
        fields = glance.of_role("input")
        done = glance.first("Done", "button")
        if len(fields) < 2 or done is None:
            return None
        for field, wanted in zip(fields, (title, body(glance)), strict=False):
            held = "" if "hint" in field.states else _one_line(field.text)
            if not is_text_shown(held, _one_line(wanted)):
                return _fill(glance, field, wanted)
        return tap(done, "The note is complete.", "The list of notes shows it.")

    return rule


def _fill(glance: Glance, field: DescribedElement, wanted: str) -> Move:
    if "focused" not in field.states or not glance.keyboard_shown:
        return tap(field, "I touch the field to write.", "The keyboard appears.")
    if "hint" in field.states or not field.text:
        return Move(Type(wanted), f"I write {wanted[:60]!r}.", "The field holds it.")
    return Move(ClearText(), "The field holds something else.", "The field is empty.")


def _one_line(text: str) -> str:
    return " ".join(text.split())

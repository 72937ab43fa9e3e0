"""Aims in the words of those who write tasks."""

from collections.abc import Mapping, Sequence

from tapgraph.tools.mobile.simulator.guide import Aim
from tapgraph.tools.mobile.simulator.kit import Record

__all__ = [
    "answer_mail", "ask", "do", "look_at", "plan_event", "send_mail", "send_message", "tell",
    "write_note",
]  # fmt: skip


def look_at(
    app: str,
    page: str,
    thing: Record | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    facts: Sequence[str] = (),
) -> Aim:
    """Be on a page, with something set there; the facts are written down there."""
    what = f"{thing.title!r} in {app}" if thing is not None and thing.title else f"{page} of {app}"
    return Aim(
        words=f"Open {what}", app=app, page=page, about=_subject(thing), settings=settings or {},
        facts=facts,
    )  # fmt: skip


def do(
    app: str,
    page: str,
    act: str,
    thing: Record | None = None,
    *,
    row: Record | None = None,
    settings: Mapping[str, str] | None = None,
    times: int = 1,
) -> Aim:
    """Do something on a page, or in the row of a thing there."""
    named = row or thing
    what = f" with {named.title!r}" if named is not None and named.title else ""
    often = f", {times} times" if times > 1 else ""
    words = f"{act.replace('_', ' ').capitalize()}{what} in {app}{often}"
    return Aim(
        words=words, app=app, page=page, about=_subject(thing), row=_subject(row), act=act,
        settings=settings or {}, times=times,
    )  # fmt: skip


def write_note(title: str, body: str) -> Aim:
    """A new note."""
    return Aim(
        words=f"Write the note {title!r}", app="Notes", page="note", act="done",
        settings={"title": title, "body": body},
    )  # fmt: skip


def send_message(chat: Record, text: str) -> Aim:
    """A message in a conversation."""
    return do("Messages", "chat", "send", chat, settings={"draft": text})


def plan_event(title: str, starts: str, place: str = "") -> Aim:
    """A new event in the calendar, at a full or half hour in ISO 8601."""
    return Aim(
        words=f"Put {title!r} into the calendar", app="Calendar", page="form", act="save",
        settings={"title": title, "starts": starts, **({"place": place} if place else {})},
    )  # fmt: skip


def tell(answer: str) -> Aim:
    """Give the user the answer."""
    return Aim(words="Tell the user the result", answer=answer)


def ask(question: str) -> Aim:
    """Ask the user what only they can know."""
    return Aim(words="Ask the user what is left open", question=question)


def send_mail(recipient: str, subject: str, text: str) -> Aim:
    """A new mail to an address."""
    filled = {"recipient": recipient, "subject": subject, "text": text}
    return do("Gmail", "form", "send", settings=filled)


def answer_mail(mail: Record, text: str) -> Aim:
    """A reply to a mail."""
    return do("Gmail", "form", "send", mail, settings={"text": text})


def _subject(thing: Record | None) -> tuple[str, int] | None:
    return None if thing is None else (thing.entity.name, thing.id)

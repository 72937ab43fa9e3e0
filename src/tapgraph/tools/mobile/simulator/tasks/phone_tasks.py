"""Small tasks: write a note, turn a setting on or off."""

import re
from dataclasses import dataclass
from typing import Self

from tapgraph.tools.mobile.simulator.apps.settings import SWITCHES, SwitchEntry
from tapgraph.tools.mobile.simulator.tasks.notes import added_notes, write_note
from tapgraph.tools.mobile.simulator.tasks.phone_records import PhoneRecords
from tapgraph.tools.mobile.simulator.tasks.rules import (
    GENERAL_RULES,
    open_app,
    scroll_down,
    tap,
    tap_text,
)
from tapgraph.tools.mobile.simulator.tasks.subgoal import Glance, Move, Subgoal
from tapgraph.tools.mobile.simulator.tasks.task import TaskCheck
from tapgraph.tools.mobile.simulator.world.world import World

__all__ = ["SettingTask", "WriteNoteTask"]

_QUOTED = r"(?:\"(?P<{name}>.+?)\"|“(?P<{name}_curly>.+?)”)(?=[\s.,;!?]|$)"
_SAYS = r"(?is)\b(?:text|body|content|says|saying|reading|that reads)\b"


@dataclass(frozen=True, slots=True)
class WriteNoteTask:
    """Write a note with a given text, and perhaps a given title."""

    title: str
    body: str

    @classmethod
    def match(cls, instruction: str) -> Self | None:
        """A note with text in quotation marks, or after a colon to the end.

        >>> WriteNoteTask.match('Write a note called "Shop" with the text "Milk // 2 l # fresh".')
        WriteNoteTask(title='Shop', body='Milk // 2 l # fresh')
        """
        if not re.search(r"(?i)\b(?:write|create|make|add|save)\b[^\"“]*\bnote\b", instruction):
            return None
        body = re.search(_SAYS + r":? " + _QUOTED.format(name="body"), instruction)
        body = body or re.search(_SAYS + r": (?P<body>\S.*)", instruction)
        title = re.search(
            r"(?i)\b(?:called|titled|named|title)\b:? " + _QUOTED.format(name="title"), instruction
        )
        if body is None:
            return None
        return cls(_matched(title, "title") if title else "", _matched(body, "body"))

    def check(self, _world: World, records: PhoneRecords, /) -> TaskCheck:
        """A note with exactly this text must exist."""
        notes = added_notes(records)
        if any(
            body.strip() == self.body.strip() and (not self.title or title.strip() == self.title)
            for title, body in notes
        ):
            return TaskCheck()
        held = "; ".join(f"{title!r}: {body!r}" for title, body in notes) or "no new note"
        return TaskCheck((f"there is no note {self.title!r}: {self.body!r}, but {held}",))

    def subgoals(self) -> tuple[Subgoal, ...]:
        """One subgoal is enough."""
        name = f" called {self.title}" if self.title else ""
        return (write_note(f"Write the note{name}", self.title, lambda _glance: self.body),)


@dataclass(frozen=True, slots=True)
class SettingTask:
    """Turn a switch of the settings on or off."""

    label: str
    is_on: bool

    @classmethod
    def match(cls, instruction: str) -> Self | None:
        """Turn something on or off, enable or disable it.

        >>> SettingTask.match("Please turn on dark mode."), SettingTask.match("Switch Wi-Fi off")
        (SettingTask(label='Dark theme', is_on=True), SettingTask(label='Wi-Fi', is_on=False))
        """
        found = re.search(
            r"(?i)\b(?:turn|switch|set) (?P<first>on|off) (?:the )?(?P<name>[^.,]+)", instruction
        ) or re.search(
            r"(?i)\b(?:turn|switch|set) (?:the )?(?P<name>[^.,]+?) (?P<first>on|off)\b", instruction
        )
        if found is None:
            found = re.search(
                r"(?i)\b(?P<first>enable|activate|disable|deactivate) (?:the )?(?P<name>[^.,]+)",
                instruction,
            )
        entry = _switch_named(found["name"]) if found else None
        if found is None or entry is None:
            return None
        return cls(entry.label, found["first"].lower() in {"on", "enable", "activate"})

    def entry(self) -> SwitchEntry:
        """Where the switch stands."""
        return next(entry for entry in SWITCHES if entry.label == self.label)

    def check(self, _world: World, records: PhoneRecords, /) -> TaskCheck:
        """The switch must be in that position."""
        if records.is_switch_on(self.entry()) == self.is_on:
            return TaskCheck()
        return TaskCheck((f"{self.label} is {'off' if self.is_on else 'on'}",))

    def subgoals(self) -> tuple[Subgoal, ...]:
        """One subgoal is enough."""
        entry, pattern = self.entry(), re.escape(self.label)

        def is_done(glance: Glance) -> bool:
            switch = glance.first(pattern, "switch")
            return switch is not None and ("checked" in switch.states) == self.is_on

        def turn(glance: Glance) -> Move | None:
            switch = glance.first(pattern, "switch")
            return tap(switch, f"I turn {self.label}.", "The switch moves.") if switch else None

        def leave(glance: Glance) -> Move | None:
            return tap_text("Navigate up", expectation="The list of settings.")(glance)

        def scroll(glance: Glance) -> Move | None:
            is_home = glance.shows("Settings", "text")
            return scroll_down("It must be further down.")(glance) if is_home else None

        return (
            Subgoal(
                f"Turn {self.label} {'on' if self.is_on else 'off'} in the settings",
                (
                    *GENERAL_RULES,
                    open_app("Settings"),
                    turn,
                    tap_text(rf"{re.escape(entry.page)}, .*"),
                    leave,
                    scroll,
                ),
                is_done,
            ),
        )


def _matched(found: re.Match[str], name: str) -> str:
    groups = found.groupdict()
    return (groups[name] or groups[f"{name}_curly"]).strip()


def _switch_named(name: str) -> SwitchEntry | None:
    wanted = _letters(
        re.sub(r"(?i)\b(?:mode|theme|in (?:the )?settings|on (?:my|the) phone)\b", "", name)
    )
    return next(
        (
            entry
            for entry in SWITCHES
            if wanted
            and wanted
            in {_letters(entry.label), _letters(re.sub("(?i)mode|theme", "", entry.label))}
        ),
        None,
    )


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())

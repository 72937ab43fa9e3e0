"""Reference solutions: what to do next on the simulated phone, from what is on its screen.

A solution is a list of subgoals, and a subgoal a list of rules, those nearest to the goal first.
The first rule that holds on the screen says the next action. Nothing is remembered between two
calls but the notes that the agent keeps, so a tap that was swallowed, a pop-up or a crash needs no
special treatment: the next screen says what to do (a teleo-reactive program).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tapgraph.tools.mobile.actions import Action, Back
from tapgraph.tools.mobile.screen_text import DescribedElement

__all__ = ["Glance", "Move", "Rule", "Subgoal", "Writer"]


@dataclass(frozen=True, slots=True)
class Glance:
    """What an agent knows when it decides.

    Attributes:
        elements: the parsed description of the screen.
        app: label of the app in front.
        keyboard_shown: whether the soft keyboard is up.
        notes: what the agent wrote down so far, a fact a line.
    """

    elements: tuple[DescribedElement, ...]
    app: str
    keyboard_shown: bool
    notes: str = ""

    def first(self, pattern: str, *roles: str) -> DescribedElement | None:
        """The first element whose whole text matches, of one of the roles where any are given."""
        return next(
            (
                element
                for element in self.elements
                if (not roles or element.role in roles) and re.fullmatch(pattern, element.text)
            ),
            None,
        )

    def shows(self, pattern: str, *roles: str) -> bool:
        """Whether there is such an element."""
        return self.first(pattern, *roles) is not None

    def of_role(self, role: str) -> tuple[DescribedElement, ...]:
        """All elements of a role, in reading order."""
        return tuple(element for element in self.elements if element.role == role)

    def note_lines(self) -> tuple[str, ...]:
        """What was written down so far, line by line."""
        return tuple(line for line in self.notes.splitlines() if line.strip())

    def noted(self, pattern: str) -> tuple[re.Match[str], ...]:
        """The lines of the notes that match as a whole."""
        return tuple(
            match for line in self.note_lines() if (match := re.fullmatch(pattern, line.strip()))
        )


@dataclass(frozen=True, slots=True)
class Move:
    """The next action, why, and what should be seen after it."""

    action: Action
    thought: str
    expectation: str


Rule: TypeAlias = Callable[[Glance], Move | None]
"""The next move where the rule holds, else None."""
Writer: TypeAlias = Callable[[Glance], tuple[str, ...]]
"""The facts on a screen that are worth writing down."""


def _nothing_to_note(_glance: Glance) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Subgoal:
    """A part of a task.

    Attributes:
        text: as a person would write it into a plan.
        rules: those nearest to the goal first; a pure function of what the agent knows.
        is_done: whether it is reached, from the screen or from the notes.
        facts: what a note-taker writes down from a screen.
    """

    text: str
    rules: tuple[Rule, ...]
    is_done: Callable[[Glance], bool]
    facts: Writer = _nothing_to_note

    def next_move(self, glance: Glance) -> Move:
        """What the first rule that holds says; Back where none does."""
        for rule in self.rules:
            move = rule(glance)
            if move is not None:
                return move
        return Move(Back(), "Nothing here leads on, so I go back.", "The page before this one.")

    def notes_after(self, glance: Glance) -> str:
        """The notes with the new facts of the screen added."""
        lines = glance.note_lines()
        new = [fact for fact in dict.fromkeys(self.facts(glance)) if fact not in lines]
        return "\n".join([*lines, *new])

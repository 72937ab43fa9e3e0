"""Who answers what a shortcut asks: a person at the terminal, or a policy."""

import sys
from dataclasses import dataclass

from rich.console import Console
from rich.prompt import IntPrompt, Prompt

from tapgraph.cli.options import HumanKind
from tapgraph.tools.api.shortcuts.system import Person, PersonQuestion, ScriptedPerson
from tapgraph.tools.visible_text import visible_text

__all__ = ["TerminalPerson", "open_person"]


@dataclass(frozen=True, slots=True)
class TerminalPerson:
    """A person at the terminal."""

    console: Console

    def answer(self, question: PersonQuestion) -> str | None:
        """What the person types or chooses; None for 0, and at the end of the input."""
        self._say("The shortcut asks:", style="bold")
        self._say(visible_text(question.prompt))
        try:
            if not question.choices:
                default = question.default or None
                return Prompt.ask("Your answer", console=self.console, default=default)
            return self._chosen(question.choices)
        except EOFError:
            return None

    def _chosen(self, choices: tuple[str, ...]) -> str | None:
        for number, choice in enumerate(choices, 1):
            self._say(f"{number}  {visible_text(choice)}")
        self._say("0  cancel")
        numbers = [str(number) for number in range(len(choices) + 1)]
        number = IntPrompt.ask(
            "Your choice", console=self.console, choices=numbers, show_choices=False
        )
        return choices[number - 1] if number else None

    def _say(self, words: str, *, style: str = "") -> None:
        self.console.print(words, style=style, markup=False, highlight=False)


class _Nobody:
    """Cancels whatever is asked."""

    def answer(self, question: PersonQuestion) -> str | None:  # noqa: ARG002 — the protocol's
        return None


def open_person(kind: HumanKind) -> Person:
    """A person at the terminal; the default or first choice to everything; or nobody."""
    match kind:
        case HumanKind.ASK:
            return TerminalPerson(Console(file=sys.stderr))
        case HumanKind.STOP:
            return _Nobody()
        case _:
            return ScriptedPerson()

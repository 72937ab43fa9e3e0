"""A person at the terminal, who answers what an agent asks."""

from dataclasses import dataclass

from rich.console import Console
from rich.prompt import Confirm, Prompt

from tapgraph.agents.run.human import HumanRequest
from tapgraph.tools.visible_text import visible_text

__all__ = ["TerminalHuman"]


@dataclass(frozen=True, slots=True)
class TerminalHuman:
    """A person at the terminal."""

    console: Console

    def answer(self, request: HumanRequest) -> str | None:
        """What the person types; None at the end of the input."""
        self.console.print()
        try:
            if request.kind == "question":
                self.console.print("The agent asks:", style="bold")
                self.console.print(visible_text(request.text), markup=False, highlight=False)
                return Prompt.ask("Your answer", console=self.console)
            self.console.print("The agent wants to do this:", style="bold")
            self.console.print(visible_text(request.text), markup=False, highlight=False)
            return "yes" if Confirm.ask("Allow it?", console=self.console) else "no"
        except EOFError:
            return None

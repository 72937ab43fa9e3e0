"""A group of commands whose first command is meant where none is named."""

from typing import Any

from typer.core import TyperGroup

__all__ = ["DefaultCommandGroup"]


class DefaultCommandGroup(TyperGroup):
    """`tapgraph api "Do it"` is `tapgraph api task "Do it"`."""

    # Typer keeps its own copy of click, whose context has no public name.
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Name the first command where the arguments begin with no command."""
        if not args or args[0] not in self.commands:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)

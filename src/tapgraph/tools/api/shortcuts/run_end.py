"""How a shortcut ends before its last action; caught by the runtime, never by handlers."""

from tapgraph.tools.api.shortcuts.content import Content

__all__ = ["Cancelled", "Stopped"]


class Stopped(Exception):
    """`Stop This Shortcut` or `Stop and Output` was reached."""

    def __init__(self, output: Content = None) -> None:
        super().__init__()
        self.output = output


class Cancelled(Exception):
    """The person cancelled a question."""

"""How far an evaluation is, for a person who waits."""

import threading

from rich.console import Console

from tapgraph.evals.runner import Progress

__all__ = ["ProgressLines"]


class ProgressLines:
    """Says on stderr how far a run is, at each tenth of it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._said = -1

    def show(self, progress: Progress) -> None:
        """Print a line where a tenth is full; may be called from several threads."""
        ended = progress.done + progress.failed
        tenth = 10 * ended // max(1, progress.total)
        with self._lock:
            if tenth == self._said:
                return
            self._said = tenth
        failed = f", {progress.failed:,} broke off" if progress.failed else ""
        self._console.print(f"{ended:,} of {progress.total:,} items{failed}")

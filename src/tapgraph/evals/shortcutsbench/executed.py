"""The executed mode."""

from tapgraph.evals.shortcutsbench.freeze import ApiTexts
from tapgraph.evals.shortcutsbench.item import Item
from tapgraph.evals.shortcutsbench.modes import let_run_free
from tapgraph.evals.shortcutsbench.question import Chooser
from tapgraph.evals.shortcutsbench.transcript import Transcript

__all__ = ["let_run_and_execute"]


def let_run_and_execute(item: Item, chooser: Chooser, apis: ApiTexts) -> Transcript:
    """TODO."""
    return let_run_free(item, chooser, apis)

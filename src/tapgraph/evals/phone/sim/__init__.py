"""Tasks drawn from the simulated phone's own state, and what one needs to write more of them."""

from tapgraph.evals.phone.sim.draw import Draw, Kind, Sketch, Undrawable, suite_of_kinds
from tapgraph.evals.phone.sim.predicates import (
    all_of,
    any_of,
    did,
    in_front,
    kept,
    note_says,
    tells,
    there_are,
    there_is,
    there_is_no,
    value_is,
)
from tapgraph.evals.phone.sim.ways import ask, do, look_at, tell, write_note

__all__ = [
    "Draw",
    "Kind",
    "Sketch",
    "Undrawable",
    "all_of",
    "any_of",
    "ask",
    "did",
    "do",
    "in_front",
    "kept",
    "look_at",
    "note_says",
    "suite_of_kinds",
    "tell",
    "tells",
    "there_are",
    "there_is",
    "there_is_no",
    "value_is",
    "write_note",
]

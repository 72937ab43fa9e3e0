"""How alike two paths over screens are: paths of gaze, of taps, of a net's guesses.

Every number is of two paths, or of one; all are between 0 and 1 with more being better unless they
say otherwise. Unrelated paths do not score 0: show what random paths get beside.
"""

from tapgraph.evals.scanpath.behaviour import Behaviour, behaviour, behaviour_delta, window_distance
from tapgraph.evals.scanpath.multimatch import MultiMatch, multi_match
from tapgraph.evals.scanpath.path import Fixation, cells
from tapgraph.evals.scanpath.sequences import scan_match, sequence_score, string_edit_distance

__all__ = [
    "Behaviour",
    "Fixation",
    "MultiMatch",
    "behaviour",
    "behaviour_delta",
    "cells",
    "multi_match",
    "scan_match",
    "sequence_score",
    "string_edit_distance",
    "window_distance",
]

"""How long a shortcut is, by the paper's rule."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from pydantic import JsonValue

from tapgraph.errors import UsageError
from tapgraph.evals.shortcutsbench.identifiers import CONTROL_FLOW, LEFT_OUT
from tapgraph.evals.shortcutsbench.item import Action

__all__ = ["level_of", "workflow_length"]

_END = 2
_DEEPEST = 200
_LEVEL_ENDS = (1, 5, 15, 30)


def workflow_length(actions: Sequence[Action]) -> int:
    """The number of actions on the longest way through a shortcut; loops count once.

    Comments and alerts count 0. A control-flow block counts as its longest part; its markers
    count 0. A marker without a partner, or an end without a beginning, is skipped.

    Raises:
        UsageError: blocks are nested more than 200 deep.
    """
    return _length(actions, 0)


def level_of(length: int) -> int:
    """1 to 4 for lengths up to 1, 5, 15 and 30; 5 for longer ones, which the paper leaves out.

    >>> [level_of(length) for length in (0, 1, 2, 5, 6, 15, 16, 30, 31)]
    [1, 1, 2, 2, 3, 3, 4, 4, 5]
    """
    return 1 + sum(length > end for end in _LEVEL_ENDS)


def _length(actions: Sequence[Action], depth: int) -> int:
    if depth > _DEEPEST:
        raise UsageError(f"control-flow blocks are nested more than {_DEEPEST} deep")
    counted = 0
    position = 0
    while position < len(actions):
        action = actions[position]
        last = position
        if action.identifier in CONTROL_FLOW:
            markers = _markers(actions, position)
            if action.parameters.get("WFControlFlowMode") != _END and len(markers) > 1:
                parts = pairwise(markers)
                counted += max(_length(actions[i + 1 : j], depth + 1) for i, j in parts)
                last = markers[-1]
        elif action.identifier not in LEFT_OUT:
            counted += 1
        position = last + 1
    return counted


def _markers(actions: Sequence[Action], start: int) -> list[int]:
    group = _group(actions[start].parameters)
    return [
        position
        for position in range(start, len(actions))
        if actions[position].identifier in CONTROL_FLOW
        and _group(actions[position].parameters) == group
    ]


def _group(parameters: Mapping[str, JsonValue]) -> JsonValue:
    return parameters.get("GroupingIdentifier")

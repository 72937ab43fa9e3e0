"""Gold actions from the authors' files."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from tapgraph.errors import UsageError
from tapgraph.evals.shortcutsbench.item import Action

__all__ = ["actions_of", "api_calls_of"]

_DEEPEST = 100


def actions_of(found: JsonValue) -> tuple[Action, ...]:
    """The actions of a shortcut's `WFWorkflowActions`.

    Raises:
        UsageError: an action has no identifier, or parameters that are no object.
    """
    return tuple(_action(one, position) for position, one in enumerate(_list(found)))


def api_calls_of(found: JsonValue) -> tuple[Action, ...]:
    """The gold calls of a pre-experiment query (`api_name`); only their names are judged.

    Raises:
        UsageError: a call has no name.
    """
    actions = []
    for position, one in enumerate(_list(found)):
        name = one.get("api_name") if isinstance(one, Mapping) else None
        if not isinstance(name, str):
            raise UsageError(f"gold call {position} has no api_name")
        actions.append(Action(name))
    return tuple(actions)


def _list(found: JsonValue) -> Sequence[JsonValue]:
    if not isinstance(found, list) or not found:
        raise UsageError(f"expected a list of gold actions, got {str(found)[:60]!r}")
    return found


def _action(found: JsonValue, position: int) -> Action:
    if not isinstance(found, dict):
        raise UsageError(f"gold action {position} is no object")
    identifier = found.get("WFWorkflowActionIdentifier")
    parameters = found.get("WFWorkflowActionParameters", {})
    if not isinstance(identifier, str) or not identifier:
        raise UsageError(f"gold action {position} has no WFWorkflowActionIdentifier")
    if not isinstance(parameters, dict):
        raise UsageError(f"the parameters of gold action {position} are no object")
    if _depth(parameters) > _DEEPEST:
        raise UsageError(f"gold action {position} is nested deeper than {_DEEPEST} levels")
    return Action(identifier, parameters)


def _depth(value: JsonValue) -> int:
    deepest = 0
    waiting: list[tuple[JsonValue, int]] = [(value, 0)]
    while waiting:
        current, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(current, dict):
            waiting += [(one, depth + 1) for one in current.values()]
        elif isinstance(current, list):
            waiting += [(one, depth + 1) for one in current]
    return deepest

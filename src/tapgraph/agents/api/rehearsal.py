"""The gate for chains of calls: executed again with other values, where that can do no harm.

Where the user gives a sandbox, whose APIs change nothing that is real, it is done there; else only
with chains of calls that need nobody's leave, as they only read. Any other chain stays a draft
until its next use, which the policy guards, has worked.
"""

from collections.abc import Iterator, Mapping

from tapgraph.agents.api.shortcuts import ShortcutRunner
from tapgraph.agents.api.state import ApiState, ApiTeam
from tapgraph.agents.run.experience import Rehearsed
from tapgraph.errors import EnvironmentMissing, ToolError
from tapgraph.memory import Shortcut
from tapgraph.tools.api.json_value import Json

__all__ = ["rehearse"]


def rehearse(chain: Shortcut, state: ApiState, team: ApiTeam) -> Rehearsed | None:
    """How the chain went once more; None where it may not, or cannot, be tried."""
    runner = team.sandbox() if team.sandbox is not None else team.runner
    chains = ShortcutRunner(runner, [chain])
    if chain.name not in chains.catalog:
        return None
    apis = [runner.catalog[step.action_name] for step in chain.steps]
    if team.sandbox is None and not all(team.run.is_free(api, chain.example) for api in apis):
        return None
    given = [
        team.run.folder.load_result(record.step)
        for record in state["history"]
        if record.name == "call" and team.run.folder.has_result(record.step)
    ]
    others = {name: value for name in chain.example if (value := _another(name, chain, given))}
    values = dict(chain.example) | others
    if set(values) != set(chain.arguments) or bool(chain.arguments) != bool(others):
        return None
    where = "a sandbox" if team.sandbox is not None else "the same APIs, which only read"
    # Without the values, which may be somebody's.
    where += f", with another {', '.join(others)}" if others else ""
    try:
        chains.call(chain.name, values)
    except ToolError as error:
        return Rehearsed(str(error), was_reached=True, where=where)
    except EnvironmentMissing as error:
        return Rehearsed(str(error), was_reached=False, where=where)
    return Rehearsed("", was_reached=True, where=where)


def _another(name: str, chain: Shortcut, given: list[Json]) -> str | int | float | None:
    """A value that stands where the argument's stood in what calls gave, in another member."""
    known = chain.example[name]
    values = (value for one in given for value in _beside(known, one))
    return next((one for one in values if type(one) is type(known) and one != known), None)


def _beside(known: Json, given: Json) -> Iterator[Json]:
    """What the neighbours of a value in lists have in its place."""
    if isinstance(given, Mapping):
        for value in given.values():
            yield from _beside(known, value)
    elif isinstance(given, list):
        if known in given:
            yield from given
        members = [one for one in given if isinstance(one, Mapping)]
        for key in {key for one in members for key, value in one.items() if value == known}:
            yield from (one[key] for one in members if key in one)
        for one in given:
            yield from _beside(known, one)

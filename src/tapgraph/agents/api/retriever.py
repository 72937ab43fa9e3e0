"""The Retriever finds APIs for the goal, and for what the model asks for; it asks no model."""

from collections.abc import Collection, Sequence
from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.api.state import ApiState
from tapgraph.agents.api.team import ApiTeam
from tapgraph.agents.api.wording import API_TOKENS
from tapgraph.agents.run.events import Retrieved
from tapgraph.tools.api.catalog import ApiCatalog
from tapgraph.tools.token_estimate import estimate_tokens

__all__ = ["CANDIDATE_TOKENS", "candidates_within", "retriever"]

CANDIDATE_TOKENS = 4000
"""What all candidates together may take of a prompt."""

_FOR_THE_GOAL = 30
_FOR_A_SEARCH = 10


def retriever(state: ApiState, runtime: Runtime[ApiTeam]) -> dict[str, Any]:
    """The candidates: at first for the task, later also those that a search has found.

    A catalogue that fits the prompt is shown whole.
    """
    team = runtime.context
    catalog = team.runner.catalog
    choice = state["choice"]
    if choice is None:
        query = state["instruction"]
        found = _whole(catalog) or [
            api.identifier for api in catalog.search(query, limit=_FOR_THE_GOAL)
        ]
        error = ""
    else:
        query = choice.subject
        found = [api.identifier for api in catalog.search(query, limit=_FOR_A_SEARCH)]
        team.run.folder.save_result(state["step"], found)
        error = "" if set(found) - set(state["candidates"]) else _nothing_new(found)
    used = {record.subject for record in state["history"] if record.name == "call"}
    shown = state["candidates"] or list(team.pinned)
    candidates = candidates_within(catalog, shown, found, used=used | set(team.pinned))
    team.run.folder.record(Retrieved(step=state["step"], query=query, apis=tuple(candidates)))
    return {"candidates": candidates, "error": error}


def candidates_within(
    catalog: ApiCatalog,
    shown: Sequence[str],
    found: Sequence[str],
    *,
    used: Collection[str] = (),
    budget_tokens: int = CANDIDATE_TOKENS,
) -> list[str]:
    """What was shown and what was found, in that order, as much as the budget allows.

    New ones stand last, so that prompts begin alike. What has to go are first the oldest that were
    neither called nor found now, then the worst of what was found.
    """
    candidates = list(dict.fromkeys([*shown, *found]))
    costs = {one: _tokens(catalog, one) for one in candidates}
    leaving = [one for one in shown if one not in used and one not in found]
    leaving += [one for one in reversed(found) if one not in used]
    total = sum(costs.values())
    gone: set[str] = set()
    for one in leaving:
        if total <= budget_tokens:
            break
        gone.add(one)
        total -= costs[one]
    return [one for one in candidates if one not in gone]


def _whole(catalog: ApiCatalog) -> list[str]:
    """All identifiers where all of them fit the prompt; else none."""
    total, names = 0, []
    for api in catalog:
        total += _tokens(catalog, api.identifier)
        if total > CANDIDATE_TOKENS:
            return []
        names.append(api.identifier)
    return names


def _tokens(catalog: ApiCatalog, identifier: str) -> int:
    return estimate_tokens(catalog[identifier].signature(budget_tokens=API_TOKENS)) + 1


def _nothing_new(found: Sequence[str]) -> str:
    if found:
        return f"nothing new was found, only {', '.join(found)}; use other words"
    return "no API of the catalogue has these words; use other words"

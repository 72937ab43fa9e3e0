"""The Retriever finds APIs for the goal, and for what the model asks for; it asks no model."""

from collections.abc import Sequence
from typing import Any

from langgraph.runtime import Runtime

from tapgraph.agents.api.state import ApiState, ApiTeam
from tapgraph.agents.run.events import Retrieved
from tapgraph.tools.api.candidates import candidates_within, whole_catalog

__all__ = ["candidates_with", "retriever"]

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
        found = whole_catalog(catalog) or [
            api.identifier for api in catalog.search(query, limit=_FOR_THE_GOAL)
        ]
        error = ""
    else:
        query = choice.subject
        found = [api.identifier for api in catalog.search(query, limit=_FOR_A_SEARCH)]
        team.run.folder.save_result(state["step"], found)
        error = "" if set(found) - set(state["candidates"]) else _nothing_new(found)
    candidates = candidates_with(found, state, team)
    team.run.folder.record(Retrieved(step=state["step"], query=query, apis=tuple(candidates)))
    return {"candidates": candidates, "error": error}


def candidates_with(found: Sequence[str], state: ApiState, team: ApiTeam) -> list[str]:
    """The candidates when these are found too; what was called and what is pinned stays."""
    used = {record.subject for record in state["history"] if record.name == "call"}
    shown = state["candidates"] or list(team.pinned)
    return candidates_within(team.runner.catalog, shown, found, used=used | set(team.pinned))


def _nothing_new(found: Sequence[str]) -> str:
    if found:
        return f"nothing new was found, only {', '.join(found)}; use other words"
    return "no API of the catalogue has these words; use other words"

"""Which APIs of a catalogue a prompt has room for."""

from collections.abc import Collection, Sequence

from tapgraph.tools.api.catalog import ApiCatalog
from tapgraph.tools.token_estimate import estimate_tokens

__all__ = ["API_TOKENS", "CANDIDATE_TOKENS", "candidates_within", "listed_briefly", "whole_catalog"]

API_TOKENS = 400
"""The most that one API may take of a prompt."""

CANDIDATE_TOKENS = 4000
"""What all candidates together may take of it."""

_MOST_LISTED = 60
"""APIs of a catalogue that is listed whole."""


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


def whole_catalog(catalog: ApiCatalog) -> list[str]:
    """All identifiers where all of them fit the prompt; else none."""
    total, names = 0, []
    for api in catalog:
        total += _tokens(catalog, api.identifier)
        if total > CANDIDATE_TOKENS:
            return []
        names.append(api.identifier)
    return names


def listed_briefly(catalog: ApiCatalog, candidates: Collection[str]) -> list[str]:
    """Those beside the candidates that get a line each; none where the catalogue is large."""
    if len(catalog) > _MOST_LISTED:
        return []
    return [api.identifier for api in catalog if api.identifier not in candidates]


def _tokens(catalog: ApiCatalog, identifier: str) -> int:
    return estimate_tokens(catalog[identifier].signature(budget_tokens=API_TOKENS)) + 1

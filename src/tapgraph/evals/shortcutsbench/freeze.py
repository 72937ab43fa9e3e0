"""Items from the authors' files, with candidates drawn once and for all."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from tapgraph.errors import UsageError
from tapgraph.evals.records import Problem
from tapgraph.evals.shortcutsbench.action_json import actions_of, api_calls_of
from tapgraph.evals.shortcutsbench.identifiers import is_judged, task_type
from tapgraph.evals.shortcutsbench.item import Action, EssentialFrom, Item
from tapgraph.evals.shortcutsbench.length import level_of, workflow_length

__all__ = [
    "LONGEST_TEXT",
    "ApiTexts",
    "Frozen",
    "ShortcutFiles",
    "draw_candidates",
    "freeze_pre_experiment",
    "freeze_shortcut",
    "freeze_shortcuts",
    "seed_of",
]

MOST_CANDIDATES = 20
LONGEST_TEXT = 200_000
"""Characters of one text in a gold action from which on the item is marked."""

EssentialFile = Mapping[str, Mapping[int, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class ApiTexts:
    """What is known about the APIs.

    Attributes:
        texts: the authors' description of each.
        parameters: the names of the parameters of each.
        outputs: what the output of each is called when its user gives it no other name.
    """

    texts: Mapping[str, str]
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Frozen:
    """Items, and the input that gave none."""

    items: tuple[Item, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class ShortcutFiles:
    """The authors' files in memory, by shortcut URL.

    Attributes:
        queries: what the user says.
        actions: `WFWorkflowActions`.
        apis: the catalogue that distractors are drawn from.
        labels: labels of the categories file.
        essential: literal parameters to score, by position.
        essential_from: what they were taken from.
    """

    queries: Mapping[str, JsonValue]
    actions: Mapping[str, JsonValue]
    apis: ApiTexts
    labels: Mapping[str, str] = field(default_factory=dict)
    essential: EssentialFile = field(default_factory=dict)
    essential_from: EssentialFrom = "none"


def seed_of(identifier: str) -> int:
    """The seed of an item, from its URL or id alone.

    >>> seed_of("https://www.icloud.com/shortcuts/0") == seed_of(
    ...     "https://www.icloud.com/shortcuts/0"
    ... )
    True
    """
    return int.from_bytes(hashlib.sha256(identifier.encode()).digest()[:8])


def draw_candidates(
    gold_apis: Sequence[str], all_apis: Sequence[str], *, seed: int
) -> tuple[str, ...]:
    """The APIs to choose from, sorted by name as in the paper's prompt.

    For n different gold APIs and k drawn from 3, 4, 5: min(n·k, 20 - n) others, drawn evenly and
    without repetition from the catalogue. Deviation: with a seed.
    """
    golds = sorted(set(gold_apis))
    dice = random.Random(seed)
    wanted = max(min(len(golds) * dice.randint(3, 5), MOST_CANDIDATES - len(golds)), 0)
    others = [one for one in sorted(all_apis) if one not in golds]
    return tuple(sorted([*golds, *dice.sample(others, min(wanted, len(others)))]))


def freeze_shortcuts(files: ShortcutFiles) -> Frozen:
    """The items of ShortcutsBench: gold of level 1 to 4 with a query and at least one judged step.

    Whatever gives no item is a problem of the result, by its URL; shortcuts that the benchmark
    leaves out by its own rule (longer than 30, nothing judged) are among them.
    """
    items: list[Item] = []
    problems: list[Problem] = []
    for url in sorted({*files.queries, *files.actions}):
        try:
            items.append(_from_files(url, files))
        except UsageError as error:
            problems.append(Problem(url, str(error)))
    return Frozen(tuple(items), tuple(problems))


def freeze_shortcut(
    url: str,
    query: str,
    gold: tuple[Action, ...],
    apis: ApiTexts,
    *,
    label: str = "",
    essential: Mapping[int, tuple[str, ...]] | None = None,
    essential_from: EssentialFrom = "none",
    candidates: Sequence[str] | None = None,
) -> Item:
    """One item of ShortcutsBench; with `candidates` of a log, those instead of drawn ones.

    Raises:
        UsageError: no step is judged, or the shortcut is longer than 30.
    """
    judged = tuple(i for i, action in enumerate(gold) if is_judged(action.identifier))
    if not judged:
        raise UsageError("no action of this shortcut is judged")
    length = workflow_length(gold)
    if level_of(length) > len(_LEVELS):
        raise UsageError(f"its length is {length}; the benchmark ends at 30")
    golds = [gold[position].identifier for position in judged]
    seed = seed_of(url)
    known = sorted(apis.texts)
    choice = sorted(candidates) if candidates else draw_candidates(golds, known, seed=seed)
    return Item(
        id=url,
        source="shortcutsbench",
        query=query,
        length=length,
        level=level_of(length),
        type=task_type(label),
        seed=seed,
        candidates=tuple(choice),
        gold=gold,
        judged=judged,
        essential={i: names for i, names in (essential or {}).items() if i in judged},
        essential_from=essential_from,
        declared={one: apis.parameters[one] for one in choice if one in apis.parameters},
        problems=_doubts(gold, judged, apis, essential or {}),
    )


def freeze_pre_experiment(
    source: Literal["metatool", "toolbench", "toolllm"],
    queries: Mapping[str, JsonValue],
    texts: Mapping[str, str],
) -> Frozen:
    """The items of one pre-experiment set; every gold call is judged."""
    items: list[Item] = []
    problems: list[Problem] = []
    known = sorted(texts)
    for identifier, found in sorted(queries.items()):
        try:
            query, gold = _query_and_calls(found)
        except UsageError as error:
            problems.append(Problem(f"{source}/{identifier}", str(error)))
            continue
        seed = seed_of(identifier)
        names = [action.identifier for action in gold]
        unknown = sorted({repr(name) for name in names if name not in texts and name != "Finish"})
        items.append(
            Item(
                id=identifier,
                source=source,
                query=query,
                seed=seed,
                candidates=draw_candidates(names, known, seed=seed),
                gold=gold,
                judged=tuple(range(len(gold))),
                problems=(f"no description of gold APIs {', '.join(unknown)}",) if unknown else (),
            )
        )
    return Frozen(tuple(items), tuple(problems))


_LEVELS = (1, 2, 3, 4)


def _query_and_calls(found: JsonValue) -> tuple[str, tuple[Action, ...]]:
    query = found.get("query") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(query, str):
        raise UsageError("it has no query")
    return query, api_calls_of(found.get("action_seqs"))


def _from_files(url: str, files: ShortcutFiles) -> Item:
    query = files.queries.get(url)
    if not isinstance(query, str) or not query.strip():
        raise UsageError("it has no query")
    if files.actions.get(url) is None:
        raise UsageError("it has a query and no gold actions")
    return freeze_shortcut(
        url,
        query,
        actions_of(files.actions[url]),
        files.apis,
        label=files.labels.get(url, ""),
        essential=files.essential.get(url),
        essential_from=files.essential_from,
    )


def _doubts(
    gold: Sequence[Action],
    judged: Sequence[int],
    apis: ApiTexts,
    essential: Mapping[int, tuple[str, ...]],
) -> tuple[str, ...]:
    doubts = []
    unknown = sorted({gold[i].identifier for i in judged} - set(apis.texts))
    if unknown:
        doubts.append(f"no description of gold APIs {', '.join(unknown)}")
    doubts += [
        f"gold action {i} ({gold[i].identifier}) holds a text of {longest:,} characters"
        for i in range(len(gold))
        if (longest := _longest_text(gold[i].parameters)) > LONGEST_TEXT
    ]
    doubts += [
        f"the essential parameter {name} of action {i} is not in the gold"
        for i, names in essential.items()
        for name in names
        if i >= len(gold) or name not in gold[i].parameters
    ]
    return (*doubts, *_unpaired(gold))


def _unpaired(gold: Sequence[Action]) -> list[str]:
    ends: dict[str, list[int]] = {}
    for action in gold:
        group, mode = (
            action.parameters.get(key) for key in ("GroupingIdentifier", "WFControlFlowMode")
        )
        if group is not None and isinstance(mode, int):
            ends.setdefault(str(group), []).append(mode)
    return [
        f"control-flow block {group[:40]} has no {'beginning' if 0 not in modes else 'end'}"
        for group, modes in ends.items()
        if 0 not in modes or 2 not in modes
    ]


def _longest_text(value: object) -> int:
    longest = 0
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, str):
            longest = max(longest, len(current))
        elif isinstance(current, Mapping):
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)
    return longest
